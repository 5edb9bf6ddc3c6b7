package intake

import "math"

// lineKeeper keeps the rows that views have made of lines: all rows of a line, in
// all views, or none. It counts lines, and the count is that of each view.
type lineKeeper struct {
	views []*keeper
	texts *keys // of accepted lines
}

// place is where the rows of a line are in a view's block.
type place struct {
	first, end int
}

func (k *lineKeeper) block(all []checked) error {
	at := make([]place, len(k.views))
	for _, view := range k.views {
		view.dropped = view.dropped[:0]
	}
	for {
		line := math.MaxInt
		for i := range at {
			at[i].first = at[i].end
			if rows := all[i].verdicts; at[i].first < len(rows) {
				line = min(line, rows[at[i].first].line)
			}
		}
		if line == math.MaxInt {
			break
		}
		for i := range at {
			for rows := all[i].verdicts; at[i].end < len(rows) && rows[at[i].end].line == line; {
				at[i].end++
			}
		}
		if err := k.line(line, all, at); err != nil {
			return err
		}
	}
	for i, view := range k.views {
		if err := view.write(all[i].rows); err != nil {
			return err
		}
	}
	return nil
}

func (k *lineKeeper) line(line int, all []checked, at []place) error {
	refused := k.verdict(line, all, at)
	for i, view := range k.views {
		for _, v := range all[i].verdicts[at[i].first:at[i].end] {
			if v.names != nil {
				v.names.addTo(view.people)
			}
		}
		view.counts.Rows++
		if refused == nil {
			view.counts.Accepted++
			continue
		}
		if err := view.count(refused, i == 0); err != nil {
			return err
		}
	}
	if refused != nil {
		for i, view := range k.views { // what the workers had made of it
			for _, v := range all[i].verdicts[at[i].first:at[i].end] {
				if v.at >= 0 {
					view.dropped = append(view.dropped, v.at)
				}
			}
		}
		return nil
	}
	for i, view := range k.views {
		for n := at[i].first; n < at[i].end; n++ {
			v := &all[i].verdicts[n]
			k.texts.add(v.text)
			_ = view.remember(v, all[i].hashes[v.hashes:]) // the verdict has asked whether they are new
			if err := view.tell(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// verdict is why a line is refused: a worker has said so, or its keys are known.
// A line that says again what an earlier one said is no fault: Bundles repeat
// who took part.
func (k *lineKeeper) verdict(line int, all []checked, at []place) *RowError {
	for i, view := range k.views {
		for n := at[i].first; n < at[i].end; n++ {
			v := &all[i].verdicts[n]
			if v.refused != nil {
				return v.refused
			}
			for j, set := range view.resource.watched {
				h := all[i].hashes[v.hashes+j]
				if !set.unique || h == 0 {
					continue
				}
				known := view.keys[j].has(h)
				if known && k.texts.has(v.text) {
					return &RowError{File: view.file, Line: line, Rule: "repeated: an earlier line says the same", excluded: true}
				}
				for before := at[i].first; before < n; before++ {
					known = known || all[i].hashes[all[i].verdicts[before].hashes+j] == h
				}
				if known {
					return &RowError{File: view.file, Line: line, Field: set.fields[0], Rule: "unique: an earlier line has the same " + list(set.fields)}
				}
			}
		}
	}
	return nil
}
