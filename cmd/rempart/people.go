package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

func (a *app) peopleCommand() *cobra.Command {
	return group("people", "How people log in and sign: passkeys, second persons, logins",
		a.peopleListCommand(), a.peopleEnrolCommand(), a.peopleRemoveCommand(),
		a.peopleWaitingCommand(), a.peopleCountersignCommand(), a.peopleRulesCommand(),
		a.peopleLinkCommand(), a.peopleUnlinkCommand())
}

// passkeyLine and loginLine are what `people list` tells.
type (
	passkeyLine struct {
		Party      string    `json:"party"`
		Name       string    `json:"name"`
		Credential string    `json:"credential"`
		Origin     string    `json:"origin"`
		Synced     bool      `json:"synced"`
		Since      time.Time `json:"since"`
		Statement  uint64    `json:"statement"`
	}
	loginLine struct {
		Party   string `json:"party"`
		Issuer  string `json:"issuer"`
		Subject string `json:"subject"`
	}
)

func (a *app) peopleListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Who has which passkeys and logins", Args: exactly(0),
		Example: "  rempart people list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			list := struct {
				Passkeys []passkeyLine `json:"passkeys"`
				Logins   []loginLine   `json:"logins"`
			}{[]passkeyLine{}, []loginLine{}}
			for _, party := range slices.Sorted(maps.Keys(state.Parties)) {
				for _, k := range state.PasskeysOf(party) {
					list.Passkeys = append(list.Passkeys, passkeyLine{party, k.Name, k.Credential.String(), k.Origin, k.Synced, k.Time, k.Index})
				}
			}
			for login, party := range state.People.Logins {
				list.Logins = append(list.Logins, loginLine{party, login.Issuer, login.Subject})
			}
			slices.SortFunc(list.Logins, func(a, b loginLine) int {
				return cmp.Or(strings.Compare(a.Party, b.Party), strings.Compare(a.Issuer, b.Issuer), strings.Compare(a.Subject, b.Subject))
			})
			return a.show(list, func() error {
				var rows [][]string
				for _, k := range list.Passkeys {
					rows = append(rows, []string{k.Party, "passkey", k.Name, k.Credential})
				}
				for _, l := range list.Logins {
					rows = append(rows, []string{l.Party, "login", l.Issuer, l.Subject})
				}
				if rows == nil {
					a.say("Nobody has a passkey: rempart people enrol")
					return nil
				}
				return a.table([]string{"party", "", "name or issuer", "id or subject"}, rows)
			})
		},
	}
}

func (a *app) peopleEnrolCommand() *cobra.Command {
	var (
		as, reason string
		lasts      time.Duration
	)
	c := &cobra.Command{
		Use: "enrol PARTY", Short: "Let somebody register a passkey", Args: exactly(1),
		Long: `Prints a code, once. Whoever shows it in the portal registers a passkey for the
party; it is good once. Hand it over in person, or by a way that nobody else reads.

The controller lets people in who have said nothing yet. Whoever has signed
statements lets in only themselves (--as PARTY): with their key file, or, once they
have a passkey, with that. Where all their passkeys are lost the controller lets
them in again, and a second person countersigns.`,
		Example: `  rempart people enrol diane
  rempart people enrol diane --as diane --for 1h`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			code, e, err := w.Enrol(c.Context(), cmp.Or(as, state.ControllerName()), args[0], lasts, reason)
			if code == "" {
				return err
			}
			made := struct {
				Party, Code, URL string
				Until            time.Time
			}{args[0], code, "", w.Now().UTC().Truncate(time.Second).Add(lasts)}
			if url := w.Config.Portal.URL; url != "" {
				made.URL = url + "/enrol?party=" + args[0]
			}
			if shown := a.show(made, func() error {
				a.say("%s", code)
				a.say("The code of %s, until %s (statement %d). It is not shown again.", made.Party, made.Until.Format(time.RFC3339), e.Index)
				if made.URL != "" {
					a.say("It is entered at %s", made.URL)
				}
				return nil
			}); shown != nil {
				return shown
			}
			return err
		},
	}
	c.Flags().StringVar(&as, "as", "", "who lets in: the controller, or the `party` itself")
	c.Flags().DurationVar(&lasts, "for", 24*time.Hour, "how `long` the code is good, 168h at most")
	c.Flags().StringVar(&reason, "reason", "joins", "`why`")
	return c
}

func (a *app) peopleRemoveCommand() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use: "remove PARTY PASSKEY", Short: "End a passkey that was lost or copied", Args: exactly(2),
		Long: `The passkey signs nothing more and logs nobody in; what it has signed stays
signed. The key file of its party does not take its place.`,
		Example: `  rempart people remove diane q83vEjRWeJCrze8SNFZ4kA --reason "lost on a train"`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			credential, err := ledger.ParseURLBytes(args[1])
			if err != nil {
				return usage("%q is no id of a passkey: see rempart people list", args[1])
			}
			e, err := w.Commit(c.Context(), cmp.Or(as, state.ControllerName()), ledger.PasskeyRemoved{Party: args[0], Credential: credential, Reason: reason})
			if err != nil {
				return err
			}
			a.say("The passkey of %s is removed (statement %d).", args[0], e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "who removes it: the controller, or the `party` itself")
	c.Flags().StringVar(&reason, "reason", "", "`why`; needed")
	return c
}

// waitingLine is what `people waiting` tells.
type waitingLine struct {
	What   string    `json:"what"` // the kind of the statement
	Actor  string    `json:"actor"`
	For    string    `json:"for"` // whose passkey, or which second person
	Since  time.Time `json:"since"`
	Entry  *uint64   `json:"entry,omitempty"` // of a proposal
	URL    string    `json:"url,omitempty"`   // where a passkey signs it
	Second []string  `json:"second,omitempty"`
}

func (a *app) peopleWaitingCommand() *cobra.Command {
	return &cobra.Command{
		Use: "waiting", Short: "What waits for a passkey or for a second person", Args: exactly(0),
		Example: "  rempart people waiting",
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			list := []waitingLine{}
			requests, err := w.Requests(c.Context())
			if err != nil {
				return err
			}
			for _, r := range requests {
				list = append(list, waitingLine{What: r.Kind, Actor: r.Actor, For: "the passkey of " + r.Actor, Since: r.Asked, URL: w.Config.Portal.URL + "/sign/" + r.ID})
			}
			for _, index := range slices.Sorted(maps.Keys(state.People.Waiting)) {
				p := state.People.Waiting[index]
				var who []string
				for _, name := range slices.Sorted(maps.Keys(state.Parties)) {
					if slices.Contains(state.WaitingFor(name, w.Now()), p) {
						who = append(who, name)
					}
				}
				list = append(list, waitingLine{What: p.Body.Kind(), Actor: p.Actor, For: "a second person", Since: p.Time, Entry: &index, Second: who})
			}
			return a.show(list, func() error {
				if len(list) == 0 {
					a.say("Nothing waits.")
					return nil
				}
				var rows [][]string
				for _, l := range list {
					where := l.URL
					if l.Entry != nil {
						where = fmt.Sprintf("entry %d: %s", *l.Entry, cmp.Or(strings.Join(l.Second, ", "), "nobody can"))
					}
					rows = append(rows, []string{l.What, l.Actor, l.Since.Format(time.DateOnly), l.For, where})
				}
				return a.table([]string{"statement", "by", "since", "waits for", ""}, rows)
			})
		},
	}
}

func (a *app) peopleCountersignCommand() *cobra.Command {
	var (
		as, reason string
		no         bool
	)
	c := &cobra.Command{
		Use: "countersign ENTRY", Short: "Give a proposal effect, as its second person", Args: exactly(1),
		Long: `The second person is neither who proposed it nor who asked for it. With --refuse the
proposal never takes effect; who proposed it may withdraw it so.`,
		Example: `  rempart people countersign 41 --as denis --reason "read the protocol"
  rempart people countersign 41 --as denis --refuse --reason "small cells"`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			index, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return usage("%q is no number of an entry: see rempart people waiting", args[0])
			}
			waiting, ok := state.People.Waiting[index]
			if !ok {
				return &governance.Refusal{Reason: fmt.Sprintf("entry %d does not wait for a second person", index), Remedy: "See what waits: rempart people waiting"}
			}
			if as == "" {
				return usage("who countersigns? Give --as")
			}
			e, err := w.Commit(c.Context(), as, ledger.Countersigned{Entry: index, Envelope: waiting.Envelope, Refused: no, Reason: reason})
			if err != nil {
				return err
			}
			if no {
				a.say("Entry %d never takes effect (statement %d).", index, e.Index)
				return nil
			}
			a.say("Entry %d takes effect (statement %d). What follows from it: rempart lake repair", index, e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "the second `person`")
	c.Flags().StringVar(&reason, "reason", "", "`why`; needed")
	c.Flags().BoolVar(&no, "refuse", false, "it shall never take effect")
	return c
}

func (a *app) peopleRulesCommand() *cobra.Command {
	var (
		passkeys, from, reason string
		two                    []string
	)
	c := &cobra.Command{
		Use: "rules", Short: "How decisions are signed, and which need a second person", Args: exactly(0),
		Long: `Without flags it tells the rules. With them it sets them, whole: what is not given
is as in a new warehouse. Less than before needs a data protection officer to
countersign.`,
		Example: `  rempart people rules
  rempart people rules --passkeys required --from 2027-01-01 --two-persons output-released=output-checker --reason "security policy 4"`,
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if !c.Flags().Changed("passkeys") && !c.Flags().Changed("two-persons") {
				return a.show(state.People.Rules, func() error {
					r := state.People.Rules
					a.say("Passkeys sign decisions: %s", r.Passkeys)
					if !r.From.IsZero() {
						a.say("from %s on", r.From.Format(time.DateOnly))
					}
					for _, kind := range slices.Sorted(maps.Keys(r.TwoPersons)) {
						a.say("A second person countersigns %s: %s", kind, strings.Join(r.TwoPersons[kind], " or "))
					}
					return nil
				})
			}
			body := ledger.SigningRulesSet{Passkeys: passkeys, TwoPersons: map[string][]string{}, Reason: reason}
			if from != "" {
				if body.From, err = time.Parse(time.DateOnly, from); err != nil {
					return usage("--from is a day: YYYY-MM-DD")
				}
			}
			for _, rule := range two {
				kind, role, ok := strings.Cut(rule, "=")
				if !ok {
					return usage("--two-persons is KIND=ROLE, such as output-released=output-checker")
				}
				body.TwoPersons[kind] = append(body.TwoPersons[kind], role)
			}
			e, err := w.Commit(c.Context(), state.ControllerName(), body)
			if err != nil {
				return err
			}
			a.say("The rules are set (statement %d).", e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&passkeys, "passkeys", governance.OnceRegistered, "once-registered or required: `when` decisions need one")
	c.Flags().StringVar(&from, "from", "", "the `day` from which on they are required")
	c.Flags().StringArrayVar(&two, "two-persons", nil, "`KIND=ROLE`: statements that a second person of that role countersigns; may be repeated")
	c.Flags().StringVar(&reason, "reason", "", "`why`; needed")
	return c
}

func (a *app) peopleLinkCommand() *cobra.Command {
	var issuer, subject string
	c := &cobra.Command{
		Use: "link PARTY", Short: "Let somebody log in with an OpenID Connect provider", Args: exactly(1),
		Long: `Says whom the provider means by a subject. A login so is one factor: where the
provider does not say that it asked for a second one, the person's passkey is it.`,
		Example: "  rempart people link diane --issuer https://id.example.eu --subject 4f2c",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), state.ControllerName(), ledger.LoginLinked{Party: args[0], Issuer: issuer, Subject: subject})
			if err != nil {
				return err
			}
			a.say("%s may log in through %s (statement %d).", args[0], issuer, e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "the provider's `address`")
	c.Flags().StringVar(&subject, "subject", "", "the person's `id` there (sub)")
	return c
}

func (a *app) peopleUnlinkCommand() *cobra.Command {
	var issuer, subject, reason string
	c := &cobra.Command{
		Use: "unlink", Short: "End a login with an OpenID Connect provider", Args: exactly(0),
		Example: `  rempart people unlink --issuer https://id.example.eu --subject 4f2c --reason "left the hospital"`,
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), state.ControllerName(), ledger.LoginUnlinked{Issuer: issuer, Subject: subject, Reason: reason})
			if err != nil {
				return err
			}
			a.say("The login is ended (statement %d).", e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "the provider's `address`")
	c.Flags().StringVar(&subject, "subject", "", "the person's `id` there (sub)")
	c.Flags().StringVar(&reason, "reason", "", "`why`")
	return c
}

// hostOrderCommand is a person's decision on a step that takes hours.
func (a *app) hostOrderCommand() *cobra.Command {
	var (
		step, reason string
		lasts        time.Duration
	)
	c := &cobra.Command{
		Use: "order NAME", Short: "Order that the warehouse moves to a host, leaves it, or erases it", Args: exactly(1),
		Long: `Where the controller signs decisions with a passkey, a migration, leaving and
erasing are ordered first: a person signs the order, and the machine states the
end of the step, hours later, under it. An order is for one step.`,
		Example: `  rempart host order ovh-gravelines --step host-migrated --reason "the contract ends"
  rempart host migrate --to ovh-gravelines`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			b := ledger.StepOrdered{Step: step, Host: args[0], Until: w.Now().UTC().Truncate(time.Second).Add(lasts), Reason: reason}
			e, err := w.Commit(c.Context(), state.ControllerName(), b)
			if err != nil {
				return err
			}
			a.say("It may be done until %s (statement %d).", b.Until.Format(time.RFC3339), e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&step, "step", "host-migrated", "host-migrated, host-left or host-erased: which `step`")
	c.Flags().DurationVar(&lasts, "for", 7*24*time.Hour, "how `long` it may be done, 720h at most")
	c.Flags().StringVar(&reason, "reason", "", "`why`; needed")
	return c
}

// waits says whether an error is that a person has to sign first.
func waits(err error) bool {
	var (
		passkey *warehouse.SignatureWanted
		second  *warehouse.SecondWanted
	)
	return errors.As(err, &passkey) || errors.As(err, &second)
}
