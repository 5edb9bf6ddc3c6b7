package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake/intaketest"
)

// parquetOf makes a Parquet file of a query.
func parquetOf(t testing.TB, query string) *engine.File {
	t.Helper()
	return parquetsOf(t, query)[0]
}

// parquetsOf makes a Parquet file of each query.
func parquetsOf(t testing.TB, queries ...string) (files []*engine.File) {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range queries {
		f, err := engine.LoadFile("a.parquet", func(w io.Writer) error { return db.CopyOut(t.Context(), query, engine.Parquet, w) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		files = append(files, f)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return files
}

// bytesOf makes a memory file of any bytes.
func bytesOf(t testing.TB, content []byte) *engine.File {
	t.Helper()
	f, err := engine.LoadFile("a.parquet", func(w io.Writer) error { _, err := w.Write(content); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// checkTable checks one file against a feed of one resource with these fields.
func checkTable(t testing.TB, fields, name string, in io.Reader) (Counts, string, []string, error) {
	t.Helper()
	feed, err := LoadFeed(fstest.MapFS{Descriptor: {Data: []byte(
		`{"name": "m", "rempart": {"kind": "hospital", "threshold": 1}, "resources": [{"name": "a", "path": "a.csv", "schema": {"fields": [` + fields + `]}}]}`)}})
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := feed.Deliver([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	var clean bytes.Buffer
	var refused []string
	counts, err := NewChecker(delivery, nobody{}, Options{Workers: 2}).Check(t.Context(), delivery.Sources[0], name, in, Sinks{
		Health:  []HealthSink{intaketest.NewText(&clean, feed.Resources[0].HealthColumns())},
		Refused: func(e RowError) error { refused = append(refused, e.Error()); return nil },
	})
	if counts == nil {
		counts = make([]Counts, 1)
	}
	if n := counts[0]; n.Rows != n.Accepted+n.Refused || n.Refused != int64(len(refused)) {
		t.Errorf("rows %d, accepted %d, refused %d, in quarantine %d", n.Rows, n.Accepted, n.Refused, len(refused))
	}
	return counts[0], clean.String(), refused, err
}

// Each type of a Parquet column in each type of a field: what comes out, or the rule.
func TestParquetTypes(t *testing.T) {
	cases := []struct{ column, field, want string }{
		{"42::TINYINT", "integer", "42"},
		{"18446744073709551615::UBIGINT", "string", "18446744073709551615"},
		{"170141183460469231731687303715884105727::HUGEINT", "integer", "integer: want digits, such as 42, got 1.7014118346046923e+38"},
		{"-7::BIGINT", "number", "-7"},
		{"-7::BIGINT", "string", "-7"},
		{"2024::SMALLINT", "year", "2024"},
		{"1::INTEGER", "boolean", "true"},
		{"12.50::DECIMAL(18,2)", "number", "12.5"},
		{"-12.00::DECIMAL(38,2)", "integer", "-12"},
		{"12.50::DECIMAL(18,2)", "integer", "integer: want digits, such as 42, got 12.50"},
		{"0.1::FLOAT", "number", "0.1"},
		{"0.1::DOUBLE + 0.2", "number", "0.30000000000000004"},
		{"1e300::DOUBLE", "number", "1e+300"},
		{"'nan'::DOUBLE", "number", "NaN"},
		{"'-inf'::FLOAT", "number", "-Inf"},
		{"7::DOUBLE", "integer", "7"},
		{"7::DOUBLE", "string", "7"},
		{"7.25::DOUBLE", "integer", "integer: want digits, such as 42, got 7.25"},
		{"'nan'::DOUBLE", "integer", "integer: want digits, such as 42, got nan"},
		{"true", "boolean", "true"},
		{"false", "string", "false"},
		{"DATE '2024-02-29'", "date", "2024-02-29"},
		{"DATE '2024-02-29'", "string", "2024-02-29"},
		{"DATE '2024-02-29'", "datetime", "2024-02-29 00:00:00"},
		{"DATE '12024-02-29'", "date", "date: want a date, got 12024-02-29"},
		{"DATE '0044-03-15 (BC)'", "date", "date: want a date, got 0044-03-15 (BC)"},
		{"TIMESTAMP '2024-02-29 00:00:00'", "date", "2024-02-29"},
		{"TIMESTAMP '2024-02-29 10:11:12'", "date", "date: want a date, got 2024-02-29 10:11:12"},
		{"TIMESTAMP '2024-02-29 10:11:12.5'", "datetime", "2024-02-29 10:11:12.500000"},
		{"TIMESTAMP_MS '2024-02-29 10:11:12.5'", "datetime", "2024-02-29 10:11:12.500000"},
		{"TIMESTAMP_NS '2024-02-29 10:11:12.123456789'", "datetime", "2024-02-29 10:11:12.123456"},
		{"TIMESTAMPTZ '2024-02-29 10:11:12+02'", "datetime", "2024-02-29 08:11:12"},
		{"'infinity'::TIMESTAMP", "datetime", "datetime: want a date and time, got infinity"},
		{"TIME '10:11:12'", "string", "10:11:12"},
		{"'6f9619ff-8b86-d011-b42d-00cf4fc964ff'::UUID", "string", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
		{"'b'::ENUM('a', 'b')", "string", "b"},
		{"'29/02/2024'", "date", "date: want YYYY-MM-DD, got 29/02/2024"},
		{"'2024-02-29'", "date", "2024-02-29"},
		{"'1,5'", "number", "number: want a number such as 1.5, got 1,5"},
		{"NULL::DOUBLE", "number", ""},
		{"NULL::VARCHAR", "string", ""},
		{"'text'::BLOB", "string", "text"},
		{"[1, 2]", "string", `a.parquet: the column "x" holds values of the type LIST, which is no single value: write it as text, number, boolean, date or timestamp`},
		{"{'a': 1}", "string", `a.parquet: the column "x" holds values of the type STRUCT, which is no single value: write it as text, number, boolean, date or timestamp`},
		{"MAP {'a': 1}", "string", `a.parquet: the column "x" holds values of the type MAP, which is no single value: write it as text, number, boolean, date or timestamp`},
	}
	var queries []string
	for _, c := range cases {
		queries = append(queries, "SELECT "+c.column+" AS x")
	}
	files := parquetsOf(t, queries...)
	for i, c := range cases {
		t.Run(c.column+" as "+c.field, func(t *testing.T) {
			_, clean, refused, err := checkTable(t, fmt.Sprintf(`{"name": "x", "type": %q}`, c.field), "a.parquet", files[i])
			got := strings.TrimSuffix(strings.TrimPrefix(clean, "line,x\n1,"), "\n")
			switch {
			case err != nil:
				got = err.Error()
			case len(refused) > 0:
				got = strings.TrimPrefix(refused[0], "a.parquet:1: x: ")
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A feed's own formats are for texts. Values of a type are what they are.
func TestParquetAndTheFormatsOfTheFeed(t *testing.T) {
	const fields = `{"name": "day", "type": "date", "format": "%d/%m/%Y"}, {"name": "text_day", "type": "date", "format": "%d/%m/%Y"},
{"name": "compact_day", "type": "date", "format": "%Y%m%d"}, {"name": "price", "type": "number", "decimalChar": ",", "groupChar": "."},
{"name": "yes", "type": "boolean", "trueValues": ["O"], "falseValues": ["N"]}, {"name": "text_yes", "type": "boolean", "trueValues": ["O"], "falseValues": ["N"]}`
	_, clean, refused, err := checkTable(t, fields, "A.PARQUET", parquetOf(t, `
SELECT DATE '2024-03-02' AS day, '02/03/2024' AS text_day, 20240302 AS compact_day, 1.25 AS price, true AS yes, 'N' AS text_yes`))
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	if want := "line,day,text_day,compact_day,price,yes,text_yes\n1,2024-03-02,2024-03-02,2024-03-02,1.25,true,false\n"; clean != want {
		t.Errorf("got %s, want %s", clean, want)
	}
}

// An empty text is none only where the feed says so; a gap always is.
func TestParquetNullIsNotEmpty(t *testing.T) {
	const query = "SELECT * FROM (VALUES ('', 1), (NULL, 2), ('NA', 3), ('#', 4)) AS t (x, n)"
	for missing, want := range map[string]string{
		`[""]`:       "line,x,n\n1,,1\n2,,2\n3,NA,3\n4,#,4\n",
		`["NA"]`:     "line,x,n\n1,\"\",1\n2,,2\n3,,3\n4,#,4\n",
		`["NA", ""]`: "line,x,n\n1,,1\n2,,2\n3,,3\n4,#,4\n",
		`[]`:         "line,x,n\n1,\"\",1\n2,,2\n3,NA,3\n4,#,4\n",
	} {
		_, clean, refused, err := checkTable(t, `{"name": "x", "missingValues": `+missing+`}, {"name": "n", "type": "integer"}`, "a.parquet", parquetOf(t, query))
		if err != nil || len(refused) > 0 || clean != want {
			t.Errorf("missingValues %s: got %q (%v, %q), want %q", missing, clean, err, refused, want)
		}
	}
	_, _, refused, err := checkTable(t, `{"name": "x", "constraints": {"required": true}}`, "a.parquet", parquetOf(t, "SELECT NULL::VARCHAR AS x FROM range(2)"))
	if err != nil || len(refused) != 2 || refused[1] != "a.parquet:2: x: required: want a value" {
		t.Errorf("%q, %v", refused, err)
	}
}

// Whatever stands in a text comes out as it was, in the row where it was.
func TestParquetTextsAreFaithful(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("abé,;\"'\\\n\r\x1e\x1f#vnrRU\t €😀")
	var texts []string
	for range 3000 {
		n := random.IntN(12)
		text := make([]rune, n)
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		texts = append(texts, string(text))
	}
	texts = append(texts, strings.Repeat("\\\n", 1000))
	var values []string
	for _, text := range texts {
		values = append(values, engine.Literal(text))
	}
	f := parquetOf(t, "SELECT unnest(["+strings.Join(values, ", ")+"]) AS x")
	_, clean, refused, err := checkTable(t, `{"name": "x", "missingValues": []}`, "a.parquet", f)
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := db.LoadCSV(t.Context(), "clean", []engine.Column{{Name: "line", Type: "BIGINT"}, {Name: "x", Type: "VARCHAR"}}, strings.NewReader(clean)); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), "SELECT x FROM clean ORDER BY line")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		got = append(got, text)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// The same rows as CSV and as Parquet are the same health data, but for the
// header's line; what is refused is refused by the same rules.
func TestParquetIsLikeCSV(t *testing.T) {
	const fields = `{"name": "ID", "type": "string", "rempart": {"role": "key"}}, {"name": "day", "type": "date", "constraints": {"minimum": "2000-01-01"}},
{"name": "amount", "type": "number"}, {"name": "note", "type": "string"}, {"name": "secret", "type": "string", "rempart": {"role": "drop"}}`
	const query = `SELECT i AS id, DATE '1999-06-01' + (i % 900)::INTEGER AS day, CASE WHEN i % 7 > 0 THEN i / 8 END AS amount, 'note, ' || i AS note, 'x' AS secret FROM range(1, 20001) AS r(i)`
	n, clean, refused, err := checkTable(t, fields, "a.parquet", parquetOf(t, query))
	if err != nil {
		t.Fatal(err)
	}
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := errors.Join(db.CopyOut(t.Context(), query, engine.CSV, &text), db.Close()); err != nil {
		t.Fatal(err)
	}
	m, cleanCSV, refusedCSV, err := checkTable(t, fields, "a.csv", &text)
	if err != nil || m.Refused == 0 || m.Accepted == 0 {
		t.Fatal(m, err)
	}
	if n != m || len(refused) != len(refusedCSV) {
		t.Errorf("Parquet %+v, CSV %+v", n, m)
	}
	withoutLine := func(lines string) (all []string) {
		for line := range strings.Lines(lines) {
			_, rest, _ := strings.Cut(line, ",")
			all = append(all, rest)
		}
		return all
	}
	if !slices.Equal(withoutLine(clean), withoutLine(cleanCSV)) {
		t.Error("the health data differs")
	}
	if want := "a.parquet:1: day: minimum: want at least 2000-01-01, got 1999-06-02"; refused[0] != want {
		t.Errorf("got %q, want %q", refused[0], want)
	}
}

func TestParquetThatIsNone(t *testing.T) {
	good, err := io.ReadAll(parquetOf(t, "SELECT i AS x, 'some text ' || i AS y FROM range(5000) AS r(i)"))
	if err != nil {
		t.Fatal(err)
	}
	const fields = `{"name": "x", "type": "integer", "constraints": {"required": true}}, {"name": "y"}`
	for _, c := range []struct {
		name string
		in   io.Reader
		file string
		want string
	}{
		{"empty", bytesOf(t, nil), "a.parquet", "damaged or cut short"},
		{"a CSV file", bytesOf(t, []byte("x,y\n1,2\n")), "a.parquet", "it is no Parquet file"},
		{"the ends alone", bytesOf(t, []byte("PAR1PAR1")), "a.parquet", "damaged or cut short"},
		{"a footer as long as the world", bytesOf(t, []byte("PAR1\xff\xff\xff\x7fPAR1")), "a.parquet", "damaged or cut short"},
		{"cut", bytesOf(t, good[:len(good)/2]), "a.parquet", "damaged or cut short"},
		{"a stream", bytes.NewReader(good), "a.parquet", "this is a stream"},
		{"compressed", bytesOf(t, good), "a.parquet.gz", "the file cannot be read"},
		{"a column too many", parquetOf(t, "SELECT 1 AS x, 2 AS y, 'Martin' AS surname"), "a.parquet", `the feed does not know the column "surname"`},
		{"a column too few", parquetOf(t, "SELECT 2 AS y"), "a.parquet", `the header lacks the column "x"`},
		{"no row", parquetOf(t, "SELECT 1 AS x, 2 AS y WHERE false"), "a.parquet", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := checkTable(t, fields, c.file, c.in)
			var refused *FileError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if strings.Contains(fmt.Sprint(err), "/proc/") || strings.Contains(fmt.Sprint(err), "Martin") {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
	// A text that is no UTF-8 is said so, and not quoted.
	latin := bytes.ReplaceAll(good, []byte("some text 17"), []byte("some t\xe9xt 17"))
	if _, _, _, err := checkTable(t, fields, "a.parquet", bytesOf(t, latin)); err != nil && strings.Contains(err.Error(), "some t") {
		t.Errorf("the error quotes a value: %v", err)
	}
}

// Whatever happens to a Parquet file, it is refused as a whole, or each of its
// rows is accepted or refused.
func FuzzMangledParquet(f *testing.F) {
	good, err := io.ReadAll(parquetOf(f, "SELECT i AS x, 'text ' || (i % 7) AS y, DATE '2024-01-01' + i::INTEGER AS day FROM range(300) AS r(i)"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			bad[random.IntN(len(bad))] = byte(random.IntN(256))
		}
		if random.IntN(4) == 0 {
			bad = bad[:random.IntN(len(bad))]
		}
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _, _, err := checkTable(t, `{"name": "x", "type": "integer"}, {"name": "y"}, {"name": "day", "type": "date"}`, "a.parquet", bytesOf(t, content))
		if refused := (*FileError)(nil); err != nil && !errors.As(err, &refused) {
			t.Errorf("not as the file's fault: %v", err)
		}
	})
}
