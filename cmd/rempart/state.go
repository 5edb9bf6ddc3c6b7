package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/warehouse"
)

func (a *app) stateCommand() *cobra.Command {
	rebuild := &cobra.Command{
		Use: "rebuild", Short: "Compute the state from the whole ledger, and keep it for the next commands", Args: exactly(0),
		Long: `Reads the whole ledger, takes each statement through the gate, and writes
state.model anew. The same ledger always gives the same bytes. It says what the
file was that it replaces: the same, older, stale (of another version of this
program, or changed by somebody: then it was not used), or different.`,
		Example: "  rempart state rebuild",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			r, err := w.Rebuild(c.Context())
			if err != nil {
				return err
			}
			if err := a.show(r, func() error {
				a.say("%s statements give a state of %s, SHA-256 %s.", count(r.Statements), size(r.Bytes), r.SHA256)
				if r.Before != "none" {
					a.say("What was kept before was %s.", r.Before)
				}
				return nil
			}); err != nil {
				return err
			}
			if r.Before == "different" {
				return &damageError{1}
			}
			return nil
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Count what the ledger says there is", Args: exactly(0),
		Example: "  rempart state show",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			var s stateCounts
			err = w.Read(c.Context(), func(m *warehouse.Model) error {
				s = stateCounts{
					Statements: m.Size(), Parties: len(m.State.Parties), Deposits: m.State.Deposits.Len(), Releases: m.State.Releases.Len(),
					Projects: m.State.Projects.Len(), Runs: m.State.Runs.Len(), Outputs: m.State.Outputs.Len(), Mounts: m.State.Mounts.Len(),
				}
				return nil
			})
			if err != nil {
				return err
			}
			if info, err := os.Stat(w.ModelPath()); err == nil {
				s.Kept = info.Size()
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return a.show(s, func() error {
				a.say("%s statements: %d parties, %d deposits, %d releases, %d projects, %d runs, %d outputs, %d mounts.",
					count(s.Statements), s.Parties, s.Deposits, s.Releases, s.Projects, s.Runs, s.Outputs, s.Mounts)
				if s.Kept > 0 {
					a.say("The state is kept in %s (%s).", w.ModelPath(), size(s.Kept))
				}
				return nil
			})
		},
	}
	return group("state", "What the ledger says there is", show, rebuild)
}

// stateCounts is what `state show` tells.
type stateCounts struct {
	Statements uint64 `json:"statements"`
	Parties    int    `json:"parties"`
	Deposits   int    `json:"deposits"`
	Releases   int    `json:"releases"`
	Projects   int    `json:"projects"`
	Runs       int    `json:"runs"`
	Outputs    int    `json:"outputs"`
	Mounts     int    `json:"mounts"`
	Kept       int64  `json:"kept,omitempty"` // bytes of the model's file
}
