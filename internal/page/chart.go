package page

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/go-analyze/charts"
)

// Kind is how a chart draws its series.
type Kind int

// The kinds of charts.
const (
	Lines  Kind = iota // a line for each series
	Bars               // upright bars
	Across             // bars from left to right, the first label on top: for long labels
)

// Chart draws series over common labels. A value that is not known is [Missing].
// The figures stand beside the drawing in a table that opens, so that nobody
// needs to see the drawing to read them.
type Chart struct {
	Title  string
	Kind   Kind
	Unit   string // of the values: "persons", "per 1000"
	Labels []string
	Series []Series
	Stack  bool // bars: series on top of each other
	Height int  // in pixels; 0 is what suits the kind
	Format func(float64) string

	English bool // the labels are, whatever the page speaks: names that somebody published
}

// Series is a name and a value for each label.
type Series struct {
	Name   string
	Values []float64
}

// Missing is the value of a point that is not known.
var Missing = charts.GetNullValue()

// width is what a chart is drawn for; pages scale it. lineLetters stand side by side in it.
const (
	width       = 880
	lineLetters = 120
)

// Colours that stand for those of the stylesheet, which are put in their place:
// the drawing follows light and dark as the page does.
var (
	ink    = charts.ColorRGB(1, 2, 3)
	faint  = charts.ColorRGB(4, 5, 6)
	paints = []charts.Color{
		charts.ColorRGB(11, 1, 1), charts.ColorRGB(12, 1, 1), charts.ColorRGB(13, 1, 1),
		charts.ColorRGB(14, 1, 1), charts.ColorRGB(15, 1, 1), charts.ColorRGB(16, 1, 1),
	}
	variables = func() *strings.Replacer {
		pairs := []string{ink.String(), "var(--ink)", faint.String(), "var(--line)"}
		for i, paint := range paints {
			pairs = append(pairs, paint.String(), fmt.Sprintf("var(--series-%d)", i+1))
		}
		return strings.NewReplacer(pairs...)
	}()
	theme = charts.MakeTheme(charts.ThemeOption{
		AxisStrokeColor: ink, AxisSplitLineColor: faint, BackgroundColor: charts.ColorTransparent,
		TextColor: ink, TextColorTitle: ink, TextColorLabel: ink, TextColorLegend: ink, TextColorXAxis: ink, TextColorYAxis: ink, TextColorMark: ink,
		SeriesColors: paints,
	})
)

// figures names the table of a chart's figures.
var figures = map[string]string{"en": "Figures", "fr": "Chiffres"}

func (c Chart) html(lang string) (template.HTML, error) {
	if lang == "fr" && c.Format == nil {
		c.Format = func(v float64) string { return strings.Replace(Number(v), ".", ",", 1) }
	}
	drawing, err := c.svg()
	if err != nil {
		return "", fmt.Errorf("chart %q: %w", c.Title, err)
	}
	table, err := c.table().html(lang)
	if err != nil {
		return "", err
	}
	return render("chart", map[string]any{
		"Title": c.Title, "Unit": c.Unit, "Table": table, "Figures": figures[lang],
		"Drawing": template.HTML(drawing), //nolint:gosec // drawn from numbers; the labels are escaped by the library, which a test holds
	})
}

// svg draws the chart.
func (c Chart) svg() (string, error) {
	values := make([][]float64, len(c.Series))
	names := make([]string, len(c.Series))
	for i, s := range c.Series {
		if len(s.Values) != len(c.Labels) {
			return "", fmt.Errorf("series %q has %d values for %d labels", s.Name, len(s.Values), len(c.Labels))
		}
		names[i], values[i] = s.Name, s.Values
	}
	if len(c.Labels) == 0 || len(values) == 0 {
		return "", fmt.Errorf("there is nothing to draw")
	}
	height := c.Height
	if height == 0 {
		height = 320
		if c.Kind == Across {
			height = 90 + len(c.Labels)*(10+14*max(1, len(values)))
		}
	}
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme, Font: charts.GetFont(charts.FontFamilyNotoSans)})
	legend := charts.LegendOption{SeriesNames: names, Show: charts.Ptr(len(names) > 1)}
	if err := c.draw(painter, values, legend); err != nil {
		return "", err
	}
	raw, err := painter.Bytes()
	if err != nil {
		return "", err
	}
	raw = bytes.Replace(raw, fmt.Appendf(nil, `width="%d" height="%d"`, width, height), nil, 1)
	return variables.Replace(string(raw)), nil
}

func (c Chart) draw(painter *charts.Painter, values [][]float64, legend charts.LegendOption) error {
	labels := c.Labels
	if c.Kind == Lines {
		o := charts.NewLineChartOptionWithData(values)
		o.Theme, o.Legend, o.ValueFormatter = theme, legend, c.format
		o.XAxis.Labels, o.XAxis.LabelCount = spaced(labels), len(labels)
		o.YAxis = []charts.YAxisOption{{Min: floor(values)}}
		o.LineStrokeWidth = 2
		o.Symbol.Shape = charts.SymbolNone
		return painter.LineChart(o)
	}
	o := charts.NewBarChartOptionWithData(values)
	o.Theme, o.Legend, o.ValueFormatter = theme, legend, c.format
	o.Horizontal = c.Kind == Across
	o.StackSeries = charts.Ptr(c.Stack)
	if o.Horizontal { // the library draws the first one at the bottom
		labels = reversed(labels)
		for i := range values {
			values[i] = reversed(values[i])
		}
		o.SeriesList = charts.NewSeriesListBar(values)
	}
	o.CategoryAxis.Labels = labels
	if !o.Horizontal {
		o.CategoryAxis.Labels, o.CategoryAxis.LabelCount = spaced(labels), len(labels)
	}
	o.ValueAxis = []charts.ValueAxisOption{{Min: floor(values)}}
	if o.Horizontal {
		o.ValueAxis[0].LabelCountAdjustment = -2 // numbers stand side by side there
	}
	return painter.BarChart(o)
}

// spaced leaves as many labels as stand side by side: the last, which the library sets
// against the edge, and before it some at one distance.
func spaced(labels []string) []string {
	longest := 1
	for _, l := range labels {
		longest = max(longest, len(l))
	}
	every := (len(labels)*(longest+3) + lineLetters - 1) / lineLetters
	if every <= 1 {
		return labels
	}
	out := make([]string, len(labels))
	last := len(labels) - 1
	for i := 0; 2*(last-i) >= 3*every; i += every {
		out[i] = labels[i]
	}
	out[last] = labels[last]
	return out
}

// floor has axes begin at zero where no value is below.
func floor(values [][]float64) *float64 {
	for _, series := range values {
		for _, v := range series {
			if v < 0 {
				return nil
			}
		}
	}
	return charts.Ptr(0.0)
}

func reversed[T any](in []T) []T {
	out := make([]T, 0, len(in))
	for i := len(in) - 1; i >= 0; i-- {
		out = append(out, in[i])
	}
	return out
}

func (c Chart) format(v float64) string {
	if c.Format != nil {
		return c.Format(v)
	}
	return Number(v)
}

// table has the figures of the drawing.
func (c Chart) table() Table {
	t := Table{Header: []string{""}, Rows: make([][]string, len(c.Labels))}
	if c.English {
		t.English = []int{0}
	}
	for i, label := range c.Labels {
		t.Rows[i] = []string{label}
	}
	for n, s := range c.Series {
		t.Header = append(t.Header, s.Name)
		t.Numbers = append(t.Numbers, n+1)
		for i, v := range s.Values {
			text := "–"
			if v != Missing {
				text = c.format(v)
			}
			t.Rows[i] = append(t.Rows[i], text)
		}
	}
	return t
}

// Number writes a number for people: 12 345, 0.034, 98.4. Groups are parted by
// a narrow space that does not break.
func Number(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v) && size < 1e15:
		return grouped(fmt.Sprintf("%.0f", v))
	case size >= 1000:
		return grouped(fmt.Sprintf("%.0f", v))
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 0.001:
		return fmt.Sprintf("%.3g", v)
	}
	return fmt.Sprintf("%.1e", v)
}

func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, parts...), "\u202f")
}

func render(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, data)
	return template.HTML(b.String()), err //nolint:gosec // written by a template that escapes
}
