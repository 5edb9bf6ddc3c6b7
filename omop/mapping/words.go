package mapping

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"rempart.eu/rempart/omop"
)

// conceptNames are the names of the concepts that mappings may write.
var conceptNames = sync.OnceValue(omop.OwnConcepts)

// unknownConcept stands behind the number of a concept that the build does not know.
const unknownConcept = " (a concept that omop/cdm/concept.csv lacks)"

func code(text string) string {
	return "`" + strings.ReplaceAll(text, "`", "'") + "`"
}

// say tells an expression in words. A number is a concept where concept says so.
func (s scope) say(e node, concept bool) string {
	part := func(x node) string { return s.say(x, concept) }
	switch e.text("class") {
	case "COLUMN_REF":
		if c, ok := s.find(e); ok {
			return c.show
		}
		return code(strings.Join(e.texts("column_names"), "."))
	case "CONSTANT":
		return constant(e, concept)
	case "CASE":
		return s.choice(e, concept)
	case "CAST":
		return s.cast(e, concept)
	case "COMPARISON":
		return s.compare(e)
	case "CONJUNCTION":
		word := map[string]string{"CONJUNCTION_AND": " and ", "CONJUNCTION_OR": " or "}[e.text("type")]
		return strings.Join(each(e.list("children"), func(x node) string {
			if x.text("class") == "CONJUNCTION" && x.text("type") != e.text("type") {
				return "(" + part(x) + ")"
			}
			return part(x)
		}), word)
	case "BETWEEN":
		return part(e.child("input")) + " is from " + part(e.child("lower")) + " to " + part(e.child("upper"))
	case "OPERATOR":
		return s.operator(e, concept)
	case "FUNCTION":
		return s.function(e, concept)
	case "WINDOW":
		return s.window(e)
	case "SUBQUERY":
		return "what a query of its own gives"
	case "STAR":
		return "rows"
	}
	return strings.ToLower(strings.ReplaceAll(e.text("type"), "_", " "))
}

func each(all []node, say func(node) string) []string {
	said := make([]string, len(all))
	for i, x := range all {
		said[i] = say(x)
	}
	return said
}

func constant(e node, concept bool) string {
	value := e.child("value")
	if null, _ := value["is_null"].(bool); null {
		return "nothing"
	}
	switch v := value["value"].(type) {
	case string:
		switch {
		case v == "":
			return "the empty text"
		case strings.TrimSpace(v) == "":
			return "a blank"
		case value.child("type").text("id") == "BOOLEAN":
			return map[string]string{"t": "true", "f": "false"}[v]
		}
		return code(v)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if info := value.child("type").child("type_info"); info != nil && value.child("type").text("id") == "DECIMAL" {
			if scale, ok := info["scale"].(float64); ok {
				text = strconv.FormatFloat(v/math.Pow10(int(scale)), 'f', -1, 64)
			}
		}
		if !concept {
			return text
		}
		if name, known := conceptNames()[text]; known {
			return text + " (" + name + ")"
		}
		return text + unknownConcept
	case bool:
		return strconv.FormatBool(v)
	}
	text, err := json.Marshal(value["value"])
	if err != nil {
		return "a constant"
	}
	return code(string(text))
}

// choice tells a CASE: by the values of one thing where it asks of one.
func (s scope) choice(e node, concept bool) string {
	checks := e.list("case_checks")
	otherwise := s.say(e.child("else_expr"), concept)
	var subject string
	for i, c := range checks {
		when := c.child("when_expr")
		if when.text("type") != "COMPARE_EQUAL" || when.child("right").text("class") != "CONSTANT" {
			subject = ""
			break
		}
		if of := s.say(when.child("left"), false); i == 0 {
			subject = of
		} else if of != subject {
			subject = ""
			break
		}
	}
	var parts []string
	for _, c := range checks {
		then := s.say(c.child("then_expr"), concept)
		if subject != "" {
			parts = append(parts, s.say(c.child("when_expr").child("right"), false)+" → "+then)
		} else {
			parts = append(parts, then+" where "+s.say(c.child("when_expr"), false))
		}
	}
	by, between := "", "; "
	if subject != "" {
		by, between = "by "+subject+": ", ", "
	}
	if otherwise != "nothing" {
		parts = append(parts, "else "+otherwise)
	}
	return by + strings.Join(parts, between)
}

func (s scope) cast(e node, concept bool) string {
	of := s.say(e.child("child"), concept)
	as := map[string]string{"DATE": "as a date", "TIMESTAMP": "as a time", "INTEGER": "as a whole number", "BIGINT": "as a whole number", "VARCHAR": "as text", "DOUBLE": "as a number"}[e.child("cast_type").text("id")]
	if e.child("child").text("class") == "CONSTANT" {
		return of
	}
	if as == "" {
		return of
	}
	if try, _ := e["try_cast"].(bool); try {
		as += " where it is one"
	}
	return of + " " + as
}

func (s scope) compare(e node) string {
	sign := map[string]string{
		"COMPARE_EQUAL": "is", "COMPARE_NOTEQUAL": "is not", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
		"COMPARE_LESSTHANOREQUALTO": "≤", "COMPARE_GREATERTHANOREQUALTO": "≥",
		"COMPARE_DISTINCT_FROM": "differs from", "COMPARE_NOT_DISTINCT_FROM": "is",
	}[e.text("type")]
	return s.say(e.child("left"), false) + " " + sign + " " + s.say(e.child("right"), false)
}

func (s scope) operator(e node, concept bool) string {
	parts := each(e.list("children"), func(x node) string { return s.say(x, concept) })
	switch e.text("type") {
	case "OPERATOR_COALESCE":
		return strings.Join(parts, ", else ")
	case "OPERATOR_IS_NULL":
		return parts[0] + " is empty"
	case "OPERATOR_IS_NOT_NULL":
		return parts[0] + " is given"
	case "OPERATOR_NOT":
		return "not (" + parts[0] + ")"
	case "COMPARE_IN":
		return parts[0] + " is " + or(parts[1:])
	case "COMPARE_NOT_IN":
		return parts[0] + " is none of " + strings.Join(parts[1:], ", ")
	case "ARRAY_CONSTRUCTOR":
		return strings.Join(parts, ", ")
	}
	return strings.ToLower(strings.TrimPrefix(e.text("type"), "OPERATOR_")) + " of " + strings.Join(parts, ", ")
}

func or(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " or " + parts[len(parts)-1]
}

// phrases tell functions; {0}, {1} are the arguments.
var phrases = map[string]string{
	"left/2": "{0} (at most {1} characters)", "right/2": "the last {1} characters of {0}", "trim/1": "{0} without blanks around", "ltrim/1": "{0} without leading blanks",
	"ltrim/2": "{0} without leading {1}", "rtrim/2": "{0} without trailing {1}", "upper/1": "{0} in upper case", "lower/1": "{0} in lower case",
	"length/1": "the length of {0}", "substr/2": "{0} from character {1}", "substr/3": "{2} characters of {0} from character {1}", "year/1": "the year of {0}", "month/1": "the month of {0}", "day/1": "the day of {0}",
	"min/1": "the first {0}", "max/1": "the last {0}", "sum/1": "the sum of {0}", "any_value/1": "{0}", "first/1": "the first {0}", "last/1": "the last {0}", "list/1": "every {0}",
	"arg_min/2": "{0} where {1} is smallest", "arg_max/2": "{0} where {1} is largest", "min_by/2": "{0} where {1} is smallest", "max_by/2": "{0} where {1} is largest",
	"greatest/2": "the later of {0} and {1}", "least/2": "the earlier of {0} and {1}", "round/1": "{0}, rounded", "unnest/1": "each of {0}", "list_distinct/1": "the different {0}", "list_sort/1": "{0}, sorted", "flatten/1": "{0}",
	"regexp_matches/2": "{0} matches {1}", "regexp_replace/3": "{0} with {1} written as {2}", "regexp_replace/4": "{0} with {1} written as {2}", "replace/3": "{0} with {1} written as {2}", "nullif/2": "{0} unless it is {1}",
	"date_diff/3": "the days from {1} to {2}", "make_date/3": "the date of year {0}, month {1}, day {2}", "try_strptime/2": "{0} read as {1}", "strptime/2": "{0} read as {1}", "lpad/3": "{0} filled up to {1} places with {2} in front",
	"deposit/0": "the deposit", "bool_and/1": "all rows have {0}", "bool_or/1": "any row has {0}", "count_star/0": "the number of rows", "count/1": "the number of {0}",
	"+/2": "{0} plus {1}", "-/2": "{0} minus {1}", "*/2": "{0} times {1}", "//2": "{0} divided by {1}", "~~/2": "{0} is like {1}", "!~~/2": "{0} is not like {1}", "list_contains/2": "{1} is one of {0}", "abs/1": "{0} without its sign",
	"hash/1": "a hash of {0}", "split_part/3": "part {2} of {0} between {1}", "strftime/2": "{0} written as {1}", "date_trunc/2": "the {0} of {1}", "list_value/1": "{0}",
}

func (s scope) function(e node, concept bool) string {
	name, arguments := e.text("function_name"), e.list("children")
	parts := each(arguments, func(x node) string { return s.say(x, concept && name != "left") })
	switch name {
	case "||":
		return "joined: " + strings.Join(s.joined(e), ", ")
	case "concat_ws":
		return "joined by " + parts[0] + ": " + strings.Join(parts[1:], ", ")
	case "list_value":
		return strings.Join(parts, ", ")
	}
	said, ok := phrases[name+"/"+strconv.Itoa(len(parts))]
	if !ok {
		said = code(name) + " of " + strings.Join(parts, ", ")
	}
	for i, p := range parts {
		said = strings.ReplaceAll(said, fmt.Sprintf("{%d}", i), p)
	}
	if filter := e.child("filter"); filter != nil {
		said += " of rows where " + s.say(filter, false)
	}
	return said
}

// joined are the parts of a text that is put together.
func (s scope) joined(e node) (parts []string) {
	if e.text("function_name") != "||" {
		return []string{s.say(e, false)}
	}
	for _, x := range e.list("children") {
		parts = append(parts, s.joined(x)...)
	}
	return parts
}

// window tells a function over neighbouring rows.
func (s scope) window(e node) string {
	kind := strings.ToLower(strings.TrimPrefix(e.text("type"), "WINDOW_"))
	parts := each(e.list("children"), func(x node) string { return s.say(x, false) })
	said := map[string]string{"row_number": "the place", "lag": "the previous row's", "lead": "the next row's", "rank": "the rank", "aggregate": "the " + e.text("function_name") + " so far of", "first_value": "the first", "last_value": "the last"}[kind]
	if said == "" {
		said = kind
	}
	said = strings.TrimSpace(said + " " + strings.Join(parts, ", "))
	if by := e.list("partitions"); len(by) > 0 {
		said += " among rows of the same " + strings.Join(each(by, func(x node) string { return s.say(x, false) }), ", ")
	}
	if order := e.list("orders"); len(order) > 0 {
		said += " in the order of " + strings.Join(s.order(order), ", ")
	}
	return said
}

func (s scope) order(order []node) []string {
	return each(order, func(o node) string {
		said := s.say(o.child("expression"), false)
		if strings.HasPrefix(o.text("type"), "DESC") {
			said += " (last first)"
		}
		return said
	})
}

// which tells which rows a query takes, and what one of its rows stands for.
func (r *reader) which(n node) (rows, per string, err error) {
	if n.text("type") != "SELECT_NODE" {
		return "", "", nil
	}
	s, err := r.within(n, scope{})
	if err != nil {
		return "", "", err
	}
	if where := n.child("where_clause"); where != nil {
		rows = s.say(where, false)
	}
	if groups := n.list("group_expressions"); len(groups) > 0 {
		per = strings.Join(each(groups, func(x node) string { return s.say(x, false) }), ", and ")
	}
	if q := n.child("qualify"); q != nil {
		q.walk(func(x node) bool {
			if x.text("type") != "WINDOW_ROW_NUMBER" {
				return true
			}
			per = strings.Join(each(x.list("partitions"), func(x node) string { return s.say(x, false) }), ", ") +
				"; of several the first in the order of " + strings.Join(s.order(x.list("orders")), ", ")
			return false
		})
	}
	return rows, per, nil
}
