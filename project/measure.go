package project

import (
	"context"
	"encoding/json"
	"path"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/project/dataset"
	"rempart.eu/rempart/project/membership"
	"rempart.eu/rempart/run"
)

// checkersPython is the environment of membership tests: the warehouse's, and where it has none
// the study's own.
func (s *space) checkersPython(study run.Environment) run.Environment {
	if python := s.w.Config.Run.Python; python != "" {
		if environment, err := run.FindEnvironment(python); err == nil {
			return environment
		}
	}
	return study
}

// measure makes a membership test of each model that asks to leave and was fitted to the training
// table of a step that its own needs. environment is asked for where there is one: to find it starts
// an interpreter.
func measure(ctx context.Context, files []run.File, step *stepOf, environment func() run.Environment) (measured []run.File, err error) {
	beside := besideOf(files, nil)
	for _, f := range files {
		if !disclosure.IsModel(f.Name) || !step.leaves(f.Name) || beside.has(f.Name) {
			continue
		}
		var declared disclosure.Declaration
		if d, err := disclosure.ParseDeclaration(beside.with(f, nil).Declaration); err == nil {
			declared = *d
		}
		report, err := step.test(ctx, f, declared, environment)
		if err != nil {
			return nil, err
		}
		if report != nil {
			measured = append(measured, run.File{Name: f.Name, Content: report})
		}
	}
	return measured, nil
}

// test makes the membership test of one model; nil where its step needs no training table.
func (s *stepOf) test(ctx context.Context, model run.File, declared disclosure.Declaration, environment func() run.Environment) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	var folders []string
	for _, f := range s.given {
		if folder, name := path.Split(f.Name); name == dataset.Description {
			folders = append(folders, path.Clean(folder))
		}
	}
	folder := declared.Dataset
	switch {
	case len(folders) == 0:
		return nil, nil
	case folder == "" && len(folders) > 1:
		return membership.Untestable("several", "folder", folders[0]), nil
	case folder == "":
		folder = folders[0]
	}
	given := func(name string) []byte {
		content, _ := named(s.given, path.Join(folder, name))
		return content
	}
	t := membership.Test{Name: model.Name, Model: model.Content, Kind: declared.Shadow, Description: given(dataset.Description), Members: given("train.parquet")}
	var made dataset.Made
	if err := json.Unmarshal(t.Description, &made); err != nil || t.Members == nil {
		return membership.Untestable("table", "folder", folder), nil //nolint:nilerr // the checker is told
	}
	t.Others = given("test.parquet")
	if made.Rows["test"] == 0 {
		t.Others = given("valid.parquet")
	}
	if t.Environment = environment(); t.Environment.Interpreter == "" {
		return membership.Untestable("python"), nil
	}
	return membership.Measure(ctx, t)
}
