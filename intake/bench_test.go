package intake_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"rempart.eu/rempart/intake"
)

const benchFeed = `{"name": "b", "rempart": {"kind": "hospital"}, "resources": [
	{"name": "conditions", "path": "c.csv", "schema": {"fields": [
		{"name": "START", "type": "date", "constraints": {"required": true}},
		{"name": "STOP", "type": "date"},
		{"name": "PATIENT", "rempart": {"role": "person"}},
		{"name": "ENCOUNTER", "rempart": {"role": "key", "domain": "encounters"}},
		{"name": "CODE", "constraints": {"required": true}},
		{"name": "VALUE", "type": "number"}]}}]}`

// conditions are rows as a hospital sends them: a person's rows stand together.
func conditions(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("START,STOP,PATIENT,ENCOUNTER,CODE,VALUE\n")
	for i := range rows {
		fmt.Fprintf(&b, "20%02d-%02d-%02d,,3edac2e3-d223-6fae-d515-%012d,57f2562b-445c-f11c-ba40-%012d,%c%02d.%d,%d.%d\n",
			i%24, 1+i%12, 1+i%28, i/20, i/3, 'A'+i%26, i%100, i%10, i%300, i%10)
	}
	return b.Bytes()
}

// BenchmarkCheck is the check of a narrow table, with real key hashes. Of the
// extra metrics, x/encoding-csv is its speed in units of encoding/csv's bare
// reading of the same text in the same run.
func BenchmarkCheck(b *testing.B) {
	const rows = 500_000
	text := conditions(rows)
	start := time.Now()
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	reference := time.Since(start)
	feed := load(b, benchFeed)
	delivery := deliver(b, feed, "c.csv")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		checker := intake.NewChecker(delivery, pseudonyms{}, intake.Options{})
		counts, err := checker.Check(b.Context(), delivery.Sources[0], "c.csv", bytes.NewReader(text), discard)
		if err != nil || counts[0].Accepted != rows {
			b.Fatal(counts, err)
		}
	}
	perRun := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(rows/perRun.Seconds(), "rows/s")
	b.ReportMetric(reference.Seconds()/perRun.Seconds(), "x/encoding-csv")
}
