package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/warehouse"
)

// unfinishedDeposit is one of deposit list --json.
type unfinishedDeposit struct {
	warehouse.Unfinished
	IsUnfinished bool `json:"unfinished"`
}

func (a *app) depositResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume DEPOSIT [DIR]",
		Short: "Go on with a deposit that was interrupted",
		Long: `Goes on where an interrupted deposit has stopped: files whose health data is
sealed are not sealed again, but read once more, to make sure that they are the
same and to find the keys that later files refer to. DIR is where the files are
now, where they were moved.`,
		Example: "  rempart deposit resume d-1f2e3d4c",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			letGarbageWait()
			progress, done := a.bar("deposit")
			made, err := w.Resume(c.Context(), args[0], first(args[1:]), progress)
			done()
			if err != nil {
				return err
			}
			state, err := w.State(c.Context())
			if err != nil {
				return err
			}
			d, _ := state.Deposits.Get(made.Deposit)
			return a.show(made, func() error { return a.printDeposit(made, d.Actor) })
		},
	}
}

func (a *app) depositDiscardCommand() *cobra.Command {
	return &cobra.Command{
		Use: "discard DEPOSIT", Short: "Remove what an interrupted deposit has made", Args: exactly(1),
		Example: "  rempart deposit discard d-1f2e3d4c",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if err := w.Discard(c.Context(), args[0]); err != nil {
				return err
			}
			a.say("Deposit %s is discarded: nothing of it is left.", args[0])
			return nil
		},
	}
}

// depositMemory is from where on the process of a deposit collects garbage as often
// as it must. Keys of a hundred million rows that others refer to need more.
const depositMemory = 1536 << 20

// letGarbageWait spends memory for time: a deposit makes much garbage, and keeps little.
func letGarbageWait() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(depositMemory)
}
