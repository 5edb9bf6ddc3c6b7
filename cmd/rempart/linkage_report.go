package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/warehouse"
)

func (a *app) linkageReportCommand() *cobra.Command {
	var html string
	var truth warehouse.TruthFolder
	c := &cobra.Command{
		Use:   "report [RELEASE|LINKAGE]",
		Short: "How well records were linked",
		Long: `How many records each rule placed, by provider; how stays were joined, by year and
by key; what contradicts, what was left for somebody to look at; and how precise and
complete that is, by estimates whose method is said. Without a name it is about
the latest release, or the latest linkage where there is none.

The report is what the authority found when it linked: its digest is in the ledger, and
a report that was changed is refused. Counts below 11 are not in it.

--truth names a folder as rempart synth writes it: the controller then holds the
linkage against what is true.`,
		Example: "  rempart linkage report\n  rempart linkage report r-1a2b3c4d --html linkage.html\n  rempart linkage report --truth population --json",
		Args:    atMost(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			r, err := w.LinkageReport(c.Context(), id, truth)
			if err != nil {
				return err
			}
			if html != "" {
				if err := writeReport(html, linkagePage(r)); err != nil {
					return err
				}
			}
			return a.show(r, func() error { return a.printLinkageReport(r, html) })
		},
	}
	c.Flags().StringVar(&html, "html", "", "the `page` to write")
	c.Flags().StringVar(&truth.Dir, "truth", "", "a `folder` of rempart synth, to compare with")
	c.Flags().StringToStringVar(&truth.Parties, "party", nil, "`PROVIDER=FOLDER`: where the truth knows a provider by another name; may be repeated")
	return c
}

// counted writes a count for people: small ones do not show.
func counted(n linkage.Count) string {
	if n.Hidden() {
		return "<11"
	}
	return count(int64(n))
}

// percent writes a rate for people.
func percent(r linkage.Rate) string {
	if r == nil {
		return "–"
	}
	if *r > 0.9999 && *r < 1 {
		return "> 99.99 %"
	}
	return strconv.FormatFloat(100**r, 'f', 2, 64) + " %"
}

func (a *app) printLinkageReport(r *warehouse.LinkageReport, html string) error {
	a.say("Linkage %s by %s, %s", r.Linkage, r.Authority, r.Made.Format("2006-01-02"))
	a.say("  %s records are %s persons; %s are known to two or more deposits.", counted(r.Report.Records), counted(r.Report.Persons), counted(r.Report.Shared))
	heading, rows := linkageProviders(r)
	if err := a.table(heading, rows); err != nil {
		return err
	}
	if s := r.Report.Stays; s != nil {
		a.say("\nStays that two sides told of")
		heading, rows := linkageYears(s)
		if err := a.table(heading, rows); err != nil {
			return err
		}
		a.say("")
		heading, rows = linkageKeys(s)
		if err := a.table(heading, rows); err != nil {
			return err
		}
		a.say("\n%s", clerical(s))
		for _, e := range s.Estimates {
			a.say("%s of stays %s, of %s; by %s.", capital(e.Measure), percent(e.Value), counted(e.Of), e.Method)
		}
	}
	if f := r.Report.Filters; f != nil {
		a.say("\nFilters of names: %s", filtersSay(f))
		heading, rows := linkageFilters(f)
		if err := a.table(heading, rows); err != nil {
			return err
		}
	}
	if t := r.Truth; t != nil {
		a.say("\nBeside the truth: pairs of records, precision %s, recall %s; %s of %s persons known to several are whole.",
			percent(t.All.Precision), percent(t.All.Recall), percent(t.Whole), counted(t.Persons))
		heading, rows := linkageTruth(t)
		if err := a.table(heading, rows); err != nil {
			return err
		}
		a.say("")
		heading, rows = linkageTruthByRule(t)
		if err := a.table(heading, rows); err != nil {
			return err
		}
	}
	if html != "" {
		a.say("The page is %s", html)
	}
	return nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// linkageMethods are the rules, strongest first.
var linkageMethods = []string{"identifier", "identity", "stays", "sound", "probability", "alone"}

// methodsOf are the rules that placed any record.
func methodsOf(r *linkage.Report) []string {
	return slices.DeleteFunc(slices.Clone(linkageMethods), func(m string) bool { return r.Methods[m] == 0 })
}

func linkageProviders(r *warehouse.LinkageReport) (heading []string, rows [][]string) {
	heading = []string{"provider", "deposit", "records"}
	methods := methodsOf(r.Report)
	heading = append(append(heading, methods...), "linked")
	for _, d := range r.Report.Deposits {
		row := []string{d.Provider, d.Deposit, counted(d.Records)}
		for _, m := range methods {
			row = append(row, counted(d.Methods[m]))
		}
		rows = append(rows, append(row, percent(d.Linked)))
	}
	return heading, rows
}

func linkageYears(s *linkage.StayReport) (heading []string, rows [][]string) {
	for _, p := range s.Providers {
		year := "no date"
		if p.Year != 0 {
			year = strconv.Itoa(p.Year)
		}
		rows = append(rows, []string{p.Provider, string(p.Side), year, counted(p.Stays), counted(p.Joined), percent(p.Rate)})
	}
	return []string{"provider", "side", "year", "stays", "joined", "rate"}, rows
}

func linkageKeys(s *linkage.StayReport) (heading []string, rows [][]string) {
	for _, k := range s.Keys {
		taken := "taken"
		if !k.Taken {
			taken = "too weak"
		}
		rows = append(rows, []string{k.Sides, k.Name, counted(k.Joined), strconv.FormatFloat(k.False, 'f', 1, 64), taken, counted(k.Agree), counted(k.Contradict)})
	}
	return []string{"sides", "key", "joined", "expected wrong", "", "same identifier", "another"}, rows
}

func linkageTruth(t *linkage.Truth) (heading []string, rows [][]string) {
	for _, p := range t.By {
		rows = append(rows, []string{p.Provider, p.Deposit, counted(p.Pairs), percent(p.Precision), percent(p.Recall)})
	}
	return []string{"provider", "deposit", "true pairs", "precision", "recall"}, rows
}

// linkageTruthByRule tells what each rule was worth.
func linkageTruthByRule(t *linkage.Truth) (heading []string, rows [][]string) {
	for _, method := range linkageMethods {
		for _, m := range t.Methods {
			if m.Method == method {
				rows = append(rows, []string{method, counted(m.Pairs), percent(m.Precision), percent(m.Recall), percent(m.Sought)})
			}
		}
	}
	return []string{"rule", "true pairs", "precision", "recall", "of what was sought"}, rows
}

func linkageFilters(f *linkage.FilterReport) (heading []string, rows [][]string) {
	for _, p := range f.Providers {
		rows = append(rows, []string{p.Provider, p.Deposit, counted(p.Filters), counted(p.Sought), counted(p.Linked), counted(p.Clerical)})
	}
	return []string{"provider", "deposit", "filters", "sought", "linked", "to decide"}, rows
}

func filtersSay(f *linkage.FilterReport) string {
	return fmt.Sprintf("records that neither a token nor a stay linked are one person from a similarity of %.2f on; %s pairs are. Left for somebody to decide, and not taken: %s pairs, those down to %.2f and %s that are as similar but have a rival, or whose stays name another.",
		f.Threshold, counted(f.Pairs), counted(f.Clerical), f.Threshold-f.Band, counted(f.Refused))
}

func clerical(s *linkage.StayReport) string {
	return fmt.Sprintf("Left for somebody to look at, and not taken: %s pairs of stays that only too weak keys join, %s records whose stays name several persons.", counted(s.Clerical.Stays), counted(s.Clerical.Records))
}
