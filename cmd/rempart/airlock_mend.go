package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
)

func (a *app) airlockSuggest() *cobra.Command {
	var as, apply string
	c := &cobra.Command{
		Use: "suggest OUTPUT", Short: "Show what would make a table or a figure pass, and have it done", Args: exactly(1),
		Long: `Each method is shown with the places that it would change and what the disclosure
check would say then, without any value: suppress hides counts and what gives them back,
merge joins categories, round makes counts multiples of a number. Of a figure, strip takes out
what it carries beside what is drawn; no point of it changes.

With --apply the method is applied: what comes of it is another output, OUTPUT-METHOD,
which is examined and waits by itself.`,
		Example: `  rempart airlock suggest s-19a333a2-1
  rempart airlock suggest s-19a333a2-1 --apply suppress --as alice`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, o, err := lookUp(c.Context(), a, (*governance.State).Output, args[0])
			if err != nil {
				return err
			}
			if apply == "" {
				all, err := airlock.Suggest(c.Context(), w, args[0])
				if err != nil {
					return err
				}
				return a.show(all, func() error { return a.printSuggestions(args[0], all) })
			}
			if !slices.Contains(disclosure.Methods(), disclosure.Method(apply)) {
				return usage("%q is no method: want one of %v", apply, disclosure.Methods())
			}
			if as, err = a.projectActor(state, as, o.Run.Project); err != nil {
				return err
			}
			made, err := airlock.Change(c.Context(), w, as, args[0], disclosure.Method(apply))
			if err != nil {
				return err
			}
			return a.show(made, func() error {
				verdict := "waits for an output checker"
				if made.Result.Refused {
					verdict = "is refused by the disclosure check still"
				}
				a.say("Output %s %s.", made.Result.Output, verdict)
				for _, f := range made.Result.Findings {
					a.say("  %-6s %s", f.Severity, f.Message)
				}
				return nil
			})
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&apply, "apply", "", "have it done by this `method`: suppress, merge, round or strip")
	return c
}

// shownChanges is how many places of a suggestion are printed.
const shownChanges = 10

func (a *app) printSuggestions(id string, all []*disclosure.Suggestion) error {
	for _, s := range all {
		a.say("%s: %d places change; then the check says: %s", s.Method, len(s.Changes), s.Report.Verdict)
		for i, ch := range s.Changes {
			if i == shownChanges {
				a.say("    and %d more", len(s.Changes)-i)
				break
			}
			where := "the file"
			if ch.Line > 0 {
				where = "line " + strconv.Itoa(ch.Line)
			}
			if ch.Field != "" {
				where += ", column " + ch.Field
			}
			a.say("    %s: %s", where, ch.What)
		}
		for _, f := range s.Report.Findings {
			if f.Severity == disclosure.Refuse {
				a.say("    still refused: %s", f.Message)
			}
		}
	}
	a.say("Have one done: rempart airlock suggest %s --apply METHOD", id)
	return nil
}

func (a *app) airlockCode() *cobra.Command {
	return &cobra.Command{
		Use: "code OUTPUT", Short: "Show the code that made an output, and what it changed since the last release", Args: exactly(1),
		Example: "  rempart airlock code s-19a333a2-1",
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.state(c.Context())
			if err != nil {
				return err
			}
			code, err := airlock.ContextOf(c.Context(), w, args[0])
			if err != nil {
				return err
			}
			return a.show(code, func() error {
				if code.Since != "" {
					a.say("Compared with the code of output %s, which was released last.", code.Since)
				}
				for _, f := range code.Code {
					switch f.State {
					case "same", "gone":
						a.say("── %s: %s", f.Name, f.State)
					case "changed":
						a.say("── %s: changed\n%s", f.Name, strings.TrimRight(f.Diff, "\n"))
					default:
						a.say("── %s\n%s", strings.TrimSpace(f.Name+" "+f.State), strings.TrimRight(f.Text, "\n"))
					}
				}
				return nil
			})
		},
	}
}

func (a *app) airlockComment() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "comment OUTPUT TEXT", Short: "Say a word about an output: one line, in the ledger for ever", Args: exactly(2),
		Long: `Its researchers and output checkers read it. It is part of the ledger: write no count of
persons, no name and nothing else of the data into it.`,
		Example: `  rempart airlock comment s-19a333a2-1 "why is the region missing?" --as bob`,
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as == "" {
				return usage("who says so? Give --as")
			}
			e, err := airlock.Comment(c.Context(), w, as, args[0], strings.TrimSpace(args[1]))
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Noted (statement %d).", e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "a researcher of the project, or an output checker")
	return c
}

func (a *app) airlockAssign() *cobra.Command {
	var as, to string
	c := &cobra.Command{
		Use: "assign OUTPUT", Short: "Take an output, or give it to another output checker, who decides from then on", Args: exactly(1),
		Example: `  rempart airlock assign s-19a333a2-1 --as bob
  rempart airlock assign s-19a333a2-1 --to brigitte --as bob`,
		RunE: func(c *cobra.Command, args []string) error {
			w, _, err := a.acting(c.Context(), &as, governance.OutputChecker)
			if err != nil {
				return err
			}
			if to == "" {
				to = as
			}
			e, err := airlock.Assign(c.Context(), w, as, args[0], to)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("Output %s is with %s (statement %d).", args[0], to, e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the output checker")
	c.Flags().StringVar(&to, "to", "", "the `checker` who takes it (default oneself)")
	return c
}

// fetched is what a researcher was handed.
type fetched struct {
	Output    string `json:"output"`
	Path      string `json:"path"`
	Receipt   string `json:"receipt"`
	Statement uint64 `json:"statement"`
}

func (a *app) airlockFetch() *cobra.Command {
	var as, dir string
	c := &cobra.Command{
		Use: "fetch OUTPUT", Short: "Hand a released output to a researcher, with its receipt, once", Args: exactly(1),
		Long: `The ledger says that it was handed out, to whom and when. It is handed to the same
researcher once; where it was lost, a checker lets it be handed out once more (rempart
airlock renew).`,
		Example: "  rempart airlock fetch s-19a333a2-1 --as alice --to results",
		RunE: func(c *cobra.Command, args []string) error {
			w, state, o, err := lookUp(c.Context(), a, (*governance.State).Output, args[0])
			if err != nil {
				return err
			}
			if as, err = a.projectActor(state, as, o.Run.Project); err != nil {
				return err
			}
			if !w.Signs(as) {
				return &governance.Refusal{Reason: "this home does not hold the key of " + as, Remedy: "Fetch it in the portal, logged in as " + as}
			}
			path := filepath.Join(dir, filepath.Base(o.Name))
			for _, taken := range []string{path, path + ".receipt.json"} {
				if _, err := os.Lstat(taken); err == nil {
					return usage("%s is there already: name another folder with --to", taken)
				}
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			d, err := airlock.Deliver(c.Context(), w, as, args[0], airlock.ByCommand)
			if err != nil {
				return err
			}
			if err := atomicfile.Write(path, d.Data, 0o644); err != nil {
				return err
			}
			if err := atomicfile.Write(path+".receipt.json", d.Receipt, 0o644); err != nil {
				return err
			}
			return a.show(fetched{args[0], path, path + ".receipt.json", d.Entry}, func() error {
				a.say("Output %s was handed to %s (statement %d):", args[0], as, d.Entry)
				a.say("  %s", path)
				a.say("  %s.receipt.json", path)
				return nil
			})
		},
	}
	asFlag(c, &as, "the researcher")
	c.Flags().StringVar(&dir, "to", ".", "the `folder` that it is put into")
	return c
}

func (a *app) airlockRenew() *cobra.Command {
	var as, party, reason string
	c := &cobra.Command{
		Use: "renew OUTPUT --for RESEARCHER --reason TEXT", Short: "Let a released output be handed to a researcher once more", Args: exactly(1),
		Example: `  rempart airlock renew s-19a333a2-1 --for alice --reason "the download broke off" --as bob`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if party == "" {
				return usage("for whom? Give --for")
			}
			if as, err = a.actor(state, as, governance.OutputChecker); err != nil {
				return err
			}
			e, err := airlock.Renew(c.Context(), w, as, args[0], party, reason)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("%s can be handed output %s once more (statement %d).", party, args[0], e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "the output checker")
	c.Flags().StringVar(&party, "for", "", "the `researcher`")
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
