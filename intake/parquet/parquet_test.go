package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
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

// TestWhatDuckDBReadsIsWhatWasWritten holds the file against DuckDB's own
// reading of the same rows as text: all types, missing values, the ends of each
// range, and more than one row group.
func TestWhatDuckDBReadsIsWhatWasWritten(t *testing.T) {
	text := "line,\"a name, with commas\",year,amount,flag,day,at\n"
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, columns)
	if err != nil {
		t.Fatal(err)
	}
	rows := newRows(t)
	flush := func() {
		text = string(rows.AppendCSV([]byte(text)))
		if err := w.WriteRows(rows); err != nil {
			t.Fatal(err)
		}
		rows.Reset()
	}
	add(t, rows, "-9223372036854775808", null, "-2147483648", "-inf", "true", "0001-01-01", "0001-01-01 00:00:00")
	add(t, rows, "9223372036854775807", "", "2147483647", "nan", "false", "9999-12-31", "9999-12-31 23:59:59.999999")
	add(t, rows, "0", "a \"quoted\"\n line, or two", "0", "1e-300", null, "1970-01-01", "1970-01-01 00:00:00.000001")
	add(t, rows, "7", "é", "1", "0.1", "true", "2000-02-29", "1969-12-31 23:59:59")
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300_000 {
		day := time.Unix(r.Int64N(200*365*86400)-100*365*86400, 0).UTC()
		add(t, rows, strconv.Itoa(i), strings.Repeat("x,", i%4), strconv.Itoa(r.IntN(3000)), fmt.Sprint(r.NormFloat64()), strconv.FormatBool(i%2 == 0),
			day.Format(time.DateOnly), day.Format(time.DateTime))
		if i%10_007 == 0 {
			flush()
		}
	}
	flush()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.LoadCSV(t.Context(), "want", columns, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	file, err := engine.LoadFile("rows", func(w io.Writer) error {
		_, err := w.Write(out.Bytes())
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

// null stands for a value that is not there.
const null = "\x00"

// add adds a row, whose first value is the line.
func add(t testing.TB, rows *parquet.Rows, values ...string) {
	t.Helper()
	for i, v := range values {
		var ok bool
		if v == null {
			ok = rows.Null(i)
		} else {
			ok = rows.Text(i, []byte(v))
		}
		if !ok {
			t.Fatalf("%q is no %s", v, columns[i].Type)
		}
	}
}

func newRows(t testing.TB) *parquet.Rows {
	t.Helper()
	rows, err := parquet.NewRows(columns)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestATableWithoutRowsIsAFile(t *testing.T) {
	var out bytes.Buffer
	w, err := parquet.NewWriter(&out, columns)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteRows(newRows(t)), w.Close()); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "PAR1") || !strings.HasSuffix(got, "PAR1") {
		t.Errorf("%q is no Parquet file", got)
	}
}

func TestWhatIsNotInItsNormalFormIsRefused(t *testing.T) {
	for i, bad := range []string{"1.0", "", "2147483648", "1,5", "yes", "02/01/2024", "2024-01-02"} {
		rows := newRows(t)
		if i != 1 && rows.Text(i, []byte(bad)) { // any text is a VARCHAR
			t.Errorf("%q was taken for a %s", bad, columns[i].Type)
		}
	}
	if newRows(t).Null(0) {
		t.Error("a line was taken that is not there")
	}
}

// TestRowsAreTakenBack: half a row is undone, rows are dropped from any place, and
// the memory of rows before them does not change.
func TestRowsAreTakenBack(t *testing.T) {
	rows := newRows(t)
	for round := range 3 {
		for i := range 10 {
			add(t, rows, strconv.Itoa(i), strings.Repeat(string(rune('a'+i)), 30_000), null, null, null, null, null)
		}
		rows.Int(0, 99)
		rows.Text(1, []byte("half"))
		rows.Truncate(10)
		rows.Drop(nil)
		rows.Drop([]int{0, 4, 5, 9})
		var got strings.Builder
		for line := range strings.Lines(string(rows.AppendCSV(nil))) {
			fields := strings.Split(line, ",")
			fmt.Fprintf(&got, "%s%s%d ", fields[0], fields[1][:1], len(fields[1]))
		}
		if want := "1b30000 2c30000 3d30000 6g30000 7h30000 8i30000 "; got.String() != want {
			t.Errorf("round %d: got %s, want %s", round, got.String(), want)
		}
		rows.Reset()
	}
}

// TestAFullHostEndsTheWriting lets the sink fail: Close says so as well.
func TestAFullHostEndsTheWriting(t *testing.T) {
	full := errors.New("the host is full")
	w, err := parquet.NewWriter(failing{full}, columns)
	if err != nil {
		t.Fatal(err)
	}
	rows := newRows(t)
	for i := range 50_000 {
		add(t, rows, strconv.Itoa(i), strconv.Itoa(i*i), "2", "3.5", "true", "2024-01-02", "2024-01-02 03:04:05")
	}
	for i := 0; err == nil && i < 40; i++ {
		err = w.WriteRows(rows)
	}
	if closed := w.Close(); !errors.Is(err, full) || !errors.Is(closed, full) {
		t.Errorf("got %v, then %v; want %v", err, closed, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestATypeThatHealthDataDoesNotHave(t *testing.T) {
	if _, err := parquet.NewWriter(io.Discard, []engine.Column{{Name: "x", Type: "BLOB"}}); err == nil || !strings.Contains(err.Error(), "BLOB") {
		t.Errorf("got %v", err)
	}
}

// FuzzNormalForms holds that whatever is taken comes out as it was, and that
// nothing makes the reading of a value crash.
func FuzzNormalForms(f *testing.F) {
	for _, v := range []string{"1", "-12", "9223372036854775807", "1.5e3", "true", "2024-02-29", "2024-02-29 23:59:59.000001", "2024-02-29 23:59:59.001000", "\"", "a,\nb"} {
		for i := range columns {
			f.Add(uint8(i), v)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, v string) {
		column := columns[int(i)%len(columns)]
		column.Required = false
		rows, err := parquet.NewRows([]engine.Column{column})
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Text(0, []byte(v)) {
			return
		}
		got := string(rows.AppendCSV(nil))
		again, _ := parquet.NewRows([]engine.Column{column})
		switch column.Type {
		case "VARCHAR":
			if v != "" && !strings.ContainsAny(v, ",\"\n\r") && got != v+"\n" {
				t.Errorf("%q became %q", v, got)
			}
		default:
			if !again.Text(0, []byte(strings.TrimSuffix(got, "\n"))) || string(again.AppendCSV(nil)) != got {
				t.Errorf("%q became %q, which is not taken as the same", v, got)
			}
		}
	})
}

// FuzzDecimals holds that numbers are those of strconv, to the last bit.
func FuzzDecimals(f *testing.F) {
	for _, v := range []string{"0.1", "-12.50", "999999999999999", "0.000000000000001", "123456789.12345678", "-0", "1e5", "1.", ".5", "NaN", "-inf"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		rows, err := parquet.NewRows([]engine.Column{{Name: "x", Type: "DOUBLE"}})
		if err != nil {
			t.Fatal(err)
		}
		want, wrong := strconv.ParseFloat(v, 64)
		if ok := rows.Text(0, []byte(v)); ok != (wrong == nil) {
			t.Fatalf("%q was taken: %t, strconv says %v", v, ok, wrong)
		} else if got := string(rows.AppendCSV(nil)); ok && got != fmt.Sprintln(want) {
			t.Errorf("%q became %s, want %v", v, got, want)
		}
	})
}

// BenchmarkWriter is the writing of claims, against DuckDB's reading of the same
// rows as text and its writing of the same file: x/duckdb is the ratio of the rates.
func BenchmarkWriter(b *testing.B) {
	names := []engine.Column{{Name: "line", Type: "BIGINT", Required: true}, {Name: "person", Type: "BIGINT", Required: true}, {Name: "stay", Type: "VARCHAR"},
		{Name: "day", Type: "DATE", Required: true}, {Name: "code", Type: "VARCHAR", Required: true}, {Name: "amount", Type: "DOUBLE"}}
	const batch, batches = 8192, 120
	rows, err := parquet.NewRows(names)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	fill := func() {
		rows.Reset()
		for i := range batch {
			rows.Int(0, int64(i))
			rows.Int(1, int64(1<<62+i/50))
			rows.Text(2, fmt.Appendf(nil, "%022d", i/5))
			rows.Text(3, fmt.Appendf(nil, "20%02d-%02d-%02d", r.IntN(24), 1+r.IntN(12), 1+r.IntN(28)))
			rows.Text(4, fmt.Appendf(nil, "%cBQK%03d", 'A'+r.IntN(20), r.IntN(400)))
			rows.Text(5, fmt.Appendf(nil, "%d.%02d", r.IntN(200), r.IntN(100)))
		}
	}
	fill()
	text := []byte("line,person,stay,day,code,amount\n")
	for range batches {
		text = rows.AppendCSV(text)
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
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w, err := parquet.NewWriter(io.Discard, names)
		if err != nil {
			b.Fatal(err)
		}
		for range batches {
			if err := w.WriteRows(rows); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perRun := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(batch*batches/perRun.Seconds(), "rows/s")
	b.ReportMetric(reference.Seconds()/perRun.Seconds(), "x/duckdb")
}
