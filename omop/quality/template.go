package quality

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// template is the SQL of a kind of check:
//
//	-- What is counted, of what.
//	SELECT
//	    <expression> AS violated,
//	    <expression> AS denominator
//	FROM <rows>
//
// with {names} for what differs from check to check.
type template struct{ violated, denominator, from string }

var templateForm = regexp.MustCompile(`(?s)^(?:--[^\n]*\n)+SELECT\n    (.*?) AS violated,\n    (.*?) AS denominator\n(FROM .*)\n$`)

// templates are those of sql/ by the kind of check, read when they are first asked for.
var templates = sync.OnceValue(func() map[string]template {
	files, err := sqlFiles.ReadDir("sql")
	if err != nil {
		panic(err)
	}
	all := map[string]template{}
	for _, f := range files {
		text, err := sqlFiles.ReadFile("sql/" + f.Name())
		if err != nil {
			panic(err)
		}
		m := templateForm.FindStringSubmatch(string(text))
		if m == nil {
			panic("omop/quality/sql/" + f.Name() + ": want comments, SELECT, violated, denominator, FROM")
		}
		all[strings.TrimSuffix(f.Name(), ".sql")] = template{m[1], m[2], m[3]}
	}
	return all
})

// query is the template of a check, filled.
func (c check) query(now time.Time) template {
	name := c.name()
	if name == "plausibleTemporalAfter" && c.rule["plausibleTemporalAfterTableName"] == "PERSON" {
		name += "Birth"
	}
	t, found := templates()[name]
	if !found {
		panic("omop/quality/sql: there is no " + name + ".sql")
	}
	fill := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(p string) string { return c.value(strings.Trim(p, "{}"), now) })
	}
	return template{fill(t.violated), fill(t.denominator), fill(t.from)}
}

// text is the query alone.
func (t template) text() string {
	return fmt.Sprintf("SELECT\n    %s AS violated,\n    %s AS denominator\n%s", t.violated, t.denominator, t.from)
}

var (
	placeholder = regexp.MustCompile(`\{\w+\}`)
	identifier  = regexp.MustCompile(`^\w+$`)
	conceptList = regexp.MustCompile(`^-?\d+( *, *-?\d+)*$`)
	phrase      = regexp.MustCompile(`^[\w ]+$`)
	number      = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	quotedDate  = regexp.MustCompile(`^'(\d{4})(\d\d)(\d\d)'$`)
)

// value is what stands for a placeholder. It comes from the published files and is
// held to the form that it must have.
func (c check) value(name string, now time.Time) string {
	form, value := identifier, c.rule[name]
	switch name {
	case "table":
		value = c.table()
	case "field":
		value = c.field()
	case "counted":
		if c.field() == "unit_concept_id" && (c.table() == "measurement" || c.table() == "observation") {
			return "t.value_as_number IS NOT NULL"
		}
		return "true"
	case "gender":
		return map[string]string{"Male": "8507", "Female": "8532"}[c.rule["plausibleGender"]+c.rule["plausibleGenderUseDescendants"]]
	case "conceptId", "plausibleUnitConceptIds":
		form = conceptList
	case "fkDomain", "fkClass":
		form = phrase
	case "plausibleValueLow", "plausibleValueHigh":
		return bound(value, now)
	default:
		value = strings.ToLower(value)
	}
	if !form.MatchString(value) {
		panic(fmt.Sprintf("omop/quality/dqd: %s of %s: %q is not understood", name, c.id(), value))
	}
	return value
}

// bound is a plausible value in SQL; the dashboard states dates, numbers, and two
// bounds that move with the day.
func bound(published string, now time.Time) string {
	switch published {
	case "DATEADD(dd,1,GETDATE())":
		return "DATE '" + now.AddDate(0, 0, 1).Format(time.DateOnly) + "'"
	case "YEAR(GETDATE())+1":
		return fmt.Sprint(now.Year() + 1)
	}
	if d := quotedDate.FindStringSubmatch(published); d != nil {
		return fmt.Sprintf("DATE '%s-%s-%s'", d[1], d[2], d[3])
	}
	if !number.MatchString(published) {
		panic("omop/quality/dqd: the plausible value " + published + " is not understood")
	}
	return published
}
