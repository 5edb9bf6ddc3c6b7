package linkage_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// numbers stands in for the matching numbers of one deposit, and remembers
// which local key each stands for.
type numbers struct {
	seed maphash.Seed
	*pseudonym.LocalKey
}

func (n numbers) Person(local string) int64 { return int64(maphash.String(n.seed, local) >> 1) }
func (n numbers) Key(domain, value string) string {
	return n.Hash(domain, value)
}

// A population of known truth goes through intake's own reading of identities;
// what is linked is compared with who is who, pair by pair.
func TestTheLinkageOfAPopulationOfKnownTruth(t *testing.T) {
	dir := t.TempDir()
	_, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 3000, Seed: 11})
	must(t, err)
	secret := bytes.Repeat([]byte{3}, 32)
	provider, err := pseudonym.NewProviderKey(secret)
	must(t, err)
	local, err := pseudonym.NewLocalKey(secret)
	must(t, err)
	authority, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{4}, 32))
	must(t, err)
	db, err := engine.Open(t.Context())
	must(t, err)
	defer db.Close()
	linker, err := linkage.New(t.Context(), db, authority)
	must(t, err)
	deposits := map[string]numbers{}
	for _, party := range synth.Parties() {
		deposits[party] = numbers{maphash.MakeSeed(), local}
		must(t, linker.Add(t.Context(), party, identities(t, provider, deposits[party], filepath.Join(dir, party))))
	}
	summary, err := linker.Resolve(t.Context())
	must(t, err)
	must(t, db.LoadCSV(t.Context(), "truth", []engine.Column{{Name: "deposit", Type: "VARCHAR"}, {Name: "person", Type: "BIGINT"}, {Name: "true_person", Type: "BIGINT"}}, truth(t, deposits, dir)))
	var found, right, pairs int64
	must(t, db.Exec(t.Context(), "CREATE TABLE compared AS FROM link JOIN truth USING (deposit, person)"))
	const pairsBy = "SELECT coalesce(sum(n * (n - 1) / 2), 0)::BIGINT FROM (SELECT count(*) AS n FROM compared GROUP BY %s)"
	must(t, db.Value(t.Context(), &found, fmt.Sprintf(pairsBy, "person_id")))
	must(t, db.Value(t.Context(), &pairs, fmt.Sprintf(pairsBy, "true_person")))
	must(t, db.Value(t.Context(), &right, fmt.Sprintf(pairsBy, "person_id, true_person")))
	precision, recall := float64(right)/float64(found), float64(right)/float64(pairs)
	t.Logf("%d records, %d persons: precision %.4f, recall %.4f over %d true pairs", summary.Records, summary.Persons, precision, recall, pairs)
	if precision < 0.999 || recall < 0.98 {
		t.Errorf("precision %.4f, recall %.4f: want at least 0.999 and 0.98", precision, recall)
	}
}

// identities runs a party's identity file through its feed.
func identities(t *testing.T, key *pseudonym.ProviderKey, n numbers, dir string) io.Reader {
	t.Helper()
	name := "hospital"
	if strings.HasSuffix(dir, "insurer") {
		name = "insurer"
	}
	folder, err := fs.Sub(feeds.FS(), name)
	must(t, err)
	feed, err := intake.LoadFeed(folder)
	must(t, err)
	var records bytes.Buffer
	writer, err := linkage.NewWriter(&records)
	must(t, err)
	files, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	delivery, err := feed.Deliver(names)
	must(t, err)
	delivery.Sources = slices.DeleteFunc(delivery.Sources, func(s intake.Source) bool { return !s.Feeds[0].Resource.Traits() })
	if len(delivery.Sources) != 1 {
		t.Fatalf("%d files of feed %s hold identities", len(delivery.Sources), name)
	}
	source := delivery.Sources[0]
	checker := intake.NewChecker(delivery, n, intake.Options{})
	f, err := os.Open(filepath.Join(dir, source.Name))
	must(t, err)
	defer f.Close()
	_, err = checker.Check(t.Context(), source, source.Name, f, intake.Sinks{
		Health: []intake.HealthSink{intaketest.Discard{}},
		Identity: func(person int64, who pseudonym.Identity) error {
			tokens, err := key.Tokens(who)
			if err != nil { // a NIR whose key is wrong
				who.NIR = ""
				if tokens, err = key.Tokens(who); err != nil {
					return err
				}
			}
			return writer.Write(linkage.Record{Person: person, Tokens: tokens})
		},
		Refused: func(e intake.RowError) error { return &e },
	})
	must(t, err)
	must(t, writer.Flush())
	return &records
}

// truth translates truth/persons.csv to matching numbers.
func truth(t *testing.T, deposits map[string]numbers, dir string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "truth", "persons.csv"))
	must(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	must(t, err)
	var out strings.Builder
	fmt.Fprintln(&out, "deposit,person,true_person")
	for _, row := range rows[1:] {
		fmt.Fprintf(&out, "%s,%d,%s\n", row[0], deposits[row[0]].Person(row[1]), row[2])
	}
	return strings.NewReader(out.String())
}
