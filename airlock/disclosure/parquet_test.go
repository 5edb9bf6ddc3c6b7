package disclosure_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/engine"
)

// inParquet is a table as DuckDB writes it.
func inParquet(t *testing.T, query string) []byte {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b bytes.Buffer
	if err := db.CopyOut(t.Context(), query, engine.Parquet, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquet(t *testing.T) {
	harmless := inParquet(t, "SELECT * FROM (VALUES ('Ain', 120), ('Allier', 40)) AS t(department, persons)")
	type row struct {
		Department string `parquet:"department"`
		Persons    int64  `parquet:"persons"`
	}
	var annotated bytes.Buffer
	w := parquet.NewGenericWriter[row](&annotated, parquet.KeyValueMetadata("note", "2 85 05 78 006 084 41"))
	if _, err := w.Write([]row{{"Ain", 120}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	footer := len(harmless) - 8 - int(uint32(harmless[len(harmless)-8])|uint32(harmless[len(harmless)-7])<<8)
	for name, c := range map[string]struct {
		data []byte
		rule string // of a refusal, or ""
	}{
		"harmless":             {harmless, ""},
		"a small count":        {inParquet(t, "SELECT * FROM (VALUES ('Ain', 120), ('Aisne', 3)) AS t(department, persons)"), "small-count"},
		"a total":              {inParquet(t, "SELECT * FROM (VALUES ('Ain', 120), ('Aisne', NULL), ('Total', 123)) AS t(department, persons)"), "recomputable"},
		"an identifier":        {inParquet(t, "SELECT '2 85 05 78 006 084 41' AS note, 120 AS persons"), "identifier"},
		"rows":                 {inParquet(t, "SELECT range AS department, 100 AS persons FROM range(5000)"), "rows"},
		"columns in columns":   {inParquet(t, "SELECT [1, 2, 3] AS list, 120 AS persons"), "broken"},
		"a decimal":            {inParquet(t, "SELECT 3.00::DECIMAL(9, 2) AS persons"), "broken"},
		"metadata":             {annotated.Bytes(), "metadata"},
		"bytes of no column":   {slices.Insert(slices.Clone(harmless), footer, []byte("a secret")...), "trailing-data"},
		"cut off":              {harmless[:len(harmless)-20], "broken"},
		"nothing but its name": {[]byte("PAR1"), "broken"},
	} {
		report := check(t, "a.parquet", c.data, disclosure.Standard(11))
		refused := slices.ContainsFunc(report.Findings, func(f disclosure.Finding) bool { return f.Rule == c.rule && f.Severity == disclosure.Refuse })
		if (report.Verdict == disclosure.Refused) != (c.rule != "") || c.rule != "" && !refused {
			t.Errorf("%s: %s", name, describe(report, true))
		}
	}
}

// FuzzParquet: whatever a file says of itself, it is examined or refused.
func FuzzParquet(f *testing.F) {
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, "a.parquet", append([]byte("PAR1"), data...), disclosure.Standard(11))
	})
}

// FuzzHTML: whatever a page holds, it is examined or refused.
func FuzzHTML(f *testing.F) {
	f.Add("<table><tr><th>a</th></tr><tr><td rowspan=2>1</td></tr></table>")
	f.Fuzz(func(t *testing.T, page string) {
		check(t, "a.html", []byte(page), disclosure.Standard(11))
	})
}
