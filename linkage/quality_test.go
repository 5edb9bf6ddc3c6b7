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
	"rempart.eu/rempart/linkage/clk"
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
	provider, err := pseudonym.NewProviderKey(bytes.Repeat([]byte{3}, 32))
	must(t, err)
	db, linker, deposits := populationLinker(t, dir, provider, false)
	summary, err := linker.Resolve(t.Context())
	must(t, err)
	must(t, db.LoadCSV(t.Context(), "truth", truthColumns, truth(t, deposits, dir)))
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

var truthColumns = []engine.Column{{Name: "deposit", Type: "VARCHAR"}, {Name: "person", Type: "BIGINT"}, {Name: "true_person", Type: "BIGINT"}}

// populationLinker takes in the identities of all parties of a population.
func populationLinker(t *testing.T, dir string, provider *pseudonym.ProviderKey, filters bool) (*engine.DB, *linkage.Linker, map[string]numbers) {
	t.Helper()
	local, err := pseudonym.NewLocalKey(bytes.Repeat([]byte{3}, 32))
	must(t, err)
	authority, err := pseudonym.NewAuthorityKey(bytes.Repeat([]byte{4}, 32))
	must(t, err)
	db := engineDB(t)
	linker, err := linkage.New(t.Context(), db, authority, pseudonym.Keyed)
	must(t, err)
	deposits := map[string]numbers{}
	for _, party := range synth.Parties() {
		deposits[party] = numbers{maphash.MakeSeed(), local}
		var key *clk.Key
		if filters {
			key = filterKey(t, 3)
			linker.AddFilters(party, key.Check())
		}
		must(t, linker.Add(t.Context(), party, identities(t, provider, key, deposits[party], filepath.Join(dir, party))))
	}
	return db, linker, deposits
}

// identities runs a party's identity file through its feed.
func identities(t *testing.T, key *pseudonym.ProviderKey, filters *clk.Key, n numbers, dir string) io.Reader {
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
	sender, err := linkage.NewFilterSender(t.Context(), &records, filters, linkage.Keyed{Key: key})
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
		Health:   []intake.HealthSink{intaketest.Discard{}},
		Identity: sender.Send,
		Refused:  func(e intake.RowError) error { return &e },
	})
	must(t, err)
	_, err = sender.Close()
	must(t, err)
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
