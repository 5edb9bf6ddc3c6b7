package intake

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/intake/intaketest"
)

// linesFeed has two views of one type, one of which may give several rows.
var linesFeed = fstest.MapFS{
	Descriptor: {Data: []byte(`{"name": "m", "rempart": {"kind": "hospital", "threshold": 1}, "resources": [
		{"name": "a", "format": "ndjson", "schema": {"fields": [{"name": "id"}, {"name": "day", "type": "date", "format": "fhir"}], "primaryKey": "id"}},
		{"name": "b", "format": "ndjson", "schema": {"fields": [{"name": "id"}, {"name": "n", "type": "integer"}, {"name": "code"}]}}]}`)},
	"views/a.json": {Data: []byte(`{"resource": "T", "select": [{"column": [{"name": "id", "path": "id"}, {"name": "day", "path": "day"}]}]}`)},
	"views/b.json": {Data: []byte(`{"resource": "T", "select": [{"column": [{"name": "id", "path": "id"}]},
		{"forEach": "code", "column": [{"name": "n", "path": "%rowIndex"}, {"name": "code", "path": "$this"}]}]}`)},
}

// Whatever happens to a file of resources, every line that is not empty is
// accepted or refused, in both views alike, and neither the number of workers
// nor the size of a block matters.
func FuzzMangledLines(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	good := []byte(`{"resourceType":"T","id":"1","day":"2024-01-01","code":["x","y"]}
{"resourceType":"T","id":"2","day":"2024","code":["a,\"b\"\n"]}

{"resourceType":"T","id":"3"}
{"resourceType":"T","id":"1","code":["again"]}
{"resourceType":"T","id":"3"}
{"resourceType":"U","id":"4"}
{"resourceType":"T","id":"5","day":"2024-02-30","code":["z"]}`)
	f.Add(good)
	for range 200 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			bad[random.IntN(len(bad))] = "\"\n,\r\x00{}[]:9-\xff\\"[random.IntN(14)]
		}
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		counts, clean, refused := checkLines(t, text, defaultBlock, 1)
		lines := int64(0)
		for line := range bytes.Lines(bytes.TrimPrefix(text, []byte(markUTF8))) {
			if len(chop(bytes.TrimSuffix(line, []byte("\n")))) > 0 {
				lines++
			}
		}
		if counts.Rows != lines || counts.Rows != counts.Accepted+counts.Refused || int64(len(refused)) != counts.Refused {
			t.Errorf("lines %d, counted %d, accepted %d, refused %d, in quarantine %d", lines, counts.Rows, counts.Accepted, counts.Refused, len(refused))
		}
		rows, err := csv.NewReader(strings.NewReader(clean[0])).ReadAll()
		if err != nil || int64(len(rows)-1) != counts.Accepted {
			t.Errorf("accepted %d, rows of the first view %d (%v)", counts.Accepted, len(rows)-1, err)
		}
		more, err := csv.NewReader(strings.NewReader(clean[1])).ReadAll()
		if err != nil {
			t.Errorf("the clean data is no CSV: %v\n%s", err, clean[1])
		}
		for _, row := range more[1:] {
			if !slices.ContainsFunc(rows, func(first []string) bool { return first[0] == row[0] }) {
				t.Errorf("line %s is in the second view alone", row[0])
			}
		}
		again, cleanAgain, refusedAgain := checkLines(t, text, 1, 3)
		if diff := cmp.Diff(counts, again) + cmp.Diff(clean, cleanAgain) + cmp.Diff(refused, refusedAgain); diff != "" {
			t.Errorf("in small blocks: want -, got +:\n%s", diff)
		}
	})
}

func checkLines(t *testing.T, text []byte, size, workers int) (Counts, []string, []string) {
	t.Helper()
	feed, err := LoadFeed(linesFeed)
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := feed.Deliver([]string{"T.ndjson"})
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(delivery, nobody{}, Options{Workers: workers})
	c.blockSize = size
	var clean [2]bytes.Buffer
	var refused []string
	counts, err := c.Check(t.Context(), delivery.Sources[0], "T.ndjson", iotest.HalfReader(bytes.NewReader(text)), Sinks{
		Health: []HealthSink{
			intaketest.NewText(&clean[0], feed.Resources[0].HealthColumns()), intaketest.NewText(&clean[1], feed.Resources[1].HealthColumns()),
		},
		Refused: func(e RowError) error { refused = append(refused, e.Error()); return nil },
	})
	if file := (*FileError)(nil); errors.As(err, &file) {
		t.Skip("it begins like a file that is no text: ", file)
	} else if err != nil {
		t.Fatal(err)
	}
	if counts[0] != counts[1] {
		t.Errorf("the views count differently: %+v", counts)
	}
	return counts[0], []string{clean[0].String(), clean[1].String()}, refused
}

// A line that is too long is refused, and the next is read.
func TestALineThatIsTooLong(t *testing.T) {
	text := slices.Concat([]byte(`{"resourceType":"T","id":"1"}`+"\n"), []byte(`{"resourceType":"T","id":"`), bytes.Repeat([]byte("x"), maxLine), []byte("\"}\n"), []byte(`{"resourceType":"T","id":"2"}`))
	counts, clean, refused := checkLines(t, text, defaultBlock, 2)
	want := []string{"T.ndjson:2: line: want 16 MiB or less"}
	if diff := cmp.Diff(want, refused); diff != "" || counts.Rows != 3 || counts.Accepted != 2 || !strings.HasSuffix(clean[0], "\n3,2,\n") {
		t.Errorf("%+v, %q:\n%s", counts, clean[0], diff)
	}
}
