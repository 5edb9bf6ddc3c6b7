package intake_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/intake/parquet"
)

const bulk = "../../shared/data/raw-fhir-bulk-ndjson-10"

// BenchmarkFHIR takes in NDJSON: parsed, checked, pseudonymised, as Parquet that
// is encrypted on its way out. Of the extra metrics, x/read_json is its speed in
// units of DuckDB's read_json of the same file into a table, in the same run, and
// cpu/read_json what it takes of the processor in those units, which is steadier
// where other work goes on.
func BenchmarkFHIR(b *testing.B) {
	patients, err := os.ReadFile(filepath.Join(bulk, "Patient.000.ndjson"))
	if err != nil {
		b.Skipf("the FHIR resources are not here: %v", err)
	}
	for _, kind := range []string{"Encounter", "Condition", "Procedure", "MedicationRequest"} {
		b.Run(kind, func(b *testing.B) {
			path, text := manyTimes(b, kind)
			db, err := engine.Open(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			var readJSON, ours spent
			b.SetBytes(int64(len(text)))
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				readJSON.add(func() {
					if err := db.Exec(b.Context(), "CREATE OR REPLACE TABLE t AS FROM read_json("+engine.Literal(path)+", format = 'newline_delimited')"); err != nil {
						b.Fatal(err)
					}
				})
				if err := db.Exec(b.Context(), "DROP TABLE t"); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				ours.add(func() { takeIn(b, kind, patients, path) })
			}
			b.ReportMetric(readJSON.wall.Seconds()/ours.wall.Seconds(), "x/read_json")
			b.ReportMetric(ours.cpu.Seconds()/readJSON.cpu.Seconds(), "cpu/read_json")
		})
	}
}

// manyTimes writes a file of about 64 MB: a type's resources again and again,
// each time with ids of their own.
func manyTimes(b *testing.B, kind string) (path string, text []byte) {
	once, err := os.ReadFile(filepath.Join(bulk, kind+".000.ndjson"))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; len(text) < 64<<20; i++ {
		for line := range bytes.Lines(once) {
			text = append(text, bytes.Replace(line, []byte(`"id":"`), fmt.Appendf(nil, `"id":"%d-`, i), 1)...)
		}
	}
	path = filepath.Join(b.TempDir(), kind+".ndjson")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path, text
}

// takeIn is what a deposit does with one file.
func takeIn(b *testing.B, kind string, patients []byte, path string) {
	delivery, err := fhirFeed(b).Deliver([]string{"Patient.ndjson", kind + ".ndjson"})
	if err != nil {
		b.Fatal(err)
	}
	checker := intake.NewChecker(delivery, pseudonyms{}, intake.Options{})
	sinks := discard
	sinks.Health = []intake.HealthSink{intaketest.Discard{}}
	if _, err := checker.Check(b.Context(), delivery.Sources[0], "Patient.ndjson", bytes.NewReader(patients), sinks); err != nil {
		b.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := age.Encrypt(io.Discard, identity.Recipient())
	if err != nil {
		b.Fatal(err)
	}
	source := delivery.Sources[1]
	rows, err := parquet.NewWriter(sealed, source.Feeds[0].Resource.HealthColumns())
	if err != nil {
		b.Fatal(err)
	}
	sinks.Health = []intake.HealthSink{rows}
	if _, err := checker.Check(b.Context(), source, kind+".ndjson", in, sinks); err != nil {
		b.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		b.Fatal(err)
	}
	if err := sealed.Close(); err != nil {
		b.Fatal(err)
	}
}

// spent is time on the clock and of the processor.
type spent struct{ wall, cpu time.Duration }

func (s *spent) add(do func()) {
	start, used := time.Now(), processor()
	do()
	s.wall += time.Since(start)
	s.cpu += processor() - used
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
