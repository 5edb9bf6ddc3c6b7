package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/ledger"
)

// Store is the store of a host of the configuration.
func (w *Warehouse) Store(name string) (host.Store, error) {
	if name == w.Config.Host.Name {
		return w.Host, nil
	}
	var names []string
	for _, h := range w.Config.Hosts {
		if h.Name == name {
			return h.open(w.absolute)
		}
		names = append(names, h.Name)
	}
	remedy := "Describe it: rempart host add " + name
	if near := nearest.Name(name, append(names, w.Config.Host.Name)); near != "" {
		remedy = "Did you mean " + near + "?"
	}
	return nil, &governance.Refusal{Reason: fmt.Sprintf("%s does not say how host %q is reached", ConfigFile, name), Remedy: remedy}
}

// stillThere refuses a statement that names objects, where the warehouse has
// moved to another host since they were put.
func (w *Warehouse) stillThere(state *governance.State, body ledger.Body) error {
	to := w.sealsTo.Load()
	if to == nil || *to == state.Host {
		return nil
	}
	switch body.(type) {
	case ledger.DepositMade, ledger.PersonsLinked, ledger.VocabularyLoaded, ledger.ReleasePublished, ledger.ProjectExtracted, ledger.RunRequested, ledger.RunFinished, ledger.WheelRequested:
		return &governance.Refusal{Reason: fmt.Sprintf("the warehouse has moved from host %s to %s meanwhile", *to, state.Host), Remedy: "Repeat the command"}
	}
	return nil
}

// may says before a long step whether its actor may take it, as the gate will
// say at its end.
func (w *Warehouse) may(state *governance.State, actor string, step ledger.Body) error {
	return state.AuthoriseKey(actor, w.Now(), step)
}

// RegisterHost adds a host to the register and to the configuration, or
// describes one anew.
func (w *Warehouse) RegisterHost(ctx context.Context, at HostConfig, who ledger.HostRegistered) (e ledger.Entry, err error) {
	config := w.Config.with(at)
	if err := config.checkHosts(); err != nil {
		return e, err
	}
	if _, err := at.open(w.absolute); err != nil {
		return e, err
	}
	if err := w.reconfigure(ctx, config); err != nil {
		return e, err
	}
	return w.Commit(ctx, w.Config.Controller, who)
}

// HostConfig is how a host of the configuration is reached.
func (w *Warehouse) HostConfig(name string) (HostConfig, bool) {
	for _, h := range w.Config.hosts() {
		if h.Name == name {
			return h, true
		}
	}
	return HostConfig{}, false
}

// HostErased is what came of erasing a host.
type HostErased struct {
	ledger.HostErased
	Entry uint64 `json:"statement"`
}

// EraseHost deletes every object of a host that the warehouse has left, every
// version of it where the host keeps versions, and records it once the host
// lists none. Interrupted, it can be repeated.
func (w *Warehouse) EraseHost(ctx context.Context, name, reason string) (erased *HostErased, err error) {
	release, err := filelock.Exclusive(ctx, w.path("publishing.lock"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	erased = &HostErased{HostErased: ledger.HostErased{Host: name, Reason: reason}}
	if err := errors.Join(state.Erasable(name), w.may(state, state.ControllerName(), &erased.HostErased)); err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, &governance.Refusal{Reason: "what is erased cannot be had back", Remedy: "Say why: --reason"}
	}
	for _, m := range state.Migrations { // a ledger that is put back to before it would need the old host
		if m.From != name {
			continue
		}
		if err := w.InEffect(ctx, state, m.Made, m.Kind()); err != nil {
			return nil, err
		}
	}
	old, current, err := w.pair(name, state.Host)
	if err != nil {
		return nil, err
	}
	if err := host.Distinct(ctx, old, current); err != nil {
		return nil, err
	}
	if erased.Objects, erased.Bytes, err = empty(ctx, old); err != nil {
		return nil, fmt.Errorf("erase host %s: %w", name, err)
	}
	e, err := w.Commit(ctx, state.ControllerName(), erased.HostErased)
	erased.Entry = e.Index
	return erased, err
}

// pair opens two hosts.
func (w *Warehouse) pair(a, b string) (host.Store, host.Store, error) {
	first, err := w.Store(a)
	if err != nil {
		return nil, nil, err
	}
	second, err := w.Store(b)
	return first, second, err
}

// halfUploads is a store on which a crash can leave parts of objects.
type halfUploads interface {
	Incomplete(ctx context.Context) (int, error)
	AbortIncomplete(ctx context.Context) (int, error)
}

// empty deletes all of ours that a store lists, and what it does not list.
func empty(ctx context.Context, store host.Store) (objects, bytes int64, err error) {
	var names []string
	err = store.List(ctx, func(name string, size int64) error {
		if host.Ours(name) {
			names = append(names, name)
			bytes += size
		}
		return nil
	})
	for _, name := range names {
		if err == nil {
			err = store.Delete(ctx, name)
		}
	}
	if parts, ok := store.(halfUploads); ok && err == nil {
		_, err = parts.AbortIncomplete(ctx)
	}
	if err != nil {
		return 0, 0, err
	}
	err = store.List(ctx, func(name string, _ int64) error {
		if !host.Ours(name) {
			return nil
		}
		return fmt.Errorf("object %s was deleted and is still there: see whether the host locks objects", name)
	})
	return int64(len(names)), bytes, err
}

// hostFiles are the files of the configuration that open hosts, and folders the
// hosts that are directories: what belongs to the home though no statement names it.
func (c Config) hostFiles(absolute func(string) string) (files, folders []string) {
	for _, h := range c.hosts() {
		for _, file := range []string{h.CredentialsFile, h.CAFile} {
			if file != "" {
				files = append(files, filepath.Clean(absolute(file)))
			}
		}
		if h.Kind == "directory" {
			folders = append(folders, filepath.Clean(absolute(h.Path)))
		}
	}
	return files, folders
}

// sample reads one object of a host, at most limit bytes of it.
func sample(ctx context.Context, store host.Store, name string, limit int64, to io.Writer) (n int64, err error) {
	object, err := store.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	n, err = io.Copy(to, io.NewSectionReader(object, 0, min(limit, object.Size())))
	return n, err
}
