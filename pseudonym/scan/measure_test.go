package scan_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/pseudonym/scan"
	"rempart.eu/rempart/synth"
)

var update = flag.Bool("update", false, "rewrite the measured table in docs/identifier-scan.md")

const (
	page = "../../docs/identifier-scan.md"
	seed = 2027

	patients = 3000
	notes    = 30_000
)

// kindOf pairs the generator's kinds with the scanner's. Those that are not
// here (a doctor's name, a forename alone) count neither way.
var kindOf = map[string]scan.Kind{
	"NIR": scan.NIR, "INS": scan.INS, "phone": scan.Phone, "e-mail": scan.Email, "IBAN": scan.IBAN,
	"RPPS": scan.RPPS, "FINESS": scan.FINESS, "name": scan.Name,
}

var measuredKinds = []string{"NIR", "INS", "phone", "e-mail", "IBAN", "RPPS", "FINESS", "name"}

func deposit() *scan.People {
	people := scan.NewPeople()
	for p := range synth.Patients(seed, patients) {
		people.Add(p.Forename, p.LastName, p.BirthName)
	}
	return people
}

// score counts mentions and findings of a kind.
type score struct{ mentions, found, findings, right int }

func (s score) recall() float64    { return float64(s.found) / float64(max(1, s.mentions)) }
func (s score) precision() float64 { return float64(s.right) / float64(max(1, s.findings)) }

// measured is what a scan of all notes gave.
type measured struct {
	byKind, byForm map[string]*score
	notes, clean   score // whole notes: with an identifier, refused; and those without one
	namesakes      int   // findings that are the name of somebody else
	wrong, missed  []string
}

func measure(t *testing.T) *measured {
	t.Helper()
	m := &measured{byKind: map[string]*score{}, byForm: map[string]*score{}}
	of := func(scores map[string]*score, key string) *score {
		if scores[key] == nil {
			scores[key] = &score{}
		}
		return scores[key]
	}
	s := scan.New(scan.Text, deposit())
	for n := range synth.Notes(seed, patients, notes) {
		findings := s.All([]byte(n.Text))
		identified := false
		for _, mention := range n.Mentions {
			kind, counts := kindOf[mention.Kind]
			if !counts {
				continue
			}
			identified = true
			found := 0
			if slices.ContainsFunc(findings, func(f scan.Finding) bool {
				return f.Kind == kind && f.Start < mention.End && mention.Start < f.End
			}) {
				found = 1
			} else {
				m.missed = append(m.missed, mention.Kind+", "+mention.Form+": "+around(n.Text, mention.Start, mention.End))
			}
			for _, sc := range []*score{of(m.byKind, mention.Kind), of(m.byForm, mention.Kind+", "+mention.Form), of(m.byKind, "all")} {
				sc.mentions++
				sc.found += found
			}
		}
		for _, f := range findings {
			right, other := false, false
			for _, mention := range n.Mentions {
				if f.Start < mention.End && mention.Start < f.End {
					right = right || kindOf[mention.Kind] == f.Kind
					other = other || kindOf[mention.Kind] == ""
				}
			}
			if !right && other && f.Kind == scan.Name {
				m.namesakes++
				continue
			}
			name := measuredKinds[slices.IndexFunc(measuredKinds, func(k string) bool { return kindOf[k] == f.Kind })]
			for _, sc := range []*score{of(m.byKind, name), of(m.byKind, "all")} {
				sc.findings++
				if right {
					sc.right++
				}
			}
			if !right {
				m.wrong = append(m.wrong, string(f.Kind)+": "+around(n.Text, f.Start, f.End))
			}
		}
		if identified {
			m.notes.mentions++
			if len(findings) > 0 {
				m.notes.found++
			}
		} else if !slices.ContainsFunc(n.Mentions, func(x synth.Mention) bool { return true }) {
			m.clean.mentions++
			if len(findings) > 0 {
				m.clean.found++
			}
		}
	}
	return m
}

func around(text string, start, end int) string {
	return strings.NewReplacer("\n", "⏎", "\r", "").Replace(strings.ToValidUTF8(text[max(0, start-30):start]+"["+text[start:end]+"]"+text[end:min(len(text), end+20)], ""))
}

// table writes what was measured, as docs/identifier-scan.md has it.
func (m *measured) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| kind | mentions | recall | findings | precision |\n|---|--:|--:|--:|--:|\n")
	for _, k := range append(slices.Clone(measuredKinds), "all") {
		s := m.byKind[k]
		fmt.Fprintf(&b, "| %s | %d | %.4f | %d | %.4f |\n", k, s.mentions, s.recall(), s.findings, s.precision())
	}
	fmt.Fprintf(&b, "\nOf %d notes with an identifier %d are refused (%.4f); of %d without any %d (%.4f).\n",
		m.notes.mentions, m.notes.found, m.notes.recall(), m.clean.mentions, m.clean.found, m.clean.recall())
	fmt.Fprintf(&b, "%d findings, counted neither way, are the name of a doctor who is a patient's namesake.\n", m.namesakes)
	b.WriteString("\nForms of which some were missed:\n\n| form | mentions | recall |\n|---|--:|--:|\n")
	var forms []string
	for form, s := range m.byForm {
		if s.found < s.mentions {
			forms = append(forms, form)
		}
	}
	slices.Sort(forms)
	for _, form := range forms {
		fmt.Fprintf(&b, "| %s | %d | %.4f |\n", form, m.byForm[form].mentions, m.byForm[form].recall())
	}
	return b.String()
}

// What docs/identifier-scan.md promises is kept, and its table is what the scan does.
func TestPrecisionAndRecall(t *testing.T) {
	m := measure(t)
	for _, k := range append(slices.Clone(measuredKinds), "all") {
		least := 0.99
		if k == "name" || k == "all" {
			least = 0.95
		}
		if s := m.byKind[k]; s.recall() < least || s.precision() < 0.98 {
			t.Errorf("%s: recall %.4f, want %.2f; precision %.4f, want 0.98", k, s.recall(), least, s.precision())
		}
	}
	if t.Failed() || testing.Verbose() {
		for _, list := range [][]string{m.wrong, m.missed} {
			left := map[string]int{} // a few of each form
			for _, line := range list {
				form, _, _ := strings.Cut(line, ": ")
				if left[form]++; left[form] <= 5 {
					t.Log(line)
				}
			}
		}
	}
	const from, to = "<!-- measured: go test ./pseudonym/scan -update -->\n", "<!-- end of measured -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(text, []byte(from))
	_, after, ok2 := bytes.Cut(rest, []byte(to))
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of the measured table", page)
	}
	want := string(before) + from + m.table() + to + string(after)
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s tells another table than what was measured now; see whether it got worse, then run with -update:\n%s", page, m.table())
	}
}
