package intake

import "rempart.eu/rempart/pseudonym"

// health appends the health columns after line and person.
func (w *worker) health() *RowError {
	out := w.out.health
	for i := range w.resource.Fields {
		f := &w.resource.Fields[i]
		if f.Role != Health && f.Role != Key {
			continue
		}
		out = append(out, ',')
		v := w.values[i]
		switch {
		case v == nil:
		case f.Role == Key:
			out = appendText(out, []byte(w.hashed[i].get(v)))
		case f.Generalise == "year":
			out = append(out, v[:4]...)
		case f.Generalise == "month":
			out = append(append(out, v[:8]...), "01"...)
		case f.parse == nil:
			if w.texts[i] != nil {
				if refused := w.identifier(i, v); refused != nil {
					return refused
				}
			}
			out = appendText(out, v)
		default:
			out = append(out, v...)
		}
	}
	for i, places := range w.keys {
		out = append(out, ',')
		if v := w.join(places); v != nil {
			out = appendText(out, []byte(w.keyed[i].get(v)))
		}
	}
	out = append(out, '\n')
	w.out.health = out
	return nil
}

// appendText quotes a text for CSV where it must be.
func appendText(dst, v []byte) []byte {
	quote := len(v) == 0
	for _, c := range v {
		if c == ',' || c == '"' || c == '\n' || c == '\r' {
			quote = true
			break
		}
	}
	if !quote {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for _, c := range v {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
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
