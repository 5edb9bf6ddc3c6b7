// Package page writes reports that a person reads: one HTML file that needs
// nothing beside it, in light and dark, on a phone and on paper.
//
//	page.Page{Title: …, Facts: …, Sections: …}.Write(w)
//
// A [Page] is a title, a few [Fact]s, and [Section]s of [Text], [Table] and
// [Chart] blocks. Everything that is given is text and is escaped: no block takes
// HTML. The file holds no script, and loads nothing.
//
// Print it from a browser to have a PDF: sections keep together, ink is black.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// Page is one report.
type Page struct {
	Lang     string // of the texts, BCP 47; "" is "en"
	Title    string
	Lead     string // one or two sentences under the title
	Facts    []Fact // the figures that matter, first
	Sections []Section
	Foot     string // where it comes from, and when
}

// Fact is a figure with its name: {"98.4 %", "of persons linked", "target 98 %"}.
type Fact struct{ Value, Name, Note string }

// Section is a chapter.
type Section struct {
	Title  string
	Lead   string
	Blocks []Block
}

// Block is a [Text], [Table] or [Chart].
type Block interface {
	html(lang string) (template.HTML, error) // of a page in that language
}

// Text is a paragraph.
type Text string

// Table has a header and rows of as many cells. Cells that are numbers stand right.
type Table struct {
	Caption string
	Header  []string
	Rows    [][]string
	Numbers []int // columns of numbers, from 0
	English []int // columns of words that are English whatever the page speaks, as names that somebody published
}

//go:embed page.html.tmpl page.css
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"draw": func(lang string, b Block) (template.HTML, error) { return b.html(lang) },
	"style": func() (template.CSS, error) {
		css, err := Style()
		return template.CSS(css), err //nolint:gosec // our own file
	},
}).ParseFS(files, "page.html.tmpl"))

// Style is the stylesheet of reports, for other pages that share their look.
func Style() (string, error) {
	css, err := files.ReadFile("page.css")
	return string(css), err
}

// Write writes the page as HTML.
func (p Page) Write(w io.Writer) error {
	if p.Lang == "" {
		p.Lang = "en"
	}
	if err := templates.ExecuteTemplate(w, "page", p); err != nil {
		return fmt.Errorf("write the page %q: %w", p.Title, err)
	}
	return nil
}

func (t Text) html(string) (template.HTML, error) { return render("text", string(t)) }

// longWord is from how many bytes on a word may be broken on paper.
const longWord = 16

func (t Table) html(lang string) (template.HTML, error) {
	type cell struct {
		Text  string
		Class string
		Lang  string // "": the page's
	}
	number := map[int]bool{}
	for _, column := range t.Numbers {
		number[column] = true
	}
	cells := func(row []string, header bool) (out []cell) {
		for i, text := range row {
			c := cell{Text: text}
			switch {
			case number[i]:
				c.Class = "number"
			case slices.ContainsFunc(strings.Fields(text), func(word string) bool { return len(word) > longWord }):
				c.Class = "long"
			}
			if lang != "en" && !header && slices.Contains(t.English, i) {
				c.Lang = "en"
			}
			out = append(out, c)
		}
		return out
	}
	rows := make([][]cell, len(t.Rows))
	for i, row := range t.Rows {
		if len(row) != len(t.Header) {
			return "", fmt.Errorf("table %q: row %d has %d cells, the header %d", t.Caption, i+1, len(row), len(t.Header))
		}
		rows[i] = cells(row, false)
	}
	return render("table", map[string]any{"Caption": t.Caption, "Header": cells(t.Header, true), "Rows": rows})
}
