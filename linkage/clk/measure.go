package clk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// Measured is what a linkage is worth beside the truth.
type Measured struct {
	True      int     `json:"true"`    // pairs of one person
	Foreign   int     `json:"foreign"` // of them: of records that the files do not have, and that count as missed
	Right     int     `json:"right"`   // of those linked
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// Measure holds what was found against the truth: CSV with a header, two names of records a row,
// those of the left file first.
func (r *Result) Measure(left, right *File, truth io.Reader) (m Measured, err error) {
	bounded := &bounded{from: truth, most: maxLine}
	in := csv.NewReader(bounded)
	in.TrimLeadingSpace, in.ReuseRecord, in.FieldsPerRecord = true, true, 2
	places := func(f *File) map[string]int {
		at := make(map[string]int, len(f.Records))
		for i, name := range f.Records {
			at[name] = i
		}
		return at
	}
	lefts, rights := places(left), places(right)
	are := map[[2]int]bool{}
	for line := 1; ; line++ {
		bounded.next()
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, inLine(line, err)
		}
		if line == 1 {
			continue
		}
		l, here := lefts[row[0]]
		r, there := rights[row[1]]
		if !here || !there {
			m.Foreign++
			continue
		}
		are[[2]int{l, r}] = true
	}
	if m.True = len(are) + m.Foreign; m.True == 0 {
		return m, fmt.Errorf("line 2: the truth has no pair: want two names of records a row")
	}
	for _, p := range r.Linked {
		if are[[2]int{p.Left, p.Right}] {
			m.Right++
		}
	}
	if len(r.Linked) > 0 {
		m.Precision = float64(m.Right) / float64(len(r.Linked))
	}
	m.Recall = float64(m.Right) / float64(m.True)
	if m.Right > 0 {
		m.F1 = 2 * m.Precision * m.Recall / (m.Precision + m.Recall)
	}
	return m, nil
}
