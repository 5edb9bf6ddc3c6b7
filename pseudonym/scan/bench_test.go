package scan_test

import (
	"fmt"
	"testing"

	"rempart.eu/rempart/pseudonym/scan"
	"rempart.eu/rempart/synth"
)

// BenchmarkScan scans columns of codes, of labels, and clinical notes.
func BenchmarkScan(b *testing.B) {
	people := deposit()
	var codes, labels, texts [][]byte
	for i := range 1000 {
		codes = append(codes, fmt.Appendf(nil, "%c%02d.%d", 'A'+i%26, i%100, i%10), fmt.Appendf(nil, "34009%08d", i*7919), fmt.Appendf(nil, "%d-%d", 1000+i*37, i%10))
		labels = append(labels, []byte([]string{"Hémoglobine [masse/volume] dans le sang", "Acute viral pharyngitis (disorder)", "Tumeur maligne de la grande lèvre", "Ramipril 10 MG Oral Capsule"}[i%4]))
	}
	for n := range synth.Notes(seed, patients, 2000) {
		texts = append(texts, []byte(n.Text))
	}
	for _, c := range []struct {
		name  string
		rules scan.Rules
		texts [][]byte
	}{{"codes", scan.Code, codes}, {"labels", scan.Code, labels}, {"notes", scan.Text, texts}} {
		b.Run(c.name, func(b *testing.B) {
			s := scan.New(c.rules, people)
			size := 0
			for _, text := range c.texts {
				size += len(text)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range c.texts {
					s.All(text) // all of it is read, whatever is found
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(c.texts)), "ns/text")
		})
	}
}
