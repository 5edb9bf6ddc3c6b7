package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/run/environment"
	"rempart.eu/rempart/synth"
	"rempart.eu/rempart/warehouse"
)

func (a *app) initCommand() *cobra.Command {
	var o warehouse.InitOptions
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a warehouse in a new directory",
		Long: `Makes a warehouse's home: one readable configuration file, the controller's
keys and keyring, the escrow's key, an empty host directory, and a ledger whose
first statement creates the warehouse.

The keyring opens with a passphrase. With --passphrase-file it is yours, kept
where you say; without it, one is drawn and kept in the home, which is
convenient for a trial and no more.`,
		Example: `  rempart init --home warehouse --name "Entrepôt de données de santé"
  rempart init --home warehouse --name Demo --passphrase-file /run/secrets/rempart`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if a.home == "" {
				return usage("where? Give --home DIR")
			}
			if o.PassphraseFile != "" {
				absolute, err := filepath.Abs(o.PassphraseFile)
				if err != nil {
					return err
				}
				o.PassphraseFile = absolute
			}
			for _, path := range []*string{&o.Python, &o.R} {
				if *path == "" {
					continue
				}
				absolute, err := environment.Resolve(environment.Root(), *path)
				if err != nil {
					return err
				}
				*path = absolute
			}
			o.Now = a.now
			w, err := warehouse.Init(c.Context(), a.home, o)
			if err != nil {
				return err
			}
			return a.show(w.Config, func() error {
				a.say("The warehouse %q is made in %s.", w.Config.Name, a.home)
				a.say("  %-28s what you may change", warehouse.ConfigFile)
				a.say("  %-28s opens every object: keep it offline, and away from here", filepath.Join("controller", "escrow.agekey"))
				a.say("  %-28s the ledger's own key, for those who verify", w.Config.LedgerKey[:24]+"…")
				if o.PassphraseFile == "" {
					a.say("  %-28s opens the keyring: for a trial only", w.Config.Keyring.PassphraseFile)
				}
				a.say("Next: rempart party add NAME --role ROLE --home %s", a.home)
				return nil
			})
		},
	}
	c.Flags().StringVar(&o.Name, "name", "Rempart", "what the warehouse is called")
	c.Flags().StringVar(&o.Controller, "controller", "controller", "the controller's `name` as a party")
	c.Flags().StringVar(&o.PassphraseFile, "passphrase-file", "", "the `file` whose first line opens the keyring")
	c.Flags().StringVar(&o.Python, "python", "", "the Python `environment` of studies: the name of one that was built, its folder, or an interpreter")
	c.Flags().StringVar(&o.R, "r", "", "R's `environment`: the name of one that was built, or its folder (default the machine's packages)")
	c.Flags().StringVar(&o.Jurisdiction, "jurisdiction", "FR", "the `country` whose law reaches this machine's disk, where the host directory is")
	return c
}

func (a *app) partyCommand() *cobra.Command {
	var role string
	var roles []string
	for _, r := range governance.Roles() {
		roles = append(roles, string(r))
	}
	add := &cobra.Command{
		Use:     "add NAME --role ROLE",
		Short:   "Make a party and its keys known",
		Long:    "Draws the party's own keys, keeps them in its folder, and records their public\nhalves. The roles are: " + strings.Join(roles, ", ") + ".",
		Example: "  rempart party add chu-lyon --role provider\n  rempart party add alice --role researcher",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(roles, role) {
				return usage("--role is one of: %s", strings.Join(roles, ", "))
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := w.AddParty(c.Context(), args[0], governance.Role(role))
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("%s is %s now (statement %d).", args[0], governance.Role(role).Article(), e.Index)
				return nil
			})
		},
	}
	add.Flags().StringVar(&role, "role", "", "what the party does")
	list := &cobra.Command{
		Use: "list", Short: "List the parties", Args: exactly(0),
		Example: "  rempart party list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			type row struct {
				Name string     `json:"name"`
				Role string     `json:"role"`
				Key  string     `json:"key"`
				Left *time.Time `json:"left,omitempty"`
			}
			var list []row
			var rows [][]string
			for _, name := range slices.Sorted(maps.Keys(state.Parties)) {
				p := state.Parties[name]
				one, key := row{Name: name, Role: string(p.Role), Key: p.Signing.String()}, p.Signing.String()
				if p.Left != nil {
					one.Left, key = &p.Left.Time, "left on "+day(p.Left.Time)+": "+p.LeftFor
				}
				list = append(list, one)
				rows = append(rows, []string{name, string(p.Role), key})
			}
			return a.show(list, func() error {
				if err := a.table([]string{"name", "role", "key"}, rows); err != nil {
					return err
				}
				if since, due := state.ReviewDue(a.now()); due {
					a.say("The roles wait for their review since %s: rempart party review", day(since))
				}
				return nil
			})
		},
	}
	return group("party", "Who takes part", add, list, a.partyLeave(), a.partyReview())
}

func (a *app) configCommand() *cobra.Command {
	record := &cobra.Command{
		Use: "record", Short: "Record the configuration as it is now", Args: exactly(0),
		Example: "  rempart config record    # after an edit of rempart.toml",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := w.RecordConfig(c.Context())
			if err != nil {
				return err
			}
			a.say("The configuration is recorded (statement %d).", e.Index)
			return nil
		},
	}
	return group("config", "The warehouse's configuration", record)
}

func (a *app) synthCommand() *cobra.Command {
	o := synth.Options{Layout: synth.Feeds}
	var out, rates, layout, compression string
	c := &cobra.Command{
		Use:   "synth --persons N --out DIR",
		Short: "Make a synthetic national population with known truth",
		Long: `Writes the files of four hospitals and one insurer about overlapping persons,
each in a folder of its own, and truth/, which says who is who and which stay is
which. The same seed gives the same bytes, whatever the number of cores.

--layout feeds is CSV for the feeds hospital and insurer. --layout national is
the insurer's DCIR, PMSI and registers under their real names for the feed snds,
and the hospitals' FHIR R4 for the feed fhir: some 130 rows a person. The DCIR
comes as a file a table and year, or with --by-month a file a table and month.

--without-nir makes a hospital that holds no national identifier.

--rates FILE sets the chances of errors, one "nir_missing: 0.1" a line, in YAML;
what it does not say stays as it is by default. docs/synth.md lists them.`,
		Example: `  rempart synth --persons 10000 --seed 1 --out population
  rempart synth --persons 10000 --rates rates.yaml --out population
  rempart synth --persons 100000 --layout national --compress zstd --out nation
  rempart synth report nation --out report.html`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" || o.Persons < 1 {
				return usage("give --persons and --out")
			}
			if rates != "" {
				read, err := readRates(rates)
				if err != nil {
					return err
				}
				o.Rates = &read
			}
			o.Layout, o.Compression = synth.Layout(layout), synth.Compression(compression)
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			progress, done := a.bar("synth")
			if progress != nil {
				o.Progress = func(n, total int) { progress("persons", int64(n), int64(total)) }
			}
			truth, err := synth.Generate(c.Context(), out, o)
			done()
			if err != nil {
				return err
			}
			return a.show(truth, func() error {
				rows := 0
				for _, n := range truth.Rows {
					rows += n
				}
				a.say("%s persons are made in %s, in %s rows.", count(int64(o.Persons)), out, count(int64(rows)))
				a.say("Next: rempart synth report %s --out report.html", out)
				return nil
			})
		},
	}
	c.Flags().IntVar(&o.Persons, "persons", 1000, "how many persons")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "what chance starts from")
	c.Flags().StringVar(&out, "out", "", "the `directory` to write to")
	c.Flags().StringVar(&layout, "layout", string(synth.Feeds), "which files: feeds, or national")
	c.Flags().StringVar(&compression, "compress", "", "layout national: gzip or zstd, plain without it")
	c.Flags().BoolVar(&o.ByMonth, "by-month", false, "layout national: files of the DCIR by the month in which lines reached the system, not by its year")
	c.Flags().StringVar(&rates, "rates", "", "a `file` of the chances of errors")
	c.Flags().StringSliceVar(&o.WithoutNIR, "without-nir", nil, "a `hospital` that holds no national identifier, such as hospital-2; may be repeated")
	c.AddCommand(a.synthReportCommand())
	return c
}

func (a *app) synthReportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "report DIR",
		Short: "Compare a synthetic population with published figures",
		Long: `Reads the sums of a population that synth wrote to DIR and sets them beside
published figures of France, each with its source: ages, births, deaths, illnesses,
stays, drugs and seasons. --out writes it as a page with charts.`,
		Example: "  rempart synth report population\n  rempart synth report population --out report.html",
		Args:    exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := synth.ReadMarginals(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s holds no population: make one with rempart synth --out %s", args[0], args[0])
			}
			if err != nil {
				return err
			}
			report := m.Report()
			if out != "" {
				file, err := os.Create(out)
				if err != nil {
					return err
				}
				if err := errors.Join(report.Page().Write(file), file.Close()); err != nil {
					return err
				}
			}
			return a.show(report, func() error {
				if out != "" {
					a.say("The report is in %s.", out)
					return nil
				}
				var rows [][]string
				for _, c := range report.Comparisons {
					rows = append(rows, []string{c.Group, c.Measure, c.Text(), fmt.Sprint(c.Published), c.Unit, c.Source})
				}
				return a.table([]string{"group", "measure", "here", "published", "unit", "source"}, rows)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the `file` of the page")
	return c
}

func readRates(path string) (synth.Rates, error) {
	file, err := os.Open(path)
	if err != nil {
		return synth.Rates{}, err
	}
	defer file.Close()
	rates, err := synth.ReadRates(file)
	if err != nil {
		return rates, fmt.Errorf("%s: %w", path, err)
	}
	return rates, nil
}
