package intake

import "rempart.eu/rempart/pseudonym"

// health adds the health columns after line and person to the block's rows.
func (w *worker) health() *RowError {
	rows, column := w.out.rows, w.first
	for i := range w.resource.Fields {
		f := &w.resource.Fields[i]
		if f.Role != Health && f.Role != Key {
			continue
		}
		var ok bool
		v := w.values[i]
		switch {
		case v == nil:
			ok = rows.Null(column)
		case f.Role == Key:
			rows.String(column, w.hashed[i].get(v))
			ok = true
		case f.Generalise == "year":
			ok = rows.Text(column, v[:4])
		case f.Generalise == "month":
			first := [10]byte{8: '0', 9: '1'}
			copy(first[:8], v)
			ok = rows.Text(column, first[:])
		case f.parse == nil && w.texts[i] != nil:
			if refused := w.identifier(i, v); refused != nil {
				return refused
			}
			fallthrough
		default:
			ok = rows.Text(column, v)
		}
		if !ok {
			return f.breaks(f.Type+": the value is out of range", v)
		}
		column++
	}
	for i, places := range w.keys {
		if v := w.join(places); v != nil {
			rows.String(column, w.keyed[i].get(v))
		} else {
			rows.Null(column)
		}
		column++
	}
	return nil
}

// identity gathers the traits of the row.
func (w *worker) identity() *pseudonym.Identity {
	who := &pseudonym.Identity{}
	for i := range w.resource.Fields {
		if v := w.values[i]; v != nil && w.resource.Fields[i].Trait != "" {
			setTrait(who, w.resource.Fields[i].Trait, string(v))
		}
	}
	return who
}

// setTrait sets one trait of an identity, as the source has it; dates are
// YYYY-MM-DD by then.
func setTrait(who *pseudonym.Identity, trait, value string) {
	switch trait {
	case "nir":
		who.NIR = value
	case "ins_oid":
		who.INSOID = value
	case "ssn":
		who.SSN = value
	case "foin":
		who.FOIN = value
	case "last_name":
		who.LastName = value
	case "birth_name":
		who.BirthName = value
	case "first_name":
		who.FirstName = value
	case "birth_date":
		who.BirthDate = value
	case "sex":
		who.Sex = value
	case "postcode":
		who.Postcode = value
	}
}
