package audit_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/audit"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger/register"
)

func TestTextsOfReportsAreInBothLanguagesAndUsed(t *testing.T) {
	catalogue, err := os.ReadFile("messages.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range words.Check(string(catalogue)) {
		t.Error(fault)
	}
	source, err := os.ReadFile("page.go")
	if err != nil {
		t.Fatal(err)
	}
	known := audit.Languages()["en"].Texts()
	for _, m := range regexp.MustCompile(`Text\("([a-z]+\.[a-z_]+)"[,)]`).FindAllSubmatch(source, -1) {
		if known[string(m[1])] == "" {
			t.Errorf("there is no text %q", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`w\.table\("([a-z]+)", "([a-z ]+)"`).FindAllSubmatch(source, -1) {
		for _, column := range regexp.MustCompile(`[a-z]+`).FindAllString(string(m[2]), -1) {
			if known["column."+column] == "" {
				t.Errorf("the column %q has no name", column)
			}
		}
	}
	for key := range words.Load(string(catalogue))["en"].Texts() {
		group, name, _ := strings.Cut(strings.TrimSuffix(key, ".one"), ".")
		if group == "column" || group == "table" || group == "section" || group == "fact" {
			if !regexp.MustCompile(`[" .]` + name + `[" ,]`).Match(source) {
				t.Errorf("text %q is not used", key)
			}
		}
	}
}

// everything is a report in which there is one of each.
func everything() *audit.Report {
	july := time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)
	at := func(days int) time.Time { return july.AddDate(0, 0, days) }
	end := at(5)
	decision := func(verdict string) *audit.Decision {
		return &audit.Decision{Verdict: verdict, Actor: "diane", Time: at(2), Reason: "a reason\x1b[2J", Hours: 30.5}
	}
	r := &audit.Report{Warehouse: "Demo", Period: register.Period{Name: "2026Q3", From: july.Truncate(24 * time.Hour), Until: at(92).Truncate(24 * time.Hour)}, Now: at(100), Ledger: 12345, Statements: 321}
	for _, status := range []string{"requested", "approved", "suspended", "refused", "ended", "closed"} {
		r.Authorisations = append(r.Authorisations, audit.Authorisation{Project: status, Title: "A title", Purpose: "to know", LegalBasis: "GDPR 9(2)(j)", Reference: "MR-004", Controller: "CHU", Status: status, Ends: at(200)})
	}
	r.Authorisations[1].Versions = []audit.Version{{1, "alice", july, "", decision("approved")}, {2, "alice", at(3), "another year", decision("superseded")}, {3, "alice", at(4), "", decision("refused")}, {4, "alice", at(5), "two years", nil}}
	r.Extractions = []audit.Extraction{{7, at(1), "flu", "r-1", 1234567, 4, 99}}
	r.Access = []audit.Access{{"flu", "alice", 3, 1, 4 << 20, 1}}
	r.Runs = []audit.Run{{"s-1", "flu", "alice", "count.sql", "sql", at(2), "done", 1.25, 1, 2, 3 << 20}, {"s-2", "flu", "alice", "sum.py", "python", at(2), "", 0, 0, 0, 0}}
	r.Mounts = []audit.Mount{{"m-1", "flu", "alice", at(3), &end, 2, 4 << 20, false}, {"m-2", "r-1", "carole", at(3), nil, 0, 0, true}}
	r.Outputs = []audit.Output{{"s-1-1", "a.csv", "flu", "alice", at(2), false, decision("released"), false}, {"s-1-2", "b.csv", "flu", "alice", at(2), true, decision("refused"), true}, {"s-1-3", "c.csv", "flu", "alice", at(2), false, nil, true}, {"s-1-4", "d.csv", "flu", "alice", at(2), true, nil, false}}
	r.Rights = audit.Rights{Stated: 5, Revoked: 1, InForce: 12, Waiting: 2, Asked: 3, Answered: 1}
	r.Derogations = []audit.Derogation{{"cloud", "diane", july, at(180), []string{"keys stay here"}, "no other host yet"}}
	r.Emergencies = []audit.Emergency{{"e-1", "flu", "alice", at(1), at(2), "a poisoning", decision("justified")}, {"e-2", "flu", "alice", at(1), at(2), "a hurry", decision("unjustified")}, {"e-3", "flu", "alice", at(1), at(2), "a fire", nil}}
	r.Incidents = []audit.Line{{Index: 9, Kind: "output-refused", Actor: "bob", Time: at(3), Tells: words.Sentence{{Text: "kept output s-1-2 in"}}}}
	r.Ahead = []audit.End{{"derogation", "cloud", at(180)}, {"project", "flu", at(200)}, {"release", "r-1", at(300)}, {"roles", "", at(365)}}
	r.Months = []audit.Month{{july, 321, 2, 2, 4, 1, 1}, {at(31), 0, 0, 0, 0, 0, 0}}
	r.Service = []audit.Service{{"decision", 3, 30.5, 400, 0}, {"output", 2, 1, 2, 1}, {"access", 0, 0, 0, 0}}
	return r
}

// testdata/report-*.txt is what the page says. UPDATE=1 writes it anew.
func TestAReportIsWrittenInBothLanguages(t *testing.T) {
	for _, code := range []string{"en", "fr"} {
		var got strings.Builder
		p := everything().Page(audit.Languages()[code])
		fmt.Fprintf(&got, "# %s\n%s\n", p.Title, p.Lead)
		for _, f := range p.Facts {
			fmt.Fprintf(&got, "- %s %s\n", f.Value, f.Name)
		}
		for _, s := range p.Sections {
			fmt.Fprintf(&got, "\n## %s\n%s\n", s.Title, s.Lead)
			for _, b := range s.Blocks {
				switch b := b.(type) {
				case page.Table:
					fmt.Fprintf(&got, "\n%s\n| %s |\n", b.Caption, strings.Join(b.Header, " | "))
					for _, row := range b.Rows {
						fmt.Fprintf(&got, "| %s |\n", strings.Join(row, " | "))
						if len(row) != len(b.Header) {
							t.Errorf("%s: a row has %d cells, the header %d", b.Caption, len(row), len(b.Header))
						}
					}
				case page.Chart:
					fmt.Fprintf(&got, "\n%s: %v\n", b.Title, b.Series)
				case page.Text:
					fmt.Fprintln(&got, b)
				}
			}
		}
		fmt.Fprintln(&got, "\n"+p.Foot)
		if strings.ContainsAny(got.String(), "⟨\x1b") || p.Write(&strings.Builder{}) != nil {
			t.Errorf("a text is missing, or obeys a terminal:\n%s", got.String())
		}
		golden.Text(t, "testdata/report-"+code+".txt", got.String())
	}
}
