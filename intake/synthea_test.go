package intake_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/pseudonym"
)

const synthea = "../../shared/data/synthea-27/csv"

// Real files pass: of Synthea's 27 persons nothing is refused but what the
// feed excludes, what is accepted loads into DuckDB as the columns say, and no
// name or number of a person is in it.
func TestSynthea(t *testing.T) {
	if _, err := os.Stat(synthea); err != nil {
		t.Skip("the Synthea files are not at " + synthea)
	}
	for _, name := range []string{"synthea-hospital", "synthea-claims"} {
		t.Run(name, func(t *testing.T) {
			folder := os.DirFS(filepath.Join("../feeds", name))
			feed, err := intake.LoadFeed(folder)
			if err != nil {
				t.Fatal(err)
			}
			db, err := engine.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			files, err := os.ReadDir(synthea)
			if err != nil {
				t.Fatal(err)
			}
			var delivered []string
			for _, f := range files {
				delivered = append(delivered, f.Name())
			}
			delivery := deliver(t, feed, delivered...)
			checker := intake.NewChecker(delivery, pseudonyms{}, intake.Options{})
			var names []string
			for _, s := range delivery.Sources {
				r := s.Feeds[0].Resource
				in, err := os.Open(filepath.Join(synthea, s.Name))
				if err != nil {
					t.Fatal(err)
				}
				defer in.Close()
				var clean bytes.Buffer
				counts, err := checker.Check(t.Context(), s, s.Name, in, intake.Sinks{
					Health: []intake.HealthSink{intaketest.NewText(&clean, r.HealthColumns())},
					Identity: func(_ int64, who pseudonym.Identity) error {
						names = append(names, who.LastName, who.SSN)
						return nil
					},
					Refused: func(e intake.RowError) error {
						if !strings.HasPrefix(e.Rule, "excluded") {
							t.Error(e.Error())
						}
						return nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range names {
					if name != "" && bytes.Contains(clean.Bytes(), []byte(name)) {
						t.Errorf("%s: the health data holds %q", r.Path, name)
					}
				}
				if err := db.LoadCSV(t.Context(), r.Name, r.HealthColumns(), &clean); err != nil {
					t.Fatalf("%s: %v", r.Path, err)
				}
				var loaded int64
				if err := db.Value(t.Context(), &loaded, "SELECT count(*) FROM "+engine.Quote(r.Name)); err != nil {
					t.Fatal(err)
				}
				if loaded != counts[0].Accepted || counts[0].Rows == 0 {
					t.Errorf("%s: %+v, loaded %d", r.Path, counts, loaded)
				}
			}
			if len(names) == 0 {
				t.Error("no identity was handed on")
			}
		})
	}
}

// pseudonyms are like real ones: keyed, and short.
type pseudonyms struct{}

func (pseudonyms) Person(localKey string) int64 {
	n := int64(0)
	for _, c := range localKey {
		n = (n*31 + int64(c)) & (1<<62 - 1)
	}
	return n
}

var key = func() *pseudonym.LocalKey {
	key, err := pseudonym.NewLocalKey(bytes.Repeat([]byte{7}, pseudonym.SecretSize))
	if err != nil {
		panic(err)
	}
	return key
}()

func (pseudonyms) Key(domain, value string) string { return key.Hash(domain, value) }
