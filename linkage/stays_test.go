package linkage_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
)

// told is one deposit: its records, and the stays that it tells of.
type told struct {
	deposit, provider string
	side              linkage.Side
	records           map[int64]pseudonym.Identity
	stays             []toldStay
}

type toldStay struct {
	person int64
	stay   uint64
	traits pseudonym.Stay
}

// stayHash writes a stay's number as the keyed hash that intake hands on.
func stayHash(stay uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, stay))
}

var (
	providerSecret = bytes.Repeat([]byte{7}, 32)
	luc            = pseudonym.Identity{NIR: "1850578006084"}
	eve            = pseudonym.Identity{NIR: nirB}
	nobody         = pseudonym.Identity{}
	fracture       = pseudonym.Stay{FINESS: "690000001", Entry: "2023-03-04T10:00:00", Exit: "2023-03-09", Diagnosis: "S72.0", Commune: "69003", Sex: "M", BirthDate: "1985-05-17"}
	birth          = pseudonym.Stay{FINESS: "690000001", Entry: "2022-01-02", Exit: "2022-01-05", Diagnosis: "O80.0", Commune: "69001", Sex: "F", BirthDate: "1990-02-11"}
)

// but is a stay with other traits.
func but(s pseudonym.Stay, change func(*pseudonym.Stay)) pseudonym.Stay {
	change(&s)
	return s
}

// on is a stay that began and ended on other days of March.
func on(s pseudonym.Stay, from, to int) pseudonym.Stay {
	s.Entry, s.Exit = fmt.Sprintf("2023-03-%02d", from), fmt.Sprintf("2023-03-%02d", to)
	return s
}

func tokensOf(t *testing.T, stays []toldStay) *bytes.Buffer {
	t.Helper()
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(t, err)
	var facts, tokens bytes.Buffer
	w, err := linkage.NewFactWriter(&facts)
	must(t, err)
	for _, s := range stays {
		must(t, w.Write(s.person, stayHash(s.stay), "", s.traits))
	}
	must(t, w.Flush())
	_, err = linkage.SendStays(t.Context(), &facts, &tokens, linkage.Keyed{Key: key})
	must(t, err)
	return &tokens
}

// linkStays runs a whole linkage and returns person_id by "provider/record".
func linkStays(t *testing.T, deposits ...told) (map[string]int64, *linkage.Report) {
	t.Helper()
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(t, err)
	db := engineDB(t)
	linker, err := linkage.New(t.Context(), db, authorityKey(t), pseudonym.Keyed)
	must(t, err)
	providers := map[string]string{}
	for _, d := range deposits {
		providers[d.deposit] = d.provider
		var records bytes.Buffer
		sender, err := linkage.NewSender(t.Context(), &records, linkage.Keyed{Key: key})
		must(t, err)
		for person, id := range d.records {
			must(t, sender.Send(person, id))
		}
		_, err = sender.Close()
		must(t, err)
		must(t, linker.Add(t.Context(), d.deposit, &records))
		must(t, linker.AddStays(t.Context(), d.deposit, d.provider, d.side, tokensOf(t, d.stays)))
	}
	summary, err := linker.Resolve(t.Context())
	must(t, err)
	report, err := linker.Report(t.Context(), summary, providers)
	must(t, err)
	return personsOf(t, db), report
}

func personsOf(t *testing.T, db *engine.DB) map[string]int64 {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT deposit || '/' || person, person_id FROM link")
	must(t, err)
	defer rows.Close()
	persons := map[string]int64{}
	for rows.Next() {
		var record string
		var id int64
		must(t, rows.Scan(&record, &id))
		persons[record] = id
	}
	must(t, rows.Err())
	return persons
}

func hospital(records map[int64]pseudonym.Identity, stays ...toldStay) told {
	return told{"h", "chu", linkage.Care, records, stays}
}

func insurer(records map[int64]pseudonym.Identity, stays ...toldStay) told {
	return told{"i", "cnam", linkage.Payer, records, stays}
}

type people = map[int64]pseudonym.Identity

// Each case says which records are one person, h/1 of the hospital being the one
// that has no identifier.
func TestWhoseStaysTheseAre(t *testing.T) {
	s := func(person int64, stay uint64, traits pseudonym.Stay) toldStay { return toldStay{person, stay, traits} }
	cases := map[string]struct {
		deposits []told
		same     [][2]string
		apart    [][2]string
	}{
		"a stay that both have": {
			deposits: []told{hospital(people{1: nobody}, s(1, 1, fracture)), insurer(people{1: luc, 2: eve}, s(1, 9, fracture), s(2, 8, birth))},
			same:     [][2]string{{"h/1", "i/1"}}, apart: [][2]string{{"h/1", "i/2"}},
		},
		"a stay of somebody else": {
			deposits: []told{hospital(people{1: nobody}, s(1, 1, fracture)), insurer(people{2: eve}, s(2, 8, birth))},
			apart:    [][2]string{{"h/1", "i/2"}},
		},
		"two of the insurer's have all traits in common": {
			deposits: []told{hospital(people{1: nobody}, s(1, 1, fracture)), insurer(people{1: luc, 2: eve}, s(1, 9, fracture), s(2, 8, fracture))},
			apart:    [][2]string{{"h/1", "i/1"}, {"h/1", "i/2"}, {"i/1", "i/2"}},
		},
		"twins at the hospital": {
			deposits: []told{hospital(people{1: nobody, 2: nobody}, s(1, 1, fracture), s(2, 2, fracture)), insurer(people{1: luc}, s(1, 9, fracture))},
			apart:    [][2]string{{"h/1", "i/1"}, {"h/2", "i/1"}, {"h/1", "h/2"}},
		},
		"the identifier outranks the stay": {
			deposits: []told{hospital(people{1: eve}, s(1, 1, fracture)), insurer(people{1: luc, 2: eve}, s(1, 9, fracture))},
			same:     [][2]string{{"h/1", "i/2"}}, apart: [][2]string{{"h/1", "i/1"}},
		},
		"another hospital claims the stay": { // and neither is believed
			deposits: []told{
				hospital(people{1: nobody}, s(1, 1, fracture)),
				{"x", "rogue", linkage.Care, people{1: nobody}, []toldStay{s(1, 1, fracture)}},
				insurer(people{1: luc}, s(1, 9, fracture)),
			},
			apart: [][2]string{{"h/1", "i/1"}, {"x/1", "i/1"}, {"h/1", "x/1"}},
		},
		"another hospital claims the stay when it is taken": {
			deposits: []told{
				hospital(people{1: nobody}, s(1, 1, fracture)),
				{"x", "rogue", linkage.Care, people{1: nobody}, []toldStay{s(1, 1, but(fracture, func(s *pseudonym.Stay) { s.Diagnosis = "I21.0" }))}},
				insurer(people{1: luc}, s(1, 9, fracture)),
			},
			same: [][2]string{{"h/1", "i/1"}}, apart: [][2]string{{"x/1", "i/1"}},
		},
		"stays that name two persons": {
			deposits: []told{
				hospital(people{1: nobody}, s(1, 1, fracture), s(1, 2, birth)),
				insurer(people{1: luc, 2: eve}, s(1, 9, fracture), s(2, 8, birth)),
			},
			apart: [][2]string{{"h/1", "i/1"}, {"h/1", "i/2"}},
		},
		"four stays against one": {
			deposits: []told{
				hospital(people{1: nobody}, s(1, 1, on(fracture, 1, 2)), s(1, 2, on(fracture, 5, 6)), s(1, 3, on(fracture, 9, 11)), s(1, 4, on(fracture, 20, 21)), s(1, 5, birth)),
				insurer(people{1: luc, 2: eve}, s(1, 1, on(fracture, 1, 2)), s(1, 2, on(fracture, 5, 6)), s(1, 3, on(fracture, 9, 11)), s(1, 4, on(fracture, 20, 21)), s(2, 5, birth)),
			},
			same: [][2]string{{"h/1", "i/1"}}, apart: [][2]string{{"h/1", "i/2"}},
		},
		"two numbers of the hospital are one person": {
			deposits: []told{
				hospital(people{1: nobody, 2: nobody}, s(1, 1, fracture), s(2, 2, birth)),
				insurer(people{1: luc}, s(1, 9, fracture), s(1, 8, birth)),
			},
			same: [][2]string{{"h/1", "i/1"}, {"h/1", "h/2"}},
		},
		"nobody has an identifier": {
			deposits: []told{hospital(people{1: nobody}, s(1, 1, fracture)), insurer(people{1: nobody, 2: nobody}, s(1, 9, fracture), s(2, 8, birth))},
			same:     [][2]string{{"h/1", "i/1"}}, apart: [][2]string{{"i/1", "i/2"}},
		},
		"the hospital deposits again, under new numbers": {
			deposits: []told{
				hospital(people{1: nobody}, s(1, 1, but(fracture, func(s *pseudonym.Stay) { s.FINESS, s.Entry = "690000009", "2021-01-01" }))),
				{"h2", "chu", linkage.Care, people{7: nobody}, []toldStay{s(7, 1, fracture)}}, // and corrects the stay
				insurer(people{1: luc}, s(1, 9, fracture)),
			},
			same: [][2]string{{"h/1", "i/1"}, {"h2/7", "i/1"}},
		},
		"an insurer that nobody else knows of joins nobody": {
			deposits: []told{insurer(people{1: luc}, s(1, 9, fracture))},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			persons, _ := linkStays(t, c.deposits...)
			for _, pair := range c.same {
				if persons[pair[0]] != persons[pair[1]] {
					t.Errorf("%s and %s are two persons", pair[0], pair[1])
				}
			}
			for _, pair := range c.apart {
				if persons[pair[0]] == persons[pair[1]] {
					t.Errorf("%s and %s are one person", pair[0], pair[1])
				}
			}
		})
	}
}

// Whichever one trait differs or is missing, the stay is found; with entry and exit
// both gone it is not.
func TestKeysForgiveOneTrait(t *testing.T) {
	for name, change := range map[string]func(*pseudonym.Stay){
		"hospital":    func(s *pseudonym.Stay) { s.FINESS = "690000002" },
		"entry":       func(s *pseudonym.Stay) { s.Entry = "2023-03-03" },
		"exit":        func(s *pseudonym.Stay) { s.Exit = "" },
		"diagnosis":   func(s *pseudonym.Stay) { s.Diagnosis = "M80.0" },
		"commune":     func(s *pseudonym.Stay) { s.Commune = "01000" },
		"sex":         func(s *pseudonym.Stay) { s.Sex = "F" },
		"birth":       func(s *pseudonym.Stay) { s.BirthDate = "1958-05-17" },
		"no day":      func(s *pseudonym.Stay) { s.BirthDate, s.BirthYear, s.BirthMonth = "", "1985", "5" },
		"another day": func(s *pseudonym.Stay) { s.BirthDate = "1985-05-01" },
		"two of them": func(s *pseudonym.Stay) { s.Diagnosis, s.Commune = "", "" },
	} {
		persons, _ := linkStays(t, hospital(people{1: nobody}, toldStay{1, 1, fracture}), insurer(people{1: luc}, toldStay{1, 9, but(fracture, change)}))
		if persons["h/1"] != persons["i/1"] {
			t.Errorf("%s: the stay was not found", name)
		}
	}
	persons, _ := linkStays(t, hospital(people{1: nobody}, toldStay{1, 1, fracture}), insurer(people{1: luc}, toldStay{1, 9, but(fracture, func(s *pseudonym.Stay) { s.Entry, s.Exit = "2023-03-05", "" })}))
	if persons["h/1"] == persons["i/1"] {
		t.Error("a stay on other days was found")
	}
}

// A flood of equal stays, by either side, joins nobody, costs no product, and leaves
// the others as they were.
func TestAFloodOfEqualStays(t *testing.T) {
	const flood = 5_000
	h := hospital(people{1: nobody}, toldStay{1, 1, fracture})
	i := insurer(people{1: luc}, toldStay{1, 1, fracture})
	for n := range int64(flood) {
		h.records[n+2], i.records[n+2] = nobody, nobody
		h.stays = append(h.stays, toldStay{n + 2, uint64(n + 2), birth})
		i.stays = append(i.stays, toldStay{n + 2, uint64(n + 2), birth})
	}
	persons, report := linkStays(t, h, i)
	if persons["h/1"] != persons["i/1"] {
		t.Error("the flood has washed a stay away")
	}
	found := map[int64]bool{}
	for _, id := range persons {
		found[id] = true
	}
	if len(found) != 2*flood+1 {
		t.Errorf("%d persons, not %d", len(found), 2*flood+1)
	}
	for _, c := range report.Stays.Conflicts {
		if c.Ambiguous != flood {
			t.Errorf("%s: %d ambiguous stays, not %d", c.Provider, c.Ambiguous, flood)
		}
	}
}

// A key that agrees by chance too often is not taken: what it would join is left
// for somebody to look at.
func TestAWeakKeyIsNotTaken(t *testing.T) {
	h, i := hospital(people{}), insurer(people{})
	for n := range int64(4000) { // everybody has the same sex, commune and diagnosis, and few were born apart
		stay := on(fracture, 1+int(n)%14, 15+int(n/14)%14)
		stay.FINESS = fmt.Sprintf("69000%04d", n/400)
		stay.BirthDate = fmt.Sprintf("19%02d-%02d-01", 40+n/12%40, 1+n%12)
		h.records[n], i.records[n] = nobody, nobody
		if n%3 > 0 {
			h.stays = append(h.stays, toldStay{n, uint64(n), stay})
		}
		if n%3 < 2 { // only a third of the stays are known to both
			i.stays = append(i.stays, toldStay{n, uint64(n), stay})
		}
	}
	_, report := linkStays(t, h, i)
	weak := 0
	for _, k := range report.Stays.Keys {
		if !k.Taken {
			weak++
			continue
		}
		if k.Joined > 0 && k.False > 0.05*float64(k.Joined) {
			t.Errorf("%s is taken with %v of %d expected to be wrong", k.Name, k.False, k.Joined)
		}
	}
	if weak == 0 || report.Stays.Clerical.Stays == 0 {
		t.Errorf("%d keys are too weak, %d pairs of stays are left", weak, report.Stays.Clerical.Stays)
	}
}

// Linking again with more deposits gives a person the same number.
func TestPersonsFoundByStaysKeepTheirNumber(t *testing.T) {
	h, i := hospital(people{1: nobody}, toldStay{1, 1, fracture}), insurer(people{1: luc}, toldStay{1, 9, fracture})
	first, _ := linkStays(t, h, i)
	second, _ := linkStays(t, h, i, told{"j", "msa", linkage.Payer, people{5: eve}, []toldStay{{5, 3, birth}}})
	if first["h/1"] != second["h/1"] || first["i/1"] != second["i/1"] {
		t.Error("a person has another number")
	}
}

// What is no file of stays is refused, with its line.
func TestStaysThatWereAltered(t *testing.T) {
	whole := tokensOf(t, []toldStay{{1, 1, fracture}, {2, 2, birth}}).String()
	lines := strings.SplitAfter(whole, "\n")
	token := strings.Split(lines[1], ",")[3]
	for name, c := range map[string]struct{ text, says string }{
		"another header":              {strings.Replace(whole, "stay,", "day,", 1), "line 1: no stays"},
		"no such mode":                {strings.ReplaceAll(whole, "keyed_", "oblivious_"), "no column keyed_fexsbcd"},
		"a key is missing":            {strings.Replace(whole, ",keyed_exsbc\n", ",keyed_other\n", 1), "no column keyed_exsbc"},
		"a token is no token":         {strings.Replace(whole, token, token[1:], 1), "line 2: no token"},
		"a token is of letters":       {strings.Replace(whole, token, strings.Repeat("x", 32), 1), "line 2: no token"},
		"a token is missing by zeros": {strings.Replace(whole, token, strings.Repeat("0", 32), 1), "line 2: no token"},
		"a number is a formula":       {strings.Replace(whole, "\n"+strings.Split(lines[1], ",")[0]+",", "\n=1,", 1), "line 2: no number"},
		"a field too many":            {whole[:len(whole)-1] + ",\n", "line 3: 18 fields"},
		"it breaks off":               {whole[:len(whole)-1], "line 3: it breaks off"},
		"it is empty":                 {"", "line 1"},
	} {
		linker, err := linkage.New(t.Context(), engineDB(t), authorityKey(t), pseudonym.Keyed)
		must(t, err)
		if err := linker.AddStays(t.Context(), "h", "chu", linkage.Care, strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// The authority learns matching numbers, years and tokens, and nothing in clear.
func TestTheAuthoritySeesNoTraitOfAStay(t *testing.T) {
	text := tokensOf(t, []toldStay{{1, 1, fracture}, {2, 2, birth}}).String()
	for _, trait := range []string{"S72", "69003", "690000001", "2023-03", "1985"} {
		if strings.Contains(text, trait) {
			t.Errorf("the file has %q in it", trait)
		}
	}
	rows := strings.Split(strings.TrimSpace(text), "\n")[1:]
	if !strings.HasPrefix(rows[0], "1,1,2023,") {
		t.Errorf("a row begins with %q", rows[0][:12])
	}
	fields := strings.Split(rows[0], ",")[3:]
	if slices.Contains(fields, "") || len(slices.Compact(slices.Sorted(slices.Values(fields)))) != len(pseudonym.StayKeys) {
		t.Error("tokens of two keys are equal, or one is missing")
	}
}

// Facts of several rows and of the person make one stay.
func TestFactsAreJoined(t *testing.T) {
	var facts, tokens bytes.Buffer
	w, err := linkage.NewFactWriter(&facts)
	must(t, err)
	must(t, w.Write(1, "", "", pseudonym.Stay{Commune: "69003", Sex: "M", BirthDate: "1985-05-17"}))
	must(t, w.Write(1, stayHash(1), stayHash(77), pseudonym.Stay{Entry: "2023-03-04T10:00:00", Exit: "2023-03-09"}))
	must(t, w.Write(0, "", stayHash(77), pseudonym.Stay{FINESS: "https://finess.esante.gouv.fr|690000001"}))
	must(t, w.Write(0, "", stayHash(77), pseudonym.Stay{FINESS: "https://example.org|zz"})) // its number elsewhere
	must(t, w.Write(0, stayHash(1), "", pseudonym.Stay{Diagnosis: "S72.0"}))
	must(t, w.Write(0, stayHash(2), "", pseudonym.Stay{Diagnosis: "A00.0"})) // nobody's
	must(t, w.Flush())
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(t, err)
	sent, err := linkage.SendStays(t.Context(), &facts, &tokens, linkage.Keyed{Key: key})
	must(t, err)
	if want := tokensOf(t, []toldStay{{1, 1, fracture}}).String(); tokens.String() != want || sent.Stays != 1 {
		t.Errorf("%d stays:\n%s\nwant\n%s", sent.Stays, tokens.String(), want)
	}
}

// Counts below 11 do not leave in a report.
func TestSmallCountsAreNotReported(t *testing.T) {
	_, report := linkStays(t, hospital(people{1: nobody}, toldStay{1, 1, fracture}), insurer(people{1: luc}, toldStay{1, 9, fracture}))
	raw, err := json.Marshal(report)
	must(t, err)
	text := string(raw)
	if regexp.MustCompile(`"(records|persons|shared|stays|joined|agree|of|identifier)":[1-9]`).MatchString(text) || !strings.Contains(text, `\u003c11`) {
		t.Errorf("the report has small counts:\n%s", text)
	}
}

// BenchmarkStays measures the three steps of stays: the provider's tokens, the
// authority's pass, and the joining.
func BenchmarkStays(b *testing.B) {
	const stays = 20_000
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(b, err)
	authority, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{9}, 32))
	must(b, err)
	var facts bytes.Buffer
	w, err := linkage.NewFactWriter(&facts)
	must(b, err)
	for n := range int64(stays) {
		s := on(fracture, 1+int(n)%14, 15+int(n)%14)
		s.BirthDate = fmt.Sprintf("19%02d-%02d-01", n%100, 1+n%12)
		must(b, w.Write(n, stayHash(uint64(n)*0x9E3779B97F4A7C15), "", s))
	}
	must(b, w.Flush())
	var tokens bytes.Buffer
	_, err = linkage.SendStays(b.Context(), bytes.NewReader(facts.Bytes()), &tokens, linkage.Keyed{Key: key})
	must(b, err)
	rate := func(b *testing.B) { b.ReportMetric(float64(stays*b.N)/b.Elapsed().Seconds(), "stays/s") }
	b.Run("tokens", func(b *testing.B) {
		for b.Loop() {
			_, err := linkage.SendStays(b.Context(), bytes.NewReader(facts.Bytes()), io.Discard, linkage.Keyed{Key: key})
			must(b, err)
		}
		rate(b)
	})
	b.Run("authority", func(b *testing.B) {
		for b.Loop() {
			db, err := engine.Open(b.Context())
			must(b, err)
			linker, err := linkage.New(b.Context(), db, authority, pseudonym.Keyed)
			must(b, err)
			must(b, linker.AddStays(b.Context(), "h", "chu", linkage.Care, bytes.NewReader(tokens.Bytes())))
			must(b, linker.AddStays(b.Context(), "i", "cnam", linkage.Payer, bytes.NewReader(tokens.Bytes())))
			must(b, db.Close())
		}
		rate(b)
	})
	b.Run("joining", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			db, err := engine.Open(b.Context())
			must(b, err)
			linker, err := linkage.New(b.Context(), db, authority, pseudonym.Keyed)
			must(b, err)
			must(b, linker.AddStays(b.Context(), "h", "chu", linkage.Care, bytes.NewReader(tokens.Bytes())))
			must(b, linker.AddStays(b.Context(), "i", "cnam", linkage.Payer, bytes.NewReader(tokens.Bytes())))
			b.StartTimer()
			_, err = linker.Resolve(b.Context())
			must(b, err)
			b.StopTimer()
			must(b, db.Close())
			b.StartTimer()
		}
		rate(b)
	})
}
