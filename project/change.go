package project

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Suggest says what each method would make of an output, without any value of it. Those
// that cannot be used on it are left out. It asks no policy, as [Output].
func Suggest(ctx context.Context, w *warehouse.Warehouse, output *governance.Output, methods ...disclosure.Method) (all []*disclosure.Suggestion, err error) {
	err = withOutput(ctx, w, output, func(_ *space, o opened) error {
		for _, m := range methods {
			s, err := disclosure.Suggest(o.beside.with(o.file, o.earlier), rulesOf(o.project.Spec), m)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		return nil
	})
	return all, err
}

// Change makes of an output what a researcher has asked for: another output, sealed as
// the first is, examined anew, which waits by itself. Where the method cannot be used, that
// is recorded.
func Change(ctx context.Context, w *warehouse.Warehouse, change string) (made *ledger.OutputChanged, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	asked, ok := state.Changes.Get(change)
	if !ok || asked.Done != nil {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("change %q is not to be made", change)}
	}
	output, err := state.Output(asked.Output)
	if err != nil {
		return nil, err
	}
	made = &ledger.OutputChanged{Change: change}
	return made, withOutput(ctx, w, output, func(s *space, o opened) error {
		suggestion, err := disclosure.Suggest(o.beside.with(o.file, o.earlier), rulesOf(o.project.Spec), disclosure.Method(asked.Method))
		var objects []ledger.Object
		if err != nil {
			made.Failed = err.Error()
		} else {
			object, result, err := s.sealChanged(ctx, asked, o, suggestion.Data)
			if err != nil {
				return err
			}
			made.Bundle, made.Result, objects = &object, &result, append(objects, object)
		}
		_, err = s.w.CommitOr(ctx, s.state.ControllerName(), *made, func() error {
			return s.deleteAll(context.WithoutCancel(ctx), objects)
		})
		return err
	})
}

// sealChanged examines and seals what a method made, with what stands beside it.
func (s *space) sealChanged(ctx context.Context, asked *governance.OutputChange, o opened, data []byte) (object ledger.Object, result ledger.Output, err error) {
	file := run.File{Name: o.file.Name, Content: data}
	result, err = examine(governance.Changed(asked.Output, asked.Method), file, o.beside, o.earlier, o.project.Spec)
	if err != nil {
		return object, result, err
	}
	files := []run.File{file}
	for name, content := range o.beside.files {
		files = append(files, run.File{Name: name, Content: content})
	}
	object, err = s.vault.Put(ctx, lake.Tar, o.key, func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, f := range files {
			if err := addTo(archive, outputsPart+f.Name, f.Content); err != nil {
				return err
			}
		}
		return archive.Close()
	})
	if err != nil {
		return object, result, fmt.Errorf("seal the changed output: %w", err)
	}
	return object, result, nil
}

// addTo puts a file into an archive.
func addTo(archive *tar.Writer, name string, data []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// Code opens the code of a run: the files of the study, by their names.
func Code(ctx context.Context, w *warehouse.Warehouse, r *governance.Run) (code map[string][]byte, err error) {
	if r.Finished == nil || r.Finished.Bundle == nil {
		return nil, fmt.Errorf("run %s has kept nothing", r.Run)
	}
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	p, err := s.state.Project(r.Project)
	if err != nil {
		return nil, err
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	files, err := s.files(ctx, *r.Finished.Bundle, key, codePart, "")
	return byName(files), err
}
