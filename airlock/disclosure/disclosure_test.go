package disclosure_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/airlock/disclosure"
)

// TestCases holds Check against testdata/*.txtar. A file has sections
//
//	-- rules --       optional lines: minimum 5, rows 100, encode utf-16le|utf-16be|bom|quoted
//	-- NAME --        the output, under its own name (quoted: as a Go string per line)
//	-- findings --    SEVERITY RULE LINE COLUMN FIELD, one a line, then "rows N" and "verdict …"
//
// and may repeat NAME and findings. "message TEXT" holds the message of the
// finding above it.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rules, encode := disclosure.Standard(11), ""
			var name string
			var data []byte
			for _, f := range archive.Files {
				switch f.Name {
				case "rules":
					rules, encode = parseRules(t, string(f.Data))
				case "findings":
					report := check(t, name, data, rules)
					want := strings.TrimSpace(string(f.Data))
					got := describe(report, strings.Contains(want, "\nmessage "))
					if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				default:
					name, data = f.Name, encoded(t, f.Data, encode)
				}
			}
		})
	}
}

func parseRules(t *testing.T, text string) (rules disclosure.Rules, encode string) {
	t.Helper()
	rules = disclosure.Standard(11)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.Atoi(value)
		switch key {
		case "minimum":
			rules.MinimumCell = n
		case "rows":
			rules.MaxRows = n
		case "bytes":
			rules.MaxBytes = int64(n)
		case "encode":
			encode = value
		default:
			t.Fatalf("unknown rule %q", key)
		}
	}
	return rules, encode
}

func encoded(t *testing.T, data []byte, encode string) []byte {
	t.Helper()
	switch encode {
	case "bom":
		return append([]byte("\xef\xbb\xbf"), data...)
	case "utf-16le", "utf-16be":
		var order binary.AppendByteOrder = binary.LittleEndian
		if encode == "utf-16be" {
			order = binary.BigEndian
		}
		out := order.AppendUint16(nil, 0xFEFF)
		for _, unit := range utf16.Encode([]rune(string(data))) {
			out = order.AppendUint16(out, unit)
		}
		return out
	case "quoted":
		var out []byte
		for line := range strings.Lines(string(data)) {
			s, err := strconv.Unquote(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out = append(out, s...)
		}
		return out
	}
	return data
}

func check(t testing.TB, name string, data []byte, rules disclosure.Rules) disclosure.Report {
	t.Helper()
	report, err := disclosure.Check(name, strings.NewReader(string(data)), int64(len(data)), rules)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func describe(report disclosure.Report, messages bool) string {
	var b strings.Builder
	for _, f := range report.Findings {
		line := fmt.Sprintf("%v %s %d %d %s", f.Severity, f.Rule, f.Line, f.Column, f.Field)
		fmt.Fprintln(&b, strings.TrimSpace(line))
		if messages {
			fmt.Fprintln(&b, "message", f.Message)
		}
	}
	fmt.Fprintf(&b, "rows %d\nverdict %v", report.Rows, report.Verdict)
	return b.String()
}

func BenchmarkCheckCSV(b *testing.B) {
	var table strings.Builder
	table.WriteString("diagnosis,year,sex,persons,mean_age\n")
	for i := range 1000 {
		fmt.Fprintf(&table, "diagnosis %d,20%02d,F,%d,%.1f\n", i, i%100, 100+i, 40+float64(i%400)/10)
	}
	b.SetBytes(int64(table.Len()))
	for b.Loop() {
		if report := check(b, "a.csv", []byte(table.String()), disclosure.Standard(11)); report.Verdict == disclosure.Refused {
			b.Fatal(describe(report, true))
		}
	}
}
