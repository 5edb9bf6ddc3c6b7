package quality

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"rempart.eu/rempart/internal/words"
)

func TestMessages(t *testing.T) {
	for _, fault := range words.Check(messages) {
		t.Error(fault)
	}
}

// The page speaks either language; names that others published stay as they are, and say
// that they are English.
func TestPageSpeaksEnglishAndFrench(t *testing.T) {
	allowed := 0.5
	r := &Results{
		Start:        [1]string{"2026-11-28 10:00:00"},
		Overview:     Overview{PercentPassed: [1]float64{98.5}, Failed: [1]int{1}, NotApplicable: [1]int{1200}, PassedConformance: [1]int{5}, PassedCompleteness: [1]int{4}, PassedPlausibility: [1]int{3}, FailedConformance: [1]int{1}, FailedCompleteness: [1]int{0}, FailedPlausibility: [1]int{0}},
		Metadata:     []Metadata{{Name: "CHU", CDMVersion: "5.4", DashboardVersion: "2.6"}},
		CheckResults: []CheckResult{{Check: "isForeignKey", Table: "DEATH", Field: "PERSON_ID", Failed: 1, Mandatory: true, Violated: 12, Denominator: 3000, Share: 0.004, Threshold: &allowed}},
	}
	for lang, want := range map[string][]string{
		"en": {`<html lang="en">`, "Quality of release r-1", "98.5\u202f%", "0.40\u202f%", "0.5 %", "<td>isForeignKey of death.person_id</td>", ">Figures<", "mandatory"},
		"fr": {`<html lang="fr">`, "Qualité de la version r-1", "98,5\u202f%", "0,40\u202f%", "0,5 %", `<td lang="en">isForeignKey of death.person_id</td>`, ">Chiffres<", "obligatoire", "dont 1 obligatoire<", "1\u202f200"},
	} {
		var out bytes.Buffer
		if err := Page(lang, "r-1", r).Write(&out); err != nil {
			t.Fatal(err)
		}
		if file := os.Getenv("PAGE"); file != "" {
			_ = os.WriteFile(file+"."+lang+".html", out.Bytes(), 0o600)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: the page lacks %q", lang, text)
			}
		}
		if strings.Contains(out.String(), "⟨") {
			t.Errorf("%s: a message is missing", lang)
		}
	}
}
