package warehouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
)

// MigrateOptions say where the warehouse moves.
type MigrateOptions struct {
	To       string
	Parallel int // objects at a time; 0 is 4
	Progress Progress
}

// Migration is what came of a migration, as the statement says it. Where there are
// failures, the warehouse has stayed where it was.
type Migration struct {
	ledger.HostMigrated
	Failures []host.Failure `json:"failures,omitempty"`
	Entry    uint64         `json:"statement,omitempty"`
}

// Migrate moves the warehouse to another host of the register: every object
// that the ledger names is copied there and read back. Everybody goes on
// meanwhile; steps that write wait for the last moment only, in which what came
// since is copied, the statement is made, and the configuration follows it.
//
// Killed at any moment, it is repeated: before the statement the warehouse has
// stayed where it was, after it the warehouse has moved.
func (w *Warehouse) Migrate(ctx context.Context, o MigrateOptions) (m *Migration, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if state.Host == o.To && w.Config.Host.Name != o.To { // it was killed when it had moved
		return w.endMigration(ctx, state)
	}
	if err := w.movable(state, o.To); err != nil {
		return nil, err
	}
	from, to, err := w.pair(state.Host, o.To)
	if err != nil {
		return nil, err
	}
	if err := host.Distinct(ctx, to, from); err != nil {
		return nil, err
	}
	work := &host.Migration{From: from, To: to, Parallel: o.Parallel, Progress: func(done, total int64) { o.Progress.Report("copy", done, total) }}
	began := time.Now() // a duration, not a date
	items, err := w.items(ctx, state, from)
	if err != nil {
		return nil, err
	}
	first, err := work.Run(ctx, items)
	if err != nil {
		return nil, err
	}
	if len(first.Failures) > 0 {
		return w.stopped(ctx, state, w.migration(state, o.To, first, items, began))
	}

	release, err := filelock.Exclusive(ctx, w.path("publishing.lock"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if state, err = w.State(ctx); err != nil {
		return nil, err
	}
	if items, err = w.items(ctx, state, from); err != nil {
		return nil, err
	}
	last, err := work.Run(ctx, items)
	if err != nil {
		return nil, err
	}
	last.Copied += first.Copied
	m = w.migration(state, o.To, last, items, began)
	if len(last.Failures) > 0 {
		return w.stopped(ctx, state, m)
	}
	e, err := w.Commit(ctx, state.ControllerName(), m.HostMigrated)
	if err != nil {
		return nil, err
	}
	m.Entry = e.Index
	return m, w.reconfigure(ctx, w.Config.moved(o.To))
}

// movable says whether the warehouse may move to a host.
func (w *Warehouse) movable(state *governance.State, to string) error {
	if to == state.Host {
		return &governance.Refusal{Reason: fmt.Sprintf("the warehouse lies with host %s already", to)}
	}
	if _, err := state.HostByName(to); err != nil {
		return err
	}
	if err := state.Welcome(to, w.Now()); err != nil {
		return err
	}
	return w.may(state, state.ControllerName(), &ledger.HostMigrated{From: state.Host, To: to})
}

// items lists what is to be moved: what the ledger names. What nobody can open
// any more need not be there; an abandoned object need not follow.
func (w *Warehouse) items(ctx context.Context, state *governance.State, from host.Store) ([]host.Item, error) {
	named, _, err := w.named(state)
	if err != nil {
		return nil, err
	}
	abandoned, err := w.abandoned(state)
	if err != nil {
		return nil, err
	}
	present := map[string]bool{}
	err = from.List(ctx, func(name string, _ int64) error {
		present[name] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	var items []host.Item
	for _, o := range named {
		_, destroyed := state.Destroyed[o.Key]
		if abandoned[o.Name] || destroyed && !present[o.Name] {
			continue
		}
		items = append(items, host.Item{Name: o.Name, Size: o.Size, SHA256: string(o.SHA256)})
	}
	return items, nil
}

func (w *Warehouse) migration(state *governance.State, to string, moved host.Moved, items []host.Item, began time.Time) *Migration {
	return &Migration{Failures: moved.Failures, HostMigrated: ledger.HostMigrated{
		From: state.Host, To: to, Objects: moved.Objects, Bytes: moved.Bytes, Copied: moved.Copied,
		List: ledger.Digest(host.Digest(items)), Seconds: time.Since(began).Round(time.Millisecond).Seconds(),
	}}
}

// maxUnproven is how many objects a statement names that could not be moved.
const maxUnproven = 100

// stopped records what could not be moved, and why.
func (w *Warehouse) stopped(ctx context.Context, state *governance.State, m *Migration) (*Migration, error) {
	body := ledger.MigrationStopped{From: m.From, To: m.To, Objects: m.Objects, Bytes: m.Bytes, Failed: int64(len(m.Failures)), Seconds: m.Seconds}
	for _, f := range m.Failures[:min(len(m.Failures), maxUnproven)] {
		body.Unproven = append(body.Unproven, ledger.Unproven(f))
	}
	e, err := w.Commit(ctx, state.ControllerName(), body)
	m.Entry = e.Index
	return m, err
}

// endMigration lets the configuration follow a statement that was made when the
// process was killed.
func (w *Warehouse) endMigration(ctx context.Context, state *governance.State) (*Migration, error) {
	if _, known := w.HostConfig(state.Host); !known {
		_, err := w.Store(state.Host)
		return nil, err
	}
	last := state.Migrations[len(state.Migrations)-1]
	return &Migration{HostMigrated: last.HostMigrated, Entry: last.Index}, w.reconfigure(ctx, w.Config.moved(state.Host))
}

// Plan says what a migration has to do.
type Plan struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Objects int64   `json:"objects"`
	Bytes   int64   `json:"bytes"`
	There   int64   `json:"there"`   // objects that are there already, by name and size
	ToCopy  int64   `json:"to_copy"` // bytes that are not
	Seconds float64 `json:"seconds"` // by the pace of the sample
	Sample  int64   `json:"sample"`  // bytes that were copied and read back, and deleted again
}

// sampleSize is how much is copied to find out the pace, in bytes.
const sampleSize = 8 << 20

// PlanMigration says how much there is to move, and how long it may take: it
// moves a sample and deletes it again. Nothing else changes.
func (w *Warehouse) PlanMigration(ctx context.Context, to string) (p *Plan, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.movable(state, to); err != nil {
		return nil, err
	}
	old, next, err := w.pair(state.Host, to)
	if err != nil {
		return nil, err
	}
	items, err := w.items(ctx, state, old)
	if err != nil {
		return nil, err
	}
	there := map[string]int64{}
	err = next.List(ctx, func(name string, size int64) error {
		there[name] = size
		return nil
	})
	if err != nil {
		return nil, err
	}
	p = &Plan{From: state.Host, To: to, Objects: int64(len(items))}
	var largest host.Item
	for _, i := range items {
		p.Bytes += i.Size
		if size, ok := there[i.Name]; ok && size == i.Size {
			p.There++
		} else {
			p.ToCopy += i.Size
		}
		if i.Size > largest.Size {
			largest = i
		}
	}
	if p.Objects == 0 {
		return p, nil
	}
	began := time.Now() // a duration, not a date
	if p.Sample, err = trial(ctx, old, next, largest.Name); err != nil {
		return nil, err
	}
	pace := time.Since(began).Seconds() / float64(max(p.Sample, 1)) // of one at a time: no longer than that
	p.Seconds = pace * float64(p.ToCopy)
	return p, nil
}

// trial moves a sample there, reads it back and deletes it.
func trial(ctx context.Context, from, to host.Store, name string) (n int64, err error) {
	var body bytes.Buffer
	if n, err = sample(ctx, from, name, sampleSize, &body); err != nil {
		return 0, err
	}
	probe := host.NewName()
	if err := to.Put(ctx, probe, bytes.NewReader(body.Bytes())); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Delete(context.WithoutCancel(ctx), probe)) }()
	var back bytes.Buffer
	if _, err := sample(ctx, to, probe, n, &back); err != nil {
		return 0, err
	}
	if !bytes.Equal(body.Bytes(), back.Bytes()) {
		return 0, errors.New("what the new host gives back is not what was put there")
	}
	return n, nil
}
