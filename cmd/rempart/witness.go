package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/graceful"
	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
	"rempart.eu/rempart/linkage/service"
)

func (a *app) witnessCommand() *cobra.Command {
	return group("witness", "Others vouch that the ledger is never rewritten",
		a.witnessInitCommand(), a.witnessServeCommand(), a.witnessSetCommand(), a.witnessAskCommand(), a.witnessListCommand())
}

// witnessKeyFile holds what a witness signs with.
const witnessKeyFile = "witness.key"

func (a *app) witnessInitCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init DIRECTORY NAME", Short: "Draw the key of a witness, on its own machine", Args: exactly(2),
		Long: `Makes a directory for a witness and draws its key. NAME says whose it is, such as
witness.example.org/regulator. Prints the verifier key, which the warehouse names in
rempart witness set.`,
		Example: "  rempart witness init /var/lib/rempart-witness witness.example.org/regulator",
		RunE: func(_ *cobra.Command, args []string) error {
			secret, public, err := note.GenerateKey(rand.Reader, args[1])
			if err != nil {
				return usage("%q is no name of a witness: want one without spaces and +, such as witness.example.org/regulator", args[1])
			}
			path := filepath.Join(args[0], witnessKeyFile)
			if _, err := os.Stat(path); err == nil {
				return usage("%s is there already: a witness keeps its key", path)
			}
			if err := os.MkdirAll(args[0], 0o700); err != nil {
				return err
			}
			if err := atomicfile.Write(path, []byte(secret+"\n"), 0o600); err != nil {
				return err
			}
			a.say("%s", public)
			return nil
		},
	}
}

func (a *app) witnessServeCommand() *cobra.Command {
	var listen string
	var plain bool
	var logs []string
	c := &cobra.Command{
		Use: "serve DIRECTORY", Short: "Run a witness", Args: exactly(1),
		Long: `Answers POST /add-checkpoint (C2SP tlog-witness): it remembers the last checkpoint of
each ledger, and cosigns another one only with a proof that it continues that one. It
sees sizes and hashes, and no statement. It needs nothing of a warehouse but the
ledger's key (ledger_key in rempart.toml), and runs on a machine of its own.

It lets in those ledgers alone, by certificates that their keys vouch for, and shows one
of its own key (TLS 1.3, see docs/tls.md); nothing of that is kept in files. With --plain
it speaks plain HTTP, on this machine alone, to a proxy that stands before it.

Keep a copy of nothing: a witness that forgets would cosign a second history.`,
		Example: "  rempart witness serve /var/lib/rempart-witness --log 'rempart/my-warehouse+1a2b3c4d+AbCd' --listen :8443",
		RunE: func(c *cobra.Command, args []string) error {
			path := filepath.Join(args[0], witnessKeyFile)
			text, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("the witness's key: %w: make it with rempart witness init %s NAME", err, args[0])
			}
			if err := mutual.Private(path); err != nil {
				return err
			}
			secret := strings.TrimSpace(string(text))
			w, release, err := witness.Open(c.Context(), args[0], secret, logs)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, release()) }()
			return a.serveWitness(c.Context(), w, secret, listen, plain)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8790", "the `address` to listen on")
	c.Flags().StringArrayVar(&logs, "log", nil, "the verifier `key` of a ledger; several times for several")
	plainFlag(c, &plain)
	return c
}

// serveWitness serves until the context ends.
func (a *app) serveWitness(ctx context.Context, w *witness.Witness, secret, address string, plain bool) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.err, nil))
	var handler http.Handler = w
	if plain {
		if !service.Loopback(listener.Addr()) {
			return errors.Join(usage("--plain is for a proxy on this machine: listen on 127.0.0.1"), listener.Close())
		}
	} else {
		config, admit, err := w.TLS(secret, a.now)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		listener, handler = tls.NewListener(listener, config), mutual.Handler(w, admit, a.now, log)
	}
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelInfo)}
	a.say("Witness %s listens on %s%s", w.Name(), listener.Addr(), plainly(plain))
	return graceful.Serve(ctx, server, listener, 10*time.Second)
}

func (a *app) witnessSetCommand() *cobra.Command {
	var b ledger.WitnessesSet
	var peers []string
	c := &cobra.Command{
		Use: "set", Short: "Say who vouches for the ledger, and what waits for them", Args: exactly(0),
		Long: `From now on statements of the kinds that are named take effect when as many of the
witnesses as --threshold says have cosigned a checkpoint that covers them: until then no
release can be mounted or given to projects, no space be read, no output leave. Without
witnesses nothing waits. To ask for less than before, the data protection officer
countersigns.`,
		Example: "  rempart witness set --witness https://w1.example=witness.example/one+1a2b3c4d+AbCd --witness https://w2.example=witness.example/two+5e6f7a8b+EfGh --threshold 2 --reason 'the regulator and the patients watch'",
		RunE: func(c *cobra.Command, _ []string) error {
			for _, text := range peers {
				address, key, ok := strings.Cut(text, "=")
				if !ok {
					return usage("--witness %q: want the address, =, and the key that rempart witness init printed", text)
				}
				b.Witnesses = append(b.Witnesses, ledger.Witness{URL: address, Key: key})
			}
			if b.Witnesses == nil {
				b.Witnesses, b.Kinds = []ledger.Witness{}, []string{}
			} else if b.Threshold == 0 {
				b.Threshold = len(b.Witnesses)
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := w.Commit(c.Context(), w.Config.Controller, b)
			if err != nil {
				return err
			}
			a.say("%d of %d witnesses must cosign from now on (statement %d).", b.Threshold, len(b.Witnesses), e.Index)
			return nil
		},
	}
	c.Flags().StringArrayVar(&peers, "witness", nil, "a witness: `URL=KEY`; several times for several")
	c.Flags().IntVar(&b.Threshold, "threshold", 0, "how many of them must cosign (default all)")
	c.Flags().StringSliceVar(&b.Kinds, "kinds", governance.Witnessable(), "which statements wait for them")
	c.Flags().StringVar(&b.Reason, "reason", "", "why")
	return c
}

func (a *app) witnessAskCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ask", Short: "Have the witnesses cosign the ledger as it is now", Args: exactly(0),
		Long: `Sends the last checkpoint to every witness, with the proof that it continues what that
witness has seen. Statements that wait for witnesses ask by themselves; this is for a
timer, and for witnesses that were down. Where a witness has seen another history,
the exit code is 4: the ledger was rewritten, or there are two of it.`,
		Example: "  rempart witness ask    # hourly, by a timer",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			state, err := w.State(c.Context())
			if err != nil {
				return err
			}
			asked, err := w.AskWitnesses(c.Context(), state)
			if err != nil {
				return err
			}
			forks := 0
			var rows [][]string
			for _, one := range asked.Witnesses {
				said := "cosigned"
				if one.Error != "" {
					said = one.Error
				}
				if one.Forked {
					forks++
				}
				rows = append(rows, []string{one.Name, said})
			}
			if err := a.show(asked, func() error {
				a.say("The checkpoint of %s statements; %d must cosign.", count(asked.Statements), asked.Threshold)
				return a.table([]string{"witness", "said"}, rows)
			}); err != nil {
				return err
			}
			switch {
			case forks > 0:
				return &damageError{forks}
			case !asked.Enough():
				return fmt.Errorf("not enough witnesses have cosigned: ask again when they can be reached")
			}
			return nil
		},
	}
}

func (a *app) witnessListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Who vouches for the ledger, and how far", Args: exactly(0),
		Example: "  rempart witness list",
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			state, err := w.State(c.Context())
			if err != nil {
				return err
			}
			out := witnessList{Witnesses: []ledger.Witness{}}
			var rows [][]string
			if n := len(state.Witnessing); n > 0 {
				now := state.Witnessing[n-1]
				out.Threshold, out.Kinds, out.Witnesses = now.Threshold, now.Kinds, now.Witnesses
			}
			cp, raw, err := w.Log.Cosigned(c.Context())
			if err == nil {
				out.Cosigned = cp.Size
			} else if !errors.Is(err, os.ErrNotExist) {
				return err
			}
			for _, one := range out.Witnesses {
				names, err := witness.Count(raw, []string{one.Key})
				if err != nil {
					return err
				}
				name, _, _ := strings.Cut(one.Key, "+")
				rows = append(rows, []string{name, one.URL, map[bool]string{true: "yes", false: "no"}[len(names) > 0]})
			}
			return a.show(out, func() error {
				a.say("%d of %d must cosign: %s. Cosigned: %s of %s statements.", out.Threshold, len(out.Witnesses), strings.Join(out.Kinds, ", "), count(out.Cosigned), count(state.Size))
				return a.table([]string{"witness", "address", "has cosigned"}, rows)
			})
		},
	}
}

// witnessList is what `witness list` tells.
type witnessList struct {
	Threshold int              `json:"threshold"`
	Kinds     []string         `json:"kinds,omitempty"`
	Witnesses []ledger.Witness `json:"witnesses"`
	Cosigned  uint64           `json:"cosigned"` // statements
}
