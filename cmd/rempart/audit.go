package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/warehouse"
)

func (a *app) auditCommand() *cobra.Command {
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
	return group("audit", "What happened, proved", a.auditLog(), a.auditShow(), a.auditProof(), a.auditReport(), verify)
}

// verifyAll verifies the home and prints what was found.
func (a *app) verifyAll(c *cobra.Command, w *warehouse.Warehouse, sample int) error {
	progress, done := a.bar("verify")
	w.Spare(c.Context())
	v, state := w.Verify(c.Context(), sample, progress)
	done()
	results := 0
	if state != nil {
		a.alarm(state)
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
			if _, err := airlock.ChangeMissing(c.Context(), w); err != nil {
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
