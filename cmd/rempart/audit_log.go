package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/audit"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
)

// langFlag adds --lang.
func langFlag(c *cobra.Command, code *string) {
	c.Flags().StringVar(code, "lang", "en", "the `language`: en or fr")
}

func language(code string) (*words.Language, error) {
	l, known := audit.Languages()[code]
	if !known {
		return nil, usage("there is no language %q: want en or fr", code)
	}
	return l, nil
}

// logQuery is what rempart audit log is asked for.
type logQuery struct {
	register.Query
	period, lang string
	page, lines  int
}

func (q *logQuery) parse() (l *words.Language, err error) {
	if l, err = language(q.lang); err != nil {
		return nil, err
	}
	if q.period != "" {
		p, err := register.ParsePeriod(q.period)
		if err != nil {
			return nil, usage("%v", err)
		}
		q.From, q.Until = p.From, p.Until
	}
	for _, kind := range q.Kinds {
		if !slices.Contains(ledger.Kinds(), kind) {
			return nil, usage("there is no kind of statement %q%s: docs/ledger.md lists them", kind, nearest.Hint(kind, ledger.Kinds()))
		}
	}
	if q.page < 1 || q.lines < 0 {
		return nil, usage("pages are counted from 1, and have some lines")
	}
	return l, nil
}

func (a *app) auditLog() *cobra.Command {
	q := &logQuery{}
	c := &cobra.Command{
		Use:   "log",
		Short: "Tell what happened, statement by statement",
		Long: `Lists statements in the ledger's order. Of a long ledger it shows the last page,
and says how to see the one before. --party is who made a statement, --person who made
it or of whom it speaks. With --json every statement is printed, unless --lines is given.`,
		Args: exactly(0),
		Example: `  rempart audit log
  rempart audit log --project pneumonia --period 2026Q3
  rempart audit log --person alice --kind output-released --kind output-refused
  rempart audit log --page 2 --lines 50 --lang fr
  rempart audit log --json | jq .[].actor`,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := q.parse()
			if err != nil {
				return err
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			a.alarmFirst(c.Context(), w)
			if a.json && !c.Flags().Changed("lines") {
				q.lines = 0
			}
			found, err := audit.Find(c.Context(), w, l, q.Query, q.page, q.lines)
			if err != nil {
				return err
			}
			return a.show(found.Lines, func() error { return a.printLog(q, found) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&q.Project, "project", "", "statements about this `project`, its runs, outputs and mounts")
	flags.StringVar(&q.Party, "party", "", "statements that this `party` made")
	flags.StringVar(&q.Person, "person", "", "statements that this `party` made, or that speak of it")
	flags.StringArrayVar(&q.Kinds, "kind", nil, "statements of this `kind` (docs/ledger.md lists them); may be repeated")
	flags.StringVar(&q.period, "period", "", "2026, 2026Q3, 2026-07, 2026-07-14, or `FROM..TO`")
	flags.IntVar(&q.page, "page", 1, "which `page`; 1 has the latest statements")
	flags.IntVar(&q.lines, "lines", 200, "how many statements a page has; 0 is all of them")
	langFlag(c, &q.lang)
	return c
}

func (a *app) printLog(q *logQuery, found audit.Found) error {
	if found.Total == 0 {
		a.say("No such statement.")
		return nil
	}
	if len(found.Lines) == 0 {
		return usage("there are %d pages", found.Pages)
	}
	var rows [][]string
	for _, s := range found.Lines {
		rows = append(rows, []string{fmt.Sprint(s.Index), moment(s.Time), words.Plain(s.Actor), words.Plain(s.Tells.String())})
	}
	if err := a.table([]string{"no", "time (UTC)", "who", "what"}, rows); err != nil {
		return err
	}
	if found.Pages > 1 {
		a.say("\nPage %s of %s: %s of %s statements.", count(q.page), count(found.Pages), count(len(found.Lines)), count(found.Total))
		if q.page < found.Pages {
			a.say("Earlier ones: the same command with --page %d", q.page+1)
		}
	}
	return nil
}

func (a *app) auditShow() *cobra.Command {
	var lang string
	var raw bool
	c := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Tell one statement whole: what it says, who signed it and how, which rule allowed it",
		Long: `Tells one statement: what it says in words, whose key signed it, who was the second
person where one is needed, and which rules of the policies allowed it. --raw prints
the statement itself, as it was signed.`,
		Example: "  rempart audit show 12\n  rempart audit show 12 --raw",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := language(lang)
			if err != nil {
				return err
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			index, err := number(args[0])
			if err != nil {
				return err
			}
			x, err := audit.Explain(c.Context(), w, l, index)
			if errors.Is(err, fs.ErrNotExist) {
				return noStatement(args[0])
			}
			if err != nil {
				return err
			}
			if raw {
				return a.printRaw(x)
			}
			return a.show(x, func() error { return a.printExplained(l, x) })
		},
	}
	c.Flags().BoolVar(&raw, "raw", false, "print the statement as it was signed")
	langFlag(c, &lang)
	return c
}

func noStatement(text string) error {
	return usage("the ledger has no statement %q: see rempart audit log", text)
}

// number reads the number of a statement.
func number(text string) (uint64, error) {
	index, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, noStatement(text)
	}
	return index, nil
}

// printRaw prints a statement's own text.
func (a *app) printRaw(x audit.Explained) error {
	s, err := ledger.Read(x.Envelope)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, words.PlainJSON(string(text)))
	return err
}

func (a *app) printExplained(l *words.Language, x audit.Explained) error {
	a.say("%s  %s (UTC)", paint(a.out, bold, fmt.Sprintf("Statement %d", x.Index)), moment(x.Time))
	a.say("%s %s\n", words.Plain(x.Actor), words.Plain(x.Tells.String()))
	rows := [][]string{{"kind", x.Kind + ": " + l.Text("kind."+x.Kind)}}
	if x.Project != "" {
		rows = append(rows, []string{"project", x.Project})
	}
	rows = append(rows, []string{"who", fmt.Sprintf("%s, %s", words.Plain(x.Actor), l.Text("role."+x.Role))})
	by := "with the key file " + x.Signature.Key
	if x.Signature.By == "passkey" {
		by = fmt.Sprintf("with the passkey %q (%s…)", words.Plain(x.Signature.Passkey), x.Signature.Key[:min(20, len(x.Signature.Key))])
	}
	rows = append(rows, []string{"signed", fmt.Sprintf("%s, known from statement %d", by, x.Signature.Known)})
	if !x.Effect.Equal(x.Time) {
		rows = append(rows, []string{"taken in", moment(x.Effect) + " (UTC)"})
	}
	if s := x.Second; s != nil {
		rows = append(rows, []string{"second", secondInWords(s)})
	}
	for i, r := range x.Rules {
		name := ""
		if i == 0 {
			name = "allowed by"
		}
		rows = append(rows, []string{name, r.ID + ": " + r.Says})
	}
	if err := a.pairs(rows); err != nil {
		return err
	}
	a.say("\nAs it was signed: rempart audit show %d --raw. A proof for somebody else: rempart audit proof %d", x.Index, x.Index)
	return nil
}

func secondInWords(s *audit.Second) string {
	switch {
	case s.Waits:
		return fmt.Sprintf("it waits for a second person (%s) until %s", strings.Join(s.Roles, ", "), moment(*s.Until))
	case s.Refused:
		return fmt.Sprintf("refused or withdrawn by %s on %s, statement %d: %s", words.Plain(s.Actor), moment(*s.Time), s.Statement, words.Plain(s.Reason))
	}
	return fmt.Sprintf("countersigned by %s on %s, statement %d: %s", words.Plain(s.Actor), moment(*s.Time), s.Statement, words.Plain(s.Reason))
}

// proved is what rempart audit proof wrote.
type proved struct {
	Statement uint64 `json:"statement"`
	Proof     string `json:"proof"`              // the file
	Envelope  string `json:"envelope,omitempty"` // the file, where it was asked for
	Ledger    string `json:"ledger_key"`
}

func (a *app) auditProof() *cobra.Command {
	var out string
	var envelope bool
	c := &cobra.Command{
		Use:   "proof NUMBER",
		Short: "Write a file that proves one statement to somebody who has nothing but the ledger's key",
		Long: `Writes statement-NUMBER.tlog-proof (https://c2sp.org/tlog-proof): the statement in its
signed envelope, the hashes that lead from it to the root of the tree, and the signed
checkpoint with whatever witnesses have cosigned it. It is verified offline, without
Rempart: by docs/verify.py, or by any program for that format, which wants the
envelope beside it (--envelope).

Who the actor's key belongs to says the statement that made it known, which
rempart audit show names: prove that one too.`,
		Example: "  rempart audit proof 12\n  rempart audit proof 12 --out evidence --envelope",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			index, err := number(args[0])
			if err != nil {
				return err
			}
			proof, statement, err := audit.Prove(c.Context(), w.Log, index)
			if errors.Is(err, fs.ErrNotExist) {
				return noStatement(args[0])
			}
			if err != nil {
				return err
			}
			p := proved{Statement: index, Proof: filepath.Join(out, fmt.Sprintf("statement-%d.tlog-proof", index)), Ledger: w.Log.Key()}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			if err := atomicfile.Write(p.Proof, proof, 0o644); err != nil {
				return err
			}
			if envelope {
				p.Envelope = filepath.Join(out, fmt.Sprintf("statement-%d.json", index))
				if err := atomicfile.Write(p.Envelope, statement, 0o644); err != nil {
					return err
				}
			}
			return a.show(p, func() error {
				a.say("Wrote %s.", p.Proof)
				a.say("Verify it:  python docs/verify.py '%s' %s", p.Ledger, p.Proof)
				return nil
			})
		},
	}
	c.Flags().StringVar(&out, "out", ".", "the `directory` to write to")
	c.Flags().BoolVar(&envelope, "envelope", false, "write the statement's envelope beside the proof as well")
	return c
}
