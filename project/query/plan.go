package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// aggregates are the functions of a group that are offered.
var aggregates = map[string]bool{
	"count": true, "count_star": true, "sum": true, "avg": true, "mean": true, "stddev": true, "stddev_samp": true,
	"median": true, "quantile_cont": true, "quantile": true,
}

// Measure is what is asked of each group.
type Measure struct {
	Of       string  `json:"of"`                 // persons, records, rows, values, sum, average, deviation, quantile
	At       float64 `json:"at,omitempty"`       // of a quantile
	Filtered bool    `json:"filtered,omitempty"` // it is of some of the rows
	arg      string  // SQL over a row; "" for rows
	only     string  // SQL of its FILTER, or ""
}

// Shown is a column of the answer: a group or a measure.
type Shown struct {
	Name    string `json:"name"`
	Group   int    `json:"group"`   // index, or -1
	Measure int    `json:"measure"` // index, or -1
}

// Order is how an answer is sorted.
type Order struct {
	Column int  `json:"column"`
	Down   bool `json:"down,omitempty"`
}

// Plan is a question that may be asked, as SQL of our own.
type Plan struct {
	Shown    []Shown   `json:"shown"`
	Groups   int       `json:"groups"`
	Sets     [][]int   `json:"sets"` // which groups each table of the answer is by; one, or those of ROLLUP and CUBE
	Measures []Measure `json:"measures"`
	Order    []Order   `json:"order,omitempty"`
	Limit    int       `json:"limit,omitempty"`

	groups      []string
	from, where string
	person      string
}

const (
	maxTables   = 6
	maxGroups   = 4
	maxMeasures = 8
	maxNodes    = 600
)

// plan reads a question's tree.
func plan(schema Schema, n *node) (*Plan, error) {
	left := maxNodes
	s := &scope{schema: schema, left: &left, merged: map[string]bool{}}
	if n == nil || n.Type != "SELECT_NODE" {
		return nil, refuse("Ask with one SELECT", "UNION, recursion and the like are not offered")
	}
	if err := plainSelect(n); err != nil {
		return nil, err
	}
	if n.Having != nil {
		return nil, refuse("Leave HAVING out: groups of fewer persons than may be told are left out already", "groups are not chosen by their size")
	}
	from, err := s.from(n.From)
	if err != nil {
		return nil, err
	}
	p := &Plan{from: from, where: "TRUE", person: s.sources[0].as + `."person_id"`}
	if n.Where != nil {
		if p.where, err = s.truth(n.Where); err != nil {
			return nil, err
		}
	}
	if err := p.read(s, n); err != nil {
		return nil, err
	}
	return p, p.modify(n)
}

// plainSelect refuses what a SELECT may have and a question may not.
func plainSelect(n *node) error {
	if written(n.CTE) && string(n.CTE) != "{}" {
		return refuse("Write it as one SELECT, with JOIN and IN (SELECT person_id …)", "WITH is not offered")
	}
	if written(n.Qualify) {
		return refuse("", "QUALIFY is not offered: it chooses rows")
	}
	if written(n.Sample) {
		return refuse("", "samples are not offered: the same question has the same answer")
	}
	return nil
}

// written says whether a question has a part that is never allowed.
func written(part json.RawMessage) bool { return len(part) > 0 && string(part) != "null" }

// from reads the tables of a SELECT.
func (s *scope) from(n *node) (string, error) {
	if n == nil || n.Type == "EMPTY" {
		return "", refuse("Such as: SELECT count(*) FROM person", "the question reads no table")
	}
	sql, err := s.join(n)
	if err != nil {
		return "", err
	}
	if s.sources[0].Of != Persons {
		return "", refuse("Begin with a table that has person_id", "the first table of a question is one about persons")
	}
	return sql, nil
}

// join reads tables from left to right.
func (s *scope) join(n *node) (string, error) {
	switch n.Type {
	case "BASE_TABLE":
		return s.base(n)
	case "JOIN":
	case "TABLE_FUNCTION":
		name := "a function"
		if n.Call != nil {
			name = strings.ToLower(n.Call.Function)
		}
		if reason, ok := leaks[name]; ok {
			return "", refuse("Read the tables of the space by their names", "%s is not offered: %s", name, reason)
		}
		return "", refuse("Read the tables of the space by their names", "functions are not offered in FROM: %s is no table", name)
	case "SUBQUERY":
		return "", refuse("Write it as one SELECT, with JOIN and IN (SELECT person_id …)", "a SELECT in FROM is not offered")
	default:
		return "", refuse("Read the tables of the space", "%s is not offered in FROM", strings.ToLower(strings.ReplaceAll(n.Type, "_", " ")))
	}
	if n.RefType != "REGULAR" || n.JoinType != "INNER" && n.JoinType != "LEFT" {
		return "", refuse("Write JOIN … USING (person_id), or LEFT JOIN", "this kind of join is not offered")
	}
	left, err := s.join(n.Left)
	if err != nil {
		return "", err
	}
	if n.Right == nil || n.Right.Type != "BASE_TABLE" {
		return "", refuse("Join one table after the other", "what is joined is a table of the space")
	}
	before := len(s.sources)
	right, err := s.base(n.Right)
	if err != nil {
		return "", err
	}
	on, err := s.on(n, before)
	if err != nil {
		return "", err
	}
	return left + " " + n.JoinType + " JOIN " + right + " ON " + on, nil
}

func (s *scope) base(n *node) (string, error) {
	if n.Catalog != "" || n.Schema != "" && !strings.EqualFold(n.Schema, "main") {
		return "", refuse("Read the tables of the space", "%s is no table of the space", strings.Trim(n.Catalog+"."+n.Schema+"."+n.Table, "."))
	}
	if len(n.ColumnAlias) > 0 || written(n.Sample) || written(n.At) {
		return "", refuse("Name the table, and no more", "samples, versions and other names of columns are not offered")
	}
	t := s.schema.table(n.Table)
	if t == nil {
		return "", refuse(meant(n.Table, s.schema.names()), "the space has no table %q", n.Table)
	}
	if t.Of == Persons && t.column("person_id") == nil {
		return "", refuse("Ask for the column: rempart project amend", "table %s was granted without person_id: persons cannot be counted in it", t.Name)
	}
	if len(s.sources) == maxTables {
		return "", refuse("Ask for less at a time, or run a study", "a question reads %d tables at most", maxTables)
	}
	alias := n.Alias
	if alias == "" {
		alias = t.Name
	}
	for _, other := range s.sources {
		if strings.EqualFold(other.alias, alias) {
			return "", refuse("Give one of them another name", "two tables are called %s", alias)
		}
	}
	as := fmt.Sprintf("t%d_%d", s.depth, len(s.sources))
	s.sources = append(s.sources, source{alias, as, t})
	return engine.Quote(t.Name) + " AS " + as, nil
}

// on is the condition of a join. A table about persons is joined by the person: what is
// counted of somebody is then what is recorded of that same person, and never of another.
func (s *scope) on(n *node, before int) (string, error) {
	joined := s.sources[before]
	linked, equal := joined.Of != Persons, false
	var all []string
	for _, name := range n.Using {
		right := joined.column(name)
		for i := range before {
			left := s.sources[i].column(name)
			if left == nil || right == nil {
				continue
			}
			if left.Kind != right.Kind || left.Series != right.Series {
				return "", refuse("Write JOIN … ON", "%s is not the same in both tables", name)
			}
			all = append(all, fmt.Sprintf("%s.%s = %s.%s", s.sources[i].as, engine.Quote(left.Name), joined.as, engine.Quote(right.Name)))
			s.merged[strings.ToLower(name)] = true
			equal = true
			linked = linked || strings.EqualFold(name, "person_id") && s.sources[i].Of == Persons
			break
		}
	}
	if len(all) < len(n.Using) {
		return "", refuse("", "USING names a column that one of the tables does not have")
	}
	for _, c := range conjuncts(n.Condition) {
		sql, err := s.truth(c)
		if err != nil {
			return "", err
		}
		all = append(all, sql)
		if c.Class != "COMPARISON" || c.Type != "COMPARE_EQUAL" || c.Left == nil || c.Right == nil || c.Left.Class != "COLUMN_REF" || c.Right.Class != "COLUMN_REF" {
			continue
		}
		a, x, err := s.column(c.Left.Names)
		if err != nil {
			return "", err
		}
		b, y, err := s.column(c.Right.Names)
		if err != nil {
			return "", err
		}
		if (a.as == joined.as) == (b.as == joined.as) {
			continue
		}
		equal = true
		linked = linked || a.Of == Persons && b.Of == Persons && strings.EqualFold(x.Name, "person_id") && strings.EqualFold(y.Name, "person_id")
	}
	if !equal {
		return "", refuse("Write JOIN … USING (person_id), or ON a.x = b.x", "tables are joined by a column that both have")
	}
	if !linked {
		return "", refuse("Write JOIN … USING (person_id)", "tables about persons are joined by person_id: nobody is counted by what another has")
	}
	return "(" + strings.Join(all, " AND ") + ")", nil
}

func conjuncts(n *node) []*node {
	switch {
	case n == nil:
		return nil
	case n.Class == "CONJUNCTION" && n.Type == "CONJUNCTION_AND":
		var all []*node
		for _, c := range n.Children {
			all = append(all, conjuncts(c)...)
		}
		return all
	}
	return []*node{n}
}

// member is x IN (SELECT …): persons by what is recorded of them, or codes by the
// vocabulary.
func (s *scope) member(n *node) (v value, err error) {
	if n.SubType != "ANY" || n.Compare != "COMPARE_EQUAL" || n.Child == nil || n.Subquery == nil || n.Subquery.Node == nil {
		return v, refuse("Write person_id IN (SELECT person_id FROM … WHERE …)", "this kind of subquery is not offered")
	}
	sub := n.Subquery.Node
	if sub.Type != "SELECT_NODE" || len(sub.Modifiers) > 0 || len(sub.Sets) > 1 {
		return v, refuse("Write person_id IN (SELECT person_id FROM … WHERE …)", "this kind of subquery is not offered")
	}
	if err := plainSelect(sub); err != nil {
		return v, err
	}
	x, err := s.value(n.Child)
	if err != nil {
		return v, err
	}
	in := &scope{schema: s.schema, left: s.left, merged: map[string]bool{}, depth: s.depth + 1}
	if sub.From == nil {
		return v, refuse("", "the subquery reads no table")
	}
	from, err := in.join(sub.From)
	if err != nil {
		return v, err
	}
	vocabulary := !slices.ContainsFunc(in.sources, func(t source) bool { return t.Of != Vocabulary })
	if len(sub.Select) != 1 || sub.Select[0].Class != "COLUMN_REF" {
		return v, refuse("Write person_id IN (SELECT person_id FROM … WHERE …)", "a subquery yields one column")
	}
	y, err := in.value(sub.Select[0])
	if err != nil {
		return v, err
	}
	switch {
	case vocabulary && x.kind == y.kind && x.kind != Record:
	case !vocabulary && x.column && y.column && x.kind == Record && y.kind == Record && x.series == "person" && y.series == "person" && in.sources[0].Of == Persons:
	default:
		return v, refuse("Write person_id IN (SELECT person_id FROM … WHERE …), or a code IN (SELECT … FROM concept_ancestor …)", "a subquery chooses persons by person_id, or codes by the vocabulary, and nothing else: what is counted of somebody is never what another has")
	}
	where := "TRUE"
	if sub.Where != nil {
		if where, err = in.truth(sub.Where); err != nil {
			return v, err
		}
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s", y.sql, from, where)
	grouped, err := in.repeated(sub, y)
	if err != nil {
		return v, err
	}
	return value{sql: fmt.Sprintf("(%s IN (%s%s))", x.sql, sql, grouped), kind: Truth}, nil
}

// repeated is GROUP BY person_id HAVING count(*) >= 2 of a subquery.
func (s *scope) repeated(sub *node, y value) (string, error) {
	if len(sub.Groups) == 0 && sub.Having == nil {
		return "", nil
	}
	const remedy = "Write GROUP BY person_id HAVING count(*) >= 2"
	if len(sub.Groups) != 1 || sub.Having == nil || sub.Having.Class != "COMPARISON" || y.series != "person" {
		return "", refuse(remedy, "a subquery is grouped by person_id alone, to choose persons by how often something is recorded")
	}
	g, err := s.value(sub.Groups[0])
	if err != nil {
		return "", err
	}
	sign := comparisons[sub.Having.Type]
	count, bound := sub.Having.Left, sub.Having.Right
	if g.sql != y.sql || sign == "" || count == nil || bound == nil || count.Class != "FUNCTION" || count.Function != "count_star" || count.Filter != nil {
		return "", refuse(remedy, "a subquery is grouped by person_id alone, to choose persons by how often something is recorded")
	}
	n, ok := whole(bound)
	if !ok {
		return "", refuse(remedy, "HAVING compares count(*) with a number")
	}
	return fmt.Sprintf(" GROUP BY %s HAVING count(*) %s %d", y.sql, sign, n), nil
}

// read takes in what is to be shown, and by which groups.
func (p *Plan) read(s *scope, n *node) error {
	keys := map[string]int{} // of groups, by their SQL
	add := func(g *node) error {
		if at, ok := whole(g); ok && g.Class == "CONSTANT" { // GROUP BY 1
			if at < 1 || at > len(n.Select) {
				return refuse("", "GROUP BY %d: there is no such column", at)
			}
			g = n.Select[at-1]
		} else if g.Class == "COLUMN_REF" && len(g.Names) == 1 { // GROUP BY alias
			if _, _, err := s.column(g.Names); err != nil {
				i := slices.IndexFunc(n.Select, func(c *node) bool { return strings.EqualFold(c.Alias, g.Names[0]) })
				if i < 0 {
					return err
				}
				g = n.Select[i]
			}
		}
		v, err := s.value(g)
		if err != nil {
			return err
		}
		if v.kind == Record {
			return refuse("Group by what is recorded: a year, a code", "nobody is shown by number: groups are not those of a %s", v.series)
		}
		if v.fixed {
			return refuse("", "a group by a constant is no group")
		}
		keys[v.sql] = len(p.groups)
		p.groups = append(p.groups, v.sql)
		return nil
	}
	for _, g := range n.Groups {
		if err := add(g); err != nil {
			return err
		}
	}
	switch n.Handling {
	case "", "STANDARD_HANDLING":
	case "FORCE_AGGREGATES": // GROUP BY ALL
		for _, c := range n.Select {
			if !isAggregate(c) {
				if err := add(c); err != nil {
					return err
				}
			}
		}
	default:
		return refuse("Write GROUP BY", "this way of grouping is not offered")
	}
	if p.Groups = len(p.groups); p.Groups > maxGroups {
		return refuse("Ask for less at a time, or run a study", "an answer has %d groups at most", maxGroups)
	}
	p.sets(n.Sets)
	for i, c := range n.Select {
		shown := Shown{Name: c.Alias, Group: -1, Measure: -1}
		if isAggregate(c) {
			m, err := s.measure(c)
			if err != nil {
				return err
			}
			if shown.Name == "" {
				shown.Name = strings.ReplaceAll(m.Of, "values", "count")
			}
			shown.Measure = len(p.Measures)
			p.Measures = append(p.Measures, m)
		} else {
			v, err := s.value(c)
			if err != nil {
				return err
			}
			at, ok := keys[v.sql]
			if !ok {
				return refuse("Write GROUP BY, or a count, sum or average of it", "column %d of the answer would show rows: it is neither a group nor a count", i+1)
			}
			shown.Group = at
			if shown.Name == "" && c.Class == "COLUMN_REF" {
				shown.Name = c.Names[len(c.Names)-1]
			}
			if shown.Name == "" {
				shown.Name = fmt.Sprintf("group_%d", at+1)
			}
		}
		p.Shown = append(p.Shown, shown)
	}
	switch {
	case len(p.Measures) == 0:
		return refuse("Such as: SELECT year_of_birth, count(*) FROM person GROUP BY 1", "the question counts nothing")
	case len(p.Measures) > maxMeasures:
		return refuse("Ask for less at a time", "an answer has %d counts and summaries at most", maxMeasures)
	}
	return nil
}

// sets are the tables of an answer, each by some of the groups.
func (p *Plan) sets(sets [][]int) {
	if len(sets) == 0 {
		all := []int{}
		for i := range p.Groups {
			all = append(all, i)
		}
		sets = [][]int{all}
	}
	for _, set := range sets {
		set = slices.Sorted(slices.Values(set))
		if !slices.ContainsFunc(p.Sets, func(o []int) bool { return slices.Equal(o, set) }) {
			p.Sets = append(p.Sets, append([]int{}, set...))
		}
	}
}

func isAggregate(n *node) bool {
	return n.Class == "FUNCTION" && aggregates[strings.ToLower(n.Function)]
}

// measure reads an aggregate.
func (s *scope) measure(n *node) (m Measure, err error) {
	name := strings.ToLower(n.Function)
	if n.OrderBys != nil && len(n.OrderBys.Orders) > 0 {
		return m, refuse("", "ORDER BY within a function is not offered")
	}
	if n.Filter != nil {
		if m.only, err = s.truth(n.Filter); err != nil {
			return m, err
		}
		m.Filtered = true
	}
	if name == "count_star" {
		m.Of = "rows"
		return m, nil
	}
	if len(n.Children) == 0 {
		return m, refuse("", "%s of what?", name)
	}
	arg := n.Children[0]
	v, err := s.value(arg)
	if err != nil {
		return m, err
	}
	m.arg = v.sql
	if name == "count" {
		switch {
		case len(n.Children) > 1:
			return m, refuse("", "count takes one thing")
		case !n.Distinct:
			m.Of = "values"
		case v.column && v.kind == Record && v.series == "person":
			m.Of = "persons"
		case v.column && v.kind == Record && s.key(arg):
			m.Of = "records"
		default:
			return m, refuse("Count persons, count(DISTINCT person_id), or the rows of a table by its own number", "different values are not counted: how many there are is told by few persons")
		}
		return m, nil
	}
	if n.Distinct {
		return m, refuse("", "DISTINCT is for count")
	}
	if v.kind != Number {
		return m, refuse("", "%s wants a number", name)
	}
	if err := plainNumber(arg); err != nil {
		return m, err
	}
	m.arg = "CAST(" + v.sql + " AS DOUBLE)"
	switch name {
	case "sum":
		m.Of = "sum"
	case "avg", "mean":
		m.Of = "average"
	case "stddev", "stddev_samp":
		m.Of = "deviation"
	case "median":
		m.Of, m.At = "quantile", 0.5
	default:
		m.Of = "quantile"
		at := 0.0
		if len(n.Children) == 2 {
			if c, err := constantOf(n.Children[1].Value); err == nil && c.kind == Number {
				at = c.number
			}
		}
		if at < 0.01 || at > 0.99 {
			return m, refuse("Such as quantile_cont(x, 0.95)", "a quantile lies between 0.01 and 0.99: the smallest and the largest value are somebody's")
		}
		m.At = at
		return m, nil
	}
	if len(n.Children) > 1 {
		return m, refuse("", "%s takes one thing", name)
	}
	return m, nil
}

// plainNumber refuses sums of what was computed with constants: scaled, the same sum with
// a person less could not be told from another one.
func plainNumber(n *node) error {
	switch n.Class {
	case "COLUMN_REF":
		return nil
	case "CONSTANT":
		if n.Value != nil && (n.Value.IsNull || string(n.Value.Value) == "0" || string(n.Value.Value) == "1") {
			return nil
		}
	case "CASE":
		for _, c := range n.Checks {
			if err := plainNumber(c.Then); err != nil {
				return err
			}
		}
		if n.Else == nil {
			return nil
		}
		return plainNumber(n.Else)
	case "FUNCTION":
		switch strings.ToLower(n.Function) {
		case "year", "month", "date_diff", "datediff", "length":
			return nil
		case "-":
			if len(n.Children) == 2 {
				a, b := plainNumber(n.Children[0]), plainNumber(n.Children[1])
				if a == nil && b == nil && n.Children[0].Class != "CONSTANT" && n.Children[1].Class != "CONSTANT" {
					return nil
				}
			}
		}
	}
	return refuse("Compute with the answer", "sums and averages are of columns, of times between dates, and of CASE with columns, 0 and 1: not of what was computed with numbers")
}

// key says whether a column numbers the rows of its own table, which is about persons.
func (s *scope) key(n *node) bool {
	at, c, err := s.column(n.Names)
	return err == nil && at.Of == Persons && c.Key
}

// modify reads ORDER BY and LIMIT, which work on what is shown.
func (p *Plan) modify(n *node) error {
	for _, m := range n.Modifiers {
		switch m.Type {
		case "ORDER_MODIFIER":
			for _, o := range m.Orders {
				column, err := p.column(n, o.Expression)
				if err != nil {
					return err
				}
				p.Order = append(p.Order, Order{column, o.Type == "DESCENDING"})
			}
		case "LIMIT_MODIFIER":
			limit, ok := 0, true
			if m.Limit != nil {
				limit, ok = whole(m.Limit)
			}
			if m.Offset != nil || !ok || limit < 1 {
				return refuse("Write LIMIT 20", "LIMIT takes a number, and OFFSET is not offered: the answer is shown whole")
			}
			p.Limit = limit
		default:
			return refuse("Use GROUP BY", "%s is not offered", strings.ToLower(strings.TrimSuffix(m.Type, "_MODIFIER")))
		}
	}
	return nil
}

// column is the column of the answer that ORDER BY names.
func (p *Plan) column(n, by *node) (int, error) {
	if by != nil {
		if at, ok := whole(by); ok && at >= 1 && at <= len(p.Shown) {
			return at - 1, nil
		}
		for i, c := range n.Select {
			if by.Class == "COLUMN_REF" && strings.EqualFold(p.Shown[i].Name, by.Names[len(by.Names)-1]) || same(c, by) {
				return i, nil
			}
		}
	}
	return 0, refuse("Name a column of the answer, or its number", "an answer is sorted by what it shows")
}

// same says whether two expressions are written alike.
func same(a, b *node) bool {
	x, y := *a, *b
	x.Alias, y.Alias = "", ""
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}
