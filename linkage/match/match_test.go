package match_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage/match"
)

// people are n records of a register, and the same with errors; some are in one only.
func people(n int, seed uint64) (left, right, truth string) {
	random := rand.New(rand.NewPCG(seed, 0))
	word := func(letters int) string {
		b := make([]byte, letters)
		for i := range b {
			b[i] = byte('A' + random.IntN(26))
		}
		return string(b)
	}
	names := make([]string, n/4+1)
	for i := range names {
		names[i] = word(5 + random.IntN(5))
	}
	var l, r, t strings.Builder
	l.WriteString("number,surname,first_name,dob\n")
	r.WriteString("number,surname,first_name,dob\n")
	t.WriteString("l,r\n")
	for i := range n {
		last, first := names[random.IntN(len(names))], names[random.IntN(len(names))]
		dob := fmt.Sprintf("%04d-%02d-%02d", 1930+random.IntN(80), 1+random.IntN(12), 1+random.IntN(28))
		fmt.Fprintf(&l, "a%d,%s,%s,%s\n", i, last, first, dob)
		switch random.IntN(6) {
		case 0:
			last = last[:2] + "X" + last[3:]
		case 1:
			first = first[:len(first)-1]
		case 2:
			last, first = first, last
		case 3:
			dob = ""
		case 4:
			continue
		}
		fmt.Fprintf(&r, "b%d,%s,%s,%s\n", i, strings.ToLower(last), first, dob)
		fmt.Fprintf(&t, "a%d,b%d\n", i, i)
	}
	return l.String(), r.String(), t.String()
}

func text(columns ...string) (typed []engine.Column) {
	for _, c := range columns {
		typed = append(typed, engine.Column{Name: c, Type: "VARCHAR"})
	}
	return typed
}

func linked(t *testing.T, left, right, truth string, edit func(*match.Spec), o match.Options) (*match.Result, []string, *engine.DB) {
	t.Helper()
	db := open(t)
	must(t, db.LoadCSV(t.Context(), "a", text("number", "surname", "first_name", "dob"), strings.NewReader(left)))
	files := match.Files{Left: "a"}
	if right != "" {
		must(t, db.LoadCSV(t.Context(), "b", text("number", "surname", "first_name", "dob"), strings.NewReader(right)))
		files.Right = "b"
	}
	if truth != "" {
		must(t, db.LoadCSV(t.Context(), "truth", text("l", "r"), strings.NewReader(truth)))
		files.Truth = "truth"
	}
	s, err := match.ParseSpec([]byte(spec))
	must(t, err)
	if edit != nil {
		edit(&s)
	}
	result, err := match.Link(t.Context(), db, s, files, o)
	must(t, err)
	return result, rowsOf(t, db, "SELECT l_id || ' ' || r_id || ' ' || decision FROM match.link ORDER BY ALL"), db
}

func rowsOf(t *testing.T, db *engine.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		all = append(all, s)
	}
	must(t, rows.Err())
	return all
}

func TestRegistersAreLinkedOneToOne(t *testing.T) {
	left, right, truth := people(2000, 1)
	got, pairs, _ := linked(t, left, right, truth, nil, match.Options{})
	m := got.Measured
	t.Logf("precision %.4f recall %.4f, estimated %.4f %.4f, %+v", m.Precision, m.Recall, got.Estimated.Precision, got.Estimated.Recall, got.Decisions)
	if m.Precision < 0.99 || m.Recall < 0.95 {
		t.Errorf("precision %.4f recall %.4f", m.Precision, m.Recall)
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		words := strings.Fields(p)
		if words[2] != "linked" {
			continue
		}
		if seen[words[0]] || seen[words[1]] {
			t.Errorf("%s: a record is linked twice", p)
		}
		seen[words[0]], seen[words[1]] = true, true
	}
	d := got.Decisions
	if d.Linked+d.LeftAlone != got.Left || d.Linked+d.RightAlone != got.Right {
		t.Errorf("%+v do not account for %d and %d records", d, got.Left, got.Right)
	}
	added := int64(0)
	for _, r := range got.Rules {
		added += r.Added
	}
	if added != got.Candidates {
		t.Errorf("rules add %d pairs, of %d candidates", added, got.Candidates)
	}
}

// Which file is the left one does not matter, nor does the order of its records.
func TestLinkageIsSymmetric(t *testing.T) {
	left, right, _ := people(800, 2)
	_, one, _ := linked(t, left, right, "", nil, match.Options{})
	_, other, _ := linked(t, right, left, "", nil, match.Options{})
	for i, p := range other {
		words := strings.Fields(p)
		other[i] = words[1] + " " + words[0] + " " + words[2]
	}
	if diff := cmp.Diff(setOf(one), setOf(other)); diff != "" {
		// u comes from random pairs of which the sample is all: small files have no luck in it
		t.Error(diff)
	}
}

func setOf(all []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range all {
		set[s] = true
	}
	return set
}

func TestAModelIsKeptAndUsedAgain(t *testing.T) {
	left, right, _ := people(800, 3)
	first, pairs, _ := linked(t, left, right, "", nil, match.Options{})
	var kept bytes.Buffer
	must(t, first.Model.Write(&kept))
	model, err := match.ReadModel(&kept)
	must(t, err)
	second, again, _ := linked(t, left, right, "", nil, match.Options{Model: model})
	if diff := cmp.Diff(pairs, again); diff != "" {
		t.Error(diff)
	}
	if second.Model.Prior != first.Model.Prior {
		t.Errorf("prior %g, was %g", second.Model.Prior, first.Model.Prior)
	}
}

func TestTheBoundsOfSimilarityLoseNothing(t *testing.T) {
	left, right, _ := people(50, 4)
	_, _, db := linked(t, left, right, "", nil, match.Options{})
	must(t, db.LoadCSV(t.Context(), "word", text("w"), strings.NewReader(words())))
	must(t, db.Exec(t.Context(), "CREATE TABLE lettered AS SELECT w, match.letters(w) AS s, match.neighbours(w) AS g, strlen(w) AS n FROM word"))
	for what, wrong := range map[string]string{
		"jaro_winkler":     "list_any_value([t FOR t IN [0.5, 0.7, 0.8, 0.88, 0.92, 0.95] IF jaro_winkler_similarity(a.w, b.w) >= t AND NOT match.similar(a.s, a.n, b.s, b.n, t)]) IS NOT NULL",
		"levenshtein":      "match.apart(a.g, b.g) > 4 * levenshtein(a.w, b.w)",
		"damerau":          "match.apart(a.g, b.g) > 6 * damerau_levenshtein(a.w, b.w)",
		"bound of damerau": "2 * damerau_levenshtein(a.w, b.w) < levenshtein(a.w, b.w)",
	} {
		got := rowsOf(t, db, "SELECT a.w || ' and ' || b.w FROM lettered a, lettered b WHERE "+wrong+" LIMIT 5")
		if len(got) > 0 {
			t.Errorf("%s: the bound leaves out %v", what, got)
		}
	}
}

// words are short texts over few letters, some of them not ASCII.
func words() string {
	random := rand.New(rand.NewPCG(5, 5))
	letters := []rune("AABBCCDE12é日_")
	var b strings.Builder
	b.WriteString("w\n")
	for range 700 {
		for range 1 + random.IntN(9) {
			b.WriteRune(letters[random.IntN(len(letters))])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestFormsOfColumns(t *testing.T) {
	_, _, db := linked(t, "number,surname,first_name,dob\na,B,C,2000-01-01\nb,B,C,2000-01-01\n", "", "", func(s *match.Spec) { s.OneToOne = false }, match.Options{})
	for expression, want := range map[string]string{
		"match.form_name('  Anne-Laure d''Été ')":   "ANNELAUREDETE",
		"match.form_text(' 3,  rue de  l''Église')": "3, RUE DE L'EGLISE",
		"match.form_date('1983-02-01T00:00')":       "19830201",
		"match.form_date('01/02/1983')":             "19830201",
		"match.form_date('19831301')":               "19831301", // a typing error stays comparable
		"match.form_date('soon')":                   "NULL",
		"match.form_date_of('1983', '2', '1')":      "19830201",
		"match.form_code('2A-004 ')":                "2A004",
		"match.form_digits('+33 6 12')":             "33612",
		"match.form_name('12')":                     "NULL",
		"match.sound('LEFEBVRE')":                   "L116",
		"match.sound('LEFEVRE')":                    "L116",
		"match.sound('ROBERT')":                     "R163",
		"match.sound('RUPERT')":                     "R163",
	} {
		if got := rowsOf(t, db, "SELECT coalesce("+expression+"::VARCHAR, 'NULL')"); got[0] != want {
			t.Errorf("%s is %s, want %s", expression, got[0], want)
		}
	}
}

func TestWhatCannotBeLinkedIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		left string
		edit func(*match.Spec)
		o    match.Options
		want string
	}{
		"a column is missing":   {"number,surname,first_name,dob\na,B,C,2000-01-01\n", func(s *match.Spec) { s.Columns[0].From = []string{"surnam"} }, match.Options{}, "did you mean \"surname\"?"},
		"an id stands twice":    {"number,surname,first_name,dob\na,B,C,2000-01-01\na,B,C,2000-01-01\n", nil, match.Options{}, "choose another id column"},
		"too many pairs":        {"number,surname,first_name,dob\na,B,C,2000-01-01\nb,B,C,2000-01-01\nc,B,C,2000-01-01\n", nil, match.Options{MaxPairs: 2}, "add a column to it"},
		"a model of other kind": {"number,surname,first_name,dob\na,B,C,2000-01-01\n", nil, match.Options{Model: &match.Model{}}, "train a model of this spec"},
	} {
		db := open(t)
		must(t, db.LoadCSV(t.Context(), "a", text("number", "surname", "first_name", "dob"), strings.NewReader(c.left)))
		s, err := match.ParseSpec([]byte(spec))
		must(t, err)
		if c.edit != nil {
			c.edit(&s)
		}
		_, err = match.Link(t.Context(), db, s, match.Files{Left: "a"}, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}
