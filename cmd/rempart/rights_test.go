package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/lake/mount"
)

// patient is a person as a file of the population has her.
type patient map[string]string

// patients reads a file of persons who have a NIR.
func patients(t testing.TB, file string) (all []patient) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(read(t, filepath.Join(population(t), file)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		p := patient{}
		for i, name := range rows[0] {
			p[name] = row[i]
		}
		if len(p["nir"]) == 15 {
			all = append(all, p)
		}
	}
	return all
}

// text is how a provider describes the person.
func (p patient) text() string {
	return fmt.Sprintf("nir: %q\nlast_name: %q\nfirst_name: %q\nbirth_date: %q\nsex: %q\n", p["nir"], p["last_name"], p["first_name"], p["birth_date"], p["sex"])
}

// persons are a patient of the hospital, and somebody whom only the insurer knows.
func hersAndAnothers(t *testing.T) (hers, anothers patient) {
	t.Helper()
	known := map[string]bool{}
	for _, p := range patients(t, "hospital-1/patients.csv") {
		known[p["nir"]] = true
	}
	insured := map[string]bool{}
	for _, p := range patients(t, "insurer/beneficiaries.csv") {
		insured[p["nir"]] = true
		if !known[p["nir"]] && anothers == nil {
			anothers = p
		}
	}
	for _, p := range patients(t, "hospital-1/patients.csv") {
		if insured[p["nir"]] && p["death_date"] == "" && p["birth_date"] < "2000" {
			return p, anothers
		}
	}
	t.Fatal("the population has no such persons")
	return nil, nil
}

var optOutID, accessID = regexp.MustCompile(`o-[0-9a-f]{8}`), regexp.MustCompile(`a-[0-9a-f]{8}`)

// A person opts out: within seconds open mounts end, and running studies of her data; she is gone from the
// space of every project once it is made anew, and from every later release; and
// she comes back. Nobody but her provider learns who she is.
func TestAPersonOptsOut(t *testing.T) {
	studies(t)
	t.Parallel()
	home := homeAt(t, extracted)
	hers, anothers := hersAndAnothers(t)
	her := write(t, "her.yaml", hers.text())
	before := peopleOf(t, home, "flu")

	var open *background
	if err := mount.Available(); err == nil {
		dir := t.TempDir()
		open = start(home, "mount", "--project", "flu", dir)
		waitFor(t, "mount", func() bool { return strings.Contains(open.printed(), dir) })
	}
	running := start(home, "run", "--project", "flu", write(t, "endless.sql", endless))
	waitFor(t, "run", func() bool { return ledgerOf(t, home).Runs.Len() == 1 })
	id := optOutID.FindString(must(t, home, "rights", "opt-out", her, "--as", "chu-lyon"))

	// Until the authority has looked, nobody knows whom to leave out: who may be she is not read.
	if open != nil {
		if code := open.end(t); code != exitOK || !strings.Contains(open.printed(), "the linkage authority has not looked yet who it is") {
			t.Errorf("the open mount: %d, %s", code, open.printed())
		}
		refused(t, exitRefused, "has not looked yet who it is", home, "mount", "--project", "flu", t.TempDir())
		refused(t, exitRefused, "has not looked yet who it is", home, "mount", "--release", "latest", t.TempDir())
	}
	refused(t, exitRefused, "the linkage authority has not looked yet", home, "release", "publish")
	must(t, home, "project", "request", "--as", "alice", write(t, "later.yaml", request("later", nil)))
	must(t, home, "project", "approve", "later", "--reason", "lawful")
	refused(t, exitRefused, "the linkage authority has not looked yet", home, "project", "extract", "later")

	// A provider is not believed of others' patients.
	stranger := optOutID.FindString(must(t, home, "rights", "opt-out", write(t, "another.yaml", anothers.text()), "--as", "chu-lyon"))
	if out := must(t, home, "rights", "resolve"); !strings.Contains(out, "1 opt-outs hold, of 1 persons") || !strings.Contains(out, stranger) {
		t.Errorf("rempart rights resolve: %s", out)
	}
	if code := running.end(t); code != exitRefused || !strings.Contains(running.printed(), "a person who is in the space of project flu has opted out") {
		t.Errorf("the study that was running: %d, %s", code, running.printed())
	}
	if open != nil {
		refused(t, exitRefused, "has opted out since it was made", home, "mount", "--project", "flu", t.TempDir())
		refused(t, exitRefused, "has opted out since it was made", home, "mount", "--release", "latest", t.TempDir())
	}
	refused(t, exitRefused, "has opted out since it was made", home, "run", "--project", "flu", write(t, "sexes.sql", study))

	if out := must(t, home, "rights", "apply"); !strings.Contains(out, "1 spaces were made anew") {
		t.Errorf("rempart rights apply: %s", out)
	}
	must(t, home, "run", "--project", "flu", write(t, "sexes.sql", study))
	must(t, home, "project", "extract", "later")
	for _, name := range []string{"flu", "later"} {
		after := peopleOf(t, home, name)
		gone := map[string]int{}
		for row, n := range before {
			if n != after[row] {
				gone[row] = n - after[row]
			}
		}
		if len(gone) != 1 || gone[kind(hers)] != 1 {
			t.Errorf("project %s is without %v, want one person %s", name, gone, kind(hers))
		}
	}
	persons := func() int64 { return latestRelease(t, home) }
	first := persons()
	must(t, home, "release", "publish")
	if got := persons(); got != first-1 {
		t.Errorf("the release has %d persons, that before had %d", got, first)
	}

	// She comes back, by the word of the provider to whom she said it.
	refused(t, exitRefused, "stated by another provider", home, "rights", "revoke", id, "--as", "cnam")
	must(t, home, "rights", "revoke", id, "--as", "chu-lyon")
	refused(t, exitRefused, "was revoked on", home, "rights", "revoke", id, "--as", "chu-lyon")
	must(t, home, "rights", "resolve")
	must(t, home, "release", "publish")
	if got := persons(); got != first {
		t.Errorf("the release has %d persons, the first had %d", got, first)
	}
	discreet(t, home, hers, anothers)
	sound(t, home)
	must(t, home, "lake", "repair")
	sound(t, home)
}

// kind is a person as the project flu sees her.
func kind(p patient) string {
	sex := map[string]string{"M": "8507", "F": "8532", "1": "8507", "2": "8532"}[p["sex"]]
	return sex + " " + p["birth_date"][:4]
}

// peopleOf counts the persons in the space of a project by sex and year of birth.
func peopleOf(t *testing.T, home, name string) map[string]int {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	space(t, db, home, name)
	rows, err := db.Query(t.Context(), "SELECT gender_concept_id || ' ' || year_of_birth FROM "+name+"_person")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		count[row]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return count
}

func latestRelease(t *testing.T, home string) int64 {
	t.Helper()
	r, err := ledgerOf(t, home).Release("latest")
	if err != nil {
		t.Fatal(err)
	}
	return r.Persons
}

// discreet wants nothing of persons in what others can read: the ledger, the
// names and the plaintext of files.
func discreet(t *testing.T, home string, persons ...patient) {
	t.Helper()
	log := must(t, home, "audit", "log", "--json") + must(t, home, "rights", "list", "--json")
	for _, p := range persons {
		for _, trait := range []string{"nir", "last_name", "birth_date"} {
			if strings.Contains(log, p[trait]) {
				t.Errorf("the ledger tells the %s of a person", trait)
			}
		}
	}
}

// A person asks what was done with her data: she learns it, and nobody else
// does, not even how much it is.
func TestAPersonAsks(t *testing.T) {
	studies(t)
	t.Parallel()
	home := homeAt(t, extracted)
	hers, anothers := hersAndAnothers(t)
	key, other := filepath.Join(t.TempDir(), "her.agekey"), filepath.Join(t.TempDir(), "other.agekey")
	a := accessID.FindString(must(t, home, "rights", "access", write(t, "her.yaml", hers.text()), "--as", "chu-lyon", "--key-out", key))
	b := accessID.FindString(must(t, home, "rights", "access", write(t, "another.yaml", anothers.text()), "--as", "chu-lyon", "--key-out", other))
	refused(t, exitRefused, "there is no answer", home, "rights", "answer", a)
	must(t, home, "rights", "resolve")
	must(t, home, "project", "close", "flu", "--reason", "the study is over")
	if out := must(t, home, "rights", "apply"); !strings.Contains(out, "2 access requests answered") {
		t.Errorf("rempart rights apply: %s", out)
	}
	answer := must(t, home, "rights", "answer", a, "--identity", key)
	for _, want := range []string{"chu-lyon", "cnam", "2026-06-01 – 2026-06-01  flu (Hospices civils de Lyon): Influenza in winter: to know who falls ill", "scientific-research; GDPR 9(2)(j) (CNIL 921 001)", releasesOf(t, home)[0]} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer does not say %q:\n%s", want, answer)
		}
	}
	if answer := must(t, home, "rights", "answer", b, "--identity", other); !strings.Contains(answer, "has deposited no data of yours") || strings.Contains(answer, "flu") {
		t.Errorf("a provider asks for somebody whom it does not know, and hears:\n%s", answer)
	}
	if o := command(t, home, "rights", "answer", a, "--identity", other); o.code == exitOK {
		t.Errorf("another's key opens the answer: %s", o.stdout)
	}
	lengths := map[int]bool{}
	for _, id := range []string{a, b} {
		for _, at := range []string{"parties/chu-lyon/answers", "controller/inbox"} {
			info, err := os.Stat(filepath.Join(home, at, id+".age"))
			if err != nil {
				t.Fatal(err)
			}
			lengths[int(info.Size())] = true
		}
	}
	if len(lengths) != 1 {
		t.Errorf("the lengths tell who is known: %v", lengths)
	}
	discreet(t, home, hers, anothers)
	sound(t, home)
}

// What is no description of a person is refused, and not quoted.
func TestDescriptionsThatAreNone(t *testing.T) {
	t.Parallel()
	home := homeAt(t, linked)
	for text, want := range map[string]string{
		"nir: \"295109912611194\"\n":              "cannot be right",
		"last_name: Martin\n":                     "too little is said of the person",
		"surname: Martin\n":                       "cannot be read",
		"nir: \"\"\nbirth_date: \"31/02/1990\"\n": "cannot be right",
	} {
		o := command(t, home, "rights", "opt-out", write(t, "x.yaml", text), "--as", "chu-lyon")
		if o.code == exitOK || !strings.Contains(o.stderr, want) || strings.Contains(o.stderr, "Martin") || strings.Contains(o.stderr, "2951") {
			t.Errorf("%q: %s, want %q", text, o, want)
		}
	}
	refused(t, exitRefused, "is no provider", home, "rights", "opt-out", write(t, "x.yaml", "last_name: Martin\n"), "--as", "alice")
	refused(t, exitUsage, "--recipient or --key-out", home, "rights", "access", write(t, "x.yaml", "last_name: Martin\n"))
	sound(t, home)
}
