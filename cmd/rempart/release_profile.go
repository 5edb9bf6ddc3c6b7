package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/omop/profile"
)

func (a *app) releaseProfileCommand() *cobra.Command {
	var html, against, lang string
	c := &cobra.Command{
		Use:   "profile [RELEASE]",
		Short: "What is in a release, and what changed since the one before",
		Long: `The analyses of OHDSI's Achilles that were made when the release was published:
persons by year of birth, records by month, ages, lengths of stay, and so on; and which
of them changed against the release before, beyond what chance moves. The results are
sealed with the release, so only the controller opens them.

--json prints them by Achilles' own tables: achilles_analysis, achilles_results and
achilles_results_dist. --html writes a page of charts for people, in which counts below
11 do not show, in English or by --lang fr in French.`,
		Example: "  rempart release profile\n  rempart release profile r-1a2b3c4d --html profile.html\n  rempart release profile r-1a2b3c4d --against r-88c0c199\n  rempart release profile --json > achilles.json",
		Args:    atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, first(args))
			if err != nil {
				return err
			}
			var before *governance.Release
			if against != "" {
				if before, err = state.Release(against); err != nil {
					return err
				}
			}
			return w.Profile(c.Context(), state, release, before, func(p *profile.Profile) error {
				if html != "" {
					l, err := language(lang)
					if err != nil {
						return err
					}
					doc, err := p.Page(c.Context(), l.Code)
					if err != nil {
						return err
					}
					if err := writeReport(html, doc); err != nil {
						return err
					}
				}
				return a.showProfile(c, p)
			})
		},
	}
	c.Flags().StringVar(&html, "html", "", "the `page` to write")
	langFlag(c, &lang)
	c.Flags().StringVar(&against, "against", "", "the `release` to hold it against; else the one before")
	return c
}

func (a *app) showProfile(c *cobra.Command, p *profile.Profile) error {
	if a.json {
		all, err := p.All(c.Context())
		if err != nil {
			return err
		}
		return a.show(all, nil)
	}
	s, err := p.Summary(c.Context())
	if err != nil {
		return err
	}
	a.say("Release %s: %s persons; %d of the %d analyses that Achilles %s makes by default had something to count", p.Release, count(s.Persons), s.Made, s.Analyses, profile.AchillesVersion)
	changes, err := p.Drift(c.Context())
	if err != nil {
		return err
	}
	switch {
	case p.Against == "":
		a.say("There is no release before it to hold it against.")
		return nil
	case len(changes) == 0:
		a.say("Nothing changed against release %s beyond what may.", p.Against)
		return nil
	}
	a.say("\nChanged against release %s", p.Against)
	var rows [][]string
	for _, change := range changes {
		rows = append(rows, []string{strconv.Itoa(change.Analysis), change.Name, change.What(), change.Strata})
	}
	return a.table([]string{"analysis", "", "change", "most in"}, rows)
}
