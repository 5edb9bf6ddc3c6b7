package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/audit"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger/register"
)

func (a *app) auditReport() *cobra.Command {
	var project, period, lang, html string
	c := &cobra.Command{
		Use:   "report",
		Short: "Sum up a period of a project or of the whole warehouse, as an officer has to report it",
		Long: `Authorisations and their versions, who had access and used it, data given, runs, mounts,
outputs with reasons, checkers and service times, persons' rights, derogations,
emergencies, incidents, and what ends within a year. Without --project it is about the
whole warehouse. --html writes a page that needs nothing beside it: print it from a
browser to have a PDF.`,
		Example: `  rempart audit report --project pneumonia --period 2026Q3 --html report.html
  rempart audit report --period 2026 --lang fr --html rapport.html
  rempart audit report --period 2026-01..2026-06 --json`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := language(lang)
			if err != nil {
				return err
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			if period == "" {
				period = fmt.Sprint(w.Now().Year())
			}
			p, err := register.ParsePeriod(period)
			if err != nil {
				return usage("%v", err)
			}
			r, err := audit.NewReport(c.Context(), w, l, project, p, w.Now())
			if err != nil {
				return err
			}
			if html != "" {
				var page bytes.Buffer
				if err := r.Page(l).Write(&page); err != nil {
					return err
				}
				if err := atomicfile.Write(html, page.Bytes(), 0o644); err != nil {
					return err
				}
			}
			return a.show(r, func() error { return a.printReport(l, r, html) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&project, "project", "", "the `project`; without it the whole warehouse")
	flags.StringVar(&period, "period", "", "2026, 2026Q3, 2026-07, 2026-07-14, or `FROM..TO` (default this year)")
	flags.StringVar(&html, "html", "", "the `page` to write")
	langFlag(c, &lang)
	return c
}

// printReport prints the figures and what is pressing; the page has the rest.
func (a *app) printReport(l *words.Language, r *audit.Report, html string) error {
	page := r.Page(l)
	a.say("%s\n", paint(a.out, bold, words.Plain(page.Title)))
	var rows [][]string
	for _, f := range page.Facts {
		rows = append(rows, []string{f.Value, f.Name})
	}
	if err := a.pairs(rows); err != nil {
		return err
	}
	for _, i := range r.Incidents {
		a.say("%s %d  %s  %s %s", paint(a.out, red, "!"), i.Index, moment(i.Time), words.Plain(i.Actor), words.Plain(i.Tells.String()))
	}
	if html == "" {
		a.say("\nAll of it as a page: --html report.html")
		return nil
	}
	a.say("\nWrote %s.", html)
	return nil
}
