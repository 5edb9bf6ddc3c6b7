package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop/vocabulary"
	"rempart.eu/rempart/warehouse"
)

func (a *app) vocabularyCommand() *cobra.Command {
	load := &cobra.Command{
		Use:   "load BUNDLE",
		Short: "Check a bundle of vocabularies from Athena, and seal it for releases to be mapped by",
		Long: `Reads a folder or ZIP of vocabulary files as Athena (https://athena.ohdsi.org)
gives them, checks every row, seals the tables to the host and records them as a
vocabulary of its own version. From then on releases are mapped by it. Refused rows
are kept, each with its file, line and field.`,
		Example: "  rempart vocabulary load vocabulary_download_v5.zip\n  rempart vocabulary load athena/",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			bundle, err := vocabulary.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, bundle.Close()) }()
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			a.warnOfHost(state)
			progress, done := a.bar("vocabulary")
			made, err := w.LoadVocabulary(c.Context(), bundle, progress)
			done()
			if err != nil {
				return err
			}
			return a.show(made, func() error { return a.tellLoaded(made) })
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List the loaded vocabularies", Args: exactly(0),
		Example: "  rempart vocabulary list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			all := []*governance.Vocabulary{}
			var rows [][]string
			for id, v := range state.Vocabularies.All() {
				all = append(all, v)
				status, version := "readable", v.Version
				if v.Map != nil {
					version = "local map by " + v.Map.Author + " of " + v.Map.Date
				}
				if v.Erased != nil {
					status = "erased on " + day(v.Erased.Time)
				}
				in, refused := totals(v.Files)
				rows = append(rows, []string{id, version, count(in), count(refused), moment(v.Time), status})
			}
			return a.show(all, func() error {
				return a.table([]string{"vocabulary", "version", "rows", "refused", "loaded", "status"}, rows)
			})
		},
	}
	show := &cobra.Command{
		Use: "show [VOCABULARY]", Short: "Show which vocabularies a loaded one holds, and how many concepts of each", Args: cobra.MaximumNArgs(1),
		Example: "  rempart vocabulary show\n  rempart vocabulary show v-1a2b3c4d --json",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, v, err := lookUp(c.Context(), a, (*governance.State).Vocabulary, first(args))
			if err != nil {
				return err
			}
			if v == nil {
				return &governance.Refusal{Reason: "no vocabulary is loaded", Remedy: "Load one: rempart vocabulary load BUNDLE"}
			}
			summary, err := w.VocabularySummary(c.Context(), state, v)
			if err != nil {
				return err
			}
			return a.show(struct {
				*governance.Vocabulary
				Summary vocabulary.Summary
			}{v, summary}, func() error { return a.tellVocabulary(v, summary) })
		},
	}
	return group("vocabulary", "Standardised vocabularies of OMOP", load, list, show, a.unmappedCommand(), a.importMapCommand())
}

func (a *app) importMapCommand() *cobra.Command {
	var said ledger.LocalMap
	c := &cobra.Command{
		Use: "import FILE --from TEXT --author NAME", Short: "Check a local map of codes, and seal it for releases to be mapped by", Args: exactly(1),
		Long: `Reads a local map: the CDM's source_to_concept_map as CSV, or what vocabulary unmapped
--out wrote and a terminologist has worked on in Usagi, of which the rows with the status
APPROVED count. Each row is accepted or refused; refused ones are kept with file, line,
field and what to do. The map is recorded with its source, author and date. From then on
releases are mapped by it: of a code that it has, it alone says what it means, and the
map that was imported last comes first.`,
		Example: "  rempart vocabulary import usagi.csv --from \"review of unmapped codes of r-88c0c199\" --author \"Dr Roy\"\n  rempart vocabulary import ccam.csv --from \"ATIH, CCAM 74\" --author terminology --date 2026-03-01",
		RunE: func(c *cobra.Command, args []string) error {
			if said.From == "" || said.Author == "" {
				return usage("say what the map was made from, and who answers for it: --from TEXT --author NAME")
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if said.Date == "" {
				said.Date = w.Now().UTC().Format(time.DateOnly)
			}
			a.warnOfHost(state)
			made, err := w.ImportMap(c.Context(), args[0], said)
			if err != nil {
				return err
			}
			return a.show(made, func() error { return a.tellImported(made) })
		},
	}
	c.Flags().StringVar(&said.From, "from", "", "what the map was made from: a publication, a terminology, a review")
	c.Flags().StringVar(&said.Author, "author", "", "who answers for it")
	c.Flags().StringVar(&said.Date, "date", "", "the `day` on which it was made, such as 2026-03-01; else today")
	return c
}

func (a *app) tellImported(made *warehouse.LoadedVocabulary) error {
	f := made.Files[0]
	a.say("Local map %s (statement %d): of its rows, %s taken, %s refused, %s not approved", made.Vocabulary, made.Entry, count(f.Accepted), count(f.Refused), count(made.Map.Left))
	a.say("The next release is mapped by it: rempart release publish")
	if made.Path != "" {
		a.say("Why rows were refused, with file, line and field: %s", made.Path)
	}
	return nil
}

func (a *app) unmappedCommand() *cobra.Command {
	var out string
	unmapped := &cobra.Command{
		Use: "unmapped [RELEASE]", Short: "List a release's codes without a standard concept, with candidates", Args: cobra.MaximumNArgs(1),
		Long: `Ranks the codes of a release that have no standard concept by how many rows carry
them. Where a vocabulary is loaded, each code whose name is known has up to five
candidates of it, by the words of their names. --out writes them for a terminologist, as
Usagi saves its mappings.`,
		Example: "  rempart vocabulary unmapped\n  rempart vocabulary unmapped r-88c0c199 --out usagi.csv",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, first(args))
			if err != nil {
				return err
			}
			codes, err := w.UnmappedCodes(c.Context(), state, release)
			if err != nil {
				return err
			}
			if out != "" {
				err := atomicfile.Stream(out, 0o600, func(to io.Writer) error { return vocabulary.WriteUsagi(to, codes) })
				if err != nil {
					return err
				}
			}
			return a.show(codes, func() error { return a.tellUnmapped(codes, out) })
		},
	}
	unmapped.Flags().StringVar(&out, "out", "", "write all of them to this `file`, as Usagi saves its mappings")
	return unmapped
}

func (a *app) tellUnmapped(codes []vocabulary.Unmapped, out string) error {
	const most = 50
	var rows [][]string
	for _, c := range codes[:min(most, len(codes))] {
		best := ""
		if len(c.Candidates) > 0 {
			best = fmt.Sprintf("%d %s (%.2f)", c.Candidates[0].Concept, c.Candidates[0].Name, c.Candidates[0].Score)
		}
		rows = append(rows, []string{c.Vocabulary, c.Code, c.Name, count(c.Rows), best})
	}
	if err := a.table([]string{"vocabulary", "code", "name", "rows", "best candidate"}, rows); err != nil {
		return err
	}
	if out != "" {
		a.say("%s codes are in %s", count(int64(len(codes))), out)
	} else if len(codes) > most {
		a.say("%s more: --out FILE writes all", count(int64(len(codes)-most)))
	}
	return nil
}

func (a *app) tellLoaded(made *warehouse.LoadedVocabulary) error {
	a.say("Vocabulary %s (statement %d), version %s", made.Vocabulary, made.Entry, cmp.Or(made.Version, "not told"))
	var rows [][]string
	for _, f := range made.Files {
		rows = append(rows, []string{f.Resource, count(f.Rows), count(f.Accepted), count(f.Refused)})
	}
	if err := a.table([]string{"table", "rows", "accepted", "refused"}, rows); err != nil {
		return err
	}
	if made.Path != "" {
		a.say("Why rows were refused, with file, line and field: %s", made.Path)
	}
	return nil
}

func (a *app) tellVocabulary(v *governance.Vocabulary, summary vocabulary.Summary) error {
	a.say("Vocabulary %s, version %s, loaded %s by %s", v.Vocabulary, cmp.Or(v.Version, "not told"), moment(v.Time), v.Actor)
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(summary.Vocabularies)) {
		c := summary.Vocabularies[name]
		rows = append(rows, []string{name, c.Version, count(c.Concepts), count(c.Standard), count(c.Invalid)})
	}
	return a.table([]string{"vocabulary", "version", "concepts", "standard", "invalid"}, rows)
}

// chooseVocabulary reads what release publish is told about the vocabulary.
func chooseVocabulary(said string, o *warehouse.PublishOptions) error {
	switch {
	case said == "":
	case said == "own":
		o.Own = true
	case strings.HasPrefix(said, "v-"):
		o.Loaded = said
	default:
		if info, err := os.Stat(said); err != nil || !info.IsDir() {
			return usage("--vocabulary %s is neither a loaded vocabulary (v-…), nor own, nor a folder", said)
		}
		o.Vocabulary = os.DirFS(said)
	}
	return nil
}
