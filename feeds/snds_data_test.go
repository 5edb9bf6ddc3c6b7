package feeds_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
	"rempart.eu/rempart/omop/quality"
)

const (
	synthetic = "../../shared/data/claims-french-snds-synthetic/schemas"
	scalpel   = "../../shared/data/claims-french-snds-scalpel/csv-table"
)

// Ten random rows a table, in the SNDS's own layout. They agree with nothing but
// the nomenclatures, so that most are refused: the golden file says by which rule
// each was, and what became of the others.
func TestSNDSSynthetic(t *testing.T) {
	feed := sndsFeed(t)
	delivered := map[string]string{}
	for _, file := range dataFiles(t, synthetic) {
		// Year 19 in the place of the schema's aa.
		name := strings.Replace(filepath.Base(file), "aa", "19", 1)
		if known(feed, name) {
			delivered[name] = read(t, file)
		}
	}
	for _, r := range feed.Resources {
		if r.Name != "correspondance" && !slices.ContainsFunc(slices.Collect(maps.Keys(delivered)), func(name string) bool { return takes(feed, r.Name, name) }) {
			t.Errorf("the set has no file for %s", r.Name)
		}
	}
	became(t, "testdata/snds-synthetic.txt", feed, delivered)
}

// The same rows, given each other's keys: row n of every table is about person n
// and stay n, whose number is real and whose chaining worked. What the types let
// pass is then mapped, however random.
func TestSNDSSyntheticJoined(t *testing.T) {
	feed := sndsFeed(t)
	delivered := map[string]string{}
	for _, file := range dataFiles(t, synthetic) {
		name := strings.Replace(filepath.Base(file), "aa", "19", 1)
		if known(feed, name) {
			delivered[name] = joined(t, name, read(t, file))
		}
	}
	became(t, "testdata/snds-synthetic-joined.txt", feed, delivered)
}

// joined gives row n of a table the keys of person n, line of care n and stay n.
func joined(t *testing.T, name, text string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for n, row := range rows[1:] {
		for i, column := range rows[0] {
			if value, ok := keyOf(column, n); ok {
				row[i] = value
			}
		}
	}
	var out strings.Builder
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// keyOf is the value of a key of row n.
func keyOf(column string, n int) (value string, ok bool) {
	switch column {
	case "BEN_NIR_PSA", "NIR_ANO_17":
		return fmt.Sprintf("P%016d", n), true
	case "BEN_IDT_ANO":
		return fmt.Sprintf("I%016d", n), true
	case "BEN_RNG_GEM":
		return "1", true
	case "BEN_CDI_NIR":
		return "00", true
	case "FLX_DIS_DTD", "FLX_TRT_DTD":
		return "2019-01-01", true
	case "FLX_EMT_TYP", "FLX_EMT_NUM", "FLX_EMT_ORD", "REM_TYP_AFF", "PRS_ORD_NUM":
		return "1", true
	case "ORG_CLE_NUM":
		return "01C000000", true
	case "DCT_ORD_NUM", "RSA_NUM", "RHAD_NUM", "RHA_NUM", "RHS_NUM", "RIP_NUM", "SEQ_NUM":
		return fmt.Sprint(n), true
	case "ETA_NUM", "ETA_NUM_EPMSI":
		return "750000001", true
	}
	return "0", strings.HasSuffix(column, "_RET")
}

// The files of the SCALPEL project are an extraction for a study: NUM_ENQ stands in the
// place of the person's number, of 17 characters in the national tables, and the
// register lacks the person's identifier.
func TestSNDSScalpel(t *testing.T) {
	feed := sndsFeed(t)
	delivered := map[string]string{}
	for _, file := range dataFiles(t, scalpel) {
		if name := filepath.Base(file); known(feed, name) {
			delivered[name] = national(t, name, read(t, file))
		}
	}
	became(t, "testdata/snds-scalpel.txt", feed, delivered)
}

func sndsFeed(t *testing.T) *intake.Feed {
	t.Helper()
	return loadFeed(t, "snds", `"kind": "insurer"`, `"kind": "insurer", "threshold": 1`, `"threshold": 0.5`, `"threshold": 1`)
}

// became compares what became of every row, on all cores.
func became(t *testing.T, file string, feed *intake.Feed, delivered map[string]string) {
	t.Helper()
	d := deliverAs(t, omoptest.OpenAllCores(t), "cnam", feed, delivered)
	report := d.build(t, "snds")
	got := d.account(feed, report)
	golden.Text(t, file, got)
	results, err := quality.Run(t.Context(), d.db, quality.Options{Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range results.Blocking() {
		t.Errorf("the mandatory check %s fails: %d of %d", c.What(), c.Violated, c.Denominator)
	}
	golden.Text(t, strings.TrimSuffix(file, ".txt")+".quality.txt", results.Text())
}

// account says of each resource how many rows came, were refused by which rule,
// and reached the CDM or did not, and why.
func (d *delivery) account(feed *intake.Feed, report *omop.Report) string {
	var out strings.Builder
	for _, reached := range report.Deposits[0].Resources {
		c := d.counts[reached.Name]
		fmt.Fprintf(&out, "%s: %d rows, %d refused, %d mapped\n", reached.Name, c.Rows, c.Refused, reached.Mapped)
		for _, rule := range slices.Sorted(maps.Keys(d.rules(feed, reached.Name))) {
			fmt.Fprintf(&out, "  refused %d: %s\n", d.rules(feed, reached.Name)[rule], rule)
		}
		for _, reason := range slices.Sorted(maps.Keys(reached.Left)) {
			fmt.Fprintf(&out, "  left %d: %s\n", reached.Left[reason], reason)
		}
		for _, table := range slices.Sorted(maps.Keys(reached.Reached)) {
			fmt.Fprintf(&out, "  in %s %d\n", table, reached.Reached[table])
		}
	}
	for _, table := range report.Tables {
		if table.Rows > 0 && table.Name != "vocabulary" && !strings.HasPrefix(table.Name, "concept") {
			fmt.Fprintf(&out, "%s: %d rows\n", table.Name, table.Rows)
		}
	}
	return out.String()
}

// rules counts a resource's refused rows by field and rule.
func (d *delivery) rules(feed *intake.Feed, resource string) map[string]int {
	counts := map[string]int{}
	for _, e := range d.refused {
		if takes(feed, resource, e.File) {
			counts[strings.TrimPrefix(e.Field+": "+e.Rule, ": ")]++
		}
	}
	return counts
}

// known says whether the feed takes a file of that name.
func known(feed *intake.Feed, name string) bool {
	return slices.ContainsFunc(feed.Resources, func(r intake.Resource) bool { return takes(feed, r.Name, name) })
}

// takes says whether a resource takes a file of that name.
func takes(feed *intake.Feed, resource, name string) bool {
	found, _ := feed.Deliver([]string{name}) // its error is about files that are missing
	return slices.ContainsFunc(found.Sources, func(s intake.Source) bool { return s.Feeds[0].Resource.Name == resource })
}

// dataFiles lists the CSV files under a folder of shared data.
func dataFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, depth := range []string{"*.csv", "*/*.csv", "*/*/*.csv"} {
		found, err := filepath.Glob(filepath.Join(dir, depth))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skipf("the data is not here: %s", dir)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// national writes a file of a study as the national table has it.
func national(t *testing.T, name, text string) string {
	t.Helper()
	in := csv.NewReader(strings.NewReader(text))
	in.Comma = ';'
	rows, err := in.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	person := slices.Index(rows[0], "NUM_ENQ")
	for i, row := range rows {
		switch {
		case person < 0:
		case i > 0:
			row[person] = strings.ReplaceAll(fmt.Sprintf("%17s", row[person]), " ", "_")
		case strings.HasPrefix(name, "T_"):
			row[person] = "NIR_ANO_17"
		default:
			row[person] = "BEN_NIR_PSA"
		}
	}
	if name == "IR_BEN_R.csv" {
		rank := slices.Index(rows[0], "BEN_RNG_GEM")
		for i, row := range rows {
			if i == 0 {
				rows[i] = append(row, "BEN_IDT_ANO")
				continue
			}
			rows[i] = append(row, row[person]+row[rank])
		}
	}
	var out strings.Builder
	to := csv.NewWriter(&out)
	to.Comma = ';'
	if err := to.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
