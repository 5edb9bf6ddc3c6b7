package project

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// file is one file that a run wrote.
type file struct {
	name string
	data []byte
}

func readFiles(archive io.Reader) (files []file, err error) {
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the outputs: %w", err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read the output %s: %w", header.Name, err)
		}
		files = append(files, file{header.Name, data})
	}
}

// beside are the files that help to examine outputs, by their names.
type beside map[string][]byte

// besideOf finds what is handed in beside outputs: declarations, contributions, and
// what declarations name.
func besideOf(files []file) beside {
	all, b := map[string][]byte{}, beside{}
	for _, f := range files {
		all[f.name] = f.data
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
func (b beside) with(f file, earlier []disclosure.Earlier) disclosure.Output {
	o := disclosure.Output{Name: path.Base(f.name), Data: f.data, Size: int64(len(f.data)), Earlier: earlier}
	stem := strings.TrimSuffix(f.name, path.Ext(f.name)) + ".disclosure"
	for _, ending := range []string{".yaml", ".yml", ".json"} {
		if text, ok := b[stem+ending]; ok {
			o.Declaration = text
		}
	}
	o.Contributions = b[stem+".csv"]
	if d, err := disclosure.ParseDeclaration(o.Declaration); o.Declaration != nil && err == nil {
		o.Training, o.Attack = b[path.Join(path.Dir(f.name), d.Training)], b[path.Join(path.Dir(f.name), d.Attack)]
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
		if !o.Released || o.Run.Project != project.Name || id == but || !comparable(o.Name) {
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
			for _, f := range files {
				if f.name == outputsPart+o.Name {
					list = append(list, disclosure.Earlier{Output: o.Output.Output, Name: path.Base(o.Name), Data: f.data})
				}
			}
		}
	}
	return list, nil
}

// comparable says whether a file's name is a table's.
func comparable(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv", ".tsv", ".tab", ".json", ".ndjson", ".jsonl":
		return true
	}
	return false
}

func (s *space) bundle(ctx context.Context, r *governance.Run, key *keyring.Key) (files []file, err error) {
	err = s.vault.Read(ctx, *r.Finished.Bundle, key, func(r io.Reader) error {
		files, err = readFiles(r)
		return err
	})
	return files, err
}

// Bundle is what a run left: its code, its log, its outputs and what stands beside them.
type Bundle struct {
	files []file
}

// Output is one output as the run wrote it.
func (b *Bundle) Output(name string) ([]byte, bool) { return b.find(outputsPart + name) }

// Code is the study, byte for byte.
func (b *Bundle) Code() []byte {
	for _, f := range b.files {
		if strings.HasPrefix(f.name, codePart) {
			return f.data
		}
	}
	return nil
}

func (b *Bundle) find(name string) ([]byte, bool) {
	for _, f := range b.files {
		if f.name == name {
			return f.data, true
		}
	}
	return nil, false
}

// beside are the files that stand beside the outputs.
func (b *Bundle) beside() beside {
	var files []file
	for _, f := range b.files {
		if name, ok := strings.CutPrefix(f.name, outputsPart); ok {
			files = append(files, file{name, f.data})
		}
	}
	return besideOf(files)
}

// Reexamine runs the disclosure check on an output again, against what was released to
// its project until now. It asks no policy, as [Output].
func Reexamine(ctx context.Context, w *warehouse.Warehouse, output *governance.Output) (report disclosure.Report, err error) {
	err = inBundle(ctx, w, output, func(s *space, project *governance.Project, key *keyring.Key, b *Bundle, data []byte) error {
		earlier, err := s.released(ctx, project, key, output.Output.Output)
		if err != nil {
			return err
		}
		report, err = disclosure.Examine(b.beside().with(file{output.Name, data}, earlier), rulesOf(project.Spec))
		return err
	})
	return report, err
}

// inBundle opens the bundle of an output's run, and the output in it.
func inBundle(ctx context.Context, w *warehouse.Warehouse, output *governance.Output, do func(*space, *governance.Project, *keyring.Key, *Bundle, []byte) error) (err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(output.Run.Project)
	if err != nil {
		return err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return err
	}
	defer key.Wipe()
	files, err := s.bundle(ctx, output.Run, key)
	if err != nil {
		return err
	}
	b := &Bundle{files}
	data, ok := b.Output(output.Name)
	if !ok {
		return fmt.Errorf("the bundle of run %s has no output %s", output.Run.Run, output.Name)
	}
	if ledger.Sum(data) != output.SHA256 {
		return fmt.Errorf("output %s is not what the run wrote", output.Output.Output)
	}
	return do(s, project, key, b, data)
}
