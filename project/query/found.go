package query

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Found is what a question finds before anything of it is shown: for each cell who
// contributes, and what.
type Found struct {
	Plan  Plan
	Cells []*Cell
}

// Cell is one group of one of the answer's tables.
type Cell struct {
	Set        int         `json:"set"`    // of Plan.Sets
	Labels     []*string   `json:"labels"` // of the set's groups; nil is NULL
	Persons    []int64     `json:"-"`      // ascending
	Counts     [][]int64   `json:"-"`      // by measure and person: rows, values, records
	Sums       [][]float64 `json:"-"`      // by measure and person, of measures that are made of numbers
	Statistics []Statistic `json:"statistics"`
}

// Statistic is a deviation or a quantile, and of the latter how many persons have a value
// that is not above, and not below.
type Statistic struct {
	At    *float64 `json:"at"`
	Below int64    `json:"below"`
	Above int64    `json:"above"`
}

func newCell(set int, labels []*string, measures []Measure) *Cell {
	c := &Cell{Set: set, Labels: slices.Clone(labels), Counts: make([][]int64, len(measures)), Sums: make([][]float64, len(measures)), Statistics: make([]Statistic, len(measures))}
	for i, l := range labels {
		if l != nil {
			text := *l
			c.Labels[i] = &text
		}
	}
	return c
}

func (c *Cell) is(labels []*string) bool {
	return slices.EqualFunc(c.Labels, labels, func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b })
}

// write writes what was found: a JSON head behind its length, and for each cell its
// persons by their distance from the one before, and their contributions.
func (f *Found) write(w *bufio.Writer) error {
	head, err := json.Marshal(f)
	if err != nil {
		return err
	}
	put := func(n uint64) {
		_, _ = w.Write(binary.AppendUvarint(w.AvailableBuffer(), n)) // Flush has the error
	}
	put(uint64(len(head)))
	_, _ = w.Write(head)
	for _, c := range f.Cells {
		put(uint64(len(c.Persons)))
		var before int64
		for _, p := range c.Persons {
			put(uint64(p - before))
			before = p
		}
		for i, m := range f.Plan.Measures {
			for _, n := range c.Counts[i] {
				put(uint64(n))
			}
			if m.sums() {
				for _, x := range c.Sums[i] {
					_, _ = w.Write(binary.LittleEndian.AppendUint64(w.AvailableBuffer(), math.Float64bits(x)))
				}
			}
		}
	}
	return nil
}

// maxHead bounds the head, in bytes.
const maxHead = 4 << 20

// read reads what the sandbox has found.
func read(from io.Reader) (*Found, error) {
	r := bufio.NewReaderSize(from, 1<<20)
	broken := func(err error) (*Found, error) { return nil, fmt.Errorf("read what the question found: %w", err) }
	n, err := binary.ReadUvarint(r)
	if err != nil || n > maxHead {
		return broken(errors.Join(err, errors.New("its head is too large")))
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return broken(err)
	}
	f := &Found{}
	if err := json.Unmarshal(head, f); err != nil {
		return broken(err)
	}
	if err := f.valid(); err != nil {
		return broken(err)
	}
	for _, c := range f.Cells {
		if err := c.read(r, f.Plan.Measures); err != nil {
			return broken(err)
		}
	}
	return f, nil
}

// valid checks what the rest counts on.
func (f *Found) valid() error {
	bad := len(f.Plan.Measures) == 0 || len(f.Plan.Measures) > maxMeasures || len(f.Cells) > maxCells || f.Plan.Groups > maxGroups || len(f.Plan.Sets) == 0
	for _, set := range f.Plan.Sets {
		bad = bad || slices.ContainsFunc(set, func(g int) bool { return g < 0 || g >= f.Plan.Groups })
	}
	for _, s := range f.Plan.Shown {
		bad = bad || s.Group >= f.Plan.Groups || s.Measure >= len(f.Plan.Measures) || s.Group < 0 && s.Measure < 0
	}
	for _, o := range f.Plan.Order {
		bad = bad || o.Column < 0 || o.Column >= len(f.Plan.Shown)
	}
	for _, c := range f.Cells {
		bad = bad || c == nil || c.Set < 0 || c.Set >= len(f.Plan.Sets) || len(c.Labels) != len(f.Plan.Sets[c.Set]) || len(c.Statistics) != len(f.Plan.Measures)
	}
	if bad {
		return errors.New("it is not whole")
	}
	return nil
}

func (c *Cell) read(r *bufio.Reader, measures []Measure) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	var person int64
	for range n {
		d, err := binary.ReadUvarint(r)
		if err != nil {
			return err
		}
		if d == 0 && len(c.Persons) > 0 || d > math.MaxInt32 {
			return errors.New("its persons are not in order")
		}
		person += int64(d)
		c.Persons = append(c.Persons, person)
	}
	c.Counts, c.Sums = make([][]int64, len(measures)), make([][]float64, len(measures))
	var word [8]byte
	for i, m := range measures {
		c.Counts[i] = make([]int64, len(c.Persons))
		for j := range c.Counts[i] {
			k, err := binary.ReadUvarint(r)
			if err != nil {
				return err
			}
			c.Counts[i][j] = int64(k)
		}
		if !m.sums() {
			continue
		}
		c.Sums[i] = make([]float64, len(c.Persons))
		for j := range c.Sums[i] {
			if _, err := io.ReadFull(r, word[:]); err != nil {
				return err
			}
			c.Sums[i][j] = math.Float64frombits(binary.LittleEndian.Uint64(word[:]))
		}
	}
	return nil
}
