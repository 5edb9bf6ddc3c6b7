package disclosure

import (
	"math"
	"slices"
	"strings"

	"rempart.eu/rempart/airlock/disclosure/cells"
)

// Earlier is an output that was released to the same project before.
type Earlier struct {
	Output string // its identifier
	Name   string
	Data   []byte
}

// keyed are the margins of a table by what each cell is about: the labels of the
// columns that divide it, totals left out, so that women of all ages are women.
type keyed struct {
	*margins
	measure string
	keys    []string               // of each cell
	cell    map[string]int         // the cell of a key
	has     []map[string]int       // of each cell: column=label
	told    map[int]cells.Interval // what the table gives back by itself, once it was asked for
}

// alone is what the table gives back by itself.
func (k *keyed) alone() map[int]cells.Interval {
	if k.told == nil {
		k.told = k.grid.Attack()
	}
	return k.told
}

func byKey(m *margins) *keyed {
	k := &keyed{margins: m, cell: map[string]int{}}
	if len(m.columns) == 1 {
		k.measure = strings.Join(wordsOf(m.columns[0].name), " ")
	}
	for i := range m.grid.Cells {
		labels := map[string]int{}
		var parts []string
		for d, at := range m.grid.Coordinates(i) {
			if label := m.labels[d][at]; !m.totals[d][at] {
				part := strings.Join(wordsOf(m.names[d]), " ") + "=" + label
				labels[part] = d
				parts = append(parts, part)
			}
		}
		slices.Sort(parts)
		key := strings.Join(parts, "\x00")
		k.keys, k.has = append(k.keys, key), append(k.has, labels)
		if _, taken := k.cell[key]; !taken {
			k.cell[key] = i
		}
	}
	return k
}

// checkDifferences compares the tables of a file with those of an earlier one: counts
// that differ by a few persons, and hidden counts that both together give back.
func (c *checker) checkDifferences(earlier Earlier) {
	before := newChecker(c.rules)
	before.checkContent(earlier.Name, earlier.Data)
	if c.keyed == nil {
		c.keyed = byKeys(c.margins)
	}
	then := byKeys(before.margins)
	for _, now := range c.keyed {
		for _, e := range then {
			c.compare(now, e, earlier)
		}
	}
}

func byKeys(all []*margins) (keys []*keyed) {
	for _, m := range all {
		keys = append(keys, byKey(m))
	}
	return keys
}

func (c *checker) compare(now, before *keyed, earlier Earlier) {
	if now.measure != before.measure {
		return
	}
	common, differ := 0, 0
	for key, i := range now.cell {
		k, ok := before.cell[key]
		if !ok || key == "" && len(now.cell) > 1 && len(before.cell) == 1 {
			continue
		}
		a, b := now.grid.Cells[i], before.grid.Cells[k]
		if a.Hidden || b.Hidden {
			continue
		}
		common++
		if a.Value != b.Value {
			differ++
		}
		if d := math.Abs(a.Value - b.Value); d > 0.5 && d < float64(c.rules.MinimumCell)-0.1 {
			c.review(now.at(i), "differencing", "output", earlier.Output, "file", earlier.Name, "minimum", c.rules.MinimumCell)
		}
	}
	if differ == 0 {
		c.attackTogether(now, before, common, earlier)
	}
}

// attackTogether refuses hidden counts that two tables of the same persons give back.
func (c *checker) attackTogether(now, before *keyed, common int, earlier Earlier) {
	all := slices.Clone(now.grid.Cells)
	sums := now.grid.Sums()
	index := make([]int, len(before.grid.Cells)) // in all
	learnt := 0
	for k, cell := range before.grid.Cells {
		i, ok := now.cell[before.keys[k]]
		switch {
		case !ok:
			index[k] = len(all)
			all = append(all, cell)
		case all[i].Hidden && !cell.Hidden:
			all[i], learnt, index[k] = cell, learnt+1, i
		default:
			if !all[i].Hidden && cell.Hidden {
				learnt++
			}
			index[k] = i
		}
	}
	for _, s := range before.grid.Sums() {
		t := cells.Sum{Total: index[s.Total]}
		for _, p := range s.Parts {
			t.Parts = append(t.Parts, index[p])
		}
		sums = append(sums, t)
	}
	links := crossSums(now, before, all, index)
	if common+learnt == 0 && len(links) == 0 || learnt+len(links) == 0 {
		return // about other things, or nothing that one of them does not say alone
	}
	told := cells.Attack(all, append(sums, links...))
	for i, interval := range told {
		if !c.narrow(interval) {
			continue
		}
		if i < len(now.grid.Cells) {
			if !c.narrow(now.alone()[i]) {
				c.refuse(now.at(i), "differencing_hidden", "output", earlier.Output, "file", earlier.Name)
			}
			continue
		}
		if k := slices.Index(index, i); k >= 0 && !c.narrow(before.alone()[k]) {
			c.refuse(place{}, "differencing_earlier", "output", earlier.Output, "file", earlier.Name)
		}
	}
	for k, cell := range before.grid.Cells { // told now, hidden then
		i, ok := now.cell[before.keys[k]]
		if ok && cell.Hidden && !now.grid.Cells[i].Hidden && now.grid.Cells[i].Value > 0 && now.grid.Cells[i].Value < float64(c.rules.MinimumCell) {
			c.refuse(now.at(i), "differencing_told", "output", earlier.Output, "file", earlier.Name)
		}
	}
}

// crossSums says which cell of one table sums cells of the other, where the other
// has no such total of its own.
func crossSums(now, before *keyed, all []cells.Cell, index []int) (sums []cells.Sum) {
	add := func(of, parts *keyed, ofIndex, partIndex func(int) int) {
		for k := range of.grid.Cells {
			if _, has := parts.cell[of.keys[k]]; has || len(of.has[k]) == 0 && len(of.grid.Cells) == 1 {
				continue
			}
			s := cells.Sum{Total: ofIndex(k)}
			full := len(parts.names)
			for i := range parts.grid.Cells {
				if len(parts.has[i]) == full && len(of.has[k]) < full && includes(parts.has[i], of.has[k]) {
					s.Parts = append(s.Parts, partIndex(i))
				}
			}
			if len(s.Parts) > 1 && holds(all, s) {
				sums = append(sums, s)
			}
		}
	}
	self := func(i int) int { return i }
	add(before, now, func(k int) int { return index[k] }, self)
	add(now, before, self, func(k int) int { return index[k] })
	return sums
}

func includes(all, some map[string]int) bool {
	for label := range some {
		if _, ok := all[label]; !ok {
			return false
		}
	}
	return true
}

// holds says whether told cells do not contradict a sum.
func holds(all []cells.Cell, s cells.Sum) bool {
	if all[s.Total].Hidden {
		return false
	}
	rest, hidden := restOf(all, s)
	return hidden > 0 && rest >= 0 || hidden == 0 && math.Abs(rest) < 0.1
}
