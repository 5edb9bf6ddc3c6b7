package project

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// filesOf reads the files of a part of a run's archive, into a folder.
func filesOf(archive io.Reader, part, folder string) ([]run.File, error) {
	files, err := filesWanted(archive, func(name string) bool { return strings.HasPrefix(name, part) })
	for i, f := range files {
		files[i].Name = path.Join(folder, strings.TrimPrefix(f.Name, part))
	}
	return files, err
}

// filesWanted reads the files of a run's archive that are wanted, and of the others their names alone.
func filesWanted(archive io.Reader, wanted func(name string) bool) (files []run.File, err error) {
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the outputs: %w", err)
		}
		if !wanted(header.Name) {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read the output %s: %w", header.Name, err)
		}
		files = append(files, run.File{Name: header.Name, Content: content})
	}
}

// named finds a file.
func named(files []run.File, name string) (content []byte, ok bool) {
	i := slices.IndexFunc(files, func(f run.File) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return files[i].Content, true
}

// beside is what helps to examine outputs.
type beside struct {
	files    map[string][]byte // by their names
	measured map[string][]byte // membership tests, by the names of the models
}

// besideOf finds what is handed in beside outputs: declarations, contributions, and
// what declarations name; and what was measured of models.
func besideOf(files, measured []run.File) beside {
	all, b := byName(files), beside{map[string][]byte{}, byName(measured)}
	for name, text := range all {
		if _, ok := disclosure.IsBeside(name); !ok {
			continue
		}
		b.files[name] = text
		d, err := disclosure.ParseDeclaration(text)
		if err != nil || strings.HasSuffix(name, ".csv") {
			continue
		}
		for _, other := range []string{d.Training, d.Attack} {
			if data, ok := all[path.Join(path.Dir(name), other)]; ok && other != "" {
				b.files[path.Join(path.Dir(name), other)] = data
			}
		}
	}
	return b
}

func byName(files []run.File) map[string][]byte {
	all := map[string][]byte{}
	for _, f := range files {
		all[f.Name] = f.Content
	}
	return all
}

func (b beside) has(name string) bool {
	_, ok := b.files[name]
	return ok
}

// with is an output with what stands beside it.
func (b beside) with(f run.File, earlier []disclosure.Earlier) disclosure.Output {
	o := disclosure.Output{Name: path.Base(f.Name), Data: f.Content, Size: int64(len(f.Content)), Earlier: earlier}
	stem := strings.TrimSuffix(f.Name, path.Ext(f.Name)) + ".disclosure"
	for _, ending := range []string{".yaml", ".yml", ".json"} {
		if text, ok := b.files[stem+ending]; ok {
			o.Declaration = text
		}
	}
	o.Contributions, o.Measured = b.files[stem+".csv"], b.measured[f.Name]
	if d, err := disclosure.ParseDeclaration(o.Declaration); o.Declaration != nil && err == nil {
		o.Training, o.Attack = b.files[path.Join(path.Dir(f.Name), d.Training)], b.files[path.Join(path.Dir(f.Name), d.Attack)]
	}
	return o
}

// maxEarlier is how many released tables an output is compared with: the last ones.
const maxEarlier = 200

// released opens the tables that the project was given before, the latest first. They
// lie in the bundles of their runs, sealed with the project's key, and nowhere else.
func (s *space) released(ctx context.Context, project *governance.Project, key *keyring.Key, but string) (list []disclosure.Earlier, err error) {
	in := map[string][]*governance.Output{} // by the name of their bundle
	var bundles []*governance.Output        // one of each
	n := 0
	for id, o := range s.state.Outputs.Backward() {
		if !o.Released || o.Run.Project != project.Name || id == but || !disclosure.IsTable(o.Name) {
			continue
		}
		if n++; n > maxEarlier {
			break
		}
		bundle := o.Bundle()
		if bundle == nil {
			continue // it was never written
		}
		if in[bundle.Name] == nil {
			bundles = append(bundles, o)
		}
		in[bundle.Name] = append(in[bundle.Name], o)
	}
	for _, one := range bundles {
		tables := map[string]bool{}
		for _, o := range in[one.Bundle().Name] {
			tables[outputsPart+o.Name] = true
		}
		files, err := s.filesWanted(ctx, *one.Bundle(), key, func(name string) bool { return tables[name] })
		if err != nil {
			return nil, fmt.Errorf("open what was released of run %s, to compare with it: %w", one.Run.Run, err)
		}
		for _, o := range in[one.Bundle().Name] {
			if data, ok := named(files, outputsPart+o.Name); ok {
				list = append(list, disclosure.Earlier{Output: o.Output.Output, Name: path.Base(o.Name), Data: data})
			}
		}
	}
	return list, nil
}

// bundle opens what lies sealed with an output: what its run wrote, and what was measured of it.
func (s *space) bundle(ctx context.Context, o *governance.Output, key *keyring.Key) (files, measured []run.File, err error) {
	bundle := o.Bundle()
	if bundle == nil {
		return nil, nil, fmt.Errorf("run %s wrote nothing that is kept", o.Run.Run)
	}
	all, err := s.files(ctx, *bundle, key, "", "")
	for _, f := range all {
		if name, in := strings.CutPrefix(f.Name, outputsPart); in {
			files = append(files, run.File{Name: name, Content: f.Content})
		} else if name, in := strings.CutPrefix(f.Name, measuredPart); in {
			measured = append(measured, run.File{Name: name, Content: f.Content})
		}
	}
	return files, measured, err
}

// files opens a part of what a run left, into a folder.
func (s *space) files(ctx context.Context, bundle ledger.Object, key *keyring.Key, part, folder string) (files []run.File, err error) {
	err = s.vault.Read(ctx, bundle, key, func(r io.Reader) error {
		files, err = filesOf(r, part, folder)
		return err
	})
	return files, err
}

// filesWanted opens those files of what a run left that are wanted, by their whole names.
func (s *space) filesWanted(ctx context.Context, bundle ledger.Object, key *keyring.Key, wanted func(name string) bool) (files []run.File, err error) {
	err = s.vault.Read(ctx, bundle, key, func(r io.Reader) error {
		files, err = filesWanted(r, wanted)
		return err
	})
	return files, err
}

// opened is an output with all that it is examined with.
type opened struct {
	project *governance.Project
	key     *keyring.Key
	files   []run.File // that lie sealed with it
	file    run.File   // itself
	beside  beside
	earlier []disclosure.Earlier // what its project was given until now, without it
}

// withOutput opens an output for as long as do takes. It asks no policy, as [Output].
func withOutput(ctx context.Context, w *warehouse.Warehouse, output *governance.Output, do func(*space, opened) error) (err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	var o opened
	if o.project, err = s.state.Project(output.Run.Project); err != nil {
		return err
	}
	if o.key, err = s.key(ctx, o.project); err != nil {
		return err
	}
	defer o.key.Wipe()
	var measured []run.File
	if o.files, measured, err = s.bundle(ctx, output, o.key); err != nil {
		return err
	}
	o.file.Name = output.Name
	if o.file.Content, err = asWritten(output, o.files); err != nil {
		return err
	}
	if o.earlier, err = s.released(ctx, o.project, o.key, output.Output.Output); err != nil {
		return err
	}
	o.beside = besideOf(o.files, measured)
	return do(s, o)
}

// Reexamine runs the disclosure check on an output again, against what was released to
// its project until now. It asks no policy, as [Output].
func Reexamine(ctx context.Context, w *warehouse.Warehouse, output *governance.Output) (report disclosure.Report, err error) {
	err = withOutput(ctx, w, output, func(_ *space, o opened) error {
		report, err = disclosure.Examine(o.beside.with(o.file, o.earlier), rulesOf(o.project.Spec))
		return err
	})
	return report, err
}

// asWritten is an output among the files of its run, if it is what the ledger names.
func asWritten(output *governance.Output, files []run.File) ([]byte, error) {
	data, ok := named(files, output.Name)
	if !ok {
		return nil, fmt.Errorf("the bundle of run %s has no output %s", output.Run.Run, output.Name)
	}
	if ledger.Sum(data) != output.SHA256 {
		return nil, fmt.Errorf("output %s is not what the run wrote", output.Output.Output)
	}
	return data, nil
}
