package page_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rempart.eu/rempart/internal/page"
)

// hostile is what somebody may have named a thing.
const hostile = `</text><script>alert("x")</script>&amp;`

func example(kind page.Kind) page.Page {
	return page.Page{
		Title: hostile, Lead: hostile, Foot: hostile,
		Facts: []page.Fact{{Value: "98.4 %", Name: hostile, Note: hostile}},
		Sections: []page.Section{{Title: hostile, Lead: hostile, Blocks: []page.Block{
			page.Text(hostile),
			page.Table{Caption: hostile, Header: []string{"code", "rows"}, Rows: [][]string{{hostile, "12"}}, Numbers: []int{1}},
			page.Chart{Title: hostile, Kind: kind, Unit: hostile, Labels: []string{hostile, "b", "c"}, Series: []page.Series{
				{Name: hostile, Values: []float64{1, 2, page.Missing}},
				{Name: "other", Values: []float64{1000, 2, 5}},
			}},
		}}},
	}
}

func TestEverythingGivenIsText(t *testing.T) {
	for _, kind := range []page.Kind{page.Lines, page.Bars, page.Across} {
		var out bytes.Buffer
		if err := example(kind).Write(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "<script") {
			t.Errorf("kind %d: what a user wrote became HTML", kind)
		}
	}
}

func TestChartsFollowThePagesColours(t *testing.T) {
	for _, kind := range []page.Kind{page.Lines, page.Bars, page.Across} {
		var out bytes.Buffer
		if err := example(kind).Write(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "rgb(") {
			t.Errorf("kind %d: a colour of the drawing is none of the stylesheet's", kind)
		}
		if !strings.Contains(out.String(), "var(--series-2)") {
			t.Errorf("kind %d: the second series has no colour", kind)
		}
	}
}

func TestThePageLoadsNothing(t *testing.T) {
	var out bytes.Buffer
	if err := example(page.Lines).Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, loads := range []string{"src=", "@import", "url(", "<link"} {
		if strings.Contains(out.String(), loads) {
			t.Errorf("the page has %s", loads)
		}
	}
}

func TestRefusesWhatDoesNotFit(t *testing.T) {
	for name, block := range map[string]page.Block{
		"a row with too few cells":      page.Table{Header: []string{"a", "b"}, Rows: [][]string{{"1"}}},
		"a series with a value too few": page.Chart{Labels: []string{"a", "b"}, Series: []page.Series{{Name: "s", Values: []float64{1}}}},
		"a chart of nothing":            page.Chart{},
	} {
		err := page.Page{Sections: []page.Section{{Blocks: []page.Block{block}}}}.Write(&bytes.Buffer{})
		if err == nil {
			t.Errorf("%s was drawn", name)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 12: "12", 12345: "12\u202f345", -1234567: "−1\u202f234\u202f567", 98.44: "98.4", 0.03456: "0.0346", 1234.5: "1\u202f234", 0.00001: "1.0e-05",
	} {
		if got := page.Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

// Labels of an axis stand at one distance, and the last of them is there.
func TestLabelsDoNotMeet(t *testing.T) {
	for _, many := range []int{2, 7, 13, 48, 49, 53, 104, 366} {
		labels, values := make([]string, many), make([]float64, many)
		for i := range labels {
			labels[i] = fmt.Sprintf("%04d-%02d", 1990+i/12, 1+i%12)
		}
		for _, kind := range []page.Kind{page.Lines, page.Bars} {
			var out bytes.Buffer
			p := page.Page{Title: "Months", Sections: []page.Section{{Blocks: []page.Block{page.Chart{Title: "Months", Kind: kind, Labels: labels, Series: []page.Series{{Name: "n", Values: values}}}}}}}
			if err := p.Write(&out); err != nil {
				t.Fatal(err)
			}
			drawing := out.String()
			var at []float64
			for _, m := range regexp.MustCompile(`<text x="([0-9.]+)"[^>]*>([0-9]{4}-[0-9]{2})</text>`).FindAllStringSubmatch(drawing, -1) {
				x, err := strconv.ParseFloat(m[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				at = append(at, x)
			}
			slices.Sort(at)
			if len(at) == 0 || !strings.Contains(drawing, ">"+labels[many-1]+"</text>") {
				t.Errorf("%d months: %d labels, the last among them?", many, len(at))
			}
			for i := 1; i < len(at); i++ {
				if at[i]-at[i-1] < 55 {
					t.Errorf("kind %d, %d months: labels at %v and %v of %v meet", kind, many, at[i-1], at[i], at)
				}
			}
		}
	}
}
