package query

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"rempart.eu/rempart/airlock/disclosure/cells"
)

// Rules are what an authorisation lets be told.
type Rules struct {
	Least     int // persons behind each number
	Dominance cells.Dominance
}

// Rounding is what counts are rounded to. The sum of several answers is then no exact number
// either.
const Rounding = 5

// The budget of a project in one release: so many questions are answered, and so many
// numbers told. What is more is for a study, whose outputs a person looks at.
const (
	BudgetQuestions = 500
	BudgetNumbers   = 2000
)

// Value is one place of an answer.
type Value struct {
	Label  string   `json:"label,omitempty"` // of a group
	Null   bool     `json:"null,omitempty"`  // the group of rows that have no value
	Total  bool     `json:"total,omitempty"` // of all groups
	Number *float64 `json:"number,omitempty"`
	Hidden bool     `json:"hidden,omitempty"` // a number that may not be told
}

// Answer is what is shown.
type Answer struct {
	Columns []string  `json:"columns"`
	Numbers []int     `json:"-"` // which columns are numbers
	Rows    [][]Value `json:"rows"`
	Left    bool      `json:"left_out"` // some groups are not shown
	Hidden  bool      `json:"hidden"`   // some numbers are not shown
	Cut     bool      `json:"cut"`      // by LIMIT
}

// History is what was told of a space before.
type History struct {
	Questions int // answered, in this release
	Numbers   int // told
	Columns   []ToldColumn
}

// judged is an answer on its way through the rules.
type judged struct {
	*Found
	rules  Rules
	guard  guard
	hidden map[*Cell][]bool // by measure
	left   map[*Cell]bool   // the whole group is not shown
	blame  *int             // what something was hidden for: an earlier question, or as guard.go says
}

// Judge applies the rules to what a question has found, of a space of so many persons, and
// says what of it may be shown and must be remembered. The error is a *Refused where nothing
// may be told.
func Judge(f *Found, rules Rules, persons int64, before History) (*Answer, []ToldColumn, error) {
	if before.Questions >= BudgetQuestions || before.Numbers >= BudgetNumbers {
		return nil, nil, refuse("Run a study: its outputs leave by the airlock", "the project has asked its %d questions, or been told its %d numbers, of this release", BudgetQuestions, BudgetNumbers)
	}
	j := &judged{Found: f, rules: rules, guard: guard{rules.Least, everybody(persons), before.Columns}, hidden: map[*Cell][]bool{}, left: map[*Cell]bool{}}
	for _, c := range f.Cells {
		j.hidden[c] = make([]bool, len(f.Plan.Measures))
		j.first(c)
	}
	j.margins()
	for range 3 { // what is hidden for an earlier answer can be what others need hidden beside it
		if !j.history() {
			break
		}
		j.margins()
	}
	told := j.told()
	if len(told) == 0 {
		const remedy = "Ask a wider question, or run a study"
		switch {
		case j.blame == nil:
		case *j.blame == withItself:
			return nil, nil, refuse(remedy, "the numbers of the answer differ by what fewer than %d persons add", rules.Least)
		case *j.blame == withEverybody:
			return nil, nil, refuse(remedy, "the answer is about everybody but fewer than %d persons", rules.Least)
		default:
			return nil, nil, refuse(remedy, "the answer differs from that of question %d by fewer than %d persons", *j.blame, rules.Least)
		}
		return nil, nil, refuse("Ask for larger groups, or a longer time", "no number of the answer is about %d persons or more", rules.Least)
	}
	return j.answer(), told, nil
}

// contributors is how many persons a measure is about.
func (c *Cell) contributors(measure int) (n int) {
	for _, k := range c.Counts[measure] {
		if k > 0 {
			n++
		}
	}
	return n
}

// first hides what by itself may not be told.
func (j *judged) first(c *Cell) {
	if len(c.Persons) < j.rules.Least {
		j.left[c] = true
	}
	for i, m := range j.Plan.Measures {
		n := c.contributors(i)
		switch {
		case j.left[c] || n < j.rules.Least,
			m.Filtered && n == len(c.Persons), // of the whole group it is told that it meets a condition
			m.sums() && j.dominated(c, i),
			m.Of == "quantile" && min(c.Statistics[i].Below, c.Statistics[i].Above) < int64(j.rules.Least),
			(m.Of == "quantile" || m.Of == "deviation") && c.Statistics[i].At == nil:
			j.hidden[c][i] = true
		}
	}
}

// dominated says whether few persons make most of a sum.
func (j *judged) dominated(c *Cell, measure int) bool {
	total, largest := c.largest(measure)
	return j.rules.Dominance.Concentrated(total, largest) || j.rules.Dominance.Estimable(total, largest)
}

// largest are the contributions to a sum by their size, descending, and their total.
func (c *Cell) largest(measure int) (total float64, largest []float64) {
	for _, x := range c.Sums[measure] {
		total += math.Abs(x)
		largest = append(largest, math.Abs(x))
	}
	slices.SortFunc(largest, func(a, b float64) int { return cmp.Compare(b, a) })
	return total, largest[:min(len(largest), 10)]
}

// margins hides what the totals of ROLLUP and CUBE would give back.
func (j *judged) margins() {
	if len(j.Plan.Sets) < 2 {
		return
	}
	categories := make([]map[string]int, j.Plan.Groups)
	for g := range categories {
		categories[g] = map[string]int{}
	}
	for _, c := range j.Cells {
		for n, g := range j.Plan.Sets[c.Set] {
			if l := label(c.Labels[n]); !has(categories[g], l) {
				categories[g][l] = len(categories[g])
			}
		}
	}
	for i := range j.Plan.Measures {
		j.protect(i, categories)
	}
}

func has(m map[string]int, k string) bool { _, ok := m[k]; return ok }

// label tells NULL from every text.
func label(l *string) string {
	if l == nil {
		return "\x00"
	}
	return *l
}

// protect hides cells of one measure until the totals give none of the hidden ones back.
func (j *judged) protect(measure int, categories []map[string]int) {
	var dimensions []cells.Dimension
	for _, c := range categories {
		dimensions = append(dimensions, cells.Flat(max(len(c), 1), true))
	}
	g, err := cells.New(dimensions...)
	if err != nil { // too large to protect: nothing is told
		for _, c := range j.Cells {
			j.hidden[c][measure] = true
		}
		return
	}
	at := map[int]*Cell{}
	for _, c := range j.Cells {
		coordinates := make([]int, j.Plan.Groups)
		for g := range coordinates {
			coordinates[g] = max(len(categories[g]), 1)
		}
		for n, g := range j.Plan.Sets[c.Set] {
			coordinates[g] = categories[g][label(c.Labels[n])]
		}
		value := math.Abs(c.value(measure, j.Plan.Measures[measure]))
		cell := cells.Cell{Value: value, Most: math.Inf(1)}
		if j.hidden[c][measure] {
			cell.Hidden, cell.Low, cell.High = true, value, max(float64(j.rules.Least)-value, value/10, 1)
			if value == 0 {
				cell.High = float64(j.rules.Least)
			}
		}
		n, err := g.Add(cell, coordinates...)
		if err == nil {
			at[n] = c
		}
	}
	for _, n := range g.Protect().Hide {
		if c := at[n]; c != nil {
			j.hidden[c][measure] = true
		}
	}
}

// value is the number itself.
func (c *Cell) value(measure int, m Measure) (x float64) {
	count, sum := 0.0, 0.0
	for _, n := range c.Counts[measure] {
		if m.Of == "persons" {
			n = min(n, 1)
		}
		count += float64(n)
	}
	for _, s := range c.Sums[measure] {
		sum += s
	}
	switch m.Of {
	case "sum":
		return sum
	case "average":
		return sum / count
	case "deviation", "quantile":
		if at := c.Statistics[measure].At; at != nil {
			return *at
		}
		return math.NaN()
	}
	return count
}

// vectors are what a number is made of: of an average, how many and how much.
func (c *Cell) vectors(measure int, m Measure) (all []Vector) {
	counts, sums := Vector{}, Vector{}
	for i, n := range c.Counts[measure] {
		if n == 0 {
			continue
		}
		counts.Persons, counts.Weights = append(counts.Persons, c.Persons[i]), append(counts.Weights, float64(n))
		if m.sums() {
			sums.Persons, sums.Weights = append(sums.Persons, c.Persons[i]), append(sums.Weights, c.Sums[measure][i])
		}
	}
	if m.Of != "sum" {
		all = append(all, counts.compact())
	}
	if m.sums() {
		all = append(all, sums.compact())
	}
	return all
}

// columns are the vectors of what is shown, by table, measure, and part of it.
func (j *judged) columns() (columns [][]Vector, of [][]*Cell, measures []int) {
	for set := range j.Plan.Sets {
		for i, m := range j.Plan.Measures {
			parts := map[int][]Vector{}
			var cells []*Cell
			for _, c := range j.Cells {
				if c.Set != set || j.hidden[c][i] || j.left[c] {
					continue
				}
				cells = append(cells, c)
				for n, v := range c.vectors(i, m) {
					parts[n] = append(parts[n], v)
				}
			}
			for n := range len(parts) {
				columns, of, measures = append(columns, parts[n]), append(of, cells), append(measures, i)
			}
		}
	}
	return columns, of, measures
}

// history hides what together with earlier answers would tell of few, and says whether it
// had to.
func (j *judged) history() (changed bool) {
	columns, of, measures := j.columns()
	guard := j.guard
	guard.earlier = slices.Clone(guard.earlier)
	for n, vectors := range columns {
		var shown []Vector
		var cells []*Cell
		for k, v := range vectors {
			if at, found := guard.conflict(v); found {
				j.hidden[of[n][k]][measures[n]], j.blame, changed = true, &at, true
				continue
			}
			shown, cells = append(shown, v), append(cells, of[n][k])
		}
		for len(shown) > 1 { // the smallest goes, until what is left adds up to nothing that was told
			at, found := guard.conflictOfColumn(shown)
			if !found {
				break
			}
			least := 0
			for k := range shown {
				if len(shown[k].Persons) < len(shown[least].Persons) {
					least = k
				}
			}
			j.hidden[cells[least]][measures[n]], j.blame, changed = true, &at, true
			shown, cells = slices.Delete(shown, least, least+1), slices.Delete(cells, least, least+1)
		}
		guard.earlier = append(guard.earlier, ToldColumn{Question: withItself, Cells: shown})
	}
	return changed
}

// told is what must be remembered.
func (j *judged) told() (all []ToldColumn) {
	columns, _, _ := j.columns()
	for _, c := range columns {
		if len(c) > 0 {
			all = append(all, ToldColumn{Cells: c})
		}
	}
	return all
}

// digits is how many digits of a number that is no count are shown.
const digits = 4

func rounded(x float64, m Measure) float64 {
	switch m.Of {
	case "rows", "values", "persons", "records":
		return math.Round(x/Rounding) * Rounding
	}
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64)
	return y
}

// answer is what is left.
func (j *judged) answer() *Answer {
	a := &Answer{Rows: [][]Value{}}
	for n, s := range j.Plan.Shown {
		a.Columns = append(a.Columns, s.Name)
		if s.Measure >= 0 {
			a.Numbers = append(a.Numbers, n)
		}
	}
	for _, c := range j.Cells {
		if j.left[c] || !slices.Contains(j.hidden[c], false) {
			a.Left = true
			continue
		}
		a.Rows = append(a.Rows, j.row(c, a))
	}
	for _, o := range slices.Backward(j.Plan.Order) {
		slices.SortStableFunc(a.Rows, func(x, y []Value) int {
			d := x[o.Column].compare(y[o.Column])
			if o.Down {
				d = -d
			}
			return d
		})
	}
	if n := j.Plan.Limit; n > 0 && len(a.Rows) > n {
		a.Rows, a.Cut = a.Rows[:n], true
	}
	return a
}

func (j *judged) row(c *Cell, a *Answer) (row []Value) {
	for _, s := range j.Plan.Shown {
		if s.Measure < 0 {
			n := slices.Index(j.Plan.Sets[c.Set], s.Group)
			switch {
			case n < 0:
				row = append(row, Value{Total: true})
			case c.Labels[n] == nil:
				row = append(row, Value{Null: true})
			default:
				row = append(row, Value{Label: plainLabel(*c.Labels[n])})
			}
			continue
		}
		x := rounded(c.value(s.Measure, j.Plan.Measures[s.Measure]), j.Plan.Measures[s.Measure])
		if j.hidden[c][s.Measure] || math.IsNaN(x) || math.IsInf(x, 0) {
			a.Hidden = true
			row = append(row, Value{Hidden: true})
			continue
		}
		row = append(row, Value{Number: &x})
	}
	return row
}

// plainLabel writes a computed number such as 1950.0 without its point.
func plainLabel(l string) string {
	if x, err := strconv.ParseFloat(l, 64); err == nil && len(l) > 2 && l[len(l)-2:] == ".0" {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return l
}

// compare puts numbers by size, labels that are numbers too, others by letter; what is
// hidden stands last.
func (v Value) compare(o Value) int {
	rank := func(v Value) int {
		switch {
		case v.Hidden, v.Null:
			return 2
		case v.Total:
			return 3
		}
		return 1
	}
	if d := rank(v) - rank(o); d != 0 {
		return d
	}
	if v.Number != nil && o.Number != nil {
		return cmp.Compare(*v.Number, *o.Number)
	}
	a, errA := strconv.ParseFloat(v.Label, 64)
	b, errB := strconv.ParseFloat(o.Label, 64)
	if errA == nil && errB == nil {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(v.Label, o.Label)
}

// String is a value as a terminal shows it.
func (v Value) String() string {
	switch {
	case v.Hidden:
		return "–"
	case v.Total:
		return "(all)"
	case v.Null:
		return "(none)"
	case v.Number != nil:
		return strconv.FormatFloat(*v.Number, 'f', -1, 64)
	}
	return fmt.Sprint(v.Label)
}
