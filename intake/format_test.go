package intake

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/intake/intaketest"
)

// words is a format of these tests: a line holds the words of a parent, and
// behind each colon those of a child, without quotes.
type words struct{ blocks *blocks }

func (w *words) next(old block) (block, error) { return w.blocks.next(old) }
func (w *words) line() int                     { return w.blocks.line }
func (w *words) splitter() splitter            { return w }

func (w *words) split(b block, to []*worker) error {
	for i, line := range bytes.Split(bytes.TrimSuffix(b.text, []byte("\n")), []byte("\n")) {
		parts := bytes.Split(line, []byte(":"))
		to[0].row(b.line+i, bytes.Fields(parts[0]))
		for _, child := range parts[1:] {
			to[1].row(b.line+i, bytes.Fields(child))
		}
	}
	return nil
}

// One file feeds several resources, each with its own rows, sink and counts,
// however it is cut into blocks.
func TestAFileFeedsSeveralResources(t *testing.T) {
	const name = "words"
	formats[name] = format{several: true, open: func(o opening) (rows, error) {
		for _, p := range o.plans {
			p.width = len(p.resource.Fields)
		}
		return &words{&blocks{in: o.in, size: o.size, line: 1}}, nil
	}}
	defer delete(formats, name)
	const descriptor = `{"name": "w", "rempart": {"kind": "hospital", "threshold": 1}, "resources": [
		{"name": "stays", "path": "stays.txt", "format": "words", "schema": {"fields": [{"name": "n", "type": "integer"}, {"name": "what"}]}},
		{"name": "codes", "path": "stays.txt", "format": "words", "schema": {"fields": [{"name": "code"}]}},
		{"name": "other", "path": "other.csv", "rempart": {"optional": true}, "schema": {"fields": [{"name": "x"}]}}]}`
	for _, size := range []int{1, defaultBlock} {
		checker := newChecker(t, descriptor, "stays.txt")
		checker.blockSize = size
		source := checker.delivery.Sources[0]
		if len(checker.delivery.Sources) != 1 || len(source.Feeds) != 2 {
			t.Fatalf("got %+v", checker.delivery.Sources)
		}
		var stays, codes strings.Builder
		var refused []string
		counts, err := checker.Check(t.Context(), source, "stays.txt", strings.NewReader("1 a:x:y\nb c:z\n3 d: \n4 e\n"), Sinks{
			Health:  []HealthSink{intaketest.NewText(&stays, source.Feeds[0].Resource.HealthColumns()), intaketest.NewText(&codes, source.Feeds[1].Resource.HealthColumns())},
			Refused: func(e RowError) error { refused = append(refused, e.Error()); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Counts{{Rows: 4, Accepted: 3, Refused: 1}, {Rows: 4, Accepted: 3, Refused: 1}}, counts); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
		if diff := cmp.Diff("line,n,what\n1,1,a\n3,3,d\n4,4,e\n", stays.String()); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
		if diff := cmp.Diff("line,code\n1,x\n1,y\n2,z\n", codes.String()); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
		want := []string{"stays.txt:2: n: integer: want digits, such as 42, got b", "stays.txt:3: row: want 1 fields as in the header, got 0"}
		if diff := cmp.Diff(want, refused); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
}
