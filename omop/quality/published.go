package quality

import (
	"embed"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Where the published checks are from. The version is in every result.
const (
	DashboardVersion = "2.8.4"
	DashboardSource  = "https://github.com/OHDSI/DataQualityDashboard, commit 2f81ca9eb736428f8a2a7e0cf5ffa69927a78f84, Apache-2.0"
)

//go:embed dqd/*.csv
var dashboard embed.FS

// row is a line of a published file by its columns.
type row map[string]string

// check is one check to make: a kind of check of a table, field or concept.
type check struct {
	kind row // of check_descriptions.csv
	rule row // of table_level.csv, field_level.csv or concept_level.csv
}

func (c check) name() string    { return c.kind["checkName"] }
func (c check) level() string   { return c.kind["checkLevel"] }
func (c check) table() string   { return strings.ToLower(c.rule["cdmTableName"]) }
func (c check) field() string   { return strings.ToLower(c.rule["cdmFieldName"]) }
func (c check) concept() string { return c.rule["conceptId"] }

// id is how the dashboard names a check: level_check_table_field_concept_unit.
func (c check) id() string {
	parts := []string{}
	for _, part := range []string{c.level(), c.name(), c.table(), c.field(), c.concept(), c.rule["unitConceptId"]} {
		if part = squeeze(part); part != "" {
			parts = append(parts, strings.ToLower(part))
		}
	}
	return strings.Join(parts, "_")
}

func squeeze(text string) string { return strings.ReplaceAll(text, " ", "") }

// published are the dashboard's checks in its own order, the names of their kinds, and
// its tables. They are read when they are first asked for: most commands never do.
var published = sync.OnceValue(func() (p struct {
	names  []string
	checks []check
	tables []row
}) {
	rules := map[string][]row{"TABLE": readPublished("table_level"), "FIELD": readPublished("field_level"), "CONCEPT": readPublished("concept_level")}
	p.tables = rules["TABLE"]
	for _, kind := range readPublished("check_descriptions") {
		p.names = append(p.names, kind["checkName"])
		for _, rule := range rules[kind["checkLevel"]] {
			if applies(kind["evaluationFilter"], rule) {
				p.checks = append(p.checks, check{kind, rule})
			}
		}
	}
	return p
})

func readPublished(file string) []row {
	text, err := dashboard.ReadFile("dqd/" + file + ".csv")
	if err != nil {
		panic(err)
	}
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("omop/quality/dqd/%s.csv: %v", file, err))
	}
	rows := make([]row, 0, len(lines)-1)
	for _, line := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = line[i]
		}
		rows = append(rows, r)
	}
	return rows
}

var condition = regexp.MustCompile(`^(\w+) *(==|!=) *'([^']*)'$`)

// applies evaluates a filter of check_descriptions.csv, such as
// isForeignKey=='Yes' & fkDomain!= ”.
func applies(filter string, rule row) bool {
	for term := range strings.SplitSeq(filter, "&") {
		m := condition.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			panic("omop/quality/dqd/check_descriptions.csv: the filter " + filter + " is not understood")
		}
		if (rule[m[1]] == m[3]) != (m[2] == "==") {
			return false
		}
	}
	return true
}
