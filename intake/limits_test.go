package intake_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
)

const mebi = 1 << 20

// limits checks text as a file with the columns n and text.
func limits(t *testing.T, text string) (clean string, refused []string, err error) {
	t.Helper()
	feed := load(t, `{"name": "l", "rempart": {"kind": "hospital"}, "resources": [{"name": "a", "path": "a.csv",
		"schema": {"fields": [{"name": "n", "type": "integer"}, {"name": "text"}]}}]}`)
	var out strings.Builder
	feed.Resources[0].Threshold = 1
	delivery := deliver(t, feed, "a.csv")
	_, err = intake.NewChecker(delivery, visible{}, intake.Options{}).Check(t.Context(), delivery.Sources[0], "a.csv",
		strings.NewReader(text), intake.Sinks{Health: []intake.HealthSink{intaketest.NewText(&out, feed.Resources[0].HealthColumns())}, Refused: func(e intake.RowError) error {
			refused = append(refused, e.Error())
			return nil
		}})
	return out.String(), refused, err
}

func TestALongFieldIsRefused(t *testing.T) {
	for name, quote := range map[string]string{"plain": "", "quoted": `"`} {
		clean, refused, err := limits(t, fmt.Sprintf("n,text\n1,%[1]s%[2]s%[1]s\n2,%[1]s%[2]sx%[1]s\n3,c\n", quote, strings.Repeat("a", mebi)))
		if err != nil || strings.Count(clean, "\n") != 3 || len(refused) != 1 || refused[0] != "a.csv:3: text: length: want 1 MiB or less" {
			t.Errorf("%s: %d rows, refused %q, %v", name, strings.Count(clean, "\n")-1, refused, err)
		}
	}
}

func TestAnOpenQuoteSwallowsNothing(t *testing.T) {
	rows := strings.Repeat("2,a good row\n", 400_000) // longer than a block, a field and a row may be
	clean, refused, err := limits(t, "n,text\n1,\"open\n"+rows)
	if err != nil || strings.Count(clean, "\n") != 400_001 || len(refused) != 1 || refused[0] != "a.csv:2: quote: opened here and never closed" {
		t.Errorf("%d rows, refused %q, %v", strings.Count(clean, "\n")-1, refused, err)
	}
}

func TestARowWithoutEndStopsTheFile(t *testing.T) {
	for _, before := range []string{"", "n,text\n1,a\n"} {
		_, _, err := limits(t, before+strings.Repeat("abcdefgh", 2*mebi))
		if refused := (*intake.FileError)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), "longer than 8 MiB") {
			t.Errorf("after %q: got %v", before, err)
		}
	}
}

func TestManyRowsKeepTheirOrderAndTheirLines(t *testing.T) {
	var in, want strings.Builder
	in.WriteString("n,text\n")
	want.WriteString("line,n,text\n")
	line := 2
	for i := range 100_000 {
		if i%1000 == 7 {
			fmt.Fprintf(&in, "%d,\"of\n\nthree\"\n", i)
			fmt.Fprintf(&want, "%d,%d,\"of\n\nthree\"\n", line, i)
			line += 3
			continue
		}
		fmt.Fprintf(&in, "%d,row\n", i)
		fmt.Fprintf(&want, "%d,%d,row\n", line, i)
		line++
	}
	clean, refused, err := limits(t, in.String())
	if err != nil || len(refused) != 0 || clean != want.String() {
		t.Errorf("the rows differ; refused %q, %v", refused, err)
	}
}
