package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

func (a *app) policyCommand() *cobra.Command {
	return group("policy", "The rules, and what they decide", a.policyList(), a.policyShow(), a.policyTest(), a.policyWhy(), a.policyWhatIf())
}

func (a *app) policyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules", Args: exactly(0),
		Example: "  rempart policy list",
		RunE: func(*cobra.Command, []string) error {
			all := governance.Rules()
			var rows [][]string
			for _, r := range all {
				rows = append(rows, []string{r.ID, r.Effect, r.Says})
			}
			return a.show(all, func() error { return a.table([]string{"rule", "", "says"}, rows) })
		},
	}
}

func (a *app) policyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RULE", Short: "Show one rule, as it is written", Args: exactly(1),
		Example: "  rempart policy show an-authorisation-ends-by-the-clock",
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := governance.RuleByID(args[0])
			if err != nil {
				return err
			}
			return a.show(r, func() error {
				a.say("%s", strings.TrimSpace(r.Text))
				return nil
			})
		},
	}
}

func (a *app) policyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test [FILE…]", Short: "Try the rules on the cases that lie beside them, and on your own",
		Long: `FILE is YAML as governance/policies/*_test.yaml: facts, and cases with who does what,
and which rule allows or refuses it. Every question is held against the schema.`,
		Example: "  rempart policy test\n  rempart policy test ours_test.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			results, err := governance.TestPolicies()
			if err != nil {
				return err
			}
			for _, file := range args {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				more, err := governance.RunCases(file, text)
				if err != nil {
					return err
				}
				results = append(results, more...)
			}
			failed := 0
			for _, r := range results {
				if !r.Passed {
					failed++
				}
			}
			err = a.show(results, func() error {
				for _, r := range results {
					if !r.Passed {
						a.say("%s %s: %s: %s: want %s, got %s", paint(a.out, red, "✗"), r.File, r.It, r.Does, r.Rule, r.Got)
					}
				}
				a.say("%d rules, %d questions, %d answered otherwise than wanted.", len(governance.Rules()), len(results), failed)
				return nil
			})
			if err == nil && failed > 0 {
				err = &damageError{failed}
			}
			return err
		},
	}
}

// question is a statement that somebody might make, as it is asked for on the
// command line.
type question struct {
	as, at, file, lasts                   string
	project, output, release, host, party string
}

func (q *question) flags(c *cobra.Command) {
	asFlag(c, &q.as, "who would do it")
	for _, f := range []struct {
		to          *string
		name, usage string
	}{
		{&q.at, "at", "the `time`, such as 2027-01-01 or 2027-01-01T08:00:00Z (default now); a past one asks as things were then"},
		{&q.project, "project", "the `project` that it is about"},
		{&q.output, "output", "the `output` that it is about"},
		{&q.release, "release", "the `release` that it is about"},
		{&q.host, "host", "the `host` that it is about, or that would be moved to"},
		{&q.party, "party", "the `party` that it is about"},
		{&q.file, "file", "a request, as a `file`"},
		{&q.lasts, "for", "how long an emergency would last, such as `4h`"},
	} {
		c.Flags().StringVar(f.to, f.name, "", f.usage)
	}
}

// fields are how each flag is called in the statements that have it.
func (q *question) fields(now time.Time) (map[string]any, error) {
	said := map[string]any{}
	for name, value := range map[string]string{"project": q.project, "output": q.output, "release": q.release, "host": q.host, "name": q.party} {
		if value != "" {
			said[name] = value
		}
	}
	if q.file != "" {
		text, err := os.ReadFile(q.file)
		if err != nil {
			return nil, err
		}
		spec, err := governance.ParseSpec(text)
		if err != nil {
			return nil, err
		}
		said["spec"], said["project"] = string(text), spec.Project
	}
	if q.lasts != "" {
		lasts, err := time.ParseDuration(q.lasts)
		if err != nil {
			return nil, usage("--for: %v", err)
		}
		said["until"] = now.Add(lasts)
	}
	return said, nil
}

// moment reads --at.
func (q *question) moment(now time.Time) (time.Time, error) {
	if q.at == "" {
		return now, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, q.at); err == nil {
			return at, nil
		}
	}
	return now, usage("--at: %q is no time: want 2027-01-01 or 2027-01-01T08:00:00Z", q.at)
}

// body is the statement of a kind that the flags describe.
func (q *question) body(action string, now time.Time) (ledger.Body, error) {
	if !slices.Contains(governance.Actions(), action) {
		return nil, usage("there is no statement %q: see rempart policy list --json, or docs/ledger.md", action)
	}
	said, err := q.fields(now)
	if err != nil {
		return nil, err
	}
	if to, ok := said["host"]; ok && action == (ledger.HostMigrated{}).Kind() {
		delete(said, "host")
		said["to"] = to
	}
	text, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	body, err := ledger.Statement{Kind: action, Body: text}.Decode()
	if err != nil {
		return nil, usage("%v", err)
	}
	return body, nil
}

// asked replays what was known at the time and collects the facts.
func (a *app) ask(ctx context.Context, q *question, action string) (*governance.Facts, error) {
	w, err := a.open()
	if err != nil {
		return nil, err
	}
	at, err := q.moment(a.now())
	if err != nil {
		return nil, err
	}
	body, err := q.body(action, at)
	if err != nil {
		return nil, err
	}
	state, err := a.stateAt(ctx, w, func(e ledger.Entry) bool { return !e.Statement.Time.After(at) })
	if err != nil {
		return nil, err
	}
	if q.as == "" {
		return nil, usage("who would do it? Give --as")
	}
	return state.Facts(ledger.Statement{Actor: q.as, Kind: action, Time: at}, body)
}

var errEnough = errors.New("enough")

// stateAt replays the first statements, for as long as they are wanted.
func (a *app) stateAt(ctx context.Context, w *warehouse.Warehouse, wanted func(ledger.Entry) bool) (*governance.State, error) {
	state := governance.NewState()
	state.Beside(w.Log.Attached)
	err := w.Log.Entries(ctx, func(e ledger.Entry) error {
		if !wanted(e) {
			return errEnough
		}
		return state.Admit(ctx, e)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if state.Warehouse == nil {
		return nil, usage("the warehouse did not exist then")
	}
	return state, nil
}

// answer is a decision as it is explained.
type answer struct {
	Statement *uint64           `json:"statement,omitempty"`
	Facts     *governance.Facts `json:"facts"`
	governance.Decision
	Changes []governance.Way `json:"what_would_change_it,omitempty"`
}

func (a *app) policyWhy() *cobra.Command {
	q := &question{}
	c := &cobra.Command{
		Use:   "why STATEMENT|ACTION",
		Short: "Explain why a statement was allowed, or why something was refused",
		Long: `With the number of a statement: which rules allowed it, on which facts. With the
kind of a statement and --as, --project and so on, as a refusal prints them: which
rule refuses it. --at a past time asks what the ledger knew then.`,
		Example: "  rempart policy why 12\n  rempart policy why run-requested --as alice --project flu --at 2027-01-01",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			number, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				facts, err := a.ask(c.Context(), q, args[0])
				if err != nil {
					return err
				}
				return a.explain(nil, facts, false)
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			var entry *ledger.Entry
			state, err := a.stateAt(c.Context(), w, func(e ledger.Entry) bool {
				if e.Index == number {
					entry = &e
				}
				return e.Index < number || number == 0 && e.Index == 0
			})
			if err != nil {
				return err
			}
			if entry == nil {
				return usage("the ledger has no statement %d: see rempart audit log", number)
			}
			body, err := entry.Statement.Decode()
			if err != nil {
				return err
			}
			facts, err := state.Facts(entry.Statement, body)
			if err != nil {
				return err
			}
			return a.explain(&number, facts, false)
		},
	}
	q.flags(c)
	return c
}

func (a *app) policyWhatIf() *cobra.Command {
	q := &question{}
	c := &cobra.Command{
		Use:   "what-if ACTION",
		Short: "Say whether something would be allowed, by which rules, and what would change that",
		Long:  "ACTION is the kind of the statement that would be made, as docs/ledger.md lists them. Nothing is recorded.",
		Example: `  rempart policy what-if run-requested --as alice --project flu --at 2027-01-01
  rempart policy what-if host-migrated --as controller --host cloud`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			facts, err := a.ask(c.Context(), q, args[0])
			if err != nil {
				return err
			}
			return a.explain(nil, facts, true)
		},
	}
	q.flags(c)
	return c
}

// explain prints a decision with the rules that made it.
func (a *app) explain(statement *uint64, f *governance.Facts, changes bool) error {
	decision, err := f.Decide()
	if err != nil {
		return err
	}
	answer := answer{Statement: statement, Facts: f, Decision: decision}
	if changes {
		if answer.Changes, err = f.WhatWould(); err != nil {
			return err
		}
	}
	return a.show(answer, func() error {
		about := ""
		if f.Project != nil {
			about = " in project " + f.Project.Name
		}
		a.say("%s, %s: %s%s on %s", f.Actor, f.Role, f.Action, about, moment(f.Now))
		if decision.Allowed {
			a.say("%s by", paint(a.out, green, "allowed"))
		} else {
			a.say("%s", paint(a.out, red, decision.Refusal.Error()))
		}
		if !decision.Allowed && len(decision.Rules) == 0 {
			a.say("  No rule permits it. These permit it to others:")
			for _, r := range governance.Rules() {
				if r.Effect == "permit" && slices.Contains(r.Actions, f.Action) {
					a.say("  %s: %s", r.ID, r.Says)
				}
			}
		}
		for _, id := range decision.Rules {
			if r, err := governance.RuleByID(id); err == nil {
				a.say("  %s: %s", r.ID, r.Says)
			}
		}
		if decision.Refusal != nil && decision.Refusal.Remedy != "" {
			a.say("%s", decision.Refusal.Remedy)
		}
		for _, way := range answer.Changes {
			verdict := "refused"
			if way.Decision.Allowed {
				verdict = "allowed"
			}
			a.say("It would be %s if %s (%s)", verdict, strings.Join(way.If, " and "), strings.Join(way.Decision.Rules, ", "))
		}
		return nil
	})
}

// askedAgain is the command that explains a refusal of the policies.
func askedAgain(f *governance.Facts) string {
	command := []string{"rempart policy why", f.Action, "--as", f.Actor}
	if f.Project != nil && f.Output == "" {
		command = append(command, "--project", f.Project.Name)
	}
	if f.Output != "" {
		command = append(command, "--output", f.Output)
	}
	if f.Party != "" {
		command = append(command, "--party", f.Party)
	}
	return strings.Join(append(command, "--at", f.Now.UTC().Format(time.RFC3339)), " ")
}
