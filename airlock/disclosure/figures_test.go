package disclosure_test

import (
	"bytes"
	"compress/zlib"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock/disclosure"
)

func figure(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "figures", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFiguresOfCommonToolsPass: what Matplotlib 3.11 and R 4.2 always write does not refuse a figure.
func TestFiguresOfCommonToolsPass(t *testing.T) {
	for _, name := range []string{"matplotlib.png", "matplotlib-clear.png", "r.png", "matplotlib.svg", "r.svg", "matplotlib-scatter.svg"} {
		report := check(t, name, figure(t, name), disclosure.Standard(11))
		if report.Verdict == disclosure.Refused || hasRule(report, "scatter") != strings.Contains(name, "scatter") {
			t.Errorf("%s: got %s", name, describe(report, true))
		}
	}
}

// after puts parts behind the header of a PNG.
func after(data []byte, parts ...[]byte) []byte {
	return slices.Insert(slices.Clone(data), 8+12+13, slices.Concat(parts...)...)
}

// coloured is a picture with a palette of which one colour is on no point.
func coloured(t *testing.T) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.White, color.Gray{Y: 90}, color.NRGBA{R: 'P', G: 'A', B: 'T', A: 255}})
	img.SetColorIndex(1, 1, 1)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// padded has bytes behind the packed points, within the part that holds them.
func padded(t *testing.T) []byte {
	t.Helper()
	var points bytes.Buffer
	z := zlib.NewWriter(&points)
	if _, err := z.Write(make([]byte, 8*9)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	data := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", "\x00\x00\x00\x08\x00\x00\x00\x08\x08\x00\x00\x00\x00"), chunk("IDAT", points.String()+"patient 4711"), chunk("IEND", ""))
	return data
}

// TestAFigureIsStripped: of what a PNG carries beside its points nothing is left, and each point is as it was.
func TestAFigureIsStripped(t *testing.T) {
	plain := picture(t)
	for name, c := range map[string]struct {
		data []byte
		rule string
	}{
		"text":               {after(plain, chunk("tEXt", "Comment\x00patient 4711")), "metadata"},
		"another software":   {after(plain, chunk("tEXt", "Software\x00Matplotlib version3.11.2, https://matplotlib.org/ 4711")), "metadata"},
		"software, twice":    {after(plain, chunk("tEXt", "Software\x00R Software"), chunk("tEXt", "Software\x00R Software")), "metadata"},
		"compressed text":    {after(plain, chunk("zTXt", "Comment\x00\x00x")), "metadata"},
		"text in UTF-8":      {after(plain, chunk("iTXt", "Comment\x00\x00\x00\x00\x00x")), "metadata"},
		"EXIF":               {after(plain, chunk("eXIf", "MM\x00*")), "metadata"},
		"a time":             {after(plain, chunk("tIME", "\x07\xea\x01\x01\x00\x00\x00")), "metadata"},
		"frames":             {after(plain, chunk("acTL", "\x00\x00\x00\x01\x00\x00\x00\x00"), chunk("fcTL", strings.Repeat("\x00", 26)), chunk("fdAT", "\x00\x00\x00\x01rows")), "metadata"},
		"a colour behind":    {after(plain, chunk("bKGD", "\x12\x34")), "metadata"},
		"a white point":      {after(plain, chunk("cHRM", strings.Repeat("patients", 4))), "metadata"},
		"behind the end":     {append(slices.Clone(plain), "PK\x03\x04rows"...), "trailing-data"},
		"behind the points":  {padded(t), "trailing-data"},
		"a colour unused":    {coloured(t), "invisible"},
		"with the tool's":    {after(figure(t, "matplotlib.png"), chunk("iTXt", "Comment\x00\x00\x00\x00\x00x")), "metadata"},
		"in a picture of R":  {after(figure(t, "r.png"), chunk("tEXt", "Author\x00carol")), "metadata"},
		"a clear background": {after(figure(t, "matplotlib-clear.png"), chunk("tEXt", "Author\x00carol")), "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			report := check(t, "figure.png", c.data, disclosure.Standard(11))
			if report.Verdict != disclosure.Refused || !hasRule(report, c.rule) {
				t.Errorf("got %s", describe(report, false))
			}
			s, err := disclosure.Suggest(disclosure.Output{Name: "figure.png", Data: c.data, Size: int64(len(c.data))}, disclosure.Standard(11), disclosure.Strip)
			if err != nil {
				t.Fatal(err)
			}
			if s.Report.Verdict == disclosure.Refused || len(s.Changes) == 0 {
				t.Errorf("stripped: %d changes, %s", len(s.Changes), describe(s.Report, true))
			}
			before, err := png.Decode(bytes.NewReader(c.data))
			if err != nil {
				t.Fatal(err)
			}
			now, err := png.Decode(bytes.NewReader(s.Data))
			if err != nil {
				t.Fatal(err)
			}
			if before.Bounds() != now.Bounds() || !reflect.DeepEqual(points(before), points(now)) {
				t.Error("a point is another")
			}
			for _, part := range []string{"4711", "rows", "carol", "patient"} {
				if bytes.Contains(s.Data, []byte(part)) {
					t.Errorf("%q is still there", part)
				}
			}
		})
	}
}

// points are those of a picture, as they are kept: the numbers of colours, where it has a palette, too.
func points(of image.Image) []byte {
	switch p := of.(type) {
	case *image.Paletted:
		all := slices.Clone(p.Pix)
		for y := range p.Rect.Dy() {
			for x := range p.Rect.Dx() {
				r, g, b, a := p.At(x, y).RGBA()
				all = append(all, byte(r), byte(g), byte(b), byte(a))
			}
		}
		return all
	case *image.Gray:
		return p.Pix
	case *image.NRGBA:
		return p.Pix
	case *image.RGBA:
		return p.Pix
	}
	return nil
}

func TestPointsThatNobodySeesAreOfOneColour(t *testing.T) {
	for name, hidden := range map[string]color.NRGBA{"one": {R: 255, G: 255, B: 255}, "another": {R: 'P', G: 'A', B: 'T'}} {
		img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
		for i := range img.Pix {
			img.Pix[i] = 255
		}
		img.SetNRGBA(0, 0, color.NRGBA{R: 255, G: 255, B: 255})
		img.SetNRGBA(1, 0, hidden)
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if report := check(t, "a.png", b.Bytes(), disclosure.Standard(11)); hasRule(report, "invisible") != (name == "another") {
			t.Errorf("%s: %s", name, describe(report, false))
		}
	}
}

// TestADrawingIsStripped: what an SVG carries beside what is drawn is refused, and taken out.
func TestADrawingIsStripped(t *testing.T) {
	const head, rect, end = `<svg xmlns="http://www.w3.org/2000/svg">`, `<rect width="3" height="4"/>`, `</svg>`
	long := "M 0 0" + strings.Repeat(" L 1.5 2.5", 1001)
	for name, c := range map[string]struct {
		text, rule string
		stripped   bool // passes afterwards
	}{
		"a comment":               {head + "<!-- patient 4711 -->" + rect + end, "metadata", true},
		"metadata":                {head + "<metadata><a>4711</a></metadata>" + rect + end, "metadata", true},
		"the tool's, and more":    {strings.Replace(string(figure(t, "matplotlib.svg")), "<dc:format>", "<dc:rights>4711</dc:rights><dc:format>", 1), "metadata", true},
		"the tool's, another":     {strings.Replace(string(figure(t, "matplotlib.svg")), "Matplotlib v3", "Matplotlib v4711 v3", 1), "metadata", true},
		"a document type":         {`<!DOCTYPE svg [<!ENTITY e "4711">]>` + head + rect + end, "metadata", true},
		"an instruction":          {`<?php 4711 ?>` + head + rect + end, "metadata", true},
		"a script":                {head + "<script>4711</script>" + rect + end, "metadata", true},
		"an event":                {head + `<rect onclick="4711" width="3"/>` + end, "script", true},
		"data":                    {head + `<g data-rows='4711'><rect data-n="4711" width="3"/></g>` + end, "metadata", true},
		"another page":            {head + "<foreignObject><p>4711</p></foreignObject>" + rect + end, "metadata", false},
		"a picture":               {head + `<image href="data:image/png;base64,AAAA"/>` + end, "external", false},
		"from elsewhere":          {head + `<use href="https://example.org/a.svg#x"/>` + end, "external", false},
		"a style from elsewhere":  {head + `<style>@import "a.css";</style>` + rect + end, "external", false},
		"hidden text":             {head + rect + `<text style="display: none">4711</text>` + end, "invisible", false},
		"clear text":              {head + rect + `<text opacity="0">4711</text>` + end, "invisible", false},
		"a group nobody sees":     {head + rect + `<g visibility="hidden"><text>4711</text></g>` + end, "invisible", false},
		"a style that hides":      {head + `<style>.h { opacity: 0 }</style><text class="h">4711</text>` + end, "invisible", false},
		"text too small":          {head + rect + `<text font-size="0.1">4711</text>` + end, "invisible", false},
		"a line of many points":   {head + `<path d="` + long + `"/>` + end, "rows", false},
		"a line with many points": {head + `<polyline points="` + strings.Repeat("1,2 ", 1001) + `"/>` + end, "rows", false},
	} {
		t.Run(name, func(t *testing.T) {
			report := check(t, "figure.svg", []byte(c.text), disclosure.Standard(11))
			if report.Verdict != disclosure.Refused || !hasRule(report, c.rule) {
				t.Errorf("got %s", describe(report, false))
			}
			s, err := disclosure.Suggest(disclosure.Output{Name: "figure.svg", Data: []byte(c.text), Size: int64(len(c.text))}, disclosure.Standard(11), disclosure.Strip)
			if err != nil {
				t.Fatal(err)
			}
			if passes := s.Report.Verdict != disclosure.Refused; passes != c.stripped || passes && (len(s.Changes) == 0 || bytes.Contains(s.Data, []byte("4711"))) {
				t.Errorf("stripped: %d changes, %s\n%s", len(s.Changes), describe(s.Report, true), s.Data)
			}
		})
	}
}

// TestMarksOfOneFormAreShown: a scatter plot is row-level data; a few ticks and bars are none.
func TestMarksOfOneFormAreShown(t *testing.T) {
	drawing := func(n int) string {
		return `<svg xmlns="http://www.w3.org/2000/svg">` + strings.Repeat(`<circle cx="1" cy="2" r="3"/>`, n) + `</svg>`
	}
	for n, want := range map[int]bool{30: false, 50: true, 400: true} {
		report := check(t, "a.svg", []byte(drawing(n)), disclosure.Standard(11))
		if hasRule(report, "scatter") != want || report.Verdict == disclosure.Refused {
			t.Errorf("%d: %s", n, describe(report, true))
		}
	}
	if report := check(t, "a.svg", []byte(drawing(1001)), disclosure.Standard(11)); report.Verdict != disclosure.Refused {
		t.Errorf("1001: %s", describe(report, true))
	}
}

func TestAMethodIsForItsKindOfFile(t *testing.T) {
	for name, methods := range map[string][]disclosure.Method{"a.png": {disclosure.Round, disclosure.Suppress}, "a.csv": {disclosure.Strip}, "a.txt": {disclosure.Strip, disclosure.Merge}, "a.onnx": {disclosure.Strip}} {
		for _, m := range methods {
			if _, err := disclosure.Suggest(disclosure.Output{Name: name, Data: []byte("a,n\nx,3\n"), Size: 8}, disclosure.Standard(11), m); err == nil {
				t.Errorf("%s was changed by %s", name, m)
			}
		}
	}
}
