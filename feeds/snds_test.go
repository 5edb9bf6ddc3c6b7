package feeds_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// update rewrites the expectations in testdata.
var update = os.Getenv("UPDATE") != ""

// A case of testdata/snds holds the files of one deposit, and what is expected:
// want/<table>.csv are columns of a table of the CDM, sorted; want/refused.txt
// the rows that intake refused; want/left.txt the rows that reached no table, by
// their reason. The comment says which trap it is about.
func TestSNDSTraps(t *testing.T) {
	eachSNDSTrap(t, func(t *testing.T, name string, _ int, archive *txtar.Archive, d *delivery) {
		report := d.build(t, "snds")
		omoptest.SameInParts(t, d.db, d.in, report, d.accepted()/3)
		asWanted(t, name, archive, func(f txtar.File) string { return d.expectation(t, f, report) })
	})
}

// The traps are traps month by month, too: rows that are spread over two deposits, by chance,
// make the tables of one deposit, and a release that goes on from one of the first is that of both.
func TestSNDSTrapsMonthByMonth(t *testing.T) {
	eachSNDSTrap(t, func(t *testing.T, _ string, seed int, _ *txtar.Archive, d *delivery) {
		d.build(t, "snds")
		d.keepTables(t)
		omoptest.Aside(t, d.db)
		in := omoptest.Split(t, d.db, d.in, 2, seed, func(_ omop.Deposit, resource string) bool { return resource == "ir_ben_r" })
		whole, err := omop.Build(t.Context(), d.db, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.sameTables(t)
		omoptest.SameOnBases(t, d.db, in, whole, omoptest.Step{Deposits: []string{"cnam.1"}})
	})
}

// eachSNDSTrap delivers the files of each case: its file, its number, and what was delivered.
func eachSNDSTrap(t *testing.T, test func(t *testing.T, name string, number int, archive *txtar.Archive, d *delivery)) {
	t.Helper()
	feed := sndsFeed(t)
	eachCase(t, "snds", func(t *testing.T, name string, number int, archive *txtar.Archive) {
		files := map[string]string{}
		for _, f := range archive.Files {
			if !strings.HasPrefix(f.Name, "want/") {
				files[f.Name] = string(f.Data)
			}
		}
		test(t, name, number, archive, deliver(t, feed, files))
	})
}

// eachCase reads the cases of a folder of testdata: of each its file and its number.
func eachCase(t *testing.T, folder string, test func(t *testing.T, name string, number int, archive *txtar.Archive)) {
	t.Helper()
	cases, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for i, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			test(t, name, i, archive)
		})
	}
}

// asWanted holds what came of a case against what it expects, want/<name>.
func asWanted(t *testing.T, name string, archive *txtar.Archive, came func(want txtar.File) string) {
	t.Helper()
	for i, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			continue
		}
		got := came(f)
		if update {
			archive.Files[i].Data = []byte(got)
		} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *delivery) expectation(t *testing.T, want txtar.File, report *omop.Report) string {
	t.Helper()
	switch want.Name {
	case "want/refused.txt":
		return d.refusals()
	case "want/left.txt":
		return left(report)
	}
	columns, _, _ := strings.Cut(string(want.Data), "\n")
	table := strings.TrimSuffix(filepath.Base(want.Name), ".csv")
	return d.query(t, fmt.Sprintf("SELECT %s FROM cdm.%s ORDER BY ALL", columns, table))
}

// refusals lists the refused rows with their rules.
func (d *delivery) refusals() string {
	var out strings.Builder
	for _, e := range d.refused {
		fmt.Fprintln(&out, e.Error())
	}
	return out.String()
}

// left lists the rows that reached no table, by resource and reason.
func left(report *omop.Report) string {
	var out strings.Builder
	for _, r := range report.Deposits[0].Resources {
		for _, reason := range slices.Sorted(maps.Keys(r.Left)) {
			fmt.Fprintf(&out, "%s %d: %s\n", r.Name, r.Left[reason], reason)
		}
	}
	return out.String()
}
