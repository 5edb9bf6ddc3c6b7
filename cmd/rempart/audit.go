package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

func (a *app) auditCommand() *cobra.Command {
	log := &cobra.Command{
		Use: "log", Short: "Tell what happened, statement by statement", Args: exactly(0),
		Example: `  rempart audit log
  rempart audit log --json | jq .[].actor`,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			statements := []ledger.Statement{}
			var rows [][]string
			err = w.Log.Entries(c.Context(), func(e ledger.Entry) error {
				body, err := e.Statement.Decode()
				if err != nil {
					return err
				}
				statements = append(statements, e.Statement)
				rows = append(rows, []string{fmt.Sprint(e.Index), moment(e.Statement.Time), e.Statement.Actor, story(body)})
				return nil
			})
			if err != nil {
				return err
			}
			return a.show(statements, func() error { return a.table([]string{"no", "time (UTC)", "who", "what"}, rows) })
		},
	}
	show := &cobra.Command{
		Use: "show NUMBER", Short: "Show one statement whole", Args: exactly(1),
		Example: "  rempart audit show 12",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			found := false
			err = w.Log.Entries(c.Context(), func(e ledger.Entry) error {
				if fmt.Sprint(e.Index) != args[0] {
					return nil
				}
				found = true
				encoder := json.NewEncoder(a.out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(e.Statement)
			})
			if err == nil && !found {
				return usage("the ledger has no statement %q: see rempart audit log", args[0])
			}
			return err
		},
	}
	var receipt string
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Compare everything on disk with the ledger",
		Long: `Recomputes the ledger's tree, checks each statement's signature and that the
policies allowed it, then every file of the home and every object on the host.
With --receipt FILE it checks one receipt and the output beside it, with
nothing but the ledger's key from the configuration.`,
		Example: "  rempart audit verify\n  rempart audit verify --receipt result/s-1f2e3d4c-1/result.csv.receipt.json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if receipt != "" {
				return a.verifyReceipt(c, w, receipt)
			}
			return a.verifyAll(c, w, -1)
		},
	}
	verify.Flags().StringVar(&receipt, "receipt", "", "a receipt's `file`")
	return group("audit", "What happened, proved", log, show, verify)
}

// verifyAll verifies the home and prints what was found.
func (a *app) verifyAll(c *cobra.Command, w *warehouse.Warehouse, sample int) error {
	progress, done := a.bar("verify")
	v, state := w.Verify(c.Context(), sample, progress)
	done()
	results := 0
	if state != nil {
		var faults []error
		results, faults = airlock.VerifyResults(c.Context(), w, state)
		v.Faults = append(v.Faults, faults...)
	}
	a.say("%d statements, %d files, %d objects on the host, %d released outputs with their receipts.", v.Statements, v.Files, v.Objects, results)
	return a.verdict(v.Faults)
}

// verdict prints faults and ends with an error if there are any.
func (a *app) verdict(faults []error) error {
	texts := []string{}
	for _, f := range faults {
		texts = append(texts, f.Error())
	}
	err := a.show(map[string]any{"verified": len(faults) == 0, "faults": texts}, func() error {
		for _, text := range texts {
			a.say("%s %s", paint(a.out, red, "✗"), text)
		}
		if len(faults) == 0 {
			a.say("%s All of it is what the ledger says.", paint(a.out, green, "✓"))
		}
		return nil
	})
	if err == nil && len(faults) > 0 {
		err = &damageError{len(faults)}
	}
	return err
}

func (a *app) verifyReceipt(c *cobra.Command, w *warehouse.Warehouse, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r, err := airlock.ReadReceipt(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	file, isReceipt := strings.CutSuffix(path, ".receipt.json")
	if !isReceipt {
		return usage("a receipt's name ends in .receipt.json, and its output lies beside it")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := r.Verify(c.Context(), w.Log, data); err != nil {
		return a.verdict([]error{fmt.Errorf("%s: %w", path, err)})
	}
	a.say("%s was released by %s (%q).", r.File, r.Checker, r.Reason)
	a.say("It was written by run %s of %s, code %s, in project %s, on release %s.", r.Run, r.Researcher, r.Code[:16], r.Project, r.Release)
	return a.verdict(nil)
}

// story tells a statement in one line.
func story(body ledger.Body) string {
	switch b := body.(type) {
	case *ledger.WarehouseCreated:
		return fmt.Sprintf("created the warehouse %q on host %s", b.Name, b.Host)
	case *ledger.ConfigRecorded:
		return fmt.Sprintf("recorded the configuration %s…", b.SHA256[:12])
	case *ledger.PartyAdded:
		return fmt.Sprintf("added %s as %s", b.Name, b.Role)
	case *ledger.DepositMade:
		in, refused := totals(b.Files)
		return fmt.Sprintf("deposited %s by feed %s: %s rows in, %s accepted, %s quarantined; %s persons", b.Deposit, b.Feed, count(in), count(in-refused), count(refused), count(b.Persons))
	case *ledger.PersonsLinked:
		return fmt.Sprintf("linked %d deposits (%s): %s records are %s persons", len(b.Deposits), b.Linkage, count(b.Records), count(b.Persons))
	case *ledger.PseudonymsIssued:
		var n int64
		for _, i := range b.Issued {
			n += i.Count
		}
		return fmt.Sprintf("issued %s tokens to %d parties until %s", count(n), len(b.Issued), moment(b.Until))
	case *ledger.ReleasePublished:
		return fmt.Sprintf("published release %s: %s persons in %d tables", b.Release, count(b.Persons), len(b.Tables))
	case *ledger.ReleaseErased:
		return fmt.Sprintf("erased release %s: %s", b.Release, b.Reason)
	case *ledger.ProjectRequested:
		return fmt.Sprintf("requested project %s", b.Project)
	case *ledger.ProjectApproved:
		return fmt.Sprintf("approved project %s: %s", b.Project, b.Reason)
	case *ledger.OptOutStated:
		return fmt.Sprintf("stated that a person has opted out (%s)", b.OptOut)
	case *ledger.OptOutRevoked:
		return fmt.Sprintf("stated that the person of opt-out %s has come back", b.OptOut)
	case *ledger.OptOutsResolved:
		return fmt.Sprintf("found %d opt-outs of %s persons in %s; %d of nobody known to their provider", len(b.Found), count(b.Persons), b.Linkage, len(b.Unknown))
	case *ledger.AccessRequested:
		return fmt.Sprintf("asked for a person what was done with her data (%s)", b.Access)
	case *ledger.AccessForwarded:
		return fmt.Sprintf("told the controller whom access request %s is about", b.Access)
	case *ledger.AccessAnswered:
		return fmt.Sprintf("answered access request %s, sealed to the person", b.Access)
	case *ledger.ProjectAmended:
		return fmt.Sprintf("asked for another text of project %s: %s", b.Project, b.Reason)
	case *ledger.ProjectSuspended:
		return fmt.Sprintf("suspended project %s: %s", b.Project, b.Reason)
	case *ledger.ProjectResumed:
		return fmt.Sprintf("let project %s go on: %s", b.Project, b.Reason)
	case *ledger.PartyLeft:
		return fmt.Sprintf("%s leaves: %s", b.Name, b.Reason)
	case *ledger.RolesReviewed:
		return fmt.Sprintf("reviewed the roles of %d parties: %s", len(b.Parties), b.Reason)
	case *ledger.EmergencyOpened:
		return fmt.Sprintf("BROKE THE GLASS of project %s (%s) until %s: %s", b.Project, b.Emergency, moment(b.Until), b.Reason)
	case *ledger.EmergencyReviewed:
		verdict := "justified"
		if !b.Justified {
			verdict = "NOT justified"
		}
		return fmt.Sprintf("found emergency %s %s: %s", b.Emergency, verdict, b.Reason)
	case *ledger.ProjectRefused:
		return fmt.Sprintf("refused project %s: %s", b.Project, b.Reason)
	case *ledger.ProjectExtracted:
		return fmt.Sprintf("gave project %s %s persons of release %s", b.Project, count(b.Persons), b.Release)
	case *ledger.ProjectClosed:
		return fmt.Sprintf("closed project %s: %s", b.Project, b.Reason)
	case *ledger.RunRequested:
		return fmt.Sprintf("ran %s in project %s (%s, code %s…)", b.Name, b.Project, b.Run, b.Code[:12])
	case *ledger.RunFinished:
		return fmt.Sprintf("ended run %s: %s, %d outputs", b.Run, b.Outcome, len(b.Outputs))
	case *ledger.OutputViewed:
		return fmt.Sprintf("looked at output %s", b.Output)
	case *ledger.OutputReleased:
		return fmt.Sprintf("released output %s: %s", b.Output, b.Reason)
	case *ledger.OutputRefused:
		return fmt.Sprintf("refused output %s: %s", b.Output, b.Reason)
	case *ledger.SpaceMounted:
		if b.Worker != "" {
			return fmt.Sprintf("gave a pass to %s (%s) for a worker elsewhere, until %s", mountedWhat(b.Release, b.Project), b.Mount, moment(b.Until))
		}
		return fmt.Sprintf("mounted %s (%s), until %s at the latest", mountedWhat(b.Release, b.Project), b.Mount, day(b.Until))
	case *ledger.SpaceUnmounted:
		return fmt.Sprintf("unmounted %s: %s", b.Mount, readSummary(b.Opens, b.Bytes))
	case *ledger.KeysRotated:
		return fmt.Sprintf("rotated the root key (%s now): %s keys wrapped anew", b.Root, count(b.Keys))
	case *ledger.KeyDestroyed:
		return fmt.Sprintf("destroyed key %s: %s", b.Key, b.Reason)
	case *ledger.HostLeft:
		return fmt.Sprintf("left host %s: %s keys destroyed; %s", b.Host, count(b.Keys), b.Reason)
	case *ledger.HostRegistered:
		return fmt.Sprintf("described host %s: %s, %s", b.Host, b.URL, b.Jurisdiction)
	case *ledger.DerogationGranted:
		return fmt.Sprintf("let the warehouse stay with host %s until %s: %s", b.Host, day(b.Until), b.Reason)
	case *ledger.HostMigrated:
		return fmt.Sprintf("moved the warehouse from host %s to %s: %s objects, %s", b.From, b.To, count(b.Objects), size(b.Bytes))
	case *ledger.MigrationStopped:
		return fmt.Sprintf("stayed with host %s: %s objects could not be proven at host %s", b.From, count(b.Failed), b.To)
	case *ledger.HostErased:
		return fmt.Sprintf("erased host %s: %s objects, %s; %s", b.Host, count(b.Objects), size(b.Bytes), b.Reason)
	}
	return body.Kind()
}

func totals(files []ledger.FileCount) (in, refused int64) {
	for _, f := range files {
		in += f.Rows
		refused += f.Refused
	}
	return in, refused
}

func (a *app) lakeCommand() *cobra.Command {
	var sample int
	verify := &cobra.Command{
		Use: "verify", Short: "Compare the host with the ledger, whole or by a sample", Args: exactly(0),
		Example: "  rempart lake verify --sample 20",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			return a.verifyAll(c, w, sample)
		},
	}
	verify.Flags().IntVar(&sample, "sample", -1, "how many objects to read, drawn at random (default all)")
	repair := &cobra.Command{
		Use: "repair", Short: "Remove what interrupted steps have left and end what they began", Args: exactly(0),
		Example: "  rempart lake repair",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			r, err := w.Repair(c.Context())
			if err != nil {
				return err
			}
			delivered, err := airlock.DeliverMissing(c.Context(), w)
			if err != nil {
				return err
			}
			return a.show(r, func() error {
				a.say("Removed %d objects, %d keys and %d files that no statement names; wrote %d released outputs.", len(r.Objects), len(r.Keys), len(r.Files), len(delivered))
				if r.Parts > 0 {
					a.say("Ended %s that an interruption had left.", warehouse.Uploads(r.Parts))
				}
				return nil
			})
		},
	}
	return group("lake", "What lies on the host", verify, repair)
}

func (a *app) retentionCommand() *cobra.Command {
	apply := &cobra.Command{
		Use: "apply", Short: "Erase every release that is past its date", Args: exactly(0),
		Example: "  rempart retention apply    # daily, by a timer",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			erased, deleted, err := w.ApplyRetention(c.Context())
			if err != nil {
				return err
			}
			return a.show(map[string]any{"erased": erased, "deleted": deleted}, func() error {
				a.say("%d releases were past their date and are erased: %d objects are deleted at the host. %s", len(erased), deleted, strings.Join(erased, " "))
				return nil
			})
		},
	}
	return group("retention", "How long data is kept", apply)
}
