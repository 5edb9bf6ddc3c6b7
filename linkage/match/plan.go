package match

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"rempart.eu/rempart/engine"
)

//go:embed forms.sql
var formsSQL string

//go:embed statements.sql
var statementsSQL string

var statements = template.Must(template.New("statements").Parse(statementsSQL))

// render writes the statement of a name.
func render(name string, data any) string {
	var b strings.Builder
	if err := statements.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // a template of ours that does not fit its data
	}
	return b.String()
}

// plan is a spec as the statements need it.
type plan struct {
	spec        Spec
	two         bool // two files
	layout      layout
	columns     []planColumn
	comparisons []planComparison
	blocking    []planKey
	training    []planKey
}

type planColumn struct {
	Form, Value         string
	Letters, Neighbours string // sets that bound similarities and distances; empty: not needed
	Length, Bits        string // empty: not needed
	Exchanged, Year     string // of dates; empty: not needed
	Terms               []planTerm
	Distinct            string // the table of those; empty: none
	Compared            bool
}

// planTerm is what rules take of a column, as a hash.
type planTerm struct{ Name, Expression string }

type planKey struct{ Key, Name string }

type planComparison struct {
	planColumn
	Equal    string
	Measures []planMeasure
	Levels   []planLevel
	Shift    int

	HalfSwapped string // what two columns whose values are exchanged have in common, the same for either
}

type planMeasure struct{ Name, Expression string }

type planLevel struct {
	Condition string
	Code      int
}

func newPlan(spec Spec, two bool) plan {
	p := plan{spec: spec, two: two, layout: newLayout(spec.Comparisons)}
	at := map[string]int{}
	for i, c := range spec.Columns {
		at[c.Name] = i
		p.columns = append(p.columns, planColumn{Form: formOf(c), Value: fmt.Sprintf("v%d", i)})
	}
	for _, c := range spec.Comparisons {
		column := &p.columns[at[c.Column]]
		column.Compared = true
		if c.SwappedWith != "" {
			p.columns[at[c.SwappedWith]].Compared = true
		}
		if c.TermFrequency {
			column.Bits = fmt.Sprintf("t%d", at[c.Column])
		}
		for _, l := range c.Levels {
			switch l.Kind {
			case DayMonth:
				column.Exchanged = fmt.Sprintf("x%d", at[c.Column])
			case SameYear:
				column.Year = fmt.Sprintf("y%d", at[c.Column])
			case JaroWinkler:
				column.Letters, column.Length = fmt.Sprintf("s%d", at[c.Column]), fmt.Sprintf("w%d", at[c.Column])
			case Levenshtein, Damerau:
				column.Neighbours, column.Length = fmt.Sprintf("g%d", at[c.Column]), fmt.Sprintf("w%d", at[c.Column])
			}
		}
	}
	key := func(prefix string, rules []Rule) (keys []planKey) {
		for i, r := range rules {
			keys = append(keys, planKey{p.keyOf(r, at), fmt.Sprintf("%s%d", prefix, i)})
		}
		return keys
	}
	p.blocking, p.training = key("k", spec.Blocking), key("h", spec.Training)
	for i := range p.columns {
		if c := &p.columns[i]; c.Bits != "" || c.Length != "" || c.Exchanged != "" || c.Year != "" || len(c.Terms) > 0 {
			c.Distinct = fmt.Sprintf("d%d", i)
		}
	}
	for k, c := range spec.Comparisons {
		other, half := "", ""
		if c.SwappedWith != "" {
			one, two := at[c.Column], at[c.SwappedWith]
			other, half = p.columns[two].Value, "l."+p.columns[min(one, two)].Value+" = r."+p.columns[max(one, two)].Value
		}
		planned := planned(k, c, p.columns[at[c.Column]], other, p.layout.shifts[k])
		planned.HalfSwapped = half
		p.comparisons = append(p.comparisons, planned)
	}
	return p
}

// formOf is the expression that brings a column into its form.
func formOf(c Column) string {
	parts := make([]string, len(c.From))
	for i, f := range c.From {
		parts[i] = engine.Quote(f) + "::VARCHAR"
	}
	if c.As == Date && len(parts) == 3 {
		return "match.form_date_of(" + strings.Join(parts, ", ") + ")"
	}
	if len(parts) > 1 {
		return "match.form_" + string(c.As) + "(concat_ws(' ', " + strings.Join(parts, ", ") + "))"
	}
	return "match.form_" + string(c.As) + "(" + parts[0] + ")"
}

// keyOf is the expression of a rule's key, missing where a term is: the hashes of its terms, which are those
// of each value, taken together. Two keys that meet by chance make a pair that is compared in vain, and nothing else.
func (p *plan) keyOf(r Rule, at map[string]int) (key string) {
	var names []string
	for _, text := range r {
		t, _ := p.spec.parseTerm(text) // checked before
		if name := p.termOf(t, at[t.column]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if key == "" {
			key = name
		} else {
			key = "xor(" + key + ", " + name + ")"
		}
	}
	return key
}

// termOf is the name of a term of a column, which it adds where it is new.
func (p *plan) termOf(t term, column int) string {
	c := &p.columns[column]
	v := c.Value
	switch t.function {
	case "prefix":
		v = fmt.Sprintf("left(%s, %d)", v, t.n)
	case "suffix":
		v = fmt.Sprintf("right(%s, %d)", v, t.n)
	case "year":
		v += "[1:4]"
	case "month":
		v += "[5:6]"
	case "day":
		v += "[7:8]"
	case "sound":
		v = "match.sound(" + v + ")"
	}
	// The text says whose term it is: equal texts of two terms have hashes that have nothing in common.
	expression := fmt.Sprintf("hash('%s %d %d ' || %s)", t.function, t.n, column, v)
	for _, known := range c.Terms {
		if known.Expression == expression {
			return known.Name
		}
	}
	name := fmt.Sprintf("q%d_%d", column, len(c.Terms))
	c.Terms = append(c.Terms, planTerm{name, expression})
	return name
}

// sides writes an expression of a pair: $a and $b for the two values, $s for their sets of letters
// and lengths, $g for their sets of neighbours.
func (c planColumn) sides(format string) string {
	return strings.NewReplacer("$a", "l."+c.Value, "$b", "r."+c.Value,
		"$s", "l."+c.Letters+", l."+c.Length+", r."+c.Letters+", r."+c.Length,
		"$g", "l."+c.Neighbours+", r."+c.Neighbours).Replace(format)
}

// planned plans a comparison. What is costly is measured once, and not at all
// where the sets of letters tell that no level can be reached.
func planned(k int, c Comparison, column planColumn, other string, shift int) planComparison {
	p := planComparison{planColumn: column, Equal: fmt.Sprintf("e%d", k), Shift: shift}
	measured := map[Kind]string{}
	measure := func(kind Kind, expression string) string {
		if measured[kind] == "" {
			measured[kind] = fmt.Sprintf("m%d_%s", k, kind)
			p.Measures = append(p.Measures, planMeasure{measured[kind], column.sides(expression)})
		}
		return measured[kind]
	}
	for i, l := range c.Levels {
		condition := ""
		switch n := number(l.Value); l.Kind {
		case Exact:
			condition = p.Equal
		case JaroWinkler:
			lowest := number(extreme(c.Levels, JaroWinkler, math.Min))
			condition = measure(l.Kind, "CASE WHEN $a = $b THEN 1 WHEN NOT match.similar($s, "+lowest+") THEN 0 ELSE jaro_winkler_similarity($a, $b) END") + " >= " + n
		case Levenshtein:
			most := extreme(c.Levels, l.Kind, math.Max)
			condition = measure(l.Kind, "CASE WHEN $a = $b THEN 0 WHEN match.apart($g) > "+number(apart[l.Kind]*most)+" THEN 9999 ELSE levenshtein($a, $b) END") + " <= " + n
		case Damerau: // ten times as costly as the distances that bound it
			most := extreme(c.Levels, l.Kind, math.Max)
			bound := "levenshtein($a, $b) > " + number(2*most)
			if most == 1 {
				bound = "CASE WHEN l." + column.Length + " = r." + column.Length + " THEN hamming($a, $b) > 2 ELSE levenshtein($a, $b) > 1 END"
			}
			condition = measure(l.Kind, "CASE WHEN $a = $b THEN 0 WHEN match.apart($g) > "+number(apart[l.Kind]*most)+" THEN 9999 WHEN "+bound+" THEN 9999 ELSE damerau_levenshtein($a, $b) END") + " <= " + n
		case Prefix:
			condition = measure(Kind(l.String()[:6]+n), "left($a, "+n+") = left($b, "+n+")")
		case Within:
			condition = measure(l.Kind, "abs($a - $b)") + " <= " + n
		case Percent:
			condition = measure(l.Kind, "match.percent($a, $b)") + " <= " + n
		case Days:
			condition = measure(l.Kind, "CASE WHEN $a = $b THEN 0 ELSE match.days($a, $b) END") + " <= " + n
		case DayMonth:
			condition = measure(l.Kind, "$a = r."+column.Exchanged)
		case SameYear:
			condition = measure(l.Kind, "l."+column.Year+" = r."+column.Year)
		case Swapped:
			condition = measure(l.Kind, "$a = r."+other+" AND $b = l."+other)
		case Shared:
			condition = measure(l.Kind, "len(list_intersect($a, $b))") + " >= " + n
		case Dice:
			condition = measure(l.Kind, "match.dice($a, $b)") + " >= " + n
		}
		p.Levels = append(p.Levels, planLevel{condition, len(c.Levels) + 1 - i})
	}
	return p
}

// apart is in how many neighbours two texts differ at most that are one edit apart.
var apart = map[Kind]float64{Levenshtein: 4, Damerau: 6}

// extreme is the least or the largest value of the levels of a kind.
func extreme(levels []Level, kind Kind, of func(a, b float64) float64) float64 {
	value := math.NaN()
	for _, l := range levels {
		switch {
		case l.Kind != kind:
		case math.IsNaN(value):
			value = l.Value
		default:
			value = of(value, l.Value)
		}
	}
	return value
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// pairs is the statement that compares the pairs of a FROM clause, and says which rules brought them.
func (p plan) pairs(from, rules string) string {
	return render("pairs", map[string]any{"Comparisons": p.comparisons, "Rules": rules, "From": from, "PatternType": p.layout.sqlType()})
}

// candidates is the statement that makes the pairs of all rules, for a range of left records.
func (p plan) candidates(from, to int64) string {
	type key struct {
		Name string
		Bit  int
	}
	type rule struct {
		key
		Earlier, Later []key
	}
	var keys []key
	for i, k := range p.blocking {
		keys = append(keys, key{k.Name, 1 << i})
	}
	var rules []rule
	for i, k := range keys {
		rules = append(rules, rule{k, keys[:i], keys[i+1:]})
	}
	return render("candidates", map[string]any{"Rules": rules, "Right": p.right(), "Two": p.two, "From": from, "To": to})
}

// part is the FROM clause of the candidates that fulfil a bound, with their records.
func (p plan) part(from, to int64, b bound) string {
	return render("part", map[string]any{"Right": p.right(), "From": from, "To": to, "Missing": b.missing, "Condition": b.condition})
}

// block is the FROM clause of one in so many of the pairs of a rule.
func (p plan) block(key planKey, of int64) string {
	return render("block", map[string]any{"Right": p.right(), "Key": key.Name, "Of": int(of), "Two": p.two})
}

func (p plan) right() string {
	if p.two {
		return "right"
	}
	return "left"
}
