package disclosure_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
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
// before NAME may stand what is examined with it:
//
//	-- NAME.disclosure.yaml --  and .csv: what the run hands in beside
//	-- training.csv --          of a model
//	-- attack.json --           of a model
//	-- earlier/NAME --          an output that was released before
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
			var o disclosure.Output
			for _, f := range archive.Files {
				_, beside := disclosure.IsBeside(f.Name)
				earlier, wasReleased := strings.CutPrefix(f.Name, "earlier/")
				switch {
				case f.Name == "rules":
					rules, encode = parseRules(t, string(f.Data))
				case beside && strings.HasSuffix(f.Name, ".csv"):
					o.Contributions = f.Data
				case beside:
					o.Declaration = f.Data
				case wasReleased:
					o.Earlier = append(o.Earlier, disclosure.Earlier{Output: fmt.Sprintf("s-%d-1", len(o.Earlier)+1), Name: earlier, Data: f.Data})
				case f.Name == "training.csv":
					o.Training = f.Data
				case f.Name == "attack.json":
					o.Attack = f.Data
				case f.Name == "findings":
					name := o.Name
					report, err := disclosure.Examine(o, rules)
					if err != nil {
						t.Fatal(err)
					}
					o = disclosure.Output{}
					want := strings.TrimSpace(string(f.Data))
					got := describe(report, strings.Contains(want, "\nmessage "))
					if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				default:
					o.Name, o.Data = f.Name, encoded(t, f.Data, encode)
					o.Size = int64(len(o.Data))
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

// wideTable is 999 × 49 counts with their totals; one in 20 is hidden, at random.
func wideTable() []byte {
	random := rand.New(rand.NewPCG(1, 50))
	sums := make([]int, 50)
	var b strings.Builder
	b.WriteString("diagnosis")
	for k := range 49 {
		fmt.Fprintf(&b, ",n_%d", 1975+k)
	}
	b.WriteString(",total\n")
	for i := range 999 {
		fmt.Fprintf(&b, "diagnosis %d", i)
		sum := 0
		for k := range 49 {
			n := 11 + random.IntN(1000)
			sums[k], sum = sums[k]+n, sum+n
			if random.IntN(20) == 0 {
				b.WriteString(",")
			} else {
				fmt.Fprintf(&b, ",%d", n)
			}
		}
		sums[49] += sum
		fmt.Fprintf(&b, ",%d\n", sum)
	}
	b.WriteString("Total")
	for _, n := range sums {
		fmt.Fprintf(&b, ",%d", n)
	}
	b.WriteString("\n")
	return []byte(b.String())
}

// BenchmarkReport is the report of a table of 1,000 × 50, as it is promised.
func BenchmarkReport(b *testing.B) {
	data := wideTable()
	for b.Loop() {
		if report := check(b, "a.csv", data, disclosure.Standard(11)); report.Verdict == disclosure.Refused {
			b.Fatal(describe(report, true))
		}
	}
}
