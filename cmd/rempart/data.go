package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/warehouse"
)

func (a *app) feedCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the feeds that deposits can use", Args: exactly(0),
		Example: "  rempart feed list",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			names, err := w.FeedNames()
			if err != nil {
				return err
			}
			type row struct {
				Name  string   `json:"name"`
				Title string   `json:"title"`
				Files []string `json:"files"`
			}
			var feeds []row
			var rows [][]string
			for _, name := range names {
				folder, _, err := w.Feed(name)
				if err != nil {
					return err
				}
				feed, err := intake.LoadFeed(folder)
				if err != nil {
					return err
				}
				var files []string
				for _, r := range feed.Resources {
					files = append(files, r.File())
				}
				feeds = append(feeds, row{name, feed.Title, files})
				rows = append(rows, []string{name, feed.Title, fmt.Sprint(len(files))})
			}
			return a.show(feeds, func() error { return a.table([]string{"feed", "title", "files"}, rows) })
		},
	}
	add := &cobra.Command{
		Use:   "add DIR",
		Short: "Check a feed of your own and add it",
		Long: `A feed is a folder: datapackage.json (a Frictionless Data Package that says what
each column may be used for) and map/*.sql (how its rows become OMOP tables).
docs/feeds.md shows how to write one.`,
		Example: "  rempart feed add feeds/our-laboratory",
		Args:    exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			feed, err := w.AddFeed(args[0])
			if err != nil {
				return err
			}
			a.say("Feed %s is added: %s.", feed.Name, feed.Title)
			return nil
		},
	}
	duplicate := &cobra.Command{
		Use:     "copy FEED DIR",
		Short:   "Write a feed to a folder, to be changed",
		Long:    "Writes the folder of a feed to DIR, under DIR's own name: change it, then add it with rempart feed add.",
		Example: "  rempart feed copy fhir our-hospital",
		Args:    exactly(2),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if err := w.CopyFeed(args[0], args[1]); err != nil {
				return err
			}
			a.say("Feed %s is in %s. Change it, then: rempart feed add %s", args[0], args[1], args[1])
			return nil
		},
	}
	return group("feed", "Sources that deposits come from", list, a.feedShowCommand(), duplicate, add)
}

func (a *app) depositCommand() *cobra.Command {
	var o warehouse.DepositOptions
	var encoding string
	create := &cobra.Command{
		Use:   "create --as PROVIDER --feed FEED DIR",
		Short: "Check, split and seal a folder of files",
		Long: `Checks every row of the feed's files in DIR. Identities go, as keyed tokens, to
the linkage authority alone; health data, under a number drawn for this deposit,
goes sealed to the warehouse. Refused rows go to the quarantine, which only the
provider's key opens: rows in = rows accepted + rows refused.`,
		Example: "  rempart deposit create --as chu-lyon --feed hospital export/2026-11",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if o.Provider, err = a.actor(state, o.Provider, governance.Provider); err != nil {
				return err
			}
			if o.Feed == "" {
				return usage("of which feed? Give --feed; see rempart feed list")
			}
			if encoding != "" {
				if o.Encoding, err = intake.ParseEncoding(encoding); err != nil {
					return usage("--encoding: %v", err)
				}
			}
			o.Dir = args[0]
			if o.Tokens.CAFile != "" {
				if o.Tokens.CAFile, err = filepath.Abs(o.Tokens.CAFile); err != nil {
					return err
				}
			}
			letGarbageWait()
			progress, done := a.bar("deposit")
			o.Progress = progress
			made, err := w.Deposit(c.Context(), o)
			done()
			if err != nil {
				return err
			}
			return a.show(made, func() error { return a.printDeposit(made, o.Provider) })
		},
	}
	asFlag(create, &o.Provider, "the provider")
	create.Flags().StringVar(&o.Feed, "feed", "", "what the files are: see rempart feed list")
	create.Flags().StringVar(&encoding, "encoding", "", "how the texts are `encoded`, where the feed says otherwise: utf-8, iso-8859-1, iso-8859-15 or windows-1252")
	create.Flags().StringVar(&o.Authority, "authority", "", "the linkage authority, where there are several")
	create.Flags().StringVar(&o.Tokens.Pseudonyms, "pseudonyms", "keyed", "how tokens are made: keyed, oblivious or both")
	create.Flags().BoolVar(&o.Tokens.Filters, "filters", false, "send a keyed filter of names, birth, sex and postcode too, which finds persons whose names are misspelt: see docs/clk-attacks.md")
	create.Flags().StringVar(&o.Tokens.URL, "authority-url", "", "where the authority helps with oblivious tokens: the `URL` of its rempart linkage serve")
	create.Flags().StringVar(&o.Tokens.CAFile, "authority-ca", "", "a `file` with the certificates that vouch for a proxy there (default: the ledger's keys)")
	create.Flags().StringVar(&o.Tokens.Evaluator, "evaluator", "", "the `authority` that helps, where it is not the one that links")

	list := &cobra.Command{
		Use: "list", Short: "List the deposits", Args: exactly(0),
		Example: "  rempart deposit list",
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			var deposits []any
			var rows [][]string
			for id, d := range state.Deposits.All() {
				in, refused := totals(d.Files)
				deposits = append(deposits, d)
				rows = append(rows, []string{id, d.Actor, d.Feed, count(d.Persons), count(in), count(refused), warehouse.Tokens(d.DepositMade), moment(d.Time)})
			}
			unfinished, err := w.Unfinished(c.Context(), state)
			if err != nil {
				return err
			}
			for _, u := range unfinished {
				deposits = append(deposits, unfinishedDeposit{u, true})
				rows = append(rows, []string{u.Deposit, u.Provider, u.Feed, "", "", "", "", fmt.Sprintf("%s, %d of %d files", map[bool]string{true: "under way", false: "unfinished"}[u.Running], u.Sealed, u.Files)})
			}
			return a.show(deposits, func() error {
				return a.table([]string{"deposit", "provider", "feed", "persons", "rows", "refused", "tokens", "made"}, rows)
			})
		},
	}

	var as string
	quarantine := &cobra.Command{
		Use:     "quarantine DEPOSIT --as PROVIDER",
		Short:   "Print the rows that were refused, with file, line, field and reason",
		Example: "  rempart deposit quarantine d-1f2e3d4c --as chu-lyon > refused.csv",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as == "" {
				if d, ok := state.Deposits.Get(args[0]); ok {
					as = d.Actor
				}
			}
			if !a.json {
				return w.Quarantine(c.Context(), as, args[0], a.out)
			}
			var refused bytes.Buffer
			if err := w.Quarantine(c.Context(), as, args[0], &refused); err != nil {
				return err
			}
			return a.showCSV(&refused)
		},
	}
	asFlag(quarantine, &as, "the provider that made the deposit")
	return group("deposit", "Data comes in", create, a.depositResumeCommand(), a.depositDiscardCommand(), list, quarantine)
}

func (a *app) printDeposit(made *warehouse.Deposited, provider string) error {
	a.say("Deposit %s by %s, feed %s (statement %d)", made.Deposit, provider, made.Feed, made.Entry)
	var rows [][]string
	for _, f := range governance.ByResource(made.Files) {
		rows = append(rows, []string{"  " + f.Resource, count(f.Rows), count(f.Accepted), count(f.Refused)})
	}
	in, refused := totals(made.Files)
	rows = append(rows, []string{"  all", count(in), count(in - refused), count(refused)})
	if err := a.table([]string{"  resource", "rows in", "accepted", "quarantined"}, rows); err != nil {
		return err
	}
	a.say("Identities of %s persons went to %s, sealed; no health data did.", count(made.Persons), made.Authority)
	if made.SentStays > 0 {
		a.say("Tokens of %s hospital stays went with them: combinations of traits, none of them in clear.", count(made.SentStays))
	}
	if made.Filters != "" {
		a.say("Filters of %s persons' names went with them: personal data, which the authority compares and has no key to (docs/clk-attacks.md).", count(made.SentFilters))
	}
	if made.Unusable > 0 {
		a.say("%s identity traits were no such thing (a NIR whose key is wrong, say) and were left out.", count(made.Unusable))
	}
	if refused > 0 {
		a.say("Why rows were refused: rempart deposit quarantine %s", made.Deposit)
	}
	if len(made.Ignored) > 0 {
		a.say("Not part of the feed, and not read: %s", strings.Join(made.Ignored, ", "))
	}
	return nil
}

func (a *app) releaseCommand() *cobra.Command {
	var o warehouse.PublishOptions
	var vocabulary string
	publish := &cobra.Command{
		Use:   "publish",
		Short: "Make OMOP tables of a linkage's deposits and seal them",
		Long: `Maps every deposit of a linkage to the OMOP Common Data Model 5.4, seals each
table to the host and records the release: whole, or not at all. It prints
where every accepted row went.

Persons of whom no deposit tells anything new since the last release keep its rows, under
new numbers: only the others are mapped. The release is the same, row for row, as one of
all deposits, which --from-scratch makes anew.

Before it is sealed, its quality is checked (rempart release quality). A release that
fails a mandatory check is refused unless a data protection officer has waived it
(rempart release waive).`,
		Example: "  rempart release publish\n  rempart release publish --vocabulary v-1a2b3c4d\n  rempart release publish --from-scratch",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			a.warnOfHost(state)
			if err := chooseVocabulary(vocabulary, &o); err != nil {
				return err
			}
			progress, done := a.bar("release")
			o.Progress = progress
			made, err := w.Publish(c.Context(), o)
			done()
			if err != nil {
				return err
			}
			return a.show(made, func() error {
				a.say("Release %s (statement %d), kept until %s", made.Release, made.Entry, day(made.RetainUntil))
				switch c := made.Continued; {
				case c.Release != "":
					a.say("%s of %s persons were mapped anew; the others' rows are those of release %s", count(c.Anew), count(c.Persons), c.Release)
				case c.Why != "":
					a.say("Every person was mapped: %s", c.Why)
				}
				a.say("Quality: %d of %d checks failed (rempart release quality)", made.Quality.Failed, made.Quality.Checks)
				return made.Report.WriteText(a.out)
			})
		},
	}
	publish.Flags().StringVar(&o.Linkage, "linkage", "", "the linkage to build on (default the latest)")
	publish.Flags().BoolVar(&o.Scratch, "from-scratch", false, "map every person, and take no row from the last release")
	publish.Flags().StringVar(&vocabulary, "vocabulary", "", "a loaded `vocabulary` (v-…), a folder of OMOP vocabulary files, or own for each feed's (default the latest loaded)")

	list := &cobra.Command{
		Use: "list", Short: "List the releases", Args: exactly(0),
		Example: "  rempart release list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			var releases []*governance.Release
			var rows [][]string
			for id, r := range state.Releases.All() {
				releases = append(releases, r)
				var n int64
				for _, t := range r.Tables {
					n += t.Rows
				}
				status := "kept until " + day(r.RetainUntil)
				if r.Erased != nil {
					status = "erased on " + day(r.Erased.Time)
				}
				rows = append(rows, []string{id, count(r.Persons), count(n), moment(r.Time), status})
			}
			return a.show(releases, func() error {
				return a.table([]string{"release", "persons", "rows", "published", "status"}, rows)
			})
		},
	}
	show := &cobra.Command{
		Use: "show [RELEASE]", Short: "Show what a release holds and where every row went",
		Args: cobra.MaximumNArgs(1),
		Example: `  rempart release show
  rempart release show r-88c0c199 --json`,
		RunE: func(c *cobra.Command, args []string) error { return a.showRelease(c, args) },
	}
	verify := &cobra.Command{
		Use: "verify [RELEASE]", Short: "Read every object of a release and compare it with the ledger",
		Args:    cobra.MaximumNArgs(1),
		Example: "  rempart release verify r-88c0c199",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, first(args))
			if err != nil {
				return err
			}
			n, faults, err := w.VerifyRelease(c.Context(), state, release)
			if err != nil {
				return err
			}
			a.say("Release %s: %d objects were read whole.", release.Release, n)
			return a.verdict(faults)
		},
	}
	var reason string
	erase := &cobra.Command{
		Use: "erase RELEASE --reason TEXT", Short: "Destroy a release's key: what lies on the host opens no more", Args: exactly(1),
		Example: "  rempart release erase r-88c0c199 --reason \"the deposit was withdrawn\"",
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("an erasure cannot be undone: say why with --reason")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := w.Erase(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			a.say("Release %s is erased (statement %d): its key is destroyed.", args[0], e.Index)
			return nil
		},
	}
	erase.Flags().StringVar(&reason, "reason", "", "why")
	return group("release", "OMOP releases", publish, list, show, a.releaseQualityCommand(), a.releaseProfileCommand(), a.releaseWaiveCommand(), a.releaseExplainCommand(), verify, erase)
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) showRelease(c *cobra.Command, args []string) (err error) {
	w, state, release, err := lookUp(c.Context(), a, (*governance.State).Release, first(args))
	if err != nil {
		return err
	}
	ring, err := w.Keyring(c.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	manifest, key, err := w.Manifest(c.Context(), state, release, ring)
	if err != nil {
		return err
	}
	key.Wipe()
	var report omop.Report
	if err := json.Unmarshal(manifest.Report, &report); err != nil {
		return fmt.Errorf("release %s: its report: %w", release.Release, err)
	}
	return a.show(manifest, func() error {
		a.say("Release %s, OMOP CDM %s, of linkage %s", release.Release, manifest.CDM, release.Linkage)
		a.say("Published %s, kept until %s", moment(release.Time), day(release.RetainUntil))
		return report.WriteText(a.out)
	})
}

func totals(files []ledger.FileCount) (in, refused int64) {
	for _, f := range files {
		in += f.Rows
		refused += f.Refused
	}
	return in, refused
}
