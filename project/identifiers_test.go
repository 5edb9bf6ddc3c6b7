package project

import (
	"errors"
	"strings"
	"testing"

	"rempart.eu/rempart/governance"
)

func TestPotentialIdentifiersOneAtATime(t *testing.T) {
	for _, c := range []struct {
		name, tables, rules string
		want                []string // kinds
		refused             bool
	}{
		{"none", "{person: [person_id, year_of_birth]}", "", nil, false},
		{"dates of care", "{person: [person_id], visit_occurrence: all}", "", []string{"exact dates of care"}, false},
		{"vocabularies are nobody's", "{concept: all, visit_occurrence: [visit_start_date]}", "", []string{"exact dates of care"}, false},
		{"birth and care", "{person: all, visit_occurrence: [visit_start_date]}", "", []string{"birth closer than the year", "exact dates of care"}, true},
		{"with age", "{person: all, visit_occurrence: [visit_start_date]}", "age: {band: 5}", []string{"exact dates of care"}, false},
		{"with dates", "{person: all, visit_occurrence: [visit_start_date]}", "dates: {shift: 30}", []string{"birth closer than the year"}, false},
		{"death and commune", "{death: all, location: all}", "", []string{"commune", "exact date of death"}, true},
		{"with geography", "{death: all, location: all}", "geography: {zip: 2}", []string{"exact date of death"}, false},
		{"with a reason", "{death: all, location: all}", "identifying: 'how far from home?'", []string{"commune", "exact date of death"}, false},
		{"with a blank reason", "{death: all, location: all}", "identifying: '  '", []string{"commune", "exact date of death"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace("project: flu"+everything, "identifying: a test\n", c.rules+"\n", 1)
			from, to := strings.Index(text, "tables: "), strings.Index(text, "\nperiod: ")+1
			spec, err := governance.ParseSpec([]byte(text[:from] + "tables: " + c.tables + "\n" + text[to:]))
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, kind := range Identifiers(spec) {
				name, _, _ := strings.Cut(kind, " (")
				kinds = append(kinds, name)
			}
			if strings.Join(kinds, "|") != strings.Join(c.want, "|") {
				t.Errorf("got %q, want %q", kinds, c.want)
			}
			var refusal *governance.Refusal
			if errors.As(oneAtATime(spec), &refusal) != c.refused {
				t.Errorf("refused: %v, want %v", refusal, c.refused)
			}
			if c.refused && !strings.Contains(refusal.Remedy, "identifying") {
				t.Errorf("the remedy is %q", refusal.Remedy)
			}
		})
	}
}
