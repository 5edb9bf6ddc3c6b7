package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// The files of a twin's folder. It holds nothing of anybody, and may leave.
const (
	twinText      = "authorisation.yaml"
	twinCatalogue = "catalogue.json"
	twinData      = "data"
	twinOutputs   = "outputs"
)

// Twin is an invented space, in a folder of plain files, to write studies with.
type Twin struct {
	Project string           `json:"project"`
	Release string           `json:"release"` // that it resembles
	Persons int              `json:"persons"`
	Seed    uint64           `json:"seed"`
	Tables  map[string]int64 `json:"tables"` // rows
}

// MakeTwin writes a twin of a project's space into a new or empty folder, for so
// many persons, made from the space's catalogue alone (see package catalogue).
// as is the researcher, as for [Catalogue].
func MakeTwin(ctx context.Context, w *warehouse.Warehouse, as, name, dir string, persons int, seed uint64) (*Twin, error) {
	c, _, err := Catalogue(ctx, w, as, name)
	if err != nil {
		return nil, err
	}
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	p, err := state.Project(name)
	if err != nil {
		return nil, err
	}
	if err := empty(dir); err != nil {
		return nil, err
	}
	twin := &Twin{Project: name, Release: c.Release, Persons: persons, Seed: seed, Tables: map[string]int64{}}
	if err := os.MkdirAll(filepath.Join(dir, twinData), 0o755); err != nil { //nolint:gosec // nothing of it is anybody's
		return nil, err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	err = c.Twin(ctx, db, seed, persons, func(table, query string) error {
		var rows int64
		if err := db.Value(ctx, &rows, "SELECT count(*) "+query); err != nil {
			return err
		}
		twin.Tables[table] = rows
		return writeTable(ctx, db, query, filepath.Join(dir, twinData, table+".parquet"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	return twin, errors.Join( // the text last: a folder that has it is whole
		atomicfile.Write(filepath.Join(dir, twinCatalogue), text, 0o644),
		atomicfile.Write(filepath.Join(dir, twinText), []byte(p.Text), 0o644))
}

func writeTable(ctx context.Context, db *engine.DB, query, path string) (err error) {
	f, err := os.Create(path) //nolint:gosec // named by the researcher
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return db.CopyOut(ctx, query, engine.Parquet, f)
}

// OpenTwin reads the folder of a twin, which must be one of project name ("" is any).
func OpenTwin(dir, name string) (*TwinFolder, error) {
	text, err := os.ReadFile(filepath.Join(dir, twinText)) //nolint:gosec // named by the researcher
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &governance.Refusal{Reason: "the folder " + dir + " holds no twin", Remedy: "Make one: rempart project dummy PROJECT " + dir}
	}
	if err != nil {
		return nil, err
	}
	spec, err := governance.ParseSpec(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, twinText), err)
	}
	if name != "" && name != spec.Project {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("%s is a twin of project %s, not of %s", dir, spec.Project, name), Remedy: "Make one: rempart project dummy " + name + " DIR"}
	}
	return &TwinFolder{dir: dir, spec: spec}, nil
}

// TwinFolder is a twin to run studies over. It needs no warehouse, and says
// nothing to a ledger.
type TwinFolder struct {
	dir  string
	spec *governance.Spec
}

// Run runs a study as [Run] does over the space: in the same sandbox, with the
// same limits, and with the airlock's findings on each output. The outputs are
// files below the twin's folder, in place of those of the run before.
func (t *TwinFolder) Run(ctx context.Context, study Study) (*Ran, error) {
	if err := os.RemoveAll(filepath.Join(t.dir, twinOutputs)); err != nil {
		return nil, err
	}
	made, _, err := t.run(ctx, study, twinOutputs)
	return made, err
}

// RunSteps runs every step of a study over the twin, as [RunSteps] does over the
// space; each has a folder of its own below outputs.
func (t *TwinFolder) RunSteps(ctx context.Context, all Steps, told func(StepRan)) (ran []StepRan, err error) {
	if err := os.RemoveAll(filepath.Join(t.dir, twinOutputs)); err != nil {
		return nil, err
	}
	made := map[string][]run.File{}
	for _, step := range all.Study.Steps {
		s := &stepOf{Step: step}
		for _, need := range step.Needs {
			s.given = append(s.given, made[need]...)
		}
		study := Study{Name: step.Run, Code: step.Code, Environment: all.Environment, R: all.R, Limits: step.Limits, step: s}
		result, files, err := t.run(ctx, study, filepath.Join(twinOutputs, step.Name))
		if err != nil {
			return ran, fmt.Errorf("step %s: %w", step.Name, err)
		}
		r := StepRan{Step: step.Name, Ran: result}
		ran = append(ran, r)
		told(r)
		if result.Err != nil {
			return ran, nil //nolint:nilerr // a step that failed has run; it says why
		}
		for _, f := range files {
			made[step.Name] = append(made[step.Name], run.File{Name: path.Join(step.Name, f.Name), Content: f.Content})
		}
	}
	return ran, nil
}

// run runs one study, into a folder of the twin's.
func (t *TwinFolder) run(ctx context.Context, study Study, into string) (_ *Ran, files []run.File, err error) {
	if err := study.bring(nil); err != nil {
		return nil, nil, err
	}
	job := study.job()
	ctx, cancel := context.WithCancel(ctx) // ends tables that the sandbox has not read
	defer cancel()
	var inputs []run.Input
	tables, err := filepath.Glob(filepath.Join(t.dir, twinData, "*.parquet"))
	if err != nil {
		return nil, nil, err
	}
	for _, table := range slices.Sorted(slices.Values(tables)) {
		if !study.step.reads(strings.TrimSuffix(filepath.Base(table), ".parquet")) {
			continue
		}
		f, err := os.Open(table) //nolint:gosec // named by the researcher
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		inputs = append(inputs, run.Input{Name: filepath.Base(table), Content: f})
	}
	job.Inputs = append(job.Inputs, study.step.tables(ctx, inputs)...)
	var outputs, log bytes.Buffer
	result, err := run.Execute(ctx, job, &outputs, &log)
	made := &Ran{Run: "twin"}
	if !made.ended(result, err, log.String()) {
		return nil, nil, err
	}
	if made.Err != nil {
		return made, nil, nil
	}
	if files, err = filesOf(&outputs, "", ""); err != nil {
		return nil, nil, err
	}
	if err := unpack(files, filepath.Join(t.dir, into)); err != nil {
		return nil, nil, err
	}
	measured, err := measure(ctx, files, study.step.of(job.Language), func() run.Environment { return study.Environment })
	if err != nil {
		return nil, nil, err
	}
	return made, files, made.examine(files, measured, study.step.of(job.Language), nil, t.spec)
}

// empty refuses a folder that holds something.
func empty(dir string) error {
	if entries, err := os.ReadDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return errors.Join(&governance.Refusal{Reason: "the folder " + dir + " is not empty", Remedy: "Name a new one"}, err)
	}
	return nil
}

// unpack writes files to a folder.
func unpack(files []run.File, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing of it is anybody's
		return err
	}
	root, err := os.OpenRoot(dir) // whatever the names are, the files lie in it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, f := range files {
		if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(f.Name, f.Content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
