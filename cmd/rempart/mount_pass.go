package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/lake/mount"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// passCommand issues a pass: what another machine needs to mount, and no more.
func (a *app) passCommand() *cobra.Command {
	var as, release, project, worker, out string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "pass --release RELEASE|--project PROJECT --worker RECIPIENT --out FILE",
		Short: "Let a worker on another machine mount, for a while",
		Long: `Writes a pass: the keys of these files and of nothing else, sealed to the
worker's own key, with an end. The worker needs the pass, its key and a way to
the host; it needs no warehouse. That it was issued, to whom and until when, is
in the ledger.`,
		Example: `  worker$ rempart mount identity worker.agekey
  rempart mount pass --project diabetes --as alice --worker age1pq1… --for 8h --out worker.pass
  worker$ rempart mount --pass worker.pass --identity worker.agekey /mnt/diabetes`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if (release == "") == (project == "") || worker == "" || out == "" {
				return usage("give --release or --project, --worker and --out")
			}
			to, err := age.ParseHybridRecipient(worker)
			if err != nil {
				return usage("--worker: %v: have the worker make a key with rempart mount identity", err)
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			m := &mounting{app: a, w: w, state: state}
			if err := m.choose(release, project, as); err != nil {
				return err
			}
			if end := a.now().UTC().Add(lasts).Truncate(time.Second); end.Before(m.Until) {
				m.Until = end
			}
			if err := w.Signable(m.Until.Sub(a.now())); err != nil {
				return err
			}
			if err := w.Heeded(c.Context(), state, m.Release, m.Project); err != nil {
				return err
			}
			if err := w.Readable(c.Context(), state, m.Release, m.Project); err != nil {
				return err
			}
			m.Worker = worker
			f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer func() {
				if err = errors.Join(err, f.Close()); err != nil {
					err = errors.Join(err, os.Remove(out))
				}
			}()
			e, err := w.Commit(c.Context(), m.actor, m.SpaceMounted)
			if err != nil {
				return err
			}
			if err := w.InEffect(c.Context(), state, governance.Made{Index: e.Index}, e.Statement.Kind); err != nil {
				_, failed := w.Commit(c.Context(), m.actor, ledger.SpaceUnmounted{Mount: m.Mount}) // nobody has the pass
				return errors.Join(err, failed)
			}
			pass, err := m.pass(c.Context())
			if err != nil {
				return err
			}
			if err := pass.Seal(f, to); err != nil {
				return err
			}
			a.say("The pass for %s is in %s, until %s (statement %d).", pass.Title, out, moment(pass.Until), e.Index)
			return nil
		},
	}
	asFlag(c, &as, "the controller, or a researcher of the project")
	c.Flags().StringVar(&release, "release", "", "the `release` to mount, or latest")
	c.Flags().StringVar(&project, "project", "", "the `project` whose space to mount")
	c.Flags().StringVar(&worker, "worker", "", "the worker's public `key`")
	c.Flags().DurationVar(&lasts, "for", 8*time.Hour, "how long the pass lasts, at most until the authorisation ends")
	c.Flags().StringVar(&out, "out", "", "the `file` to write")
	return c
}

// pass collects the keys of the files that a mounting shows.
func (m *mounting) pass(ctx context.Context) (pass *lake.Pass, err error) {
	ring, err := m.w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	files, key, err := m.files(ctx, ring)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	vault, err := m.w.Vault(m.state)
	if err != nil {
		return nil, err
	}
	pass = &lake.Pass{Mount: m.Mount, Title: mountedWhat(m.Release, m.Project), Until: m.Until}
	var names []string
	for _, f := range files {
		names = append(names, f.Object.Name)
	}
	if pass.Host, err = m.w.HostAccess(ctx, names, m.Until.Sub(m.now())); err != nil {
		return nil, err
	}
	for _, f := range files {
		part, err := vault.PassFile(ctx, f.Name, f.Object, key)
		if err != nil {
			return nil, err
		}
		pass.Files = append(pass.Files, part)
	}
	return pass, nil
}

// identityCommand makes a worker's key.
func (a *app) identityCommand() *cobra.Command {
	return &cobra.Command{
		Use: "identity FILE", Short: "Make a worker's key, and print its public half", Args: exactly(1),
		Example: "  rempart mount identity worker.agekey",
		RunE: func(_ *cobra.Command, args []string) error {
			identity, err := age.GenerateHybridIdentity()
			if err != nil {
				return err
			}
			f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(f, identity)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			return a.show(map[string]string{"recipient": identity.Recipient().String()}, func() error {
				a.say("%s", identity.Recipient())
				return nil
			})
		},
	}
}

// mountWithPass mounts what a pass opens, on a machine without a warehouse.
func (a *app) mountWithPass(ctx context.Context, passFile, identityFile, dir string, memory bool) error {
	line, err := os.ReadFile(identityFile)
	if err != nil {
		return err
	}
	identity, err := age.ParseHybridIdentity(strings.TrimSpace(string(line)))
	if err != nil {
		return fmt.Errorf("%s: %w", identityFile, err)
	}
	f, err := os.Open(passFile)
	if err != nil {
		return err
	}
	pass, err := lake.OpenPass(f, identity, a.now())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", passFile, err)
	}
	var access json.RawMessage = pass.Host
	store, err := warehouse.OpenHost(access)
	if err != nil {
		return err
	}
	space := mount.Space{Vault: &lake.Vault{Store: store}, Key: pass}
	for _, f := range pass.Files {
		space.Files = append(space.Files, mount.File{Name: f.Name, Object: f.Object})
	}
	debug.SetMemoryLimit(mountMemory)
	serve := mount.Serve
	if memory {
		serve = mount.ServeMemory
	}
	stats, err := serve(ctx, dir, space, mount.Options{
		Until: pass.Until,
		Now:   a.now,
		Log:   slog.New(slog.NewTextHandler(a.err, nil)),
		Ready: func() {
			a.say("%s is at %s: %d files, until %s. Ctrl-C unmounts.", pass.Title, dir, len(space.Files), moment(pass.Until))
		},
	})
	if err != nil {
		return err
	}
	a.say("Unmounted, because %s: %s.", stats.Ended, readSummary(stats.Opens, stats.Bytes))
	return nil
}
