package project

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/airlock/disclosure/cells"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Study is what a researcher hands in to be run.
type Study struct {
	Project     string
	Researcher  string
	Name        string // of the file: *.sql or *.py
	Code        []byte
	Environment run.Environment // for Python
	Limits      run.Limits
	step        *stepOf // where it is a step of several
}

// Ran is what came of a run.
type Ran struct {
	Run string
	ledger.RunFinished
	Refused []run.Refused // what lay in outputs/ and is no regular file
	Log     string        // what the study printed, for its researcher
	Err     error         // why the study failed, or nil
}

// The parts of a run's bundle, a tar.
const (
	codePart    = "code/"
	logPart     = "log.txt"
	outputsPart = "outputs/"
)

// maxStudy bounds a study's text, in bytes.
const maxStudy = 1 << 20

// Run executes a study over its project's space. The error says why it could
// not be run; a study that failed is a run that happened (see [Ran]).
func Run(ctx context.Context, w *warehouse.Warehouse, study Study) (_ *Ran, err error) {
	language, err := languageOf(study)
	if err != nil {
		return nil, err
	}
	made := &Ran{Run: warehouse.NewID("s")}
	made.RunFinished.Run = made.Run
	before, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.Heeded(ctx, before, "", study.Project); err != nil {
		return nil, err
	}
	if err := w.Readable(ctx, before, "", study.Project); err != nil {
		return nil, err
	}
	asked := ledger.RunRequested{
		Run: made.Run, Project: study.Project, Language: string(language), Name: filepath.Base(study.Name), Code: ledger.Sum(study.Code),
	}
	if study.step != nil {
		asked.Step, asked.Commit, asked.Decides = study.step.Name, study.step.commit, study.step.decides
	}
	if _, err = w.Commit(ctx, study.Researcher, asked); err != nil {
		return nil, err
	}
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(study.Project)
	if err != nil {
		return nil, err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	bundle, err := s.execute(ctx, made, study, language, project, key)
	if err != nil {
		return nil, err
	}
	return made, s.finish(ctx, made, bundle, key)
}

func languageOf(study Study) (run.Language, error) {
	if len(study.Code) > maxStudy {
		return "", fmt.Errorf("%s has %d bytes: a study has at most %d", study.Name, len(study.Code), maxStudy)
	}
	switch strings.ToLower(filepath.Ext(study.Name)) {
	case ".sql":
		return run.SQL, nil
	case ".py":
		return run.Python, nil
	}
	return "", fmt.Errorf("%s is no study that can be run: want a file .sql or .py", study.Name)
}

// execute runs the study and returns its bundle: code, log and outputs.
func (s *space) execute(ctx context.Context, made *Ran, study Study, language run.Language, project *governance.Project, key *keyring.Key) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx) // ends inputs that the sandbox has not read
	defer cancel()
	job := run.Job{Name: filepath.Base(study.Name), Code: study.Code, Language: language, Environment: study.Environment, Limits: study.Limits}
	// A run ends when the authorisation does.
	left := project.Spec.Ends.End().Sub(s.w.Now())
	if job.Limits.Time <= 0 {
		job.Limits.Time = run.DefaultLimits.Time
	}
	job.Limits.Time = min(job.Limits.Time, left)
	read := map[string]*atomic.Int64{}
	study.step.bring(&job)
	for i, t := range project.Extraction.Tables {
		if !study.step.reads(t.Table) {
			continue
		}
		in, n := input(ctx, s.vault, t.Table, project.Extraction.Objects[i], key)
		job.Inputs, read[t.Table] = append(job.Inputs, in), n
	}
	heeded := s.state.Excluded // the opt-outs that were looked at last
	ctx, stop := warehouse.WhileAllowed(ctx, s.w.Watch(func(state *governance.State, now time.Time) error {
		if x := state.Excluded; x != nil && (heeded == nil || x.Index != heeded.Index) {
			if err := s.w.Heeded(ctx, state, "", study.Project); err != nil {
				return err
			}
			heeded = x
		}
		body := &ledger.RunRequested{Project: study.Project}
		return state.Authorise(ledger.Statement{Actor: study.Researcher, Kind: body.Kind(), Time: now}, body)
	}))
	defer stop()
	var outputs, log bytes.Buffer
	result, err := run.Execute(ctx, job, &outputs, &log)
	for table, n := range read {
		if bytes := n.Load(); bytes > 0 {
			if made.Read == nil {
				made.Read = map[string]int64{}
			}
			made.Read[table] = bytes
		}
	}
	made.Refused, made.Log, made.Err = result.Refused, log.String(), err
	made.Seconds = result.Duration.Round(time.Millisecond).Seconds()
	if made.Outcome = "done"; err != nil {
		var study *run.StudyError
		var limit *run.LimitError
		var refusal *governance.Refusal
		if errors.As(err, &refusal) {
			made.Outcome = "was stopped: " + refusal.Reason
			return nil, nil // what it wrote is nobody's
		}
		if !errors.As(err, &study) && !errors.As(err, &limit) {
			made.Outcome = "could not be run"
			return nil, errors.Join(err, s.finish(context.WithoutCancel(ctx), made, nil, key))
		}
		made.Outcome = outcome(study, limit)
		outputs.Reset()
	}
	var bundle bytes.Buffer
	err = s.pack(ctx, &bundle, made, job, &outputs, project, key, study.step)
	return bundle.Bytes(), err
}

// outcome says in the ledger how a study failed, without any text of the study's.
func outcome(study *run.StudyError, limit *run.LimitError) string {
	if limit != nil {
		return "went over its limit of " + limit.Limit
	}
	if study.Signal != "" {
		return "was ended by a signal"
	}
	return fmt.Sprintf("failed with status %d", study.Status)
}

// pack writes the bundle and examines every output.
func (s *space) pack(ctx context.Context, bundle io.Writer, made *Ran, job run.Job, outputs io.Reader, project *governance.Project, key *keyring.Key, step *stepOf) error {
	archive := tar.NewWriter(bundle)
	add := func(name string, data []byte) error {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := archive.Write(data)
		return err
	}
	if err := errors.Join(add(codePart+job.Name, job.Code), add(logPart, []byte(made.Log))); err != nil {
		return err
	}
	files, err := readFiles(outputs)
	if err != nil {
		return err
	}
	beside := besideOf(files)
	earlier, err := s.released(ctx, project, key, "")
	if err != nil {
		return err
	}
	for n, f := range files {
		if err := add(outputsPart+f.name, f.data); err != nil {
			return err
		}
		if !step.leaves(f.name) || beside.has(f.name) { // for later steps, or for the check alone
			continue
		}
		output, err := examine(fmt.Sprintf("%s-%d", made.Run, n+1), f, beside, earlier, project.Spec)
		if err != nil {
			return err
		}
		made.Outputs = append(made.Outputs, output)
	}
	return archive.Close()
}

// rulesOf are the disclosure rules of an authorisation: the standard ones, or stricter.
func rulesOf(spec *governance.Spec) disclosure.Rules {
	rules := disclosure.Standard(spec.MinimumCell)
	if spec.MaximumRows > 0 {
		rules.MaxRows = min(rules.MaxRows, spec.MaximumRows)
	}
	if d := spec.Dominance; d != nil {
		rules.Dominance = cells.Dominance{N: d.Largest, K: d.Percent, P: d.P}
	}
	return rules
}

// kindOf is what an authorisation calls a kind of file.
var kindOf = map[disclosure.Kind]string{
	disclosure.CSV: "tables", disclosure.TSV: "tables", disclosure.JSON: "tables",
	disclosure.PNG: "figures", disclosure.SVG: "figures",
	disclosure.Text: "texts", disclosure.Safetensors: "models", disclosure.ONNX: "models",
}

// examine runs the disclosure check on one output, and refuses a kind that was not granted.
func examine(id string, f file, beside beside, earlier []disclosure.Earlier, spec *governance.Spec) (ledger.Output, error) {
	output := ledger.Output{Output: id, Name: f.name, Size: int64(len(f.data)), SHA256: ledger.Sum(f.data)}
	report, err := disclosure.Examine(beside.with(f, earlier), rulesOf(spec))
	if err != nil {
		return output, fmt.Errorf("examine the output %s: %w", f.name, err)
	}
	output.Refused = report.Verdict == disclosure.Refused
	if kind := kindOf[report.Kind]; len(spec.Outputs) > 0 && !slices.Contains(spec.Outputs, kind) {
		output.Refused = true
		output.Findings = append(output.Findings, ledger.Finding{
			Rule: "not-granted", Severity: disclosure.Refuse.String(),
			Message: fmt.Sprintf("the authorisation lets out %s alone: have it amended, or write another kind of file", strings.Join(spec.Outputs, ", ")),
		})
	}
	output.Findings = append(output.Findings, findings(report)...)
	return output, nil
}

// findings are those of a report as the ledger keeps them.
func findings(report disclosure.Report) (list []ledger.Finding) {
	for _, f := range report.Findings {
		list = append(list, ledger.Finding{Rule: f.Rule, Severity: f.Severity.String(), Line: f.Line, Field: f.Field, Message: f.Message})
	}
	return list
}

// finish seals the bundle and records how the run ended. The outputs wait at
// the airlock from then on.
func (s *space) finish(ctx context.Context, made *Ran, bundle []byte, key *keyring.Key) error {
	var objects []ledger.Object
	if bundle != nil {
		object, err := s.vault.Put(ctx, lake.Tar, key, func(w io.Writer) error {
			_, err := w.Write(bundle)
			return err
		})
		if err != nil {
			return fmt.Errorf("seal the outputs: %w", err)
		}
		made.Bundle = &object
		objects = append(objects, object)
	}
	body := made.RunFinished
	if data, err := json.Marshal(body.Outputs); err == nil && len(data) > maxListed {
		body.Outputs = shorten(body.Outputs)
	}
	_, err := s.w.CommitOr(ctx, s.state.ControllerName(), body, func() error {
		return s.deleteAll(context.WithoutCancel(ctx), objects)
	})
	return err
}

// maxListed is how many bytes of a statement outputs and their findings may take.
const maxListed = 40 << 10

// shorten keeps one finding of each output; the others are in the bundle's outputs themselves.
func shorten(outputs []ledger.Output) (short []ledger.Output) {
	for _, o := range outputs {
		o.Findings = o.Findings[:min(len(o.Findings), 1)]
		short = append(short, o)
	}
	return short
}

// Output opens one output of a run: its bytes, as the run wrote them. It asks no policy:
// who may see it, the caller has asked.
func Output(ctx context.Context, w *warehouse.Warehouse, output *governance.Output) (data []byte, err error) {
	var (
		vault *lake.Vault
		id    string
	)
	err = w.Read(ctx, func(m *warehouse.Model) error {
		project, err := m.State.Project(output.Run.Project)
		if err != nil {
			return err
		}
		id = project.Key()
		vault, err = w.Vault(m.State)
		return err
	})
	if err != nil {
		return nil, err
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	key, err := ring.Key(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("project %s: %w", output.Run.Project, err)
	}
	defer key.Wipe()
	err = vault.Read(ctx, *output.Run.Finished.Bundle, key, func(r io.Reader) error {
		data, err = find(tar.NewReader(r), outputsPart+output.Name)
		return err
	})
	if err == nil && ledger.Sum(data) != output.SHA256 {
		err = fmt.Errorf("output %s is not what the run wrote", output.Output.Output)
	}
	return data, err
}

// find reads one file of an archive.
func find(archive *tar.Reader, name string) ([]byte, error) {
	for {
		header, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("the bundle of the run has no %s: %w", name, err)
		}
		if header.Name == name {
			return io.ReadAll(archive)
		}
	}
}
