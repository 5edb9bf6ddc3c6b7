package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake/mount"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

func (a *app) mountCommand() *cobra.Command {
	var as, release, project, pass, identity string
	var memory bool
	c := &cobra.Command{
		Use:   "mount --release RELEASE|--project PROJECT DIR",
		Short: "Show tables as plain Parquet files, read-only, until interrupted",
		Long: `DIR, which must be empty, shows a table as a file: DIR/person.parquet. What is
read is decrypted as it is read; nothing of it touches a disk. Ctrl-C unmounts,
and so does the end of the authorisation, even with files open.

The controller mounts releases, a researcher the space of an own project. Who
mounted what, and what was opened, is in the ledger.

Without FUSE, --memory puts the files into memory: into a tmpfs mounted at DIR
(as root), or into DIR itself where that is in /dev/shm.`,
		Example: "  rempart mount --project diabetes --as alice /mnt/diabetes\n  rempart mount --release latest --memory /dev/shm/release",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if pass != "" {
				return a.mountWithPass(c.Context(), pass, identity, args[0], memory)
			}
			if (release == "") == (project == "") {
				return usage("mount what? Give either --release or --project")
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			m := &mounting{app: a, w: w, state: state, memory: memory}
			if err := m.choose(release, project, as); err != nil {
				return err
			}
			return m.run(c.Context(), args[0])
		},
	}
	asFlag(c, &as, "the controller, or a researcher of the project")
	c.Flags().StringVar(&release, "release", "", "the `release` to mount, or latest")
	c.Flags().StringVar(&project, "project", "", "the `project` whose space to mount")
	c.Flags().StringVar(&pass, "pass", "", "a worker's pass: the `file` that rempart mount pass has written")
	c.Flags().StringVar(&identity, "identity", "", "the `file` of the worker's own key, which opens the pass")
	c.AddCommand(a.passCommand(), a.identityCommand())
	c.Flags().BoolVar(&memory, "memory", false, "put the files into memory, for machines without FUSE")
	return c
}

// mountMemory is the memory that the process of a mount keeps to. Go then
// collects garbage more often rather than grow.
const mountMemory = 160 << 20

// mounting is one mount under way.
type mounting struct {
	*app
	w      *warehouse.Warehouse
	state  *governance.State
	actor  string
	memory bool
	data   uint64 // the statement that gave the project what is mounted
	ledger.SpaceMounted
}

// dataOf is the statement by which a project has the data that it has.
func dataOf(state *governance.State, project string) uint64 {
	if p, err := state.Project(project); err == nil && p.Extracted != nil {
		return p.Extracted.Index
	}
	return 0
}

// choose finds what is to be mounted, and by whom.
func (m *mounting) choose(release, project, as string) error {
	m.Mount, m.Project, m.actor, m.data = warehouse.NewID("m"), project, as, dataOf(m.state, project)
	if project != "" {
		p, err := m.state.Project(project)
		if err != nil {
			return err
		}
		if as == "" && len(p.Spec.Researchers) == 1 {
			m.actor = p.Spec.Researchers[0]
		}
		if m.actor, err = m.app.actor(m.state, m.actor, governance.Researcher); err != nil {
			return err
		}
		m.Until = p.Spec.Ends.End()
		if until, err := m.state.ReadableUntil(m.actor, "", project, m.now()); err == nil {
			m.Until = until // of an emergency, that is sooner
		}
		return nil
	}
	r, err := m.state.Release(release)
	if err != nil {
		return err
	}
	if as == "" {
		m.actor = m.state.ControllerName()
	}
	m.Release, m.Until = r.Release, r.RetainUntil
	return nil
}

// run records the mount, serves it, and records its end. Nothing can be read
// before the ledger says who reads it.
func (m *mounting) run(ctx context.Context, dir string) (err error) {
	if !m.memory {
		if err := mount.Available(); err != nil {
			return err
		}
	}
	if err := m.w.Heeded(ctx, m.state, m.Release, m.Project); err != nil {
		return err
	}
	if err := m.w.Readable(ctx, m.state, m.Release, m.Project); err != nil {
		return err
	}
	if _, err := m.w.Commit(ctx, m.actor, m.SpaceMounted); err != nil {
		return err
	}
	debug.SetMemoryLimit(mountMemory)
	stats, err := m.serve(ctx, dir)
	body := ledger.SpaceUnmounted{Mount: m.Mount, Opens: stats.Opens, Bytes: stats.Bytes}
	e, failed := m.w.Commit(context.WithoutCancel(ctx), m.actor, body)
	var refusal *governance.Refusal
	if errors.As(failed, &refusal) { // who has left says nothing: the controller does
		e, failed = m.w.Commit(context.WithoutCancel(ctx), m.state.ControllerName(), body)
	}
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return m.show(body, func() error {
		m.say("Unmounted, because %s (statement %d): %s.", stats.Ended, e.Index, readSummary(stats.Opens, stats.Bytes))
		return nil
	})
}

func (m *mounting) serve(ctx context.Context, dir string) (stats mount.Stats, err error) {
	ring, err := m.w.Keyring(ctx)
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	files, key, err := m.files(ctx, ring)
	if err != nil {
		return stats, err
	}
	defer key.Wipe()
	vault, err := m.w.Vault(m.state)
	if err != nil {
		return stats, err
	}
	serve := mount.Serve
	if m.memory {
		serve = mount.ServeMemory
	}
	return serve(ctx, dir, mount.Space{Vault: vault, Key: key, Files: files}, mount.Options{
		Until:   m.Until,
		Now:     m.now,
		Allowed: m.allowed(ctx),
		Log:     slog.New(slog.NewTextHandler(m.err, nil)),
		Ready: func() {
			m.say("%s is at %s: %d files, until %s. Ctrl-C unmounts.", mountedWhat(m.Release, m.Project), dir, len(files), day(m.Until))
		},
	})
}

// allowed asks whether a decision, or the clock, has ended the reading since.
func (m *mounting) allowed(ctx context.Context) func(context.Context) error {
	var heeded uint64 // the opt-outs that were looked at last
	return m.w.Watch(func(state *governance.State, now time.Time) error {
		if data := dataOf(state, m.Project); data != m.data {
			return &governance.Refusal{Reason: "the data of project " + m.Project + " was made anew", Remedy: "Mount it again"}
		}
		if x := state.Excluded; x != nil && x.Index != heeded {
			if err := m.w.Heeded(ctx, state, m.Release, m.Project); err != nil {
				return err
			}
			heeded = x.Index
		}
		until, err := state.ReadableUntil(m.actor, m.Release, m.Project, now)
		if err == nil && until.Before(m.Until) {
			m.Until = until // it was made shorter: the next question is asked with this end
		}
		if err == nil && !now.Before(m.Until) {
			err = &governance.Refusal{Reason: "the right to read ended on " + moment(m.Until)}
		}
		return err
	})
}

// files are the tables to show, and the key that opens them.
func (m *mounting) files(ctx context.Context, ring *keyring.Keyring) (files []mount.File, key *keyring.Key, err error) {
	if m.Release != "" {
		release, err := m.state.Release(m.Release)
		if err != nil {
			return nil, nil, err
		}
		manifest, key, err := m.w.Manifest(ctx, m.state, release, ring)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range manifest.Tables {
			files = append(files, mount.File{Name: t.Name + ".parquet", Object: t.Object})
		}
		return files, key, nil
	}
	p, err := m.state.Project(m.Project)
	if err != nil {
		return nil, nil, err
	}
	if key, err = ring.Key(ctx, p.Key()); err != nil {
		return nil, nil, fmt.Errorf("project %s: %w", p.Name, err)
	}
	for i, t := range p.Extraction.Tables {
		files = append(files, mount.File{Name: t.Table + ".parquet", Object: p.Extraction.Objects[i]})
	}
	return files, key, nil
}

func mountedWhat(release, project string) string {
	if project != "" {
		return "project " + project
	}
	return "release " + release
}

// readSummary says what was read of a mount.
func readSummary(opens map[string]int64, bytes int64) string {
	if len(opens) == 0 {
		return size(bytes) + " decrypted"
	}
	var names []string
	for name := range opens {
		names = append(names, name)
	}
	slices.Sort(names)
	more := ""
	if len(names) > 5 {
		more = fmt.Sprintf(" and %d more", len(names)-5)
		names = names[:5]
	}
	return fmt.Sprintf("%s decrypted of %v%s", size(bytes), names, more)
}
