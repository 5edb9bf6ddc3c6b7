package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/warehouse"
)

func (a *app) rightsCommand() *cobra.Command {
	return group("rights", "Persons' rights: to be left out, and to know",
		a.rightsOptOut(), a.rightsRevoke(), a.rightsAccess(), a.rightsResolve(), a.rightsApply(), a.rightsList(), a.rightsAnswer())
}

// personFlags are how a person is described, and to whom.
func personFlags(c *cobra.Command, p *warehouse.Person) {
	asFlag(c, &p.Provider, "the provider")
	c.Flags().StringVar(&p.Authority, "authority", "", "the linkage `authority`, where there are several")
	c.Flags().StringVar(&p.Tokens.Pseudonyms, "pseudonyms", "", "how the tokens are made: keyed, oblivious or both (default what the last linkage compares)")
	c.Flags().StringVar(&p.Tokens.Evaluator, "evaluator", "", "the `authority` that helps to make oblivious ones")
	c.Flags().StringVar(&p.Tokens.URL, "authority-url", "", "where that authority answers")
	c.Flags().StringVar(&p.Tokens.CAFile, "authority-ca", "", "a `file` of certificates that vouch for a proxy there")
}

const personHelp = `FILE says who it is, and never leaves this machine; - is the standard input. YAML:
nir, ssn or foin, last_name, birth_name, first_name, birth_date, sex: what is known.`

// readPerson reads who it is. Traits do not belong on a command line.
func (a *app) readPerson(c *cobra.Command, file string) (id pseudonym.Identity, err error) {
	var in io.Reader = c.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return id, err
		}
		defer func() { _ = f.Close() }() // it was read
		in = f
	}
	var said struct {
		NIR       string `yaml:"nir"`
		INSOID    string `yaml:"ins_oid"`
		SSN       string `yaml:"ssn"`
		FOIN      string `yaml:"foin"`
		LastName  string `yaml:"last_name"`
		BirthName string `yaml:"birth_name"`
		FirstName string `yaml:"first_name"`
		BirthDate string `yaml:"birth_date"`
		Sex       string `yaml:"sex"`
	}
	if err := yaml.NewDecoder(in, yaml.Strict()).Decode(&said); err != nil {
		return id, errors.New("the description of the person cannot be read: want lines such as last_name: Dupont, of nir, ins_oid, ssn, foin, last_name, birth_name, first_name, birth_date, sex")
	}
	return pseudonym.Identity{
		NIR: said.NIR, INSOID: said.INSOID, SSN: said.SSN, FOIN: said.FOIN,
		LastName: said.LastName, BirthName: said.BirthName, FirstName: said.FirstName, BirthDate: said.BirthDate, Sex: said.Sex,
	}, nil
}

// person opens the warehouse and reads of whom a provider speaks.
func (a *app) person(c *cobra.Command, p *warehouse.Person, file string) (w *warehouse.Warehouse, err error) {
	w, state, err := a.state(c.Context())
	if err != nil {
		return nil, err
	}
	if p.Provider, err = a.actor(state, p.Provider, governance.Provider); err != nil {
		return nil, err
	}
	p.Identity, err = a.readPerson(c, file)
	return w, err
}

func (a *app) rightsOptOut() *cobra.Command {
	var p warehouse.Person
	c := &cobra.Command{
		Use: "opt-out FILE", Short: "State that a person has opted out: her data is used no more", Args: exactly(1),
		Long: personHelp + `

The identity becomes tokens here, sealed to the linkage authority. The ledger says
that somebody has opted out, and not who.`,
		Example: "  rempart rights opt-out person.yaml --as chu-lyon",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.person(c, &p, args[0])
			if err != nil {
				return err
			}
			id, e, err := w.OptOut(c.Context(), p)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Opt-out %s is stated (statement %d). The linkage authority finds who it is: rempart rights resolve", id, e.Index)
				a.say("Keep the number %s: with it she can come back: rempart rights revoke %s", id, id)
				return nil
			})
		},
	}
	personFlags(c, &p)
	return c
}

func (a *app) rightsRevoke() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "revoke OPT-OUT", Short: "State that a person who had opted out has come back", Args: exactly(1),
		Example: "  rempart rights revoke o-1f2e3d4c --as chu-lyon",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.Provider)
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), as, ledger.OptOutRevoked{OptOut: args[0]})
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Opt-out %s is revoked (statement %d). It counts from the linkage authority's next look: rempart rights resolve", args[0], e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the provider who stated it")
	return c
}

func (a *app) rightsAccess() *cobra.Command {
	var p warehouse.Person
	var recipient, keyOut string
	c := &cobra.Command{
		Use: "access FILE --recipient AGE|--key-out FILE", Short: "Ask in a person's name what was done with her data", Args: exactly(1),
		Long: personHelp + `

The answer is sealed to the person: to the age recipient that she gives, or to a
key that is made for her here and written to --key-out. Nobody else can read it.`,
		Example: "  rempart rights access person.yaml --as chu-lyon --key-out her.agekey",
		RunE: func(c *cobra.Command, args []string) (err error) {
			if (recipient == "") == (keyOut == "") {
				return usage("to whom is the answer sealed? Give --recipient or --key-out")
			}
			w, err := a.person(c, &p, args[0])
			if err != nil {
				return err
			}
			if keyOut != "" {
				if recipient, err = newPersonKey(keyOut); err != nil {
					return err
				}
			}
			id, e, err := w.AskForAccess(c.Context(), p, recipient)
			if err != nil {
				if keyOut != "" {
					err = errors.Join(err, os.Remove(keyOut))
				}
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Access request %s is made (statement %d). It is answered after rempart rights resolve and rempart rights apply.", id, e.Index)
				if keyOut != "" {
					a.say("The person's key is in %s: hand it to her, and keep no copy.", keyOut)
				}
				return nil
			})
		},
	}
	personFlags(c, &p)
	c.Flags().StringVar(&recipient, "recipient", "", "the person's age `recipient`")
	c.Flags().StringVar(&keyOut, "key-out", "", "a new `file` for a key that is made for her")
	return c
}

// newPersonKey makes a key for a person and returns its recipient.
func newPersonKey(path string) (string, error) {
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintln(f, key)
	return key.Recipient().String(), errors.Join(err, f.Close())
}

func (a *app) rightsResolve() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "resolve", Short: "Find who has opted out and who asks, among the persons of the last linkage", Args: exactly(0),
		Long: `The linkage authority's step; linkage run does it too. The controller alone learns
which person_id it is, and nobody who the person is. A provider is believed of
persons whom it has deposited itself.`,
		Example: "  rempart rights resolve    # every few minutes, by a timer",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			r, err := w.Resolve(c.Context(), as)
			if err != nil {
				return err
			}
			return a.show(r, func() error {
				if r.OptOuts == nil && len(r.Accesses) == 0 {
					a.say("Nothing waits.")
				}
				if o := r.OptOuts; o != nil {
					a.say("%d opt-outs hold, of %s persons. %s", len(o.Found), count(o.Persons), unknownOptOuts(o.Unknown))
				}
				if len(r.Accesses) > 0 {
					a.say("%d access requests are with the controller: rempart rights apply", len(r.Accesses))
				}
				return nil
			})
		},
	}
	asFlag(c, &as, "the linkage authority, where there are several")
	return c
}

func unknownOptOuts(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("%d are of nobody whom their provider has deposited: %s", len(ids), strings.Join(ids, ", "))
}

func (a *app) rightsApply() *cobra.Command {
	return &cobra.Command{
		Use: "apply", Short: "Make the spaces anew that hold somebody who has opted out, and answer what was asked", Args: exactly(0),
		Long: `The controller's step after the linkage authority's. Until it is done, such a
space is not mounted and no study runs over it.`,
		Example: "  rempart rights apply    # every few minutes, by a timer",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			progress, done := a.bar("rights")
			applied, err := project.ApplyRights(c.Context(), w, progress)
			done()
			if err != nil {
				return err
			}
			return a.show(applied, func() error {
				a.say("%d spaces were made anew, %d access requests answered. %s", len(applied.Projects), len(applied.Answered), strings.Join(applied.Projects, " "))
				if len(applied.Releases) > 0 {
					a.say("Not mounted any more, because they hold somebody who has opted out: %s. Publish another: rempart release publish", strings.Join(applied.Releases, " "))
				}
				return nil
			})
		},
	}
}

func (a *app) rightsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List opt-outs and access requests, and what they wait for", Args: exactly(0),
		Example: "  rempart rights list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			optOuts, accesses := []*governance.OptOut{}, []*governance.Access{}
			for id, o := range state.OptOuts.All() {
				optOuts = append(optOuts, o)
				status := "waits for " + o.Authority
				switch {
				case o.Revoked != nil:
					status = "revoked on " + day(o.Revoked.Time)
				case o.Resolved != nil && o.Found:
					status = "holds since " + moment(o.Resolved.Time)
				case o.Resolved != nil:
					status = "of nobody whom " + o.Actor + " has deposited"
				}
				rows = append(rows, []string{id, "opt-out", o.Actor, day(o.Time), status})
			}
			for id, r := range state.Accesses.All() {
				accesses = append(accesses, r)
				status := "waits for " + r.Authority
				switch {
				case r.Answered != nil:
					status = "answered on " + day(r.Answered.Time)
				case r.Forwarded != nil:
					status = "waits for the controller"
				}
				rows = append(rows, []string{id, "access", r.Actor, day(r.Time), status})
			}
			return a.show(map[string]any{"opt_outs": optOuts, "accesses": accesses}, func() error {
				return a.table([]string{"id", "", "provider", "stated", "status"}, rows)
			})
		},
	}
}

func (a *app) rightsAnswer() *cobra.Command {
	var identity string
	c := &cobra.Command{
		Use: "answer ACCESS", Short: "Print the answer to an access request: sealed, or opened with the person's key", Args: exactly(1),
		Example: "  rempart rights answer a-1f2e3d4c > answer.age\n  rempart rights answer a-1f2e3d4c --identity her.agekey",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			var with []age.Identity
			if identity != "" {
				text, err := os.ReadFile(identity)
				if err != nil {
					return err
				}
				if with, err = age.ParseIdentities(bytes.NewReader(text)); err != nil {
					return fmt.Errorf("%s: %w", identity, err)
				}
			}
			return w.Answer(c.Context(), args[0], with, a.out)
		},
	}
	c.Flags().StringVar(&identity, "identity", "", "the `file` of the person's key")
	return c
}
