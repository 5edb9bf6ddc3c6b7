package intake_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"rempart.eu/rempart/intake"
)

// compressors write a text as files are compressed, by the endings of their names.
var compressors = map[string]func(t testing.TB, text io.Reader) []byte{
	".gz": func(t testing.TB, text io.Reader) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		copyAll(t, w, text)
		return b.Bytes()
	},
	".zst": func(t testing.TB, text io.Reader) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		copyAll(t, w, text)
		return b.Bytes()
	},
}

func copyAll(t testing.TB, w io.WriteCloser, text io.Reader) {
	t.Helper()
	if _, err := io.Copy(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkCompressed checks a file a.csv of whole numbers that was compressed.
func checkCompressed(t testing.TB, ending string, in io.Reader) (intake.Counts, error) {
	t.Helper()
	feed := load(t, `{"name": "c", "rempart": {"kind": "hospital", "threshold": 1}, "resources": [{"name": "a", "path": "a.csv", "schema": {"fields": [{"name": "n", "type": "integer"}]}}]}`)
	delivery := deliver(t, feed, "a.csv"+ending)
	counts, err := intake.NewChecker(delivery, visible{}, intake.Options{}).Check(t.Context(), delivery.Sources[0], "a.csv"+ending, in, discard)
	if counts == nil {
		return intake.Counts{}, err
	}
	return counts[0], err
}

func numbered(rows int) *strings.Reader {
	var b strings.Builder
	b.WriteString("n\n")
	for i := range rows {
		fmt.Fprintln(&b, i)
	}
	return strings.NewReader(b.String())
}

func TestCompressedFilesAreRead(t *testing.T) {
	for ending, compress := range compressors {
		whole := compress(t, numbered(100_000))
		counts, err := checkCompressed(t, ending, bytes.NewReader(whole))
		if err != nil || counts.Accepted != 100_000 {
			t.Errorf("%s: %+v, %v", ending, counts, err)
		}
		// Files that were compressed in pieces are one file.
		twice := append(bytes.Clone(whole), compress(t, strings.NewReader("7\n8\n"))...)
		if counts, err = checkCompressed(t, ending, bytes.NewReader(twice)); err != nil || counts.Accepted != 100_002 {
			t.Errorf("%s in pieces: %+v, %v", ending, counts, err)
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	for ending, compress := range compressors {
		whole := compress(t, numbered(20_000))
		damaged := map[string][]byte{"no such file at all": []byte("n\n1\n"), "rubbish behind": append(bytes.Clone(whole), "rubbish"...)}
		for _, at := range []int{1, 5, len(whole) / 2, len(whole) - 9, len(whole) - 1} {
			damaged[fmt.Sprint("cut at ", at)] = whole[:at]
			flipped := bytes.Clone(whole)
			flipped[at] ^= 0xff
			damaged[fmt.Sprint("flipped at ", at)] = flipped
		}
		for name, text := range damaged {
			_, err := checkCompressed(t, ending, bytes.NewReader(text))
			if ending == ".gz" && name == "flipped at 5" { // within the time stamp, which nothing protects
				continue
			}
			var refused *intake.FileError
			if !errors.As(err, &refused) || refused.File != "a.csv"+ending ||
				!strings.Contains(err.Error(), "damaged or cut short") || !strings.Contains(err.Error(), "compress it again") {
				t.Errorf("%s, %s: got %v", ending, name, err)
			}
		}
	}
}

func TestAReadersErrorIsNoDamage(t *testing.T) {
	gone := errors.New("the disk failed")
	for ending, compress := range compressors {
		whole := compress(t, numbered(20_000))
		for _, before := range []int{0, len(whole) / 2} {
			_, err := checkCompressed(t, ending, io.MultiReader(bytes.NewReader(whole[:before]), failing{gone}))
			if !errors.Is(err, gone) || strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s after %d bytes: got %v", ending, before, err)
			}
		}
	}
}

// However much comes out of a small file, it takes as little memory as another:
// at worst that of a file whose rows have a byte each and are all refused.
func TestABombIsDefused(t *testing.T) {
	bombs := map[string]func() io.Reader{
		"rows":       func() io.Reader { return io.LimitReader(repeat("1\n"), 4<<20) },
		"blank":      func() io.Reader { return io.LimitReader(repeat("\n"), 4<<20) },
		"one row":    func() io.Reader { return io.LimitReader(repeat("1"), 32<<20) },
		"open quote": func() io.Reader { return io.MultiReader(strings.NewReader(`"`), io.LimitReader(repeat("a\n"), 4<<20)) },
	}
	for ending, compress := range compressors {
		for name, bomb := range bombs {
			text := compress(t, io.MultiReader(strings.NewReader("n\n"), bomb()))
			if len(text) > 1<<20 {
				t.Fatalf("%s: the bomb has %d bytes", ending, len(text))
			}
			in := &watching{r: bytes.NewReader(text)}
			_, _ = checkCompressed(t, ending, in)
			if in.most > 1<<30 {
				t.Errorf("%s, %s: %d MiB in memory", ending, name, in.most>>20)
			}
		}
	}
}

type repeat string

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r[i%len(r)]
	}
	return len(p) - len(p)%len(r), nil
}

// watching notes how much memory is in use while it is read.
type watching struct {
	r     io.Reader
	reads int
	most  uint64
}

func (w *watching) Read(p []byte) (int, error) {
	if w.reads++; w.reads%4 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapInuse)
	}
	return w.r.Read(p[:min(len(p), 1<<14)])
}

func TestAFileSaysByItsNameThatItIsCompressed(t *testing.T) {
	for ending, compress := range compressors {
		_, err := checkCompressed(t, "", bytes.NewReader(compress(t, numbered(10))))
		if err == nil || !strings.Contains(err.Error(), "give it a name that ends in "+ending) {
			t.Errorf("%s: got %v", ending, err)
		}
	}
}
