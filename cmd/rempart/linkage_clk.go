package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/linkage/match"
	"rempart.eu/rempart/pseudonym"
)

func (a *app) linkageCLKCommand() *cobra.Command {
	return group("clk", "Link persons whose names may not leave their provider in clear", a.clkKeyCommand(), a.clkEncodeCommand(), a.clkLinkCommand())
}

// clkKeyFile is how a file with a secret begins.
const clkKeyFile = "rempart-clk-key-1 "

func (a *app) clkKeyCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "key --out FILE",
		Short: "Draw the secret that two providers share",
		Long: `Draws the secret of which filters are made. The providers of one linkage share it,
over a way of their own; who links the filters must never have it. What is
printed is its check value: equal at both, if both have the same secret.`,
		Example: "  rempart linkage clk key --out study.key",
		Args:    exactly(0),
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usage("say where the key goes: --out FILE")
			}
			secret := make([]byte, pseudonym.SecretSize)
			_, _ = rand.Read(secret) // it never fails
			f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists already, and a key is never written over: name another file", out)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(f, clkKeyFile+base64.StdEncoding.EncodeToString(secret))
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return err
			}
			k, err := clk.NewKey(secret, clk.Scheme{})
			if err != nil {
				return err
			}
			return a.show(map[string]string{"file": out, "key": k.Check()}, func() error {
				a.say("The key is in %s, for its owner alone. Check value %s", out, k.Check())
				return nil
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "the new `file` of the key")
	return c
}

// readCLKKey reads a key that nobody but its owner may read.
func readCLKKey(name string, scheme clk.Scheme) (*clk.Key, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of what is read, whatever the name stands for next
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others than its owner: run chmod 600 %s, and think about whether the key is still secret", name, name)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, err
	}
	encoded, ok := strings.CutPrefix(strings.TrimSpace(string(text)), clkKeyFile)
	secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(secret) != pseudonym.SecretSize {
		return nil, fmt.Errorf("%s is no key of filters: make one with rempart linkage clk key --out FILE", name)
	}
	return clk.NewKey(secret, scheme)
}

// encodeOptions are the flags of linkage clk encode.
type encodeOptions struct {
	key, out, id, refused string
	traits                []string
	scheme                clk.Scheme
}

func (a *app) clkEncodeCommand() *cobra.Command {
	var o encodeOptions
	c := &cobra.Command{
		Use:   "encode FILE --key-file KEY --out FILTERS",
		Short: "Make a filter of each person of a file, at the provider",
		Long: `Reads persons (CSV with a header) and writes, for each, its name and a keyed filter.
Columns are found by well-known names, as linkage match does: an id and
last_name, first_name, birth_date, sex, postcode, city, street; a birth_name
goes before the last name. Both providers must use one key and the same traits: --traits.

The names of records go out as they are: use numbers that mean nothing elsewhere.
Filters are personal data (docs/clk-attacks.md): send them sealed, to who links them alone.`,
		Example: `  rempart linkage clk encode patients.csv --key-file study.key --out patients.clk
  rempart linkage clk encode patients.csv --key-file study.key --out patients.clk --traits last_name,first_name,birth_date --refused refused.csv`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return a.encodeCLKs(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.key, "key-file", "", "the `file` of the key that the providers share")
	c.Flags().StringVar(&o.out, "out", "", "write the filters to this `file`")
	c.Flags().StringVar(&o.id, "id", "", "the `column` that names a record (default id, record_id or the like)")
	c.Flags().StringSliceVar(&o.traits, "traits", nil, "the `traits` to use (default all that the file has)")
	c.Flags().StringVar(&o.refused, "refused", "", "list what is wrong with which line in this CSV `file`; no person's data is in it")
	c.Flags().BoolVar(&o.scheme.SaltByYear, "salt-by-year", false, "make persons of two years of birth strangers; whoever's year is wrong is missed")
	return c
}

// findingsShown is how many findings are printed.
const findingsShown = 20

// encoded is what linkage clk encode prints.
type encoded struct {
	clk.Encoded
	Findings []clk.Finding `json:"findings"` // the first ones
	More     int64         `json:"more_findings"`
}

func (a *app) encodeCLKs(ctx context.Context, name string, o encodeOptions) error {
	if o.key == "" || o.out == "" {
		return usage("say which key to use and where filters go: --key-file KEY --out FILTERS")
	}
	for _, t := range o.traits {
		if !slices.Contains(clk.Traits, t) {
			return usage("there is no trait %q: --traits takes %s", t, strings.Join(clk.Traits, ", "))
		}
	}
	key, err := readCLKKey(o.key, o.scheme)
	if err != nil {
		return err
	}
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	for _, out := range []string{o.out, o.refused} {
		if same(out, name) || same(out, o.key) {
			return usage("%s would be written over: name another file", out)
		}
	}
	made := encoded{Findings: []clk.Finding{}}
	err = atomicfile.Stream(o.out, 0o600, func(filters io.Writer) error {
		return writeFile(cmp.Or(o.refused, os.DevNull), func(list io.Writer) (err error) {
			findings := csv.NewWriter(list)
			_ = findings.Write([]string{"line", "field", "row", "reason", "remedy"}) // Error tells
			out := bufio.NewWriterSize(filters, 1<<16)
			made.Encoded, err = clk.Encode(ctx, bufio.NewReaderSize(in, 1<<16), out, key, o.columns, func(f clk.Finding) error {
				if len(made.Findings) < findingsShown {
					made.Findings = append(made.Findings, f)
				} else {
					made.More++
				}
				return findings.Write([]string{strconv.Itoa(f.Line), f.Field, rowIs(f), f.Reason, f.Remedy})
			})
			findings.Flush()
			if err == nil && made.Written == 0 {
				err = fmt.Errorf("no row has a filter: %s rows, %s refused%s", count(made.Rows), count(made.Refused), firstOf(made.Findings))
			}
			return errors.Join(err, findings.Error(), out.Flush())
		})
	})
	if err != nil {
		return fmt.Errorf("%w; nothing is written", placed(name, err))
	}
	return a.show(made, func() error {
		a.say("%s rows: %s filters, %s refused", count(made.Rows), count(made.Written), count(made.Refused))
		a.say("  traits     %s", strings.Join(made.Traits, ", "))
		a.say("  key        %s", made.Key)
		if made.LeftOut > 0 {
			a.say("  left out   %s traits that are malformed, of rows that have a filter", count(made.LeftOut))
		}
		for _, f := range made.Findings {
			a.say("  %s:%d: %s: row %s: %s. %s", name, f.Line, f.Field, rowIs(f), f.Reason, f.Remedy)
		}
		if made.More > 0 {
			a.say("  and %s more: --refused FILE lists them", count(made.More))
		}
		return nil
	})
}

func rowIs(f clk.Finding) string {
	if f.Refused {
		return "refused"
	}
	return "kept"
}

func firstOf(findings []clk.Finding) string {
	if len(findings) == 0 {
		return ""
	}
	f := findings[0]
	return fmt.Sprintf("; line %d: %s: %s. %s", f.Line, f.Field, f.Reason, f.Remedy)
}

// columns finds the columns as linkage match does, but for what the flags say.
func (o encodeOptions) columns(header []string) (clk.Columns, error) {
	id, traits := match.Known(header)
	if o.id != "" {
		id = o.id
	}
	if id == "" {
		return clk.Columns{}, fmt.Errorf("line 1: no column names a record, of %s: name it with --id COLUMN", strings.Join(header, ", "))
	}
	c := clk.Columns{ID: id, Traits: map[string][]string{}}
	who := 0
	for _, t := range clk.Traits {
		if o.traits != nil && !slices.Contains(o.traits, t) {
			continue
		}
		has := traits[t] != nil
		if has {
			c.Traits[t] = traits[t]
		}
		if t == "last_name" && traits["birth_name"] != nil {
			c.Traits["birth_name"], has = traits["birth_name"], true
		}
		if !has && o.traits != nil {
			return c, fmt.Errorf("line 1: there is no column for the trait %s: name it so, or leave it out of --traits", t)
		}
		if has && slices.Contains(clk.Who, t) {
			who++
		}
	}
	if who < 2 {
		return c, fmt.Errorf("line 1: the columns %s are not enough to tell persons apart: name two of %s so", strings.Join(header, ", "), strings.Join(clk.Who, ", "))
	}
	return c, nil
}

// placed names the file in front of an error that names a line of it.
func placed(name string, err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "line "); ok {
		return fmt.Errorf("%s:%s", name, text)
	}
	return err
}

// same says whether two names are of one file that is there.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
