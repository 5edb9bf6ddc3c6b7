package scan_test

import (
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/pseudonym/scan"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		text string
		want []scan.Kind
	}{
		{"295109912611193", []scan.Kind{scan.NIR}},
		{"patient 2 95 10 99 126 111 93, seen", []scan.Kind{scan.NIR}},
		{"253072B07300470", []scan.Kind{scan.NIR}},
		{"２９５１０９９１２６１１１９３", []scan.Kind{scan.NIR}},       // full-width digits
		{"295109\u200b912611193", []scan.Kind{scan.NIR}}, // a zero-width space inside
		{"٢٩٥١٠٩٩١٢٦١١١٩٣", []scan.Kind{scan.NIR}},       // Arabic-Indic digits
		{"2\u00a095\u00a010\u00a099\u00a0126\u00a0111\u00a093", []scan.Kind{scan.NIR}},
		{"295109912611194", nil},   // the key does not fit
		{"0.295109912611193", nil}, // decimals
		{"1295109912611193", nil},  // a longer number
		{"SSN 999-17-5017.", []scan.Kind{scan.SSN}},
		{"000-17-5017", nil},
		{"FR76 3000 6000 0112 3456 7890 189", []scan.Kind{scan.IBAN}},
		{"FR7630006000011234567890189 AND MORE", []scan.Kind{scan.IBAN}},
		{"FR7630006000011234567890188", nil},
		{"a@b.fr", []scan.Kind{scan.Email}},
		{"marie.dupont@chu-lyon.example.fr", []scan.Kind{scan.Email}},
		{"8d4c4326-e9de-4f45-9a4c-f8c36bff89ae", []scan.Kind{scan.UUID}},
		{"abcdefab-cdef-abcd-efab-cdefabcdefab", []scan.Kind{scan.UUID}},
		{"06 12 34 56 78", []scan.Kind{scan.Phone}},
		{"+33 6 12 34 56 78", []scan.Kind{scan.Phone}},
		{"(555) 867-5309", []scan.Kind{scan.Phone}},
		{"+49 30 901820", []scan.Kind{scan.Phone}},
		{"192.168.12.7", []scan.Kind{scan.IPv4}},
		{"300.168.12.7", nil},
		{"1.5.6", nil},
		{"mean 54.2 (95 % CI 51.0 to 57.4), n = 1200", nil},
		{"2024-11-23", nil},
		{"I10, E11.9, 319835", nil},
		{"", nil},
		{"a@b.fr 999-17-5017", []scan.Kind{scan.SSN, scan.Email}},
	} {
		if got := scan.Find(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// Forms in free text, and why what looks like one is none.
func TestText(t *testing.T) {
	for _, c := range []struct {
		text string
		want []scan.Kind
	}{
		{"NIR 2951099126111", []scan.Kind{scan.NIR}},
		{"NIR295109912611193", []scan.Kind{scan.NIR}},
		{"N° SS : 2 95 10 99 126 111", []scan.Kind{scan.NIR}},
		{"2951099126111", nil},     // 13 characters without key or label
		{"CIP 3400930012345", nil}, // 13 digits of a presentation
		{"2951099126111 clé 93", []scan.Kind{scan.NIR}},
		{"2 95 10 99 126 111 / 93", []scan.Kind{scan.NIR}},
		{"1 84 12 2a 451 089 33", []scan.Kind{scan.NIR}},
		{"INS 295109912611193", []scan.Kind{scan.INS}},
		{"INS-NIR 2951099126111", []scan.Kind{scan.INS}},
		{"295109912611193^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS", []scan.Kind{scan.INS}},
		{`"system":"urn:oid:1.2.250.1.213.1.4.8","value":"295109912611193"`, []scan.Kind{scan.INS}},
		{"SNOMED 104101000119105", nil},
		{"06 12 34 56 78", []scan.Kind{scan.Phone}},
		{"0612345678", []scan.Kind{scan.Phone}},
		{"06/12/34/56/78", []scan.Kind{scan.Phone}},
		{"+33 (0)6 12 34 56 78", []scan.Kind{scan.Phone}},
		{"0033612345678", []scan.Kind{scan.Phone}},
		{"0049 30 901820", []scan.Kind{scan.Phone}},
		{"tél 0049309018200", []scan.Kind{scan.Phone}},
		{"lot 0612345678", nil},
		{"dossier n° 0612345678", nil},
		{"(10)0612345678", nil}, // a lot of GS1
		{"01 02 2024 12 30", nil},
		{"du 01.02.2024 au 03.04.2024", nil},
		{"RPPS 10003456781", nil}, // the key does not fit
		{"RPPS : 10003456786", []scan.Kind{scan.RPPS}},
		{"10003456786", []scan.Kind{scan.RPPS}},
		{"bordereau 10003456786", nil},
		{"FINESS 750712184", []scan.Kind{scan.FINESS}},
		{"N° FINESS : 69 078 1810", []scan.Kind{scan.FINESS}},
		{"FINESS 69 0781810", []scan.Kind{scan.FINESS}},
		{"590780193", []scan.Kind{scan.FINESS}},
		{"590780194", nil},
		{"250000008 copies/mL", nil},
		{"FINESS 2A0000014", []scan.Kind{scan.FINESS}},
		{"de89370400440532013000", []scan.Kind{scan.IBAN}},
		{"TN59 1000 6035 1835 9847 8831", []scan.Kind{scan.IBAN}},
		{"jean@chu", nil},
		{"Jean.Durand+suivi@chu.example.fr.", []scan.Kind{scan.Email}},
		{"8d4c4326-e9de-4f45-9a4c-f8c36bff89ae", nil},
		{"1.2.3.4", nil},
	} {
		var got []scan.Kind
		for _, f := range scan.New(scan.Text, nil).All([]byte(c.text)) {
			got = append(got, f.Kind)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// A finding tells where the identifier stands in the text as it was given.
func TestPlaces(t *testing.T) {
	for _, text := range []string{"é [295109912611193], é", "a\u200b\u00a0[２９５１０９９１２６１１１９３].", "Tél. [06\u00a012\u00a034\u00a056\u00a078] ou [a@b.fr]"} {
		plain := strings.NewReplacer("[", "", "]", "").Replace(text)
		got := plain
		found := slices.Clone(scan.New(scan.Text, nil).All([]byte(plain)))
		for _, f := range slices.Backward(found) {
			got = got[:f.Start] + "[" + got[f.Start:f.End] + "]" + got[f.End:]
		}
		if got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestKindsCanBeLeftOut(t *testing.T) {
	text := []byte("FINESS 750712184, RPPS 10003456786")
	if found := scan.New(scan.Text, nil, scan.FINESS).All(text); len(found) != 1 || found[0].Kind != scan.RPPS {
		t.Errorf("got %v", found)
	}
	if !scan.New(scan.Code, nil, scan.NIR, scan.INS, scan.SSN, scan.IBAN, scan.Email).Idle() {
		t.Error("nothing is left to look for, and it is not idle")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	text := []byte("Mme Marie Durand, née Petit, suivie depuis 2019 pour HTA ; Hb 13,2 g/dL")
	people := scan.NewPeople()
	people.Add("Zoé", "Lefèvre")
	s := scan.New(scan.Text, people)
	s.First(text)
	if n := testing.AllocsPerRun(100, func() { s.First(text) }); n > 0 {
		t.Errorf("%v allocations a text, want none", n)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("２９５１０９９１２６１１１９３ a@b.fr")
	f.Add("FR7630006000011234567890189")
	f.Fuzz(func(t *testing.T, s string) {
		const nir = " 295109912611193 "
		if !slices.Contains(scan.Find(s+nir), scan.NIR) && !slices.Contains(scan.Find(nir+s), scan.NIR) {
			t.Errorf("%q hides a NIR beside it", s)
		}
	})
}
