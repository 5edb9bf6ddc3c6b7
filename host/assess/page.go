package assess

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"time"

	"rempart.eu/rempart/host/requirements"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": func(s Score, status Status) string { return fmt.Sprintf("%.1f", s.Share(status)) },
	"whole":   func(f float64) string { return fmt.Sprintf("%.0f", f) },
	"tenth":   func(f float64) string { return fmt.Sprintf("%.1f", f) },
	"day":     func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"bytes":   size,
	"mark":    func(s Status) string { return marks[s] },
}).Parse(pageText))

// marks tell the statuses apart without colour.
var marks = map[Status]string{Proven: "✔", Declared: "◐", Unnecessary: "–", Missing: "?", Failed: "✘"}

// Mark is a status as one sign, for tables.
func (s Status) Mark() string { return marks[s] }

type pageData struct {
	Title      string
	Version    string
	Statuses   []Status
	Candidates []pageCandidate
	Areas      []pageArea
	Measures   []pageMeasure
}

type pageCandidate struct {
	*Results
	All Score
}

type pageArea struct {
	requirements.Area
	Scores []Score // one for each candidate
	Rows   []pageRow
}

type pageRow struct {
	*requirements.Control
	Findings []Finding // one for each candidate
}

type pageMeasure struct {
	Measure
	Values []*Measure // one for each candidate; nil where it was not measured
}

// Page writes one HTML page, without anything from elsewhere, that puts
// assessments side by side.
func Page(w io.Writer, catalogue *requirements.Catalogue, all ...*Results) error {
	if len(all) == 0 {
		return errors.New("assess: a page of no assessment")
	}
	data := pageData{Title: catalogue.Metadata.Title, Version: catalogue.Metadata.Version, Statuses: Statuses()}
	scores := make([][]Score, len(all))
	for i, r := range all {
		areas, total := r.Scores()
		scores[i] = areas
		data.Candidates = append(data.Candidates, pageCandidate{r, total})
	}
	for a, area := range catalogue.Areas {
		out := pageArea{Area: area}
		for i := range all {
			out.Scores = append(out.Scores, scores[i][a])
		}
		for i := range area.Controls {
			row := pageRow{Control: &area.Controls[i]}
			for _, r := range all {
				f, ok := r.Finding(row.ID)
				if !ok {
					f = Finding{Control: row.ID, Status: Missing, Reason: "not in this assessment"}
				}
				row.Findings = append(row.Findings, f)
			}
			out.Rows = append(out.Rows, row)
		}
		data.Areas = append(data.Areas, out)
	}
	data.Measures = sideBySide(all)
	return page.Execute(w, data)
}

// sideBySide matches the measures of several assessments.
func sideBySide(all []*Results) (rows []pageMeasure) {
	type key struct {
		op       string
		size     int64
		parallel int
	}
	at := map[key]int{}
	for i, r := range all {
		for _, m := range r.Measures {
			k := key{m.Op, m.Size, m.Parallel}
			n, ok := at[k]
			if !ok {
				n = len(rows)
				at[k] = n
				rows = append(rows, pageMeasure{m, make([]*Measure, len(all))})
			}
			rows[n].Values[i] = &m
		}
	}
	return rows
}

// size writes bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
