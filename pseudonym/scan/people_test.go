package scan_test

import (
	"runtime"
	"testing"

	"rempart.eu/rempart/pseudonym/scan"
	"rempart.eu/rempart/synth"
)

// Rules of names, one a row: text, rules, and what is found of it.
func TestNames(t *testing.T) {
	people := scan.NewPeople()
	for _, p := range [][2]string{{"Marie", "Durand"}, {"Jean-Pierre", "Le Goff"}, {"Zoé", "Petit"}, {"Rose", "Blanc"}, {"Paul, Louis", "Martin-Dubois"},
		{"Anne", "de la Tour d'Auvergne"}, {"Thomas", "Robert"}, {"Robert", "Quintard"}, {"Loïc", "Parkinson"}, {"Ève", "D’Ornano"}, {"Léa", "Nguyen"}} {
		people.Add(p[0], p[1])
	}
	for _, c := range []struct {
		text, text2 string // what is found in free text; in a field of labels
		in          string
	}{
		{"Marie Durand", "Marie Durand", "vu Marie Durand hier"},
		{"DURAND Marie", "DURAND Marie", "DURAND Marie"},
		{"DURAND, Marie", "DURAND, Marie", "DURAND, Marie, 54 ans"},
		{"DURAND Louise Marie", "", "DURAND Louise Marie"},
		{"marie durand", "", "vu marie durand hier"},
		{"Jean Pierre LE GOFF", "Jean Pierre LE GOFF", "Jean Pierre LE GOFF"},
		{"LEGOFF Jean-Pierre", "LEGOFF Jean-Pierre", "LEGOFF Jean-Pierre"},
		{"Anne de La Tour d’Auvergne", "Anne de La Tour d’Auvergne", "Anne de La Tour d’Auvergne"},
		{"Zoe Petit", "Zoe Petit", "Zoe Petit"},
		{"Zoe\u0301 Petit", "Zoe\u0301 Petit", "Zoe\u0301 Petit"},
		{"d'Ornano", "", "Mme d'Ornano"},
		{"Paul Dubois", "Paul Dubois", "Paul Dubois"}, // half of a double surname
		{"Petit", "", "Mme Petit se plaint"},
		{"", "", "Petit souffle, aspect blanc rosé"},
		{"", "", "blanc rose"},
		{"petit zoé", "", "petit zoé"},
		{"Blanc", "", "M. le professeur Blanc"},
		{"Durand", "", "mr Durand"},
		{"durand", "", "mme durand"},
		{"", "", "madame petit déjeuner"},
		{"DURAND", "", "Nom de naissance : DURAND"},
		{"Durand", "", "née Durand"},
		{"", "", "ne Petit"},
		{"PETIT Z", "", "avis PETIT Z. demandé"},
		{"J.-P. Le Goff", "", "J.-P. Le Goff"},
		{"", "", "PETIT A PETIT"},
		{"Quintard", "", "chez Quintard"},
		{"", "", "chez quintard"},
		{"", "", "Robert est venu"}, // also a forename here
		{"", "", "maladie de Parkinson"},
		{"", "", "Parkinson évolué"},
		{"Loïc Parkinson", "Loïc Parkinson", "patient Loïc Parkinson"},
		{"", "", "12 rue Quintard"},
		{"", "", "rue du Docteur Durand"},
		{"", "", "avenue Marie Durand"},
		{"Durand", "", "adressé par le Dr Durand"}, // a namesake cannot be told apart
		{"Nguyen", "", "enfant Nguyen"},
		{"", "", "B12 Marie2Durand K17.0"},
	} {
		for rules, want := range map[scan.Rules]string{scan.Text: c.text, scan.Code: c.text2} {
			got := ""
			if found := scan.New(rules, people).All([]byte(c.in)); len(found) > 0 {
				got = c.in[found[0].Start:found[0].End]
			}
			if got != want {
				t.Errorf("%q by rules %d: got %q, want %q", c.in, rules, got, want)
			}
		}
	}
}

// A person takes the memory that People's doc says.
func TestPeopleAreSmall(t *testing.T) {
	const persons = 50_000
	names := make([]synth.Names, 0, persons)
	for n := range synth.Patients(seed, persons) {
		names = append(names, n)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	people := scan.NewPeople()
	for _, n := range names {
		people.Add(n.Forename, n.LastName, n.BirthName)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes := (float64(after.HeapAlloc) - float64(before.HeapAlloc) - 2<<20) / persons
	t.Logf("%.1f bytes a person", bytes)
	if bytes > 30 {
		t.Errorf("%.1f bytes a person, want 30 or fewer", bytes)
	}
	runtime.KeepAlive(people)
	runtime.KeepAlive(names)
}
