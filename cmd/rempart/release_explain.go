package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/warehouse"
)

func (a *app) releaseExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RELEASE TABLE ID",
		Short: "Say where a row of a release came from",
		Long: `The deposits, files and lines that a row was made of, and the file of the feed's
mapping that made it, with its digest. ID is the row's primary key; of death, the
person. A row that several providers tell of has several origins, the one that is
believed first. What is explained is sealed with the release: only the controller opens
it, and no project has it.`,
		Example: "  rempart release explain r-1a2b3c4d condition_occurrence 12\n  rempart release explain r-1a2b3c4d person 7 --json",
		Args:    exactly(3),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return usage("ID is a number: the row's primary key")
			}
			w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, args[0])
			if err != nil {
				return err
			}
			origins, err := w.Explain(c.Context(), state, release, args[1], id)
			if err != nil {
				return err
			}
			if origins == nil {
				origins = []warehouse.Origin{}
			}
			return a.show(origins, func() error {
				a.printOrigins(args[1], id, origins)
				return nil
			})
		},
	}
}

func (a *app) printOrigins(table string, id int64, origins []warehouse.Origin) {
	if len(origins) == 0 {
		a.say("Nothing tells of %s %d: the release has no such row, or worked it out of no other (a period from a person's first event to the last, the vocabulary).", table, id)
		return
	}
	a.say("%s %d", table, id)
	var at warehouse.Origin
	for _, o := range origins {
		if o.Table != "" && (o.Table != at.Table || o.ID != at.ID) {
			a.say("made of %s %d", o.Table, o.ID)
		}
		at = o
		lines := make([]string, len(o.Lines))
		for i, line := range o.Lines {
			lines[i] = strconv.FormatInt(line, 10)
		}
		word := "line"
		if len(lines) > 1 {
			word = "lines"
		}
		file := ""
		if o.File > 1 {
			file = fmt.Sprintf(", file %d of it", o.File)
		}
		a.say("  deposit %s by %s: resource %s%s, %s %s", o.Deposit, o.Provider, o.Resource, file, word, strings.Join(lines, ", "))
		a.say("    by %s (sha256 %.12s) of feed %s (%.12s)", o.Mapping, o.MappingSHA256, o.Feed, o.FeedDigest)
	}
}
