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
func filesOf(archive io.Reader, part, folder string) (files []run.File, err error) {
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the outputs: %w", err)
		}
		name, in := strings.CutPrefix(header.Name, part)
		if !in {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read the output %s: %w", name, err)
		}
		files = append(files, run.File{Name: path.Join(folder, name), Content: content})
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

// beside are the files that help to examine outputs, by their names.
type beside map[string][]byte

// besideOf finds what is handed in beside outputs: declarations, contributions, and
// what declarations name.
func besideOf(files []run.File) beside {
	all, b := map[string][]byte{}, beside{}
	for _, f := range files {
		all[f.Name] = f.Content
	}
	for name, text := range all {
		if _, ok := disclosure.IsBeside(name); !ok {
			continue
		}
		b[name] = text
		d, err := disclosure.ParseDeclaration(text)
		if err != nil || strings.HasSuffix(name, ".csv") {
			continue
		}
		for _, other := range []string{d.Training, d.Script, d.Attack} {
			if data, ok := all[path.Join(path.Dir(name), other)]; ok && other != "" {
				b[path.Join(path.Dir(name), other)] = data
			}
		}
	}
	return b
}

func (b beside) has(name string) bool {
	_, ok := b[name]
	return ok
}

// with is an output with what stands beside it.
func (b beside) with(f run.File, earlier []disclosure.Earlier) disclosure.Output {
	o := disclosure.Output{Name: path.Base(f.Name), Data: f.Content, Size: int64(len(f.Content)), Earlier: earlier}
	stem := strings.TrimSuffix(f.Name, path.Ext(f.Name)) + ".disclosure"
	for _, ending := range []string{".yaml", ".yml", ".json"} {
		if text, ok := b[stem+ending]; ok {
			o.Declaration = text
		}
	}
	o.Contributions = b[stem+".csv"]
	if d, err := disclosure.ParseDeclaration(o.Declaration); o.Declaration != nil && err == nil {
		o.Training, o.Attack = b[path.Join(path.Dir(f.Name), d.Training)], b[path.Join(path.Dir(f.Name), d.Attack)]
	}
	return o
}

// maxEarlier is how many released tables an output is compared with: the last ones.
const maxEarlier = 200

// released opens the tables that the project was given before, the latest first. They
// lie in the bundles of their runs, sealed with the project's key, and nowhere else.
func (s *space) released(ctx context.Context, project *governance.Project, key *keyring.Key, but string) (list []disclosure.Earlier, err error) {
	byRun := map[*governance.Run][]*governance.Output{}
	var runs []*governance.Run
	n := 0
	for id, o := range s.state.Outputs.Backward() {
		if !o.Released || o.Run.Project != project.Name || id == but || !disclosure.IsTable(o.Name) {
			continue
		}
		if n++; n > maxEarlier {
			break
		}
		if byRun[o.Run] == nil {
			runs = append(runs, o.Run)
		}
		byRun[o.Run] = append(byRun[o.Run], o)
	}
	for _, r := range runs {
		files, err := s.bundle(ctx, r, key)
		if err != nil {
			return nil, fmt.Errorf("open what was released of run %s, to compare with it: %w", r.Run, err)
		}
		for _, o := range byRun[r] {
			if data, ok := named(files, o.Name); ok {
				list = append(list, disclosure.Earlier{Output: o.Output.Output, Name: path.Base(o.Name), Data: data})
			}
		}
	}
	return list, nil
}

// bundle opens what a run wrote.
func (s *space) bundle(ctx context.Context, r *governance.Run, key *keyring.Key) (files []run.File, err error) {
	err = s.vault.Read(ctx, *r.Finished.Bundle, key, func(r io.Reader) error {
		files, err = filesOf(r, outputsPart, "")
		return err
	})
	return files, err
}

// Reexamine runs the disclosure check on an output again, against what was released to
// its project until now. It asks no policy, as [Output].
func Reexamine(ctx context.Context, w *warehouse.Warehouse, output *governance.Output) (report disclosure.Report, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(output.Run.Project)
	if err != nil {
		return report, err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return report, err
	}
	defer key.Wipe()
	files, err := s.bundle(ctx, output.Run, key)
	if err != nil {
		return report, err
	}
	data, err := asWritten(output, files)
	if err != nil {
		return report, err
	}
	earlier, err := s.released(ctx, project, key, output.Output.Output)
	if err != nil {
		return report, err
	}
	return disclosure.Examine(besideOf(files).with(run.File{Name: output.Name, Content: data}, earlier), rulesOf(project.Spec))
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
