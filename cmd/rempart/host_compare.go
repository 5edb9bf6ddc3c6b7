package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/host/assess"
	"rempart.eu/rempart/host/requirements"
)

func (a *app) hostCompareCommand() *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:     "compare ASSESSMENT…",
		Short:   "Put assessments of several hosts side by side",
		Long:    "Reads what rempart host assess --out has written, and prints for each area how\nmuch of the requirements' weight each host has proven, declared and failed. With\n--html it writes a page of every requirement, which needs nothing from elsewhere.",
		Example: "  rempart host compare assessments/*.json --html comparison.html",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("call it as: %s", c.UseLine())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.compare(args, html) },
	}
	c.Flags().StringVar(&html, "html", "", "the `page` to write")
	return c
}

// comparison is one host's line in the JSON of a comparison.
type comparison struct {
	Host   string         `json:"host"`
	Areas  []assess.Score `json:"areas"`
	All    assess.Score   `json:"all"`
	Failed []string       `json:"failed"`
}

func (a *app) compare(paths []string, html string) error {
	catalogue, err := requirements.Load()
	if err != nil {
		return err
	}
	var all []*assess.Results
	var lines []comparison
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r, err := assess.Read(text, catalogue)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, r)
		line := comparison{Host: r.Host, Failed: []string{}}
		line.Areas, line.All = r.Scores()
		for _, f := range r.Findings {
			if f.Status == assess.Failed {
				line.Failed = append(line.Failed, f.Control)
			}
		}
		lines = append(lines, line)
	}
	if html != "" {
		if err := writePage(html, catalogue, all...); err != nil {
			return err
		}
	}
	return a.show(lines, func() error {
		heading := []string{"proven · declared · failed, %"}
		for _, l := range lines {
			heading = append(heading, l.Host)
		}
		var rows [][]string
		for i := range catalogue.Areas {
			row := []string{catalogue.Areas[i].Title}
			for _, l := range lines {
				row = append(row, threeShares(l.Areas[i]))
			}
			rows = append(rows, row)
		}
		row := []string{"All"}
		for _, l := range lines {
			row = append(row, threeShares(l.All))
		}
		return a.table(heading, append(rows, row))
	})
}

func threeShares(s assess.Score) string {
	if s.Weight == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f · %.0f · %.0f", s.Share(assess.Proven), s.Share(assess.Declared), s.Share(assess.Failed))
}

func (a *app) hostRequirementsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "requirements",
		Short:   "List what a warehouse needs of its host",
		Long:    "Lists the catalogue that hosts are assessed against: each requirement with its\nweight (1 welcome … 5 indispensable) and the best proof that can be had. Those\nthat Rempart makes unnecessary are marked; a host without them loses no point.\nWith --json it is an OSCAL catalog, with sources and reasons.",
		Example: "  rempart host requirements\n  rempart host requirements --json > catalog.json",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			catalogue, err := requirements.Load()
			if err != nil {
				return err
			}
			return a.show(json.RawMessage(requirements.JSON()), func() error {
				var rows [][]string
				for _, area := range catalogue.Areas {
					for i := range area.Controls {
						c := &area.Controls[i]
						proof := string(c.Proof())
						if c.Unnecessary() != "" {
							proof += ", unnecessary"
						}
						rows = append(rows, []string{c.ID, fmt.Sprint(c.Weight()), proof, c.Title})
					}
				}
				return a.table([]string{"requirement", "weight", "proof", "what"}, rows)
			})
		},
	}
}
