package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/page"
)

func (a *app) registerCommand() *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:   "register",
		Short: "Print the public register: what the data is used for, on what ground, until when",
		Long: `Every decision on a project, permits and refusals, with purpose, legal basis, who
answers for it, its periods, and when its results are due (EHDS, article 57). It
names no researcher. With --html a page that needs nothing beside it.`,
		Example: "  rempart register\n  rempart register --html register.html\n  rempart register --json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			entries := state.PublicRegister(a.now())
			if html != "" {
				f, err := os.OpenFile(html, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
				if err != nil {
					return err
				}
				return errors.Join(registerPage(state, entries, a.now()).Write(f), f.Close())
			}
			var rows [][]string
			for _, e := range entries {
				rows = append(rows, []string{e.Project, e.Status, period(e), e.Controller, e.Use, e.Reference, e.Title})
			}
			return a.show(map[string]any{"warehouse": state.Warehouse.Name, "at": a.now().UTC().Format(time.RFC3339), "statements": state.Size, "projects": entries}, func() error {
				return a.table([]string{"project", "status", "period", "controller", "use", "reference", "title"}, rows)
			})
		},
	}
	c.Flags().StringVar(&html, "html", "", "write a page to this `file`")
	return c
}

// period is from when to when a use lasts, or lasted.
func period(e governance.Entry) string {
	switch {
	case e.Begins.IsZero():
		return "–"
	case !e.Over.IsZero():
		return day(e.Begins) + " to " + day(e.Over)
	}
	return day(e.Begins) + " to " + day(e.Ends.Add(-time.Second))
}

func registerPage(state *governance.State, entries []governance.Entry, now time.Time) page.Page {
	running, refused := 0, 0
	var persons int64
	for _, e := range entries {
		switch governance.Status(e.Status) {
		case governance.Approved, governance.Suspended:
			running++
		case governance.Refused:
			refused++
		}
		persons = max(persons, e.Persons)
	}
	p := page.Page{
		Title: "What the data of " + state.Warehouse.Name + " is used for",
		Lead:  "Every decision on a use of the data, with its purpose, its legal basis, and its end. A person can have her data left out at any time, through the hospital or insurer that has it.",
		Facts: []page.Fact{
			{Value: fmt.Sprint(running), Name: "uses go on"},
			{Value: fmt.Sprint(len(entries) - running - refused), Name: "are over"},
			{Value: fmt.Sprint(refused), Name: "were refused"},
		},
		Foot: fmt.Sprintf("From the ledger of %s, %s statements, on %s.", state.Warehouse.Name, count(state.Size), moment(now)),
	}
	for _, e := range entries {
		rows := [][]string{{"status", e.Status}, {"decided on", day(e.Decided)}, {"period", period(e)}}
		add := func(name, text string) {
			if text != "" {
				rows = append(rows, []string{name, text})
			}
		}
		if e.Use != "" {
			add("use", fmt.Sprintf("%s (EHDS, article %s)", e.Use, e.Article))
		}
		add("answers for it", e.Controller)
		add("legal basis", e.LegalBasis+" ("+e.Reference+")")
		add("events from", e.DataFrom+" to "+e.DataTo)
		add("tables", strings.Join(e.Tables, ", "))
		if e.Persons > 0 {
			add("persons", count(e.Persons))
		}
		add("results released", fmt.Sprint(e.Results))
		if !e.ResultsDue.IsZero() {
			add("results public by", day(e.ResultsDue))
		}
		p.Sections = append(p.Sections, page.Section{Title: e.Title, Lead: e.Purpose, Blocks: []page.Block{page.Table{Caption: "Project " + e.Project, Header: []string{"what", "of this use"}, Rows: rows}}})
	}
	return p
}
