package disclosure_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/engine"
)

const refusedTable = `department,women,men,total
Ain,40,3,43
Aisne,30,50,80
Allier,20,60,80
Total,90,113,203
`

func TestSuggestions(t *testing.T) {
	for method, want := range map[disclosure.Method]string{
		disclosure.Suppress: "department,women,men,total\nAin,,,43\nAisne,,,80\nAllier,20,60,80\nTotal,90,113,203\n",
		disclosure.Round:    "department,women,men,total\nAin,40,0,40\nAisne,40,60,80\nAllier,20,60,80\nTotal,100,120,200\n",
		disclosure.Merge:    "department,women,men,total\nother (merged),70,53,123\nAllier,20,60,80\nTotal,90,113,203\n",
	} {
		s, err := disclosure.Suggest(disclosure.Output{Name: "a.csv", Data: []byte(refusedTable), Size: int64(len(refusedTable))}, disclosure.Standard(11), method)
		if err != nil {
			t.Fatal(err)
		}
		if string(s.Data) != want || s.Report.Verdict == disclosure.Refused || len(s.Changes) == 0 {
			t.Errorf("%s:\n%s\n%+v\n%s", method, s.Data, s.Changes, describe(s.Report, true))
		}
	}
}

// TestWhatIsSuggestedPasses builds tables with small counts and totals: what hiding
// leaves is never refused, and all that is told is what was told.
func TestWhatIsSuggestedPasses(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 5))
		rows, columns := 2+random.IntN(6), 2+random.IntN(4)
		sums := make([]int, columns+1)
		var b strings.Builder
		b.WriteString("diagnosis")
		for k := range columns {
			fmt.Fprintf(&b, ",n_%d", 2020+k)
		}
		b.WriteString(",total\n")
		for i := range rows {
			fmt.Fprintf(&b, "d%c", 'a'+i)
			sum := 0
			for k := range columns {
				n := []int{random.IntN(20), random.IntN(500)}[random.IntN(2)]
				sums[k], sum = sums[k]+n, sum+n
				fmt.Fprintf(&b, ",%d", n)
			}
			sums[columns] += sum
			fmt.Fprintf(&b, ",%d\n", sum)
		}
		b.WriteString("Total")
		for _, n := range sums {
			fmt.Fprintf(&b, ",%d", n)
		}
		o := disclosure.Output{Name: "a.csv", Data: []byte(b.String() + "\n"), Size: int64(b.Len() + 1)}
		s, err := disclosure.Suggest(o, disclosure.Standard(11), disclosure.Suppress)
		if err != nil {
			t.Fatal(err)
		}
		if s.Report.Verdict == disclosure.Refused {
			t.Fatalf("seed %d:\n%s\n%s\n%s", seed, o.Data, s.Data, describe(s.Report, true))
		}
	}
}

// TestTablesOfEveryFormAreChanged changes the table above in every form that the rules read as one, and wants the very
// same table in that form.
func TestTablesOfEveryFormAreChanged(t *testing.T) {
	records := "[\n{\"department\":\"Ain\",\"women\":40,\"men\":3,\"total\":43,\"metropolitan\":true},\n{\"department\":\"Aisne\",\"women\":30,\"men\":50,\"total\":80,\"metropolitan\":true},\n{\"department\":\"Allier\",\"women\":20,\"men\":60,\"total\":80,\"metropolitan\":null},\n{\"department\":\"Total\",\"women\":90,\"men\":113,\"total\":203,\"metropolitan\":null}\n]\n"
	page := "<!DOCTYPE html><html><head><title>Counts</title></head><body><p>By department</p><table class=\"x\"><caption>Persons</caption><thead><tr><th>department</th><th>women</th><th>men</th><th>total</th></tr></thead><tbody><tr><th>Ain</th><td>40</td><td>3</td><td>43</td></tr><tr><th>Aisne</th><td>30</td><td>50</td><td>80</td></tr><tr><th>Allier</th><td>20</td><td>60</td><td>80</td></tr><tr><th>Total</th><td>90</td><td>113</td><td>203</td></tr></tbody></table></body></html>"
	for name, c := range map[string]struct {
		data  string
		wants map[disclosure.Method][]string
	}{
		"a.json": {records, map[disclosure.Method][]string{
			disclosure.Suppress: {`{"department":"Ain","women":null,"men":null,"total":43,"metropolitan":true}`, `"Allier","women":20,"men":60,"total":80,"metropolitan":null`},
			disclosure.Round:    {`{"department":"Ain","women":40,"men":0,"total":40,"metropolitan":true}`, `"Total","women":100,"men":120,"total":200`},
			disclosure.Merge:    {`"other (merged)","women":70,"men":53,"total":123`},
		}},
		"a.ndjson":   {strings.NewReplacer("[\n", "", ",\n", "\n", "]\n", "").Replace(records), map[disclosure.Method][]string{disclosure.Round: {"{\"department\":\"Ain\",\"women\":40,\"men\":0,\"total\":40,\"metropolitan\":true}\n{"}}},
		"split.json": {`{"columns":["department","women","men","total"],"index":[0,1,2,3],"data":[["Ain",40,3,43],["Aisne",30,50,80],["Allier",20,60,80],["Total",90,113,203]]}`, map[disclosure.Method][]string{disclosure.Merge: {`"index":[0,1,2],"data":[`, `["other (merged)",70,53,123]`, `["Total",90,113,203]`}}},
		"a.html": {page, map[disclosure.Method][]string{
			disclosure.Suppress: {"<p>By department</p>", "<caption>Persons</caption>", "<tr><td>Ain</td><td></td><td></td><td>43</td></tr>"},
			disclosure.Merge:    {"<td>other (merged)</td><td>70</td><td>53</td><td>123</td>"},
		}},
	} {
		for method, wants := range c.wants {
			s, err := disclosure.Suggest(disclosure.Output{Name: name, Data: []byte(c.data), Size: int64(len(c.data))}, disclosure.Standard(11), method)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, method, err)
			}
			for _, want := range wants {
				if !strings.Contains(string(s.Data), want) {
					t.Errorf("%s, %s: no %s in\n%s", name, method, want, s.Data)
				}
			}
			if s.Report.Verdict == disclosure.Refused || len(s.Changes) == 0 {
				t.Errorf("%s, %s:\n%s\n%s", name, method, s.Data, describe(s.Report, true))
			}
		}
	}
}

// TestParquetIsChanged changes a Parquet file and reads what it is now, types included.
func TestParquetIsChanged(t *testing.T) {
	query := "SELECT * FROM (VALUES (2001, 40, 3, 43, DATE '2024-01-01', 1.5::FLOAT), (2002, 30, 50, 80, NULL, NULL), (2003, 20, 60, 80, NULL, NULL)) AS t(year_of_birth, women, men, total, since, mean)"
	data := inParquet(t, query)
	for method, want := range map[disclosure.Method]string{
		disclosure.Suppress: "INTEGER INTEGER DATE: 2001||||2024-01-01; 2002|||80|; 2003|||80|; ",
		disclosure.Round:    "INTEGER INTEGER DATE: 2001|40|0|40|2024-01-01; 2002|40|60|80|; 2003|20|60|80|; ",
		disclosure.Merge:    "VARCHAR INTEGER DATE: other (merged)|70|53|123|; 2003|20|60|80|; ",
	} {
		s, err := disclosure.Suggest(disclosure.Output{Name: "a.parquet", Data: data, Size: int64(len(data))}, disclosure.Standard(11), method)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		got := parquetText(t, s.Data)
		t.Logf("%s: %s", method, got)
		if s.Report.Verdict == disclosure.Refused || s.Report.Kind != disclosure.Parquet || method != disclosure.Suppress && got != want {
			t.Errorf("%s: %s, want %s\n%s", method, got, want, describe(s.Report, true))
		}
		again, err := disclosure.Suggest(disclosure.Output{Name: "a.parquet", Data: data, Size: int64(len(data))}, disclosure.Standard(11), method)
		if err != nil || string(again.Data) != string(s.Data) {
			t.Errorf("%s: the same change makes other bytes: %v", method, err)
		}
	}
}

// parquetText tells the types of three columns, and the rows.
func parquetText(t *testing.T, data []byte) (text string) {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file, err := engine.LoadFile("a", func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		t.Fatal(err)
	}
	db.Own(file)
	from := engine.ReadParquet(file.Path())
	if err := db.Value(t.Context(), &text, "SELECT typeof(year_of_birth) || ' ' || typeof(women) || ' ' || typeof(since) || ': ' FROM "+from+" LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	var rows string
	if err := db.Value(t.Context(), &rows, "SELECT string_agg(concat_ws('|', year_of_birth, coalesce(women::VARCHAR, ''), coalesce(men::VARCHAR, ''), coalesce(total::VARCHAR, ''), coalesce(since::VARCHAR, '')), '; ') FROM "+from); err != nil {
		t.Fatal(err)
	}
	return text + rows + "; "
}

// TestOnlyTablesAreChanged wants files left alone that are no one table, or pretend to be of another form.
func TestOnlyTablesAreChanged(t *testing.T) {
	const records = `{"g":"x","n":3},{"g":"y","n":40}`
	parquet := string(inParquet(t, "SELECT 'x' AS g, 3 AS n"))
	for name, texts := range map[string][]string{
		"a.png": {"a,n\nx,3\n"},
		"a.txt": {"a,n\nx,3\n"},
		"a.json": {
			"a,n\nx,3\n", "", "3", "null", "[]", "{}", `{"g":3}`, "[" + records, "[" + records + "]]", parquet, "<table><tr><th>g</th><th>n</th></tr><tr><td>x</td><td>3</td></tr></table>",
			`[{"g":"x","n":3,"deep":{"n":2}},{"g":"y","n":40}]`, `[{"g":"x","n":3,"deep":[1]},{"g":"y","n":40}]`, `[{"g":"x","n":3,"n":4},{"g":"y","n":40}]`,
			`{"a":[` + records + `]}`, `[[` + records + `]]`, `[` + records + `, 7]`, strings.Repeat("[", 100) + strings.Repeat("]", 100),
			`{"columns":["g","n"],"data":[["x",3],["y",40]],"more":[["z",2]]}`, `{"columns":["g","n"],"data":[["x",3],["y",40]],"index":["Ain","Aisne"]}`,
			`{"columns":["g","n"],"data":[["x",3],["y",[40]]]}`, `{"columns":["g","n"],"data":[["x",3]],"data":[["y",2]],"index":[0]}`,
		},
		"a.ndjson": {records, "{\"g\":\"x\",\"n\":3}\n[1]\n"},
		"a.html": {
			"a,n\nx,3\n", "<p>n: 3</p>", "<table></table>", parquet, "[" + records + "]",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x</td><td>3</td></tr></table><table><tr><th>g</th><th>n</th></tr><tr><td>x</td><td>3</td></tr></table>",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x<table><tr><td>1</td></tr></table></td><td>3</td></tr></table>",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x<script>1</script></td><td>3</td></tr></table>",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x</td><td onclick=\"x\">3</td></tr></table>",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x<!-- Marie --></td><td>3</td></tr></table>",
			"<table><tr><th>g</th><th>n</th></tr><tr><td>x</td></tr></table>",
		},
		"a.parquet": {"a,n\nx,3\n", "PAR1PAR1", parquet[:len(parquet)/2], parquet + "x", "[" + records + "]", string(inParquet(t, "SELECT 'x' AS g, [3] AS n")), string(inParquet(t, "SELECT 3 AS n"))},
	} {
		for _, text := range texts {
			if s, err := disclosure.Suggest(disclosure.Output{Name: name, Data: []byte(text), Size: int64(len(text))}, disclosure.Standard(11), disclosure.Suppress); !errors.Is(err, disclosure.ErrNoTable) {
				t.Errorf("%s is changed (%v): %.100q", name, err, text)
				if s != nil {
					t.Logf("to %s", s.Data)
				}
			}
		}
	}
	page := "<p>n</p><script>x</script><table><tr><th>g</th><th>n</th></tr><tr><td>x</td><td>3</td></tr><tr><td>y</td><td>40</td></tr></table>"
	s, err := disclosure.Suggest(disclosure.Output{Name: "a.html", Data: []byte(page), Size: int64(len(page))}, disclosure.Standard(11), disclosure.Round)
	if err != nil || s.Report.Verdict != disclosure.Refused {
		t.Errorf("what stands around a table is forgotten: %v, %+v", err, s)
	}
}
