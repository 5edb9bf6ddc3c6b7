package scan_test

import (
	"slices"
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
