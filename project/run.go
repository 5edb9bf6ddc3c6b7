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
	"sync"
	"sync/atomic"
	"time"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/airlock/disclosure/cells"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/warehouse"
)

// Study is what a researcher hands in to be run.
type Study struct {
	Project     string
	Researcher  string
	Name        string // of the file: *.sql, *.py, *.R or *.sh
	Code        []byte
	Environment run.Environment // for Python
	R           string          // over a twin: the folder of R's environment, or ""; a warehouse's configuration names its own
	TablesAs    string          // of one script: how the space's tables are handed over, see steps.Step
	Limits      run.Limits
	Follow      func(Progress, string) // told each second how far the run is, and what is shown of its log; nil: nobody
	step        *stepOf                // where it is a step of several
	language    run.Language           // see bring
	digest      ledger.Digest          // of the environment, or ""
	queued      bool                   // it stays in the queue where our own end interrupts it
}

// Ran is what came of a run.
type Ran struct {
	Run string
	ledger.RunFinished
	Refused []run.Refused // what lay in outputs/ and is no regular file
	Log     string        // what the study printed, for its researcher: see readable
	Err     error         // why the study failed, or nil
	printed string        // all that it printed, for the bundle
}

// The parts of a run's bundle, a tar.
const (
	codePart     = "code/"
	logPart      = "log.txt"
	outputsPart  = "outputs/"
	measuredPart = "measured/" // what membership tests said of models, by the name of the output
)

// maxStudy bounds a study's text, in bytes.
const maxStudy = 1 << 20

// Run executes a study over its project's space. The error says why it could
// not be run; a study that failed is a run that happened (see [Ran]).
func Run(ctx context.Context, w *warehouse.Warehouse, study Study) (_ *Ran, err error) {
	if err := mayUseGPU(w, study.Limits); err != nil {
		return nil, err
	}
	study.R = w.Config.Run.R
	made := &Ran{Run: warehouse.NewID("s")}
	made.RunFinished.Run = made.Run
	before, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if asked, err := before.Project(study.Project); err != nil {
		return nil, err
	} else if err := study.bring(asked); err != nil {
		return nil, err
	} else if err := withdrawn(asked, study); err != nil {
		return nil, err
	}
	if err := usable(ctx, w, before, study.Project); err != nil {
		return nil, err
	}
	asked := ledger.RunRequested{
		Run: made.Run, Project: study.Project, Language: string(study.language), Name: filepath.Base(study.Name), Code: ledger.Sum(study.Code), Environment: study.digest,
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
	release, _, err := claim(ctx, w, made.Run) // so that others see that it is under way
	if err != nil {
		return nil, err
	}
	bundle, err := s.execute(ctx, made, study, project, key)
	if release != nil {
		release()
	}
	if err != nil {
		return nil, err
	}
	return made, s.finish(ctx, made, bundle, key)
}

func languageOf(study Study) (run.Language, error) {
	if len(study.Code) > maxStudy {
		return "", fmt.Errorf("%s has %d bytes: a study has at most %d", study.Name, len(study.Code), maxStudy)
	}
	language, ok := run.LanguageOf(study.Name)
	if !ok {
		return "", fmt.Errorf("%s is no study that can be run: want a file .sql, .py, .R or .sh, or a specification .yaml (rempart dataset)", study.Name)
	}
	return language, nil
}

// bring gives a study its language, the environment that the language has, and the digest
// of that, with the packages of its project; a twin has none (nil). Python's environment was chosen
// before. What was brought stays.
func (study *Study) bring(project *governance.Project) (err error) {
	if study.language != "" {
		return nil
	}
	language, err := languageOf(*study)
	if err != nil {
		return err
	}
	if study.TablesAs != "" && study.step == nil {
		study.step = &stepOf{Step: Single(study.Name, study.Code, study.TablesAs, study.Limits).Steps[0]}
	}
	if study.step != nil {
		if err := steps.TablesAs(language, study.step.TablesAs); err != nil {
			return err
		}
	}
	if language != run.Python {
		if study.Environment, err = run.SystemEnvironment(language, study.R); err != nil {
			return err
		}
	}
	if study.Environment.Interpreter != "" {
		digest, err := study.Environment.Digest()
		if err != nil {
			return err
		}
		study.digest = ledger.Digest(digest)
	}
	if language == run.Python && project != nil {
		study.digest = withWheels(study.digest, project.Wheels)
	}
	study.language = language
	return nil
}

// mayUseGPU says whether the controller has let studies to the machine's GPUs, where one asks for them. The
// digest of the configuration is in the ledger.
func mayUseGPU(w *warehouse.Warehouse, limits run.Limits) error {
	if limits.GPU && !w.Config.Run.GPU {
		return &governance.Refusal{Reason: "the study asks for a GPU, and the warehouse lets none into its sandboxes", Remedy: "Leave out resources: gpu, or have the controller set [run] gpu = true in rempart.toml and record it: rempart config record"}
	}
	return nil
}

// job is what the sandbox is told of a study, but for the tables.
func (study Study) job() run.Job {
	job := run.Job{Name: filepath.Base(study.Name), Code: study.Code, Language: study.language, Environment: study.Environment, Limits: study.Limits}
	study.step.bring(&job)
	return job
}

// execute runs the study and returns its bundle: code, log and outputs.
func (s *space) execute(ctx context.Context, made *Ran, study Study, project *governance.Project, key *keyring.Key) (_ []byte, err error) {
	ctx, cancel := context.WithCancel(ctx) // ends inputs that the sandbox has not read
	defer cancel()
	job := study.job()
	// A run ends when the authorisation does.
	left := project.Spec.Ends.End().Sub(s.w.Now())
	if job.Limits.Time <= 0 {
		job.Limits.Time = run.DefaultLimits.Time
	}
	job.Limits.Time = min(job.Limits.Time, left)
	if job.Language == run.Python {
		if job.Packages, err = s.wheels(ctx, project, key, job.Environment); err != nil {
			made.Outcome = "could not be run"
			return nil, errors.Join(err, s.finish(context.WithoutCancel(ctx), made, nil, key))
		}
	}
	var tables []run.Input
	read := map[string]*atomic.Int64{}
	for i, t := range project.Extraction.Tables {
		if !study.step.reads(t.Table) {
			continue
		}
		in, n := input(ctx, s.vault, t.Table, project.Extraction.Objects[i], key)
		tables, read[t.Table] = append(tables, in), n
	}
	job.Inputs = append(job.Inputs, study.step.tables(ctx, tables)...)
	heeded := s.state.Excluded // the opt-outs that were looked at last
	outer := ctx
	ctx, stop := warehouse.WhileAllowed(ctx, s.w.Watch(func(state *governance.State, now time.Time) error {
		if x := state.Excluded; x != nil && (heeded == nil || x.Index != heeded.Index) {
			if err := s.w.Heeded(ctx, state, "", study.Project); err != nil {
				return err
			}
			heeded = x
		}
		if r, err := state.Run(made.Run); err == nil {
			if r.Cancelled != nil {
				return &governance.Refusal{Reason: "it was cancelled"}
			}
			if p, err := state.Project(study.Project); err == nil && job.Language == run.Python {
				if err := goneSince(p, r.Index); err != nil {
					return err
				}
			}
		}
		return mayRun(state, study.Researcher, study.Project, now)
	}))
	defer stop()
	var outputs, log bytes.Buffer
	given := func() (n int64) {
		for _, of := range read {
			n += of.Load()
		}
		return n
	}
	if job.Limits.Memory <= 0 {
		job.Limits.Memory = run.DefaultLimits.Memory
	}
	told := &live{w: s.w, key: key, given: given, began: time.Now(), at: time.Now(), limit: job.Limits, told: study.Follow, screen: newScreen()}
	job.Used = told.uses
	stopTelling := told.keepTold(ctx, made.Run)
	result, err := run.Execute(ctx, job, &outputs, io.MultiWriter(&log, told))
	if failed := stopTelling(); err == nil {
		err = failed
	}
	if study.queued && outer.Err() != nil {
		return nil, outer.Err()
	}
	for table, n := range read {
		if bytes := n.Load(); bytes > 0 {
			if made.Read == nil {
				made.Read = map[string]int64{}
			}
			made.Read[table] = bytes
		}
	}
	ended := made.ended(result, err, log.String())
	if err != nil {
		var refusal *governance.Refusal
		if errors.As(err, &refusal) {
			made.Outcome = "was stopped: " + refusal.Reason
			return nil, nil // what it wrote is nobody's
		}
		if !ended {
			made.Outcome = "could not be run"
			return nil, errors.Join(err, s.finish(context.WithoutCancel(ctx), made, nil, key))
		}
		outputs.Reset()
	}
	var bundle bytes.Buffer
	err = s.pack(ctx, &bundle, made, job, &outputs, project, key, study.step.of(job.Language))
	return bundle.Bytes(), err
}

// ended takes in how the sandbox ended, and says whether the study itself came to an
// end, good or bad. How it failed is told without any text of the study's.
func (made *Ran) ended(result run.Result, err error, log string) bool {
	made.Refused, made.Err, made.printed = result.Refused, err, log
	shown, read := readable(log)
	made.Log, made.RunFinished.Log = shown, &read
	made.Walls, made.Calls, made.Left = result.Walls, result.Calls, leftBehind(made)
	made.Seconds = result.Duration.Round(time.Millisecond).Seconds()
	var study *run.StudyError
	var limit *run.LimitError
	switch {
	case err == nil:
		made.Outcome = "done"
	case errors.As(err, &limit):
		made.Outcome = "went over its limit of " + limit.Limit
		told := *limit
		told.Tail, _ = readable(limit.Tail)
		made.Err = &told
		return true
	case !errors.As(err, &study):
		return false
	}
	if study != nil {
		told := *study
		told.Tail, _ = readable(study.Tail)
		made.Err = &told
	}
	switch {
	case study == nil:
	case study.Signal != "":
		made.Outcome = "was ended by a signal"
	default:
		made.Outcome = fmt.Sprintf("failed with status %d", study.Status)
	}
	return true
}

// pack writes the bundle and examines every output.
func (s *space) pack(ctx context.Context, bundle io.Writer, made *Ran, job run.Job, outputs io.Reader, project *governance.Project, key *keyring.Key, step *stepOf) error {
	archive := tar.NewWriter(bundle)
	add := func(name string, data []byte) error { return addTo(archive, name, data) }
	document, err := json.Marshal(step.document(job))
	if err != nil {
		return err
	}
	if err := errors.Join(add(codePart+job.Name, job.Code), add(crateStudy, document), add(logPart, []byte(made.printed))); err != nil {
		return err
	}
	for _, f := range job.Files { // what a checker reads beside the script
		if err := add(codePart+f.Name, f.Content); err != nil {
			return err
		}
	}
	files, err := filesOf(outputs, "", "")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := add(outputsPart+f.Name, f.Content); err != nil {
			return err
		}
	}
	earlier, err := s.released(ctx, project, key, "")
	if err != nil {
		return err
	}
	measured, err := measure(ctx, files, step, sync.OnceValue(func() run.Environment { return s.checkersPython(job.Environment) }))
	if err != nil {
		return err
	}
	for _, m := range measured {
		if err := add(measuredPart+m.Name, m.Content); err != nil {
			return err
		}
	}
	return errors.Join(made.examine(files, measured, step, earlier, project.Spec), archive.Close())
}

// examine runs the disclosure check on each file that asks to leave. The others are for
// later steps, or for the check alone.
func (made *Ran) examine(files, measured []run.File, step *stepOf, earlier []disclosure.Earlier, spec *governance.Spec) error {
	beside := besideOf(files, measured)
	for n, f := range files {
		if !step.leaves(f.Name) || beside.has(f.Name) {
			continue
		}
		output, err := examine(fmt.Sprintf("%s-%d", made.Run, n+1), f, beside, earlier, spec)
		if err != nil {
			return err
		}
		made.Outputs = append(made.Outputs, output)
	}
	return nil
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
	disclosure.HTML: "tables", disclosure.Parquet: "tables", disclosure.CSV: "tables", disclosure.TSV: "tables", disclosure.JSON: "tables",
	disclosure.PNG: "figures", disclosure.SVG: "figures",
	disclosure.Text: "texts", disclosure.Safetensors: "models", disclosure.ONNX: "models",
}

// examine runs the disclosure check on one output, and refuses a kind that was not granted.
func examine(id string, f run.File, beside beside, earlier []disclosure.Earlier, spec *governance.Spec) (ledger.Output, error) {
	output := ledger.Output{Output: id, Name: f.Name, Size: int64(len(f.Content)), SHA256: ledger.Sum(f.Content)}
	report, err := disclosure.Examine(beside.with(f, earlier), rulesOf(spec))
	if err != nil {
		return output, fmt.Errorf("examine the output %s: %w", f.Name, err)
	}
	output.Refused = report.Verdict == disclosure.Refused
	if kind := kindOf[report.Kind]; len(spec.Outputs) > 0 && !slices.Contains(spec.Outputs, kind) {
		output.Refused = true
		output.Findings = append(output.Findings, findings(disclosure.NotGranted(spec.Outputs))...)
	}
	output.Findings = append(output.Findings, findings(report.Findings...)...)
	return output, nil
}

// findings are such as the ledger keeps them.
func findings(all ...disclosure.Finding) (list []ledger.Finding) {
	for _, f := range all {
		list = append(list, ledger.Finding{Rule: f.Rule, Code: f.Code, Values: f.Values, Severity: f.Severity.String(), Line: f.Line, Field: f.Field, Message: f.Message})
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
	var files []run.File
	bundle := output.Bundle()
	if bundle == nil {
		return nil, fmt.Errorf("run %s wrote nothing that is kept", output.Run.Run)
	}
	err = vault.Read(ctx, *bundle, key, func(r io.Reader) error {
		files, err = filesOf(r, outputsPart+output.Name, output.Name) // this one alone is read
		return err
	})
	if err != nil {
		return nil, err
	}
	return asWritten(output, files)
}
