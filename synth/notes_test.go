package synth_test

import (
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// Notes are the same for the same seed; their mentions are where they say and what they say.
func TestNotes(t *testing.T) {
	kinds := map[string]int{}
	all := slices.Collect(synth.Notes(1, 50, 2000))
	for i, n := range all {
		end := 0
		for _, m := range n.Mentions {
			if m.Start < end || m.End <= m.Start || m.End > len(n.Text) {
				t.Fatalf("note %d: %+v is out of order or of the %d bytes", i, m, len(n.Text))
			}
			end = m.End
			kinds[m.Kind]++
			text := n.Text[m.Start:m.End]
			if m.Kind == "NIR" && m.Form == "in groups" {
				if _, err := pseudonym.NormaliseNIR(text); err != nil {
					t.Errorf("note %d: %q: %v", i, text, err)
				}
			}
		}
		if strings.ContainsAny(n.Text, "{}") {
			t.Errorf("note %d has a slot that is not filled: %q", i, n.Text)
		}
	}
	for _, kind := range []string{"NIR", "INS", "phone", "e-mail", "IBAN", "RPPS", "FINESS", "name", "professional", "forename"} {
		if kinds[kind] == 0 {
			t.Errorf("no mention of the kind %s", kind)
		}
	}
	again := slices.Collect(synth.Notes(1, 50, 2000))
	other := slices.Collect(synth.Notes(2, 50, 2000))
	if all[7].Text != again[7].Text || all[7].Text == other[7].Text {
		t.Error("a seed should give its own notes, and the same again")
	}
	names := slices.Collect(synth.Patients(1, 50))
	if len(names) != 50 || names[0].Forename == "" || names[0].BirthName == "" {
		t.Errorf("patients: got %v", names[:1])
	}
}
