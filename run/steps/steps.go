// Package steps reads a study of several steps: a folder under git with a file
// rempart.yaml.
//
//	steps:
//	  - name: cohort
//	    run: cohort.sql
//	    tables: [person, condition_occurrence]
//	  - name: features
//	    run: features.yaml
//	  - name: model
//	    run: train.py
//	    args: [--epochs, "3"]
//	    uses: [lib/*.py]
//	    needs: [cohort, features]
//	    outputs: [metrics.csv, model.safetensors]
//	    memory: 2GiB
//	    time: 30m
//
// A step sees the tables that it names (all where it names none), below a folder
// of its name what each step wrote that it needs, and of the study its script and
// the files that it uses. What it does not see cannot change what it makes: a
// step whose script, files, arguments, tables, environment and needs are the same
// as before need not run again ([Step.Digest]).
package steps

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/run"
)

// FileName is what a folder must hold to be a study of steps.
const FileName = "rempart.yaml"

// Study is a study of steps, in an order in which they can run.
type Study struct {
	Commit string `json:"commit"` // of git; with a + where files differ from it
	Steps  []*Step
}

// Step is one step of a study.
type Step struct {
	Name    string   `yaml:"name"`
	Run     string   `yaml:"run"` // the script: *.sql, *.py, *.R, *.sh, or *.yaml of a dataset
	Args    []string `yaml:"args"`
	Uses    []string `yaml:"uses"`    // patterns of files that it reads beside its script
	Tables  []string `yaml:"tables"`  // of the space; none named: all
	Needs   []string `yaml:"needs"`   // steps whose outputs it reads
	Outputs []string `yaml:"outputs"` // patterns of what asks to leave; none named: all, of a step that none needs
	Memory  string   `yaml:"memory"`  // such as 2GiB
	Time    string   `yaml:"time"`    // such as 30m
	Writes  string   `yaml:"writes"`  // how much it may write, such as 512MiB
	CPUs    int      `yaml:"cpus"`    // cores; none named: all of the machine

	Resources string `yaml:"resources"` // gpu, or nothing
	TablesAs  string `yaml:"tables_as"` // csv, for what reads no Parquet; parquet, or nothing

	Limits run.Limits `yaml:"-"` // that these texts say
	Code   []byte     `yaml:"-"`
	Files  []run.File `yaml:"-"` // that it uses, by name

	Needed bool `yaml:"-"` // by another step
}

// most bounds what a step may ask for.
var most = run.Limits{Memory: 64 << 30, Time: 7 * 24 * time.Hour, OutputBytes: 2 << 30}

var (
	validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	unknown   = regexp.MustCompile(`unknown field "([^"]+)"`)
	fields    = []string{"steps", "name", "run", "args", "uses", "tables", "needs", "outputs", "memory", "time", "writes", "cpus", "resources", "tables_as"}
)

// parse reads rempart.yaml. files are all of the study's, by name.
func parse(text []byte, files []run.File) ([]*Step, error) {
	var file struct {
		Steps []*Step `yaml:"steps"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		hint := ""
		if m := unknown.FindStringSubmatch(err.Error()); m != nil {
			hint = meant(m[1], fields)
		}
		return nil, fmt.Errorf("%s cannot be read: %s%s", FileName, yaml.FormatError(err, false, true), hint)
	}
	if len(file.Steps) == 0 {
		return nil, fmt.Errorf("%s: steps: name at least one", FileName)
	}
	var faults []error
	for i, s := range file.Steps {
		if s == nil {
			return nil, fmt.Errorf("%s: steps: number %d is empty", FileName, i+1)
		}
		for _, err := range s.read(file.Steps[:i], files) {
			faults = append(faults, fmt.Errorf("%s: step %q: %w", FileName, s.Name, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return ordered(file.Steps)
}

// meant asks on a line of its own whether a known name was meant, where one is near.
func meant(got string, known []string) string {
	near := nearest.Name(got, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("\nDid you mean %q?", near)
}

// read checks a step and takes its files in.
func (s *Step) read(before []*Step, files []run.File) (faults []error) {
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!validName.MatchString(s.Name), "name: want lower-case letters, digits and _, such as cohort_2026")
	fault(slices.ContainsFunc(before, func(b *Step) bool { return b.Name == s.Name }), "name: another step has it")
	language, ok := run.LanguageOf(s.Run)
	fault(!ok, "run: %q is no script that can be run: want a file .sql, .py, .R or .sh, or .yaml of a dataset", s.Run)
	fault(language == run.SQL && len(s.Args) > 0, "args: SQL takes none: write them into the script")
	found := false
	for _, f := range files {
		if f.Name == s.Run {
			s.Code, found = f.Content, true
		}
	}
	fault(!found, "run: there is no file %s under git", s.Run)
	for _, pattern := range s.Uses {
		any := false
		for _, f := range files {
			if fits, err := path.Match(pattern, f.Name); err != nil {
				fault(true, "uses: %q is no pattern: %w", pattern, err)
				break
			} else if fits {
				any = true
				if f.Name != s.Run && !slices.ContainsFunc(s.Files, func(g run.File) bool { return g.Name == f.Name }) {
					s.Files = append(s.Files, f)
				}
			}
		}
		fault(!any, "uses: no file under git fits %s", pattern)
	}
	for _, pattern := range s.Outputs {
		_, err := path.Match(pattern, "")
		fault(err != nil, "outputs: %q is no pattern: such as tables/*.csv", pattern)
	}
	slices.SortFunc(s.Files, func(a, b run.File) int { return strings.Compare(a.Name, b.Name) })
	fault(!size(s.Memory, &s.Limits.Memory, 256<<20, most.Memory), "memory: %q: want 256MiB to 64GiB", s.Memory)
	fault(!size(s.Writes, &s.Limits.OutputBytes, 1, most.OutputBytes), "writes: %q: want at most 2GiB", s.Writes)
	fault(s.CPUs < 0 || s.CPUs > 1024, "cpus: %d: want the number of cores", s.CPUs)
	s.Limits.CPUs = s.CPUs
	fault(s.Resources != "" && s.Resources != "gpu", "resources: %q: want gpu, or nothing", s.Resources)
	s.Limits.GPU = s.Resources == "gpu"
	if err := TablesAs(language, s.TablesAs); err != nil {
		faults = append(faults, err)
	}
	if s.Time != "" {
		d, err := time.ParseDuration(s.Time)
		fault(err != nil || d < time.Second || d > most.Time, "time: %q: want 1s to 168h, such as 30m", s.Time)
		s.Limits.Time = d
	}
	return faults
}

// CSV is the form in which a step reads tables that reads no Parquet.
const CSV = "csv"

// TablesAs refuses a form in which no study of a language reads the tables of a space.
func TablesAs(language run.Language, form string) error {
	switch {
	case form == "" || form == "parquet":
		return nil
	case form != CSV:
		return fmt.Errorf("tables_as: %q: want csv or parquet", form)
	case language != run.R && language != run.Python && language != run.Shell:
		return errors.New("tables_as: csv is for R, Python and the shell: SQL and datasets read the tables as they are")
	}
	return nil
}

// size reads a text such as 2GiB, and says whether it lies between bounds. None is fine.
func size(text string, into *int64, least, most int64) bool {
	if text == "" {
		return true
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n > uint64(most) || int64(n) < least {
		return false
	}
	*into = int64(n)
	return true
}

// ordered puts each step after those that it needs, else as they were written.
func ordered(steps []*Step) (order []*Step, err error) {
	byName := map[string]*Step{}
	var names []string
	for _, s := range steps {
		byName[s.Name] = s
		names = append(names, s.Name)
	}
	const under, done = 1, 2
	state := map[string]int{}
	var visit func(s *Step, way []string) error
	visit = func(s *Step, way []string) error {
		way = append(way, s.Name)
		if state[s.Name] == under {
			return fmt.Errorf("%s: these steps need each other in a circle: %s", FileName, strings.Join(way, " → "))
		}
		if state[s.Name] == done {
			return nil
		}
		state[s.Name] = under
		for _, n := range s.Needs {
			need := byName[n]
			if need == nil {
				return fmt.Errorf("%s: step %q: needs: there is no step %q%s", FileName, s.Name, n, meant(n, names))
			}
			need.Needed = true
			if err := visit(need, way); err != nil {
				return err
			}
		}
		state[s.Name] = done
		order = append(order, s)
		return nil
	}
	for _, s := range steps {
		if err := visit(s, nil); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// Leaves says whether a file that the step wrote asks to leave; else it is for
// later steps alone.
func (s *Step) Leaves(name string) bool {
	if len(s.Outputs) == 0 {
		return !s.Needed
	}
	return slices.ContainsFunc(s.Outputs, func(pattern string) bool {
		fits, err := path.Match(pattern, name)
		return err == nil && fits
	})
}

// Input is something that a step reads, by its content.
type Input struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Digest is the SHA-256 of all that decides what a step makes: its script, files,
// arguments, which outputs ask to leave, its environment, and its inputs.
func (s *Step) Digest(environment string, inputs []Input) string {
	sum := func(content []byte) string {
		digest := sha256.Sum256(content)
		return hex.EncodeToString(digest[:])
	}
	files := []Input{}
	for _, f := range s.Files {
		files = append(files, Input{f.Name, sum(f.Content)})
	}
	all := map[string]any{
		"run": s.Run, "code": sum(s.Code), "args": s.Args, "files": files, "outputs": s.Outputs, "needed": s.Needed,
		"environment": environment, "inputs": inputs,
	}
	if s.TablesAs == CSV { // steps of before have none
		all["tables_as"] = CSV
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // texts alone
	}
	return sum(text)
}

// Only keeps the steps that the named ones need, and these.
func (s *Study) Only(names []string) error {
	if len(names) == 0 {
		return nil
	}
	want := map[string]bool{}
	var known []string
	for _, step := range s.Steps {
		known = append(known, step.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("%s has no step %q%s", FileName, n, meant(n, known))
		}
		want[n] = true
	}
	for _, step := range slices.Backward(s.Steps) {
		if want[step.Name] {
			for _, n := range step.Needs {
				want[n] = true
			}
		}
	}
	s.Steps = slices.DeleteFunc(s.Steps, func(step *Step) bool { return !want[step.Name] })
	return nil
}
