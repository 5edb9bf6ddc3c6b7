package intake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/intake/intaketest"
)

// On text that encoding/csv reads without an error, the scanner finds the same
// fields, in one piece and cut into blocks.
func FuzzScanAgreesWithEncodingCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,b\r\n\"x\r\ny\",\"\"\"\"\r\n", "a\n\n\r\n\"\"\nb\r", "a,b\n\"1,\n2\",3", "a;b,c\n\xef\xbb\xbf,\"x\"\n", ",\n,\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "\xef\xbb\xbf") { // encoding/csv keeps the mark
			return
		}
		want, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(want) == 0 {
			return
		}
		if diff := cmp.Diff(want, scanAll(t, text, len(text))); diff != "" {
			t.Errorf("%q: want -, got +:\n%s", text, diff)
		}
		if diff := cmp.Diff(want, scanAll(t, text, 1)); diff != "" {
			t.Errorf("%q read byte by byte: want -, got +:\n%s", text, diff)
		}
	})
}

// scanAll reads text as Check does, size bytes at a time.
func scanAll(t *testing.T, text string, size int) [][]string {
	b := &blocks{in: io.MultiReader(strings.NewReader(text)), scan: scanner{delimiter: ','}, size: size}
	header, err := b.header(',', nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	all := [][]string{header}
	b.scan.columns = len(header)
	scan := b.scan
	var next [2]block // used in turn, as Check does
	for i := 0; ; i++ {
		next[i%2], err = b.next(next[i%2])
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for rest := next[i%2].text; len(rest) > 0; {
			n, is := scan.next(rest, true)
			if is == broken {
				t.Fatalf("%q: %s", text, scan.problem)
			}
			if is == plain {
				scan.split(chop(bytes.TrimSuffix(rest[:n], []byte("\n"))))
			}
			if is != blank {
				row := make([]string, len(scan.fields))
				for i, field := range scan.fields {
					row[i] = string(field)
				}
				all = append(all, row)
			}
			rest = rest[n:]
		}
	}
}

const mangledFeed = `{"name": "m", "rempart": {"kind": "hospital"}, "resources": [{"name": "a", "path": "a.csv", "schema": {
	"fields": [{"name": "id", "type": "integer"}, {"name": "text"}, {"name": "day", "type": "date"}], "primaryKey": "id"}}]}`

// Whatever happens to a file, every row is accepted or refused, what is
// accepted is CSV that encoding/csv reads, and the number of workers and of
// bytes in a block does not matter.
func FuzzMangledFilesLoseNoRow(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	good := []byte("id,text,day\n1,a,2024-01-01\n2,\"b\nc\",\n3,\"d\"\"e\",2024-02-29\n4,f,2024-12-31\n5,\"g,\",2024-06-01\n6,h,\n")
	f.Add(good)
	for range 200 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			at := 12 + random.IntN(len(bad)-12)
			bad[at] = "\"\n,\r\x00x9-\xff"[random.IntN(9)]
		}
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		counts, clean, refused, err := checkMangled(t, text, defaultBlock, 1)
		if counts.Rows != counts.Accepted+counts.Refused || int64(len(refused)) != counts.Refused {
			t.Errorf("rows in %d, accepted %d, refused %d, in quarantine %d", counts.Rows, counts.Accepted, counts.Refused, len(refused))
		}
		if err != nil {
			return
		}
		rows, err := csv.NewReader(strings.NewReader(clean)).ReadAll()
		if err != nil {
			t.Fatalf("the clean data is no CSV: %v\n%s", err, clean)
		}
		if int64(len(rows)-1) != counts.Accepted {
			t.Errorf("accepted %d, clean rows %d", counts.Accepted, len(rows)-1)
		}
		for last, i := "", 0; i < len(refused); i++ {
			if refused[i].Error() == last {
				t.Errorf("refused twice: %s", last)
			}
			last = refused[i].Error()
		}
		smaller, cleanAgain, refusedAgain, err := checkMangled(t, text, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(counts, smaller); diff != "" {
			t.Errorf("in small blocks: want -, got +:\n%s", diff)
		}
		if diff := cmp.Diff(clean, cleanAgain); diff != "" {
			t.Errorf("in small blocks: want -, got +:\n%s", diff)
		}
		if len(refused) != len(refusedAgain) {
			t.Errorf("in small blocks %d rows are refused, not %d", len(refusedAgain), len(refused))
		}
	})
}

func checkMangled(t *testing.T, text []byte, size, workers int) (Counts, string, []RowError, error) {
	feed, err := LoadFeed(fstest.MapFS{Descriptor: {Data: []byte(mangledFeed)}})
	if err != nil {
		t.Fatal(err)
	}
	feed.Resources[0].Threshold = 1
	delivery, err := feed.Deliver([]string{"a.csv"})
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(delivery, nobody{}, Options{Workers: workers})
	c.blockSize = size
	var clean bytes.Buffer
	var refused []RowError
	counts, err := c.Check(t.Context(), delivery.Sources[0], "a.csv", iotest.HalfReader(bytes.NewReader(text)), Sinks{
		Health:  []HealthSink{intaketest.NewText(&clean, feed.Resources[0].HealthColumns())},
		Refused: func(e RowError) error { refused = append(refused, e); return nil },
	})
	if counts == nil {
		counts = make([]Counts, 1)
	}
	return counts[0], clean.String(), refused, err
}

type nobody struct{}

func (nobody) Person(string) int64        { return 0 }
func (nobody) Key(_, value string) string { return value }
