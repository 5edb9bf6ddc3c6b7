// Package register finds statements of a ledger again: by project, by who made
// them, by whom they speak of, by kind and by time.
//
// A [Register] is a table in memory with a row of some 30 bytes for each
// statement, in the ledger's order. It holds no more than where to look: the
// statements themselves are read from the log.
package register

import (
	"iter"
	"slices"
	"time"

	"rempart.eu/rempart/ledger"
)

// Register is a table of statements. Its zero value is empty.
type Register struct {
	times    []int64  // seconds since 1970
	kinds    []uint32 // words
	actors   []uint32
	projects []uint32 // 0: of no project
	names    []string // the words: names of kinds, parties and projects
	words    map[string]uint32
	speaks   map[uint32][]uint64 // word of a name: the statements that speak of it
}

// About is what a statement is about, as the state of the warehouse knows.
type About struct {
	Project string   // "" if none
	Names   []string // of parties and persons that it speaks of, other than its actor
}

// Len is how many statements there are.
func (r *Register) Len() uint64 { return uint64(len(r.times)) }

// Add adds the next statement.
func (r *Register) Add(s ledger.Statement, about About) {
	index := r.Len()
	r.times = append(r.times, s.Time.Unix())
	r.kinds = append(r.kinds, r.word(s.Kind))
	r.actors = append(r.actors, r.word(s.Actor))
	r.projects = append(r.projects, r.word(about.Project))
	for _, name := range about.Names {
		w := r.word(name)
		if at := r.speaks[w]; len(at) == 0 || at[len(at)-1] != index {
			r.speaks[w] = append(at, index)
		}
	}
}

func (r *Register) word(text string) uint32 {
	if r.words == nil {
		r.words, r.names = map[string]uint32{"": 0}, []string{""}
		r.speaks = map[uint32][]uint64{}
	}
	w, known := r.words[text]
	if !known {
		w = uint32(len(r.names))
		r.words[text] = w
		r.names = append(r.names, text)
	}
	return w
}

// Query says which statements are looked for; what is empty does not count.
type Query struct {
	Project string
	Party   string    // who made the statement
	Person  string    // who made it, or of whom it speaks
	Kinds   []string  // any of these
	From    time.Time // the first moment
	Until   time.Time // the moment after the last
}

// Row is what the register knows of a statement.
type Row struct {
	Index   uint64
	Time    time.Time
	Kind    string
	Actor   string
	Project string
}

// Row is the row of a statement.
func (r *Register) Row(index uint64) Row {
	return Row{index, time.Unix(r.times[index], 0).UTC(), r.names[r.kinds[index]], r.names[r.actors[index]], r.names[r.projects[index]]}
}

// Forward yields the numbers of the statements that are looked for, the oldest first.
func (r *Register) Forward(q Query) iter.Seq[uint64] {
	return r.find(q, func(from, to uint64, yield func(uint64) bool) {
		for i := from; i < to && yield(i); i++ {
		}
	}, slices.Values[[]uint64])
}

// Backward yields the numbers of the statements that are looked for, the latest first.
func (r *Register) Backward(q Query) iter.Seq[uint64] {
	return r.find(q, func(from, to uint64, yield func(uint64) bool) {
		for i := to; i > from && yield(i-1); i-- {
		}
	}, func(list []uint64) iter.Seq[uint64] {
		return func(yield func(uint64) bool) {
			for _, i := range slices.Backward(list) {
				if !yield(i) {
					return
				}
			}
		}
	})
}

// find tests the statements of the period, or those that are of the person.
func (r *Register) find(q Query, all func(from, to uint64, yield func(uint64) bool), each func([]uint64) iter.Seq[uint64]) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		test, possible := r.test(q)
		from, to := r.period(q)
		if !possible || from >= to {
			return
		}
		offer := func(i uint64) bool { return !test(i) || yield(i) }
		if q.Person == "" {
			all(from, to, offer)
			return
		}
		for i := range each(r.of(q.Person)) {
			if from <= i && i < to && !offer(i) {
				return
			}
		}
	}
}

// of lists the statements that a person made or that speak of it.
func (r *Register) of(person string) []uint64 {
	w, known := r.words[person]
	if !known {
		return nil
	}
	spoken := r.speaks[w]
	var list []uint64
	for i, actor := range r.actors {
		for len(spoken) > 0 && spoken[0] < uint64(i) {
			list, spoken = append(list, spoken[0]), spoken[1:]
		}
		if actor == w {
			list = append(list, uint64(i))
			if len(spoken) > 0 && spoken[0] == uint64(i) {
				spoken = spoken[1:]
			}
		}
	}
	return append(list, spoken...)
}

// period is the first statement of a query's period and the one after its last:
// times never fall.
func (r *Register) period(q Query) (from, to uint64) {
	to = r.Len()
	if !q.From.IsZero() {
		at, _ := slices.BinarySearch(r.times, q.From.Unix())
		from = uint64(at)
	}
	if !q.Until.IsZero() {
		at, _ := slices.BinarySearch(r.times, q.Until.Unix())
		to = uint64(at)
	}
	return from, to
}

// test tests a statement by its columns; possible is false where no statement
// can be what is looked for.
func (r *Register) test(q Query) (test func(uint64) bool, possible bool) {
	var tests []func(uint64) bool
	equal := func(column []uint32, texts ...string) bool {
		var words []uint32
		for _, text := range texts {
			if w, known := r.words[text]; known {
				words = append(words, w)
			}
		}
		tests = append(tests, func(i uint64) bool { return slices.Contains(words, column[i]) })
		return len(words) > 0
	}
	possible = (q.Project == "" || equal(r.projects, q.Project)) && (q.Party == "" || equal(r.actors, q.Party)) && (len(q.Kinds) == 0 || equal(r.kinds, q.Kinds...))
	return func(i uint64) bool {
		for _, t := range tests {
			if !t(i) {
				return false
			}
		}
		return true
	}, possible
}
