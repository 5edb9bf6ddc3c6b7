package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/parquet"
)

var columns = []engine.Column{
	{Name: "line", Type: "BIGINT", Required: true}, {Name: "a name, with commas", Type: "VARCHAR"}, {Name: "year", Type: "INTEGER"},
	{Name: "amount", Type: "DOUBLE"}, {Name: "flag", Type: "BOOLEAN"}, {Name: "day", Type: "DATE"}, {Name: "at", Type: "TIMESTAMP"},
}

const head = `line,"a name, with commas",year,amount,flag,day,at` + "\n"

// TestWhatDuckDBReadsIsWhatWasWritten holds the file against DuckDB's own
// reading of the same text: all types, missing values, quotes, line ends in
// texts, the ends of each range, and more than one row group.
func TestWhatDuckDBReadsIsWhatWasWritten(t *testing.T) {
	text := []byte(head +
		"-9223372036854775808,,-2147483648,-inf,true,0001-01-01,0001-01-01 00:00:00\n" +
		"9223372036854775807,\"\",2147483647,nan,false,9999-12-31,9999-12-31 23:59:59.999999\n" +
		"0,\"a \"\"quoted\"\"\n line, or two\",0,1e-300,,1970-01-01,1970-01-01 00:00:00.000001\n" +
		"7,é,1,0.1,true,2000-02-29,1969-12-31 23:59:59\n")
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300_000 {
		day := time.Unix(r.Int64N(200*365*86400)-100*365*86400, 0).UTC()
		text = fmt.Appendf(text, "%d,\"%s\",%d,%g,%t,%s,%s\n", i, strings.Repeat(`""x,`, i%4), r.IntN(3000), r.NormFloat64(), i%2 == 0,
			day.Format(time.DateOnly), day.Format(time.DateTime))
	}
	written := write(t, text, 100_000)
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.LoadCSV(t.Context(), "want", columns, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	file, err := engine.LoadFile("rows", func(w io.Writer) error {
		_, err := w.Write(written)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := "read_parquet('" + file.Path() + "')"
	var differ, order, groups int
	if err := db.Value(t.Context(), &differ, "SELECT count(*) FROM (FROM want EXCEPT ALL FROM "+got+" UNION ALL FROM (FROM "+got+" EXCEPT ALL FROM want))"); err != nil {
		t.Fatal(err)
	}
	if err := db.Value(t.Context(), &order, "SELECT count(*) FROM (SELECT row_number() OVER () AS n, line FROM "+got+" OFFSET 4) WHERE n <> line + 5"); err != nil {
		t.Fatal(err)
	}
	if err := db.Value(t.Context(), &groups, "SELECT count(DISTINCT row_group_id) FROM parquet_metadata('"+file.Path()+"')"); err != nil {
		t.Fatal(err)
	}
	if differ != 0 || order != 0 || groups != 3 {
		t.Errorf("%d rows differ, %d are out of order, %d row groups; want 0, 0, 3", differ, order, groups)
	}
	var typed string
	if err := db.Value(t.Context(), &typed, "SELECT string_agg(column_type, ' ') FROM (DESCRIBE FROM "+got+")"); err != nil || typed != "BIGINT VARCHAR INTEGER DOUBLE BOOLEAN DATE TIMESTAMP" {
		t.Errorf("the columns have the types %s, %v", typed, err)
	}
}

// write writes a text in pieces of whole rows.
func write(t testing.TB, text []byte, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, columns)
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		n := len(text)
		if n > piece {
			n = piece + bytes.Index(text[piece:], []byte("\n1")) + 1
			if n <= piece {
				n = len(text)
			}
		}
		if _, err := w.Write(text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestATableWithoutRowsIsAFile(t *testing.T) {
	if got := write(t, []byte(head), 1<<20); string(got[:4]) != "PAR1" || string(got[len(got)-4:]) != "PAR1" {
		t.Errorf("%q is no Parquet file", got)
	}
}

func TestWhatIsNotInItsNormalFormIsRefused(t *testing.T) {
	good := []string{"1", "x", "2", "3.5", "true", "2024-01-02", "2024-01-02 03:04:05"}
	for i, bad := range map[int]string{0: "1.0", 2: "2147483648", 3: "1,5", 4: "yes", 5: "02/01/2024", 6: "2024-01-02"} {
		row := append([]string{}, good...)
		row[i] = bad
		t.Run(bad, func(t *testing.T) { refused(t, head+strings.Join(row, ",")+"\n") })
	}
	t.Run("too few", func(t *testing.T) { refused(t, head+"1,x\n") })
	t.Run("not closed", func(t *testing.T) { refused(t, head+"1,\"x\n") })
	t.Run("another header", func(t *testing.T) { refused(t, "line,x\n") })
	t.Run("no line", func(t *testing.T) { refused(t, head+",x,2,3.5,true,2024-01-02,2024-01-02 03:04:05\n") })
	t.Run("no header", func(t *testing.T) { refused(t, "") })
}

func refused(t *testing.T, text string) {
	t.Helper()
	w, err := parquet.NewWriter(io.Discard, columns)
	if err != nil {
		t.Fatal(err)
	}
	_, wrote := w.Write([]byte(text))
	if closed := w.Close(); wrote == nil && closed == nil {
		t.Errorf("%q was written", text)
	} else if closed != nil && strings.Contains(closed.Error(), "02/01/2024") {
		t.Errorf("the error tells a value: %v", closed)
	}
}

// TestAFullHostEndsTheWriting lets the sink fail at some point: Close says so,
// whatever Write said, and no goroutine waits for ever.
func TestAFullHostEndsTheWriting(t *testing.T) {
	row := "1,x,2,3.5,true,2024-01-02,2024-01-02 03:04:05\n"
	text := []byte(strings.Repeat(row, 50_000))
	full := errors.New("the host is full")
	w, err := parquet.NewWriter(failing{full}, columns)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(head))
	for i := 0; err == nil && i < 40; i++ {
		_, err = w.Write(text)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestATypeThatHealthDataDoesNotHave(t *testing.T) {
	if _, err := parquet.NewWriter(io.Discard, []engine.Column{{Name: "x", Type: "BLOB"}}); err == nil || !strings.Contains(err.Error(), "BLOB") {
		t.Errorf("got %v", err)
	}
}

// FuzzWriter holds that no text makes the writer crash or hang.
func FuzzWriter(f *testing.F) {
	f.Add("1,x,2,3.5,true,2024-01-02,2024-01-02 03:04:05\n")
	f.Add("1,\"\"\"\n,\",,,,,\n,,,,,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parquet.NewWriter(io.Discard, columns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(head + text)); err != nil {
			t.Fatal(err)
		}
		_ = w.Close() // refused or not
	})
}

// BenchmarkWriter is the writing of claims, against DuckDB's reading of the
// same text and its writing of the same file: x/duckdb is the ratio of the rates.
func BenchmarkWriter(b *testing.B) {
	const rows = 1_000_000
	names := []engine.Column{{Name: "line", Type: "BIGINT", Required: true}, {Name: "person", Type: "BIGINT", Required: true}, {Name: "stay", Type: "VARCHAR"},
		{Name: "day", Type: "DATE", Required: true}, {Name: "code", Type: "VARCHAR", Required: true}, {Name: "amount", Type: "DOUBLE"}}
	r := rand.New(rand.NewPCG(5, 6))
	text := []byte("line,person,stay,day,code,amount\n")
	var stay string
	for i := range rows {
		if i%5 == 0 {
			stay = fmt.Sprintf("%022d", r.Int64())
		}
		text = fmt.Appendf(text, "%d,%d,%s,20%02d-%02d-%02d,%cBQK%03d,%d.%02d\n", i+2, 1<<62+int64(i/50), stay, r.IntN(24), 1+r.IntN(12), 1+r.IntN(28), 'A'+r.IntN(20), r.IntN(400), r.IntN(200), r.IntN(100))
	}
	db, err := engine.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	start := time.Now()
	err = db.FromCSV(b.Context(), names, bytes.NewReader(text), func(rows string) error {
		return db.CopyOut(b.Context(), "FROM "+rows, engine.Parquet, io.Discard)
	})
	if err != nil {
		b.Fatal(err)
	}
	reference := time.Since(start)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w, err := parquet.NewWriter(io.Discard, names)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perRun := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(rows/perRun.Seconds(), "rows/s")
	b.ReportMetric(reference.Seconds()/perRun.Seconds(), "x/duckdb")
}
