package intake

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// pattern matches whole values against a regular expression in one step a
// byte. Expressions that need more than a small table, or look around them, and
// values that are not ASCII, are left to package regexp, which agrees (fuzzed).
type pattern struct {
	slow   *regexp.Regexp
	next   [][128]uint8 // by state and byte; 0 is the state that nothing leaves
	accept []bool       // by state; nil: always slow
}

// maxStates bounds the table of a pattern to 32 KiB.
const maxStates = 256

// newPattern compiles an RE2 expression. XML Schema's patterns, which Table
// Schema takes over, match whole values.
func newPattern(expression string) (*pattern, error) {
	if _, err := regexp.Compile(expression); err != nil {
		return nil, fmt.Errorf("pattern %q is no RE2 expression: %w", expression, err)
	}
	p := &pattern{slow: regexp.MustCompile(`^(?:` + expression + `)$`)}
	tree, err := syntax.Parse(`(?:`+expression+`)`, syntax.Perl)
	if err != nil {
		return p, nil //nolint:nilerr // package regexp has read it, and does the work
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return p, nil //nolint:nilerr // the same
	}
	p.tabulate(program)
	return p, nil
}

// match says whether all of a value matches.
func (p *pattern) match(v []byte) bool {
	if p.accept == nil {
		return p.slow.Match(v)
	}
	state := uint8(1)
	for _, c := range v {
		if c >= 0x80 {
			return p.slow.Match(v)
		}
		state = p.next[state][c]
	}
	return p.accept[state]
}

// tabulate makes the table by the subset construction: a state of the table is
// a set of the program's instructions (Rabin and Scott, 1959).
func (p *pattern) tabulate(program *syntax.Prog) {
	sets := [][]uint32{nil}
	known := map[string]uint8{"[]": 0}
	number := func(set []uint32) (uint8, bool) {
		slices.Sort(set)
		set = slices.Compact(set)
		name := fmt.Sprint(set)
		n, is := known[name]
		if !is {
			if len(sets) == maxStates {
				return 0, false
			}
			n = uint8(len(sets))
			known[name] = n
			sets = append(sets, set)
		}
		return n, true
	}
	start, ok := follow(program, nil, uint32(program.Start))
	if !ok {
		return
	}
	if _, ok := number(start); !ok {
		return
	}
	next, accept := [][128]uint8{{}}, []bool{false}
	for i := 1; i < len(sets); i++ {
		var row [128]uint8
		for c := range row {
			var to []uint32
			for _, pc := range sets[i] {
				if inst := &program.Inst[pc]; inst.Op != syntax.InstMatch && inst.MatchRune(rune(c)) {
					if to, ok = follow(program, to, inst.Out); !ok {
						return
					}
				}
			}
			if row[c], ok = number(to); !ok {
				return
			}
		}
		next = append(next, row)
		accept = append(accept, slices.ContainsFunc(sets[i], func(pc uint32) bool { return program.Inst[pc].Op == syntax.InstMatch }))
	}
	p.next, p.accept = next, accept
}

// follow adds to a set the instructions that are reached without a byte. ok is
// false where one looks at what stands around it.
func follow(program *syntax.Prog, set []uint32, pc uint32) (_ []uint32, ok bool) {
	if slices.Contains(set, pc) {
		return set, true
	}
	inst := &program.Inst[pc]
	switch inst.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		set = append(set, pc) // so that a loop ends
		if set, ok = follow(program, set, inst.Out); !ok {
			return nil, false
		}
		return follow(program, set, inst.Arg)
	case syntax.InstCapture, syntax.InstNop:
		return follow(program, set, inst.Out)
	case syntax.InstEmptyWidth:
		return nil, false
	case syntax.InstFail:
		return set, true
	}
	return append(set, pc), true
}
