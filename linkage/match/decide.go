package match

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"math/bits"

	"rempart.eu/rempart/engine"
)

// Decision is what became of a pair.
type Decision byte

// The decisions.
const (
	Below     Decision = iota // its probability is below the clerical band
	Linked                    // one person
	Clerical                  // for a person to decide
	Tied                      // as good as another pair of its record: for a person to decide
	Outranked                 // a record of it has a better partner
)

// decide settles the prior, and with it which pairs are linked.
func (l *linkage) decide(ctx context.Context) error {
	missed, err := l.settlePrior(ctx)
	if err != nil {
		return err
	}
	l.result.Estimated.Missed = missed
	if l.plan.spec.OneToOne {
		if err := l.oneToOne(ctx); err != nil {
			return err
		}
	} else if err := l.db.Exec(ctx, fmt.Sprintf("CREATE VIEW match.decided AS SELECT *, %s AS decision FROM match.pair", l.byThreshold())); err != nil {
		return err
	}
	err = l.db.Exec(ctx, render("link", map[string]any{"Prior": number(logit(l.model.Prior)), "Right": l.plan.right()}))
	if err != nil {
		return err
	}
	d := &l.result.Decisions
	for _, c := range []struct {
		into  *int64
		query string
	}{
		{&d.Linked, "SELECT count(*) FROM match.decided WHERE decision = 1"},
		{&d.Clerical, "SELECT count(*) FROM match.decided WHERE decision = 2"},
		{&d.Tied, "SELECT count(*) FROM match.decided WHERE decision = 3"},
		{&d.Outranked, fmt.Sprintf("SELECT count(*) FROM match.decided WHERE decision = 4 AND weight >= %s", number(l.cut(l.plan.spec.Thresholds.Link)))},
	} {
		if err := l.db.Value(ctx, c.into, c.query); err != nil {
			return err
		}
	}
	if l.plan.two {
		for side, into := range map[string]*int64{"l": &d.LeftAlone, "r": &d.RightAlone} {
			if err := l.db.Value(ctx, into, "SELECT count(DISTINCT "+side+") FROM match.decided WHERE decision = 1"); err != nil {
				return err
			}
		}
		d.LeftAlone, d.RightAlone = l.result.Left-d.LeftAlone, l.result.Right-d.RightAlone
		return nil
	}
	return l.cluster(ctx)
}

// cut is the match weight at a probability.
func (l *linkage) cut(p float64) float64 { return logit(p) - logit(l.model.Prior) }

func (l *linkage) byThreshold() string {
	t := l.plan.spec.Thresholds
	return fmt.Sprintf("(CASE WHEN weight >= %s THEN 1 WHEN weight >= %s THEN 2 ELSE 0 END)::TINYINT", number(l.cut(t.Link)), number(l.cut(t.Clerical)))
}

// settlePrior counts the patterns of all candidates and finds the prior that
// their number of pairs of one person confirms. It returns how many such pairs the rules
// miss, at least, by Chao's estimator: of f1 pairs that one rule alone found and f2
// that two did, f1²/2f2 were found by none. Hopeless pairs count as none of one person.
func (l *linkage) settlePrior(ctx context.Context) (missed float64, err error) {
	if err := l.countCandidates(ctx); err != nil {
		return 0, err
	}
	rows, err := l.db.Query(ctx, "SELECT pattern::BIGINT, rules, sum(pairs)::BIGINT FROM match.pattern GROUP BY ALL ORDER BY ALL")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	type tally struct {
		weight, pairs float64
		rules         uint32
	}
	var all []tally
	seen := map[int64]bool{}
	floor := l.floor()
	for rows.Next() {
		var pattern, rules, pairs int64
		if err := rows.Scan(&pattern, &rules, &pairs); err != nil {
			return 0, err
		}
		l.result.Compared += pairs
		weight := l.model.weight(l.plan.layout, pattern)
		if weight < floor {
			continue
		}
		seen[pattern] = true
		all = append(all, tally{weight, float64(pairs), uint32(rules)})
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	l.result.Patterns = int64(len(seen))
	given := l.plan.spec.Prior
	if given == 0 && l.options.Model != nil {
		given = l.options.Model.Prior
	}
	prior := given
	if given == 0 {
		prior = l.model.highestPrior
	}
	var f [3]float64
	for range iterations {
		f = [3]float64{}
		matches := 0.0
		for _, t := range all {
			p := probability(t.weight+logit(prior)) * t.pairs
			matches += p
			if n := bits.OnesCount32(t.rules); n <= 2 {
				f[n] += p
			}
		}
		if given != 0 {
			break
		}
		next := math.Max(matches, 0.5) / l.possible()
		next = math.Min(next, 0.5)
		done := math.Abs(next-prior) < 1e-6*prior
		if prior = next; done {
			break
		}
	}
	l.model.Prior = prior
	l.result.Model = l.model
	if f[2] > 0 {
		missed = f[1] * f[1] / (2 * f[2])
	}
	return missed, nil
}

// countCandidates counts what the rules have brought.
func (l *linkage) countCandidates(ctx context.Context) error {
	for i := range l.result.Rules { // they were estimates
		l.result.Rules[i].Pairs = 0
	}
	var rules uint32
	var pairs int64
	return l.db.Each(ctx, "SELECT rules, sum(pairs)::BIGINT FROM match.rule GROUP BY rules", nil, func() error {
		l.result.Candidates += pairs
		if pairs == 0 {
			return nil
		}
		l.result.Rules[bits.TrailingZeros32(rules)].Added += pairs
		for i := range l.result.Rules {
			if rules>>i&1 == 1 {
				l.result.Rules[i].Pairs += pairs
			}
		}
		return nil
	}, &rules, &pairs)
}

// oneToOne takes the pairs from the best on. Each record is in one link at most;
// where two pairs of one record are equally good, neither is taken, and both are
// for a person to decide.
func (l *linkage) oneToOne(ctx context.Context) error {
	rows, err := l.db.Query(ctx, "SELECT l, r, weight::DOUBLE FROM match.pair ORDER BY weight DESC, l, r")
	if err != nil {
		return err
	}
	defer rows.Close()
	link, clerical := float32(l.cut(l.plan.spec.Thresholds.Link)), float32(l.cut(l.plan.spec.Thresholds.Clerical))
	g := newGreedy(l.result.Left, l.result.Right, l.plan.two)
	for rows.Next() {
		var left, right int32
		var weight float64
		if err := rows.Scan(&left, &right, &weight); err != nil {
			return err
		}
		above := Below
		switch w := float32(weight); {
		case w >= link:
			above = Linked
		case w >= clerical:
			above = Clerical
		}
		g.add(left, right, weight, above)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	g.settle()
	columns := []engine.Column{{Name: "l", Type: "INTEGER", Required: true}, {Name: "r", Type: "INTEGER", Required: true}, {Name: "decision", Type: "TINYINT", Required: true}}
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 1<<16)
		_, err := io.WriteString(b, "l,r,decision\n")
		for i := 0; i < len(g.pairs) && err == nil; i++ {
			_, err = fmt.Fprintf(b, "%d,%d,%d\n", g.pairs[i].l, g.pairs[i].r, g.pairs[i].decision)
		}
		if err == nil {
			err = b.Flush()
		}
		w.CloseWithError(err)
	}()
	err = l.db.LoadCSV(ctx, "one_to_one", columns, r)
	r.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		return err
	}
	return l.db.Exec(ctx, "CREATE TABLE match.decided AS FROM match.pair JOIN one_to_one USING (l, r); DROP TABLE one_to_one")
}

// greedy decides pairs that come with falling weights.
type greedy struct {
	pairs       []decided
	left, right []bool // records that are taken
	group       int    // where the pairs of the last weight begin
	weight      float64
	degrees     map[[2]int32]int // by side and record, within the group
}

type decided struct {
	l, r     int32
	decision Decision
}

func newGreedy(left, right int64, two bool) *greedy {
	g := &greedy{left: make([]bool, left), weight: math.Inf(1), degrees: map[[2]int32]int{}}
	g.right = g.left
	if two {
		g.right = make([]bool, right)
	}
	return g
}

func (g *greedy) add(left, right int32, weight float64, above Decision) {
	if weight != g.weight {
		g.settle()
		g.weight = weight
	}
	g.pairs = append(g.pairs, decided{left, right, above})
}

// settle decides the pairs of one weight.
func (g *greedy) settle() {
	group := g.pairs[g.group:]
	g.group = len(g.pairs)
	side := int32(1)
	if len(g.left) > 0 && len(g.right) > 0 && &g.left[0] == &g.right[0] {
		side = 0 // one file: a record is the same on both sides
	}
	clear(g.degrees)
	for i := range group {
		p := &group[i]
		if g.left[p.l] || g.right[p.r] {
			p.decision = Outranked
			continue
		}
		g.degrees[[2]int32{0, p.l}]++
		g.degrees[[2]int32{side, p.r}]++
	}
	for i := range group {
		p := &group[i]
		if p.decision == Outranked {
			continue
		}
		g.left[p.l], g.right[p.r] = true, true
		if g.degrees[[2]int32{0, p.l}] > 1 || g.degrees[[2]int32{side, p.r}] > 1 {
			if p.decision != Below {
				p.decision = Tied
			}
		}
	}
}

// cluster finds the groups of records that links join, in one file.
func (l *linkage) cluster(ctx context.Context) error {
	rows, err := l.db.Query(ctx, "SELECT l, r FROM match.decided WHERE decision = 1")
	if err != nil {
		return err
	}
	defer rows.Close()
	first := make([]int32, l.result.Left)
	for i := range first {
		first[i] = int32(i)
	}
	find := func(i int32) int32 {
		for first[i] != i {
			first[i] = first[first[i]]
			i = first[i]
		}
		return i
	}
	linked := make([]bool, l.result.Left)
	for rows.Next() {
		var a, b int32
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		linked[a], linked[b] = true, true
		a, b = find(a), find(b)
		first[max(a, b)] = min(a, b)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i := range first {
		switch {
		case !linked[i]:
			l.result.Decisions.LeftAlone++
		case find(int32(i)) == int32(i):
			l.result.Decisions.Clusters++
		}
	}
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriterSize(w, 1<<16)
		_, err := io.WriteString(b, "n,cluster\n")
		for i := 0; i < len(first) && err == nil; i++ {
			_, err = fmt.Fprintf(b, "%d,%d\n", i, find(int32(i)))
		}
		if err == nil {
			err = b.Flush()
		}
		w.CloseWithError(err)
	}()
	err = l.db.LoadCSV(ctx, "clusters", []engine.Column{{Name: "n", Type: "INTEGER"}, {Name: "cluster", Type: "INTEGER"}}, r)
	r.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		return err
	}
	return l.db.Exec(ctx, `CREATE TABLE match.cluster AS SELECT n, id, cluster FROM clusters JOIN match.left_id USING (n); DROP TABLE clusters`)
}
