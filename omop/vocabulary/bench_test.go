package vocabulary_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"rempart.eu/rempart/omop/vocabulary"
)

// generated is a folder whose CONCEPT.csv and CONCEPT_RELATIONSHIP.csv are made as they are read.
type generated struct {
	fs.FS
	rows int
}

func (g generated) Open(name string) (fs.File, error) {
	f, err := g.FS.Open(name)
	if err != nil {
		return nil, err
	}
	switch name {
	case "CONCEPT.csv":
		return &made{File: f, head: conceptHeader, rows: g.rows, row: func(to []byte, i int) []byte {
			return fmt.Appendf(to, "%d\tSome clinical drug %d 500 MG Oral Tablet [Brand] by Maker\tDrug\tRxNorm\tMarketed Product\tS\tOMOP%d\t20020131\t20991231\t\n", i+1, i, i)
		}}, nil
	case "CONCEPT_RELATIONSHIP.csv":
		return &made{File: f, head: bundle(nil)[name], rows: 2 * g.rows, row: func(to []byte, i int) []byte {
			return fmt.Appendf(to, "%d\t%d\tMaps to\t20020131\t20991231\t\n", i/2+1, (i+7)%g.rows+1)
		}}, nil
	}
	return f, nil
}

type made struct {
	fs.File
	head    string
	at      int
	rows    int
	row     func(to []byte, i int) []byte
	pending []byte
}

func (m *made) Read(p []byte) (int, error) {
	if m.head != "" {
		m.pending, m.head = append(m.pending, m.head[:strings.IndexByte(m.head, '\n')+1]...), ""
	}
	for len(m.pending) < len(p) && m.at < m.rows {
		m.pending = m.row(m.pending, m.at)
		m.at++
	}
	if len(m.pending) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.pending)
	m.pending = m.pending[:copy(m.pending, m.pending[n:])]
	return n, nil
}

// BenchmarkLoad loads a bundle of CONCEPTS (default 100,000) concepts and twice as many
// relationships, and tells the most memory that the process ever had.
func BenchmarkLoad(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("CONCEPTS"))
	if err != nil {
		n = 100_000
	}
	files := fstest.MapFS{}
	for name, text := range bundle(nil) {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for b.Loop() {
		start, rows := time.Now(), int64(0)
		from, err := vocabulary.OpenFS(generated{files, n})
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range vocabulary.Tables() {
			if !from.Has(t) {
				continue
			}
			counts, err := from.Load(b.Context(), t, io.Discard, func(r vocabulary.Refused) error { return r })
			if err != nil {
				b.Fatal(err)
			}
			rows += counts.Accepted
		}
		b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			b.ReportMetric(kib/1024, "MiB-peak")
		}
	}
}
