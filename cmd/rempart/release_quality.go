package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop/quality"
	"rempart.eu/rempart/warehouse"
)

func (a *app) releaseQualityCommand() *cobra.Command {
	var html, lang string
	c := &cobra.Command{
		Use:   "quality [RELEASE]",
		Short: "What the checks of a release's quality found",
		Long: `The checks of OHDSI's Data Quality Dashboard that were made when the release was
published: how many passed and failed, kind by kind, and each that failed with its rows.
The results are sealed with the release, so only the controller opens them; their
digest is in the ledger.

--json prints them as the dashboard writes them: its viewer opens them. --html writes a
page for people, in which counts below 11 do not show, in English or by --lang fr in French.`,
		Example: "  rempart release quality\n  rempart release quality r-1a2b3c4d --html qualite.html --lang fr\n  rempart release quality --json > dqd.json",
		Args:    atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, first(args))
			if err != nil {
				return err
			}
			found, err := w.Quality(c.Context(), state, release)
			if err != nil {
				return err
			}
			if html != "" {
				l, err := language(lang)
				if err != nil {
					return err
				}
				if err := writeReport(html, quality.Page(l.Code, release.Release, found)); err != nil {
					return err
				}
			}
			return a.show(found, func() error { return a.printQuality(release, found) })
		},
	}
	c.Flags().StringVar(&html, "html", "", "the `page` to write")
	langFlag(c, &lang)
	return c
}

func (a *app) printQuality(release *governance.Release, r *quality.Results) error {
	o := r.Overview
	a.say("Release %s: %d checks passed, %d failed, %d had nothing to look at (Data Quality Dashboard %s)", release.Release, o.Passed[0], o.Failed[0], o.NotApplicable[0], quality.DashboardVersion)
	var rows [][]string
	for _, k := range r.Summary() {
		if k.Total > 0 {
			rows = append(rows, []string{k.Check, strconv.Itoa(k.Passed), strconv.Itoa(k.Failed), strconv.Itoa(k.NotApplicable)})
		}
	}
	if err := a.table([]string{"check", "passed", "failed", "not applicable"}, rows); err != nil {
		return err
	}
	failing := r.Failing()
	if len(failing) == 0 {
		return nil
	}
	a.say("\nFailed")
	rows = nil
	for _, c := range failing {
		mandatory := ""
		if c.Mandatory {
			mandatory = "mandatory, waived"
		}
		rows = append(rows, []string{c.What(), count(c.Violated), count(c.Denominator), fmt.Sprintf("%.2f %%", 100*c.Share), quality.Allowed(c), mandatory})
	}
	return a.table([]string{"check", "rows", "of", "share", "allowed", ""}, rows)
}

func (a *app) releaseWaiveCommand() *cobra.Command {
	var b ledger.QualityWaived
	var as string
	c := &cobra.Command{
		Use:   "waive LINKAGE CHECK=PERCENT... --reason TEXT",
		Short: "Let releases of a linkage fail mandatory checks of their quality",
		Long: `A data protection officer's decision. A release that fails a mandatory check is not
published; the refusal names the checks and the share of rows that violates each.
The waiver holds for this linkage, these checks and up to these shares, and for no
other.`,
		Example: `  rempart release waive l-1a2b3c4d field_isforeignkey_death_cause_concept_id=0.4 --reason "the vocabulary lacks 3 retired codes"`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			b.Linkage = args[0]
			for _, text := range args[1:] {
				check, err := warehouse.ParseFailedCheck(text)
				if err != nil {
					return usage("%v", err)
				}
				if !quality.Known(check.Check) {
					return usage("there is no check %s: name it as the refused release does", check.Check)
				}
				b.Checks = append(b.Checks, check)
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			actor, err := a.actor(state, as, governance.Officer)
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), actor, b)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Releases of linkage %s may fail %d mandatory checks, each up to its share of rows (statement %d).", b.Linkage, len(b.Checks), e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "a data protection officer")
	c.Flags().StringVar(&b.Reason, "reason", "", "why")
	return c
}
