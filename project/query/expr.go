package query

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/internal/nearest"
)

// value is an expression that was read, written anew as SQL. Each of them has a value for
// every row: nothing that a person's data holds can make one fail.
type value struct {
	sql    string
	kind   Kind
	series string  // of a Record
	fixed  bool    // it is a constant
	null   bool    // it is NULL
	column bool    // it is a column as it stands
	number float64 // of a fixed Number
}

// byNumber is why a record number stands in no other condition.
var byNumber = refuse("Choose persons by what is recorded of them", "record numbers are compared with each other alone, by =: nobody is chosen by number")

// source is a table that a question reads.
type source struct {
	alias string // as the question calls it
	as    string // as our SQL does
	*Table
}

// scope is what names mean in one SELECT.
type scope struct {
	schema  Schema
	sources []source
	merged  map[string]bool // columns joined by USING: the first table has them
	left    *int            // of the question's parts: a bound on its size
	depth   int
}

// function is one that is offered: what it takes and how it is written.
type function struct {
	takes []Kind
	gives Kind
	write string // its arguments are %[1]s, %[2]s
}

var functions = map[string][]function{
	"year":      {{[]Kind{Date}, Number, "year(%s)"}},
	"month":     {{[]Kind{Date}, Number, "month(%s)"}},
	"quarter":   {{[]Kind{Date}, Number, "quarter(%s)"}},
	"dayofweek": {{[]Kind{Date}, Number, "dayofweek(%s)"}},
	"isodow":    {{[]Kind{Date}, Number, "isodow(%s)"}},
	"lower":     {{[]Kind{Text}, Text, "lower(%s)"}},
	"upper":     {{[]Kind{Text}, Text, "upper(%s)"}},
	"trim":      {{[]Kind{Text}, Text, "trim(%s)"}},
	"length":    {{[]Kind{Text}, Number, "length(%s)"}},
	"abs":       {{[]Kind{Number}, Number, "abs(%s)"}},
	"floor":     {{[]Kind{Number}, Number, "floor(%s)"}},
	"ceil":      {{[]Kind{Number}, Number, "ceil(%s)"}},
	"round":     {{[]Kind{Number}, Number, "round(%s)"}},
	"trunc":     {{[]Kind{Number}, Number, "trunc(%s)"}},
	"+":         {{[]Kind{Number, Number}, Number, "(%s + %s)"}},
	"-":         {{[]Kind{Number, Number}, Number, "(%s - %s)"}, {[]Kind{Date, Date}, Number, "(%s - %s)"}, {[]Kind{Number}, Number, "(-%s)"}},
	"*":         {{[]Kind{Number, Number}, Number, "(%s * %s)"}},
	"/":         {{[]Kind{Number, Number}, Number, "(%[1]s / nullif(%[2]s, 0))"}},
	"//":        {{[]Kind{Number, Number}, Number, "floor(%[1]s / nullif(%[2]s, 0))"}},
	"%":         {{[]Kind{Number, Number}, Number, "(%[1]s %% nullif(%[2]s, 0))"}},
	"~~":        {{[]Kind{Text, Text}, Truth, "(%s LIKE %s)"}},
	"!~~":       {{[]Kind{Text, Text}, Truth, "(%s NOT LIKE %s)"}},
	"~~*":       {{[]Kind{Text, Text}, Truth, "(%s ILIKE %s)"}},
	"!~~*":      {{[]Kind{Text, Text}, Truth, "(%s NOT ILIKE %s)"}},
}

// leaks are functions that people ask for and that are never offered, with the reason.
var leaks = map[string]string{}

func because(reason string, names ...string) {
	for _, n := range names {
		leaks[n] = reason
	}
}

func init() {
	because("the smallest and the largest value are somebody's: ask for quantile_cont(x, 0.05) or (x, 0.95)", "min", "max")
	because("it hands out rows, or values of single persons: ask for counts, sums, averages, medians", "list", "array_agg", "string_agg", "group_concat", "listagg", "histogram", "histogram_exact",
		"first", "last", "any_value", "arbitrary", "arg_max", "arg_min", "max_by", "min_by", "argmax", "argmin", "arg_max_null", "arg_min_null", "mode", "map", "struct_pack", "row", "list_value", "json_group_array", "json_group_object", "json_object", "json_array", "to_json",
		"approx_top_k", "list_aggregate", "list_aggr", "array_aggregate", "unnest", "generate_subscripts", "reservoir_quantile", "product", "bit_and", "bit_or", "bit_xor", "bitstring_agg", "bool_and", "bool_or", "checksum", "first_value", "last_value", "nth_value", "lag", "lead", "row_number", "rank", "kurtosis", "skewness", "entropy", "mad", "corr", "covar_pop", "regr_slope")
	because("it reaches files, settings, secrets or the machine, which no question does", "getenv", "read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_text", "read_blob", "read_json", "read_json_auto", "glob", "sniff_csv", "duckdb_secrets", "which_secret", "duckdb_settings", "current_setting",
		"parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata", "query", "query_table", "nextval", "currval", "version", "current_database", "current_schema", "current_schemas", "current_user", "pg_typeof", "in_search_path", "txid_current", "getvariable", "write_log", "parse_duckdb_log_message", "is_histogram_other_bin", "pragma_version")
	because("an error would tell something of a row", "error", "assert")
	because("the same question has the same answer: no chance and no clock; write a date", "random", "setseed", "uuid", "gen_random_uuid", "now", "current_timestamp", "get_current_timestamp", "current_date", "today", "current_time", "current_localtimestamp", "transaction_timestamp", "epoch_ms", "hash", "md5", "sha256", "sha1")
}

// column finds a column by its name.
func (s *scope) column(names []string) (*source, *Column, error) {
	if len(names) > 2 || len(names) == 0 {
		return nil, nil, refuse("Write column, or table.column", "%s cannot name a column", strings.Join(names, "."))
	}
	name := names[len(names)-1]
	var at *source
	var found *Column
	for i := range s.sources {
		src := &s.sources[i]
		if len(names) == 2 && !strings.EqualFold(names[0], src.alias) {
			continue
		}
		if c := src.column(name); c != nil {
			if found != nil {
				if s.merged[strings.ToLower(name)] {
					continue
				}
				return nil, nil, refuse(fmt.Sprintf("Write %s.%s", at.alias, name), "%s is a column of several tables", name)
			}
			at, found = src, c
		}
	}
	if found == nil {
		var known []string
		for _, src := range s.sources {
			known = append(known, src.names()...)
		}
		return nil, nil, refuse(meant(name, known), "the tables of the question have no column %q", strings.Join(names, "."))
	}
	return at, found, nil
}

func meant(got string, known []string) string {
	if near := nearest.Name(strings.ToLower(got), known); near != "" {
		return fmt.Sprintf("Did you mean %s?", near)
	}
	return "See what the space holds: rempart project catalogue"
}

const maxDepth = 40

// value reads an expression over one row.
func (s *scope) value(n *node) (v value, err error) {
	if n == nil {
		return v, refuse("", "a part of the question is missing")
	}
	s.depth++
	defer func() { s.depth-- }()
	if *s.left--; *s.left < 0 || s.depth > maxDepth {
		return v, refuse("Ask for less at a time, or run a study", "the question is too large")
	}
	switch n.Class {
	case "COLUMN_REF":
		at, c, err := s.column(n.Names)
		if err != nil {
			return v, err
		}
		sql := at.as + "." + engine.Quote(c.Name)
		if c.Kind == Date {
			sql = "CAST(" + sql + " AS DATE)"
		}
		return value{sql: sql, kind: c.Kind, series: c.Series, column: true}, nil
	case "CONSTANT":
		return constantOf(n.Value)
	case "CAST":
		return s.cast(n)
	case "COMPARISON":
		return s.compare(n)
	case "CONJUNCTION":
		word := map[string]string{"CONJUNCTION_AND": " AND ", "CONJUNCTION_OR": " OR "}[n.Type]
		if word == "" {
			break
		}
		var parts []string
		for _, c := range n.Children {
			t, err := s.truth(c)
			if err != nil {
				return v, err
			}
			parts = append(parts, t)
		}
		return value{sql: "(" + strings.Join(parts, word) + ")", kind: Truth}, nil
	case "BETWEEN":
		return s.between(n)
	case "OPERATOR":
		return s.operator(n)
	case "CASE":
		return s.choice(n)
	case "FUNCTION":
		return s.call(n)
	case "SUBQUERY":
		return s.member(n)
	case "WINDOW":
		return v, refuse("Ask for counts and summaries of groups", "windows are not offered: they give one row for each row")
	case "STAR":
		return v, refuse("Ask for counts and summaries of groups", "* asks for rows: none are shown")
	case "LAMBDA", "POSITIONAL_REFERENCE", "PARAMETER", "DEFAULT", "COLLATE":
	}
	return v, refuse("Ask for counts and summaries, or run a study", "%s is not offered in a question", strings.ToLower(strings.ReplaceAll(n.Class+" "+n.Type, "_", " ")))
}

// truth reads a condition.
func (s *scope) truth(n *node) (string, error) {
	v, err := s.value(n)
	if err != nil {
		return "", err
	}
	if v.kind != Truth && !v.null {
		return "", refuse("Compare it with something", "a %s is no condition", v.kind)
	}
	return v.sql, nil
}

func constantOf(c *constant) (v value, err error) {
	if c == nil {
		return v, refuse("", "a value is missing")
	}
	if c.IsNull {
		return value{sql: "NULL", fixed: true, null: true}, nil
	}
	switch c.Type.ID {
	case "BOOLEAN":
		return value{sql: strings.ToUpper(string(c.Value)), kind: Truth, fixed: true}, nil
	case "VARCHAR":
		var text string
		if err := json.Unmarshal(c.Value, &text); err != nil {
			return v, refuse("", "a text cannot be read")
		}
		return value{sql: engine.Literal(text), kind: Text, fixed: true}, nil
	case "INTEGER", "BIGINT", "DOUBLE", "DECIMAL", "TINYINT", "SMALLINT":
		x, err := strconv.ParseFloat(strings.Trim(string(c.Value), `"`), 64)
		if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
			return v, refuse("Write a number such as 2.5", "a number cannot be read")
		}
		if c.Type.Info != nil {
			x /= math.Pow10(c.Type.Info.Scale)
		}
		return value{sql: number(x), kind: Number, fixed: true, number: x}, nil
	}
	return v, refuse("Write numbers, texts and DATE '2025-12-31'", "values of type %s are not offered", c.Type.ID)
}

func number(x float64) string {
	return "CAST(" + strconv.FormatFloat(x, 'g', -1, 64) + " AS DOUBLE)"
}

// cast is DATE '2025-12-31', and nothing else: to write a value as another kind can fail,
// and what fails tells.
func (s *scope) cast(n *node) (v value, err error) {
	if n.CastType != nil && n.CastType.ID == "DATE" && n.Child != nil && n.Child.Class == "CONSTANT" {
		return s.date(n.Child)
	}
	if n.CastType != nil && n.CastType.ID == "BOOLEAN" && n.Child != nil && n.Child.Class == "CONSTANT" {
		v, err := constantOf(n.Child.Value)
		if err == nil && v.kind == Text {
			switch strings.ToLower(v.sql) {
			case "'t'", "'true'":
				return value{sql: "TRUE", kind: Truth, fixed: true}, nil
			case "'f'", "'false'":
				return value{sql: "FALSE", kind: Truth, fixed: true}, nil
			}
		}
	}
	return v, refuse("Compare values as they are; dates are written DATE '2025-12-31'", "casts are not offered: one that fails would tell of a row")
}

func (s *scope) date(n *node) (v value, err error) {
	c, err := constantOf(n.Value)
	if err != nil || c.kind != Text {
		return v, refuse("Write DATE '2025-12-31'", "a date cannot be read")
	}
	if v, ok := c.day(); ok {
		return v, nil
	}
	return v, refuse("Write DATE '2025-12-31'", "a date cannot be read")
}

// day is the date that a fixed text writes.
func (v value) day() (value, bool) {
	day, err := time.Parse(time.DateOnly, strings.Trim(v.sql, "'"))
	return value{sql: "DATE " + engine.Literal(day.Format(time.DateOnly)), kind: Date, fixed: true}, err == nil
}

// pair makes two values comparable.
func pair(a, b *value) error {
	for _, v := range [][2]*value{{a, b}, {b, a}} {
		if v[0].kind == Date && v[1].kind == Text && v[1].fixed { // a date written as a text
			day, ok := v[1].day()
			if !ok {
				return refuse("Write DATE '2025-12-31'", "a date is compared with a text that is none")
			}
			*v[1] = day
		}
	}
	switch {
	case a.null || b.null:
		return nil
	case a.kind != b.kind:
		return refuse("", "a %s cannot be compared with a %s", a.kind, b.kind)
	case a.kind == Record && (a.series != b.series || a.fixed || b.fixed):
		return refuse("", "the number of a %s and that of a %s are not comparable", a.series, b.series)
	}
	return nil
}

var comparisons = map[string]string{
	"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
	"COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
	"COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}

func (s *scope) compare(n *node) (v value, err error) {
	sign := comparisons[n.Type]
	a, err := s.value(n.Left)
	if err != nil {
		return v, err
	}
	b, err := s.value(n.Right)
	if err != nil {
		return v, err
	}
	if a.kind == Record || b.kind == Record {
		if sign != "=" || a.kind != b.kind {
			return v, byNumber
		}
	}
	if err := pair(&a, &b); err != nil {
		return v, err
	}
	if sign == "" {
		return v, refuse("", "this comparison is not offered")
	}
	return value{sql: "(" + a.sql + " " + sign + " " + b.sql + ")", kind: Truth}, nil
}

func (s *scope) between(n *node) (v value, err error) {
	var parts [3]value
	for i, part := range []*node{n.Input, n.Lower, n.Upper} {
		if parts[i], err = s.value(part); err != nil {
			return v, err
		}
	}
	for i := 1; i < 3; i++ {
		if parts[0].kind == Record {
			return v, byNumber
		}
		if err := pair(&parts[0], &parts[i]); err != nil {
			return v, err
		}
	}
	word := "BETWEEN"
	if n.Type == "COMPARE_NOT_BETWEEN" {
		word = "NOT BETWEEN"
	}
	return value{sql: fmt.Sprintf("(%s %s %s AND %s)", parts[0].sql, word, parts[1].sql, parts[2].sql), kind: Truth}, nil
}

func (s *scope) operator(n *node) (v value, err error) {
	var parts []value
	for _, c := range n.Children {
		p, err := s.value(c)
		if err != nil {
			return v, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return v, refuse("", "an operator has nothing to work on")
	}
	switch n.Type {
	case "OPERATOR_NOT":
		if parts[0].kind != Truth {
			return v, refuse("", "NOT wants a condition")
		}
		return value{sql: "(NOT " + parts[0].sql + ")", kind: Truth}, nil
	case "OPERATOR_IS_NULL":
		return value{sql: "(" + parts[0].sql + " IS NULL)", kind: Truth}, nil
	case "OPERATOR_IS_NOT_NULL":
		return value{sql: "(" + parts[0].sql + " IS NOT NULL)", kind: Truth}, nil
	case "COMPARE_IN", "COMPARE_NOT_IN":
		if parts[0].kind == Record {
			return v, byNumber
		}
		var list []string
		for i := range parts[1:] {
			if !parts[i+1].fixed {
				return v, refuse("", "IN wants a list of values")
			}
			if err := pair(&parts[0], &parts[i+1]); err != nil {
				return v, err
			}
			list = append(list, parts[i+1].sql)
		}
		word := "IN"
		if n.Type == "COMPARE_NOT_IN" {
			word = "NOT IN"
		}
		return value{sql: fmt.Sprintf("(%s %s (%s))", parts[0].sql, word, strings.Join(list, ", ")), kind: Truth}, nil
	case "OPERATOR_COALESCE":
		var list []string
		for i := range parts {
			if parts[i].kind == Record {
				return v, refuse("", "record numbers are compared with each other alone")
			}
			if err := pair(&parts[0], &parts[i]); err != nil {
				return v, err
			}
			list = append(list, parts[i].sql)
		}
		return value{sql: "coalesce(" + strings.Join(list, ", ") + ")", kind: parts[0].kind}, nil
	}
	return v, refuse("Ask for counts and summaries, or run a study", "%s is not offered in a question", strings.ToLower(strings.ReplaceAll(n.Type, "_", " ")))
}

// choice is CASE WHEN … THEN … ELSE … END.
func (s *scope) choice(n *node) (v value, err error) {
	var b strings.Builder
	b.WriteString("(CASE")
	take := func(n *node) error {
		p, err := s.value(n)
		if err != nil {
			return err
		}
		if p.kind == Record {
			return refuse("", "record numbers are compared with each other alone")
		}
		if v.kind != "" && !p.null {
			first := v
			if err := pair(&first, &p); err != nil {
				return err
			}
		}
		if !p.null {
			v.kind = p.kind
		}
		b.WriteString(p.sql)
		return nil
	}
	for _, c := range n.Checks {
		when, err := s.truth(c.When)
		if err != nil {
			return v, err
		}
		b.WriteString(" WHEN " + when + " THEN ")
		if err := take(c.Then); err != nil {
			return v, err
		}
	}
	if n.Else != nil {
		b.WriteString(" ELSE ")
		if err := take(n.Else); err != nil {
			return v, err
		}
	}
	if v.kind == "" {
		return v, refuse("", "CASE has no value")
	}
	v.sql = b.String() + " END)"
	return v, nil
}

// call is a function of one row.
func (s *scope) call(n *node) (v value, err error) {
	name := strings.ToLower(n.Function)
	if reason, ok := leaks[name]; ok {
		return v, refuse("", "%s is not offered: %s", name, reason)
	}
	if aggregates[name] || n.Distinct || n.Filter != nil {
		return v, refuse("", "%s stands where the value of a row is wanted", name)
	}
	if n.OrderBys != nil && len(n.OrderBys.Orders) > 0 {
		return v, refuse("", "ORDER BY within a function is not offered")
	}
	switch name {
	case "date_part", "datepart", "date_trunc", "datetrunc", "date_diff", "datediff":
		return s.dates(name, n.Children)
	case "left", "substring", "substr":
		return s.part(name, n.Children)
	}
	if v, ok, err := s.shifted(name, n.Children); ok || err != nil {
		return v, err
	}
	forms, known := functions[name]
	if !known {
		return v, refuse("Offered are counts, sums, averages, quantiles, and functions of dates, numbers and texts: docs/queries.md", "the function %s is not offered", name)
	}
	var args []value
	for _, c := range n.Children {
		a, err := s.value(c)
		if err != nil {
			return v, err
		}
		args = append(args, a)
	}
forms:
	for _, f := range forms {
		if len(f.takes) != len(args) {
			continue
		}
		written := make([]any, len(args))
		for i, a := range args {
			if a.kind != f.takes[i] {
				continue forms
			}
			written[i] = a.sql
			if a.kind == Number {
				written[i] = "CAST(" + a.sql + " AS DOUBLE)" // which has no overflow
			}
		}
		return value{sql: fmt.Sprintf(f.write, written...), kind: f.gives}, nil
	}
	return v, refuse("docs/queries.md lists what each function takes", "%s cannot take that", name)
}

var parts = map[string]string{"year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "isodow": "isodow", "dow": "dow"}

// dates are the functions that name a part of a date.
func (s *scope) dates(name string, args []*node) (v value, err error) {
	if len(args) < 2 {
		return v, refuse("", "%s wants a part and a date", name)
	}
	unit, err := constantOf(args[0].Value)
	part := parts[strings.ToLower(strings.Trim(unit.sql, "'"))]
	if err != nil || part == "" {
		return v, refuse("Parts are year, quarter, month, week and day", "%s: this part of a date is not offered", name)
	}
	var written []string
	for _, a := range args[1:] {
		d, err := s.value(a)
		if err != nil {
			return v, err
		}
		if d.kind == Text && d.fixed {
			if d, err = s.date(a); err != nil {
				return v, err
			}
		}
		if d.kind != Date {
			return v, refuse("", "%s wants dates", name)
		}
		written = append(written, d.sql)
	}
	switch {
	case strings.HasSuffix(name, "diff") && len(written) == 2 && part != "isodow" && part != "dow":
		return value{sql: fmt.Sprintf("date_diff('%s', %s, %s)", part, written[0], written[1]), kind: Number}, nil
	case strings.HasSuffix(name, "part") && len(written) == 1:
		return value{sql: fmt.Sprintf("date_part('%s', %s)", part, written[0]), kind: Number}, nil
	case strings.HasSuffix(name, "trunc") && len(written) == 1 && part != "isodow" && part != "dow":
		return value{sql: fmt.Sprintf("CAST(date_trunc('%s', %s) AS DATE)", part, written[0]), kind: Date}, nil
	}
	return v, refuse("", "%s cannot take that", name)
}

// part is the beginning of a text: left(x, 3), substr(x, 1, 3).
func (s *scope) part(name string, args []*node) (v value, err error) {
	if len(args) < 2 || len(args) > 3 {
		return v, refuse("", "%s wants a text and numbers", name)
	}
	text, err := s.value(args[0])
	if err != nil {
		return v, err
	}
	if text.kind != Text {
		return v, refuse("", "%s wants a text", name)
	}
	var numbers []string
	for _, a := range args[1:] {
		n, ok := whole(a)
		if !ok || n < 0 || n > 100 {
			return v, refuse("", "%s wants small numbers after the text", name)
		}
		numbers = append(numbers, strconv.Itoa(n))
	}
	return value{sql: fmt.Sprintf("%s(%s, %s)", name, text.sql, strings.Join(numbers, ", ")), kind: Text}, nil
}

// whole is a constant whole number.
func whole(n *node) (int, bool) {
	for n != nil && (n.Class == "CAST" || n.Class == "FUNCTION" && n.Function == "trunc" && len(n.Children) == 1) {
		if n.Class == "CAST" {
			n = n.Child
		} else {
			n = n.Children[0]
		}
	}
	if n == nil || n.Class != "CONSTANT" || n.Value == nil || n.Value.Type.ID != "INTEGER" {
		return 0, false
	}
	i, err := strconv.Atoi(string(n.Value.Value))
	return i, err == nil
}

// maxShift is how many days a date can be moved by.
const maxShift = 36525

// shifted is a date and a number of days, months or years: d + INTERVAL 30 DAY.
func (s *scope) shifted(name string, args []*node) (v value, ok bool, err error) {
	if name != "+" && name != "-" || len(args) != 2 {
		return v, false, nil
	}
	units := map[string]int{"to_days": 1, "to_weeks": 7, "to_months": 31, "to_years": 366}
	by := args[1]
	if by.Class != "FUNCTION" || units[by.Function] == 0 || len(by.Children) != 1 {
		return v, false, nil
	}
	n, isWhole := whole(by.Children[0])
	if !isWhole || n < 0 || n*units[by.Function] > maxShift {
		return v, true, refuse("Such as d + INTERVAL 30 DAY", "a date is moved by a fixed number of days, months or years, a century at most")
	}
	d, err := s.value(args[0])
	if err != nil {
		return v, true, err
	}
	if d.kind != Date {
		return v, true, refuse("", "an interval is added to a date")
	}
	return value{sql: fmt.Sprintf("TRY(CAST(%s %s %s(%d) AS DATE))", d.sql, name, by.Function, n), kind: Date}, true, nil
}
