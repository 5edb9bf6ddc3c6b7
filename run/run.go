// Package run executes a researcher's study over a project's data in a sandbox
// that it cannot leave and that leaves nothing behind.
//
// A [Job] is a study (an SQL script or a Python program) and its inputs, which
// are streams of decrypted bytes. [Execute] starts the sandbox, streams the
// inputs into its memory, runs the study and hands back what the study wrote to
// outputs/ as a tar stream. Who may run what over which data is decided before
// (package project); what may leave is decided after (package airlock).
//
//	Execute ─► enter ─► bwrap ─┃─► supervise ─► python │ sql-worker
//	 checks     sheds    builds┃    first process:      the study
//	 outputs    root     walls ┃    limits, collects
//	                           ┃ no network, no host files, seccomp, no capability
//
// The product's own binary is each step right of Execute: a program that uses
// Execute must call [Inside] first thing in main.
//
// What it guarantees:
//   - The study sees its inputs at /data, read-only, an empty /outputs, system
//     libraries, its Python environment, and nothing else of the machine: no
//     network, no home, no environment variable, no open file, no process.
//   - Inputs, scratch files and outputs are in memory file systems that only the
//     sandbox has: they end with it, however it ends, kill -9 of us included.
//   - On the host the study is the user who runs it, or nobody where that is
//     root; it can gain no capability; the kernel answers only the calls that
//     seccomp.go lists.
//   - Execute ends when its time is over or its context is done, with every
//     process of the study.
//   - The boundary is the kernel's (namespaces, seccomp). The supervisor inside
//     is a convenience: what it sends is checked outside as if a hostile study
//     had written it.
//
// What it does not: it hides nothing from the machine's own root; it does not
// stop what the study computes from being disclosing (the airlock's task);
// memory may be swapped out by a machine whose swap is not encrypted or off.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Language is what a study is written in.
type Language string

// The languages of a study.
const (
	SQL    Language = "sql"    // DuckDB's SQL, a view for each Parquet file of /data
	Python Language = "python" // a program, run by Job.Environment's interpreter
	R      Language = "r"      // a script, by Debian's R
	Shell  Language = "shell"  // a POSIX script, with programs that work on texts and files
)

// LanguageOf is the language of a script by its name: *.sql, *.py, *.R, *.sh, or as registered ([Register]).
func LanguageOf(script string) (Language, bool) {
	switch strings.ToLower(path.Ext(script)) {
	case ".sql":
		return SQL, true
	case ".py":
		return Python, true
	case ".r":
		return R, true
	case ".sh":
		return Shell, true
	}
	return languageByExtension(script)
}

// Job is one study with all it may use.
type Job struct {
	Name        string      // the script's file name in messages, such as "train.py" or "models/train.py"; default "study.sql" or "study.py"
	Code        []byte      // the script itself
	Files       []File      // what it reads beside it, such as a module
	Language    Language    // SQL or Python
	Args        []string    // the program's arguments; none for SQL
	Inputs      []Input     // the files of /data
	Packages    []File      // for Python only: wheels that were let in (package wheel), for the study to import
	Environment Environment // for Python only: see FindEnvironment
	Limits      Limits      // zero fields take DefaultLimits
	Used        func(Usage) // told each second what the sandbox uses; nil: nobody
}

// File is one file of the study's own, by its path from where the study is.
type File struct {
	Name    string // such as "models/common.py"
	Content []byte
}

// MaxFiles bounds the files of a study and its inputs, each of which the sandbox
// is handed open.
const MaxFiles = 400

// Input is one file of /data. Content is read once, to its end, while the
// sandbox starts, and copied straight into the sandbox's memory; its error ends
// the run. A Content that blocks for ever blocks Execute.
type Input struct {
	Name    string // such as "person.parquet", or below a folder "cohort/result.csv"
	Content io.Reader
}

// Limits bound what a study may use.
type Limits struct {
	Memory      int64         // bytes, of all its processes and scratch files together; inputs not counted
	Processes   int           // processes and threads at one time
	Time        time.Duration // wall clock, start of the sandbox included
	OutputBytes int64         // bytes, all outputs together
	OutputFiles int
	CPUs        int  // cores; 0 is all of the machine
	GPU         bool // the machine's GPUs are let in, where there are any
}

// DefaultLimits are the limits of a job that names none.
var DefaultLimits = Limits{
	Memory:      4 << 30,
	Processes:   256,
	Time:        time.Hour,
	OutputBytes: 64 << 20,
	OutputFiles: 1000,
}

// Result is what a run has to say besides its outputs.
type Result struct {
	Outputs  []Output      // in the order of the tar stream: by name
	Refused  []Refused     // what lay in outputs/ and is not in the tar stream
	Duration time.Duration // wall clock
	Calls    []string      // system calls that were refused, by name
	Walls    []string      // what held the study: the kernel's means that this machine has
}

// Output is one file of the tar stream.
type Output struct {
	Name   string // slash-separated, relative to outputs/
	Size   int64
	SHA256 [32]byte
}

// Refused is an entry of outputs/ that was left behind.
type Refused struct {
	Name   string `json:"name"` // quoted where it holds control characters
	Reason string `json:"reason"`
}

// StudyError says that the study itself failed.
type StudyError struct {
	Status int    // exit status; -1 where a signal ended it
	Signal string // such as "killed"; empty where it exited
	Tail   string // the last lines it wrote
}

func (e *StudyError) Error() string {
	how := fmt.Sprintf("ended with status %d", e.Status)
	if file, line := e.Place(); line > 0 {
		how += fmt.Sprintf(" in %s, line %d", file, line)
	}
	if e.Signal != "" {
		how = "was ended by the signal " + e.Signal
	}
	if e.Tail == "" {
		return "the study " + how + " and wrote nothing that says why"
	}
	return "the study " + how + "; its last lines:\n" + e.Tail
}

// places are how Python, R and the shell say where in the study something failed.
var places = []*regexp.Regexp{
	regexp.MustCompile(`File "/study/([^"\n]+)", line (\d+)`),
	regexp.MustCompile(`/study/([^:"\n]+):(\d+):\d+:`),
	regexp.MustCompile(`(?m)^/study/([^:"\n]+): (?:line )?(\d+):`),
}

// Place is the file and line of the study where it failed, as its last lines tell; line 0
// where they do not. SQL's errors have it in their own text.
func (e *StudyError) Place() (file string, line int) {
	for _, place := range places {
		if all := place.FindAllStringSubmatch(e.Tail, -1); len(all) > 0 {
			last := all[len(all)-1]
			line, _ = strconv.Atoi(last[2])
			return last[1], line
		}
	}
	return "", 0
}

// LimitError says which of the job's limits ended the run.
type LimitError struct {
	Limit string // "memory", "time", "scratch space", "output bytes" or "output files"
	Bound string // the limit's value, for people
	Tail  string // the last lines the study wrote, where it came to its end
}

func (e *LimitError) Error() string {
	text := fmt.Sprintf("the study went over its limit of %s (%s): let it use less, or ask for a higher limit", e.Limit, e.Bound)
	if e.Tail != "" {
		text += "; its last lines:\n" + e.Tail
	}
	return text
}

// grace is how long the streams of a dead sandbox may take to end.
const grace = 5 * time.Second

// Execute runs a job, writes its outputs as a tar stream of regular files to
// outputs and what the study printed (at most 1 MiB) to log. The outputs are
// complete only where the error is nil; a study that fails hands back none.
//
// Errors: [*StudyError], [*LimitError], the context's error, an input's or a
// writer's error, or one that says why no sandbox could be started.
func Execute(ctx context.Context, job Job, outputs io.Writer, log io.Writer) (Result, error) {
	job, err := job.checked()
	if err != nil {
		return Result{}, err
	}
	s, err := prepare(job)
	if err != nil {
		return Result{}, fmt.Errorf("prepare the sandbox: %w", err)
	}
	defer s.close()

	overtime := &LimitError{Limit: "time", Bound: job.Limits.Time.String()}
	ctx, cancel := context.WithTimeoutCause(ctx, job.Limits.Time, overtime)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	began := time.Now()
	said := newTranscript(log)
	result, told, err := s.run(ctx, stop, job, outputs, said)
	result.Duration = time.Since(began)
	if cause := context.Cause(ctx); cause != nil { // why we ended it comes before how it ended
		return result, cause
	}
	if err != nil {
		return result, err
	}
	return result, told.verdict(job.Limits, said)
}

// checked is the job with its defaults, or what is wrong with it.
func (j Job) checked() (Job, error) {
	switch j.Language {
	case SQL:
		if len(j.Args) > 0 {
			return j, errors.New("an SQL study takes no arguments: write them into the script")
		}
		j.Name = orDefault(j.Name, "study.sql")
	case Python:
		if j.Environment.Interpreter == "" {
			return j, errors.New("a Python study needs an environment: see FindEnvironment")
		}
		j.Name = orDefault(j.Name, "study.py")
	case R, Shell:
		if j.Environment.Interpreter == "" {
			var err error
			if j.Environment, err = SystemEnvironment(j.Language, ""); err != nil {
				return j, err
			}
		}
		j.Name = orDefault(j.Name, map[Language]string{R: "study.R", Shell: "study.sh"}[j.Language])
	default:
		if _, ok := workers[j.Language]; !ok {
			return j, fmt.Errorf("unknown language %q of a study: want %q or %q", j.Language, SQL, Python)
		}
		if len(j.Args) > 0 {
			return j, errors.New("it takes no arguments: write them into the file")
		}
		j.Name = orDefault(j.Name, "study")
	}
	if err := j.checkedNames(); err != nil {
		return j, err
	}
	j.Limits.Memory = orDefault(j.Limits.Memory, DefaultLimits.Memory)
	j.Limits.Processes = orDefault(j.Limits.Processes, DefaultLimits.Processes)
	j.Limits.Time = orDefault(j.Limits.Time, DefaultLimits.Time)
	j.Limits.OutputBytes = orDefault(j.Limits.OutputBytes, DefaultLimits.OutputBytes)
	j.Limits.OutputFiles = orDefault(j.Limits.OutputFiles, DefaultLimits.OutputFiles)
	if j.Limits.Memory < 256<<20 {
		return j, fmt.Errorf("a memory limit of %d bytes is too small for any study: want at least 256 MiB", j.Limits.Memory)
	}
	return j, nil
}

// checkedNames refuses names that could mean another place of the sandbox.
func (j Job) checkedNames() error {
	if !plainPath(j.Name) {
		return fmt.Errorf("%q cannot name a study: want a plain file name such as study.sql", j.Name)
	}
	if n := len(j.Files) + len(j.Inputs); n > MaxFiles {
		return fmt.Errorf("a study of %d files and inputs: at most %d", n, MaxFiles)
	}
	files, inputs := map[string]bool{j.Name: true, "data": true, "outputs": true}, map[string]bool{}
	for _, f := range j.Files {
		top, _, _ := strings.Cut(f.Name, "/")
		if !plainPath(f.Name) || files[f.Name] || top == "data" || top == "outputs" {
			return fmt.Errorf("%q cannot name a file of a study: want plain names, each once, and neither data nor outputs", f.Name)
		}
		files[f.Name] = true
	}
	if len(j.Packages) > 0 && j.Language != Python {
		return errors.New("packages are for studies in Python")
	}
	wheels := map[string]bool{}
	for _, w := range j.Packages {
		if !plainPath(w.Name) || strings.Contains(w.Name, "/") || wheels[w.Name] {
			return fmt.Errorf("%q cannot name a package: want plain file names, each once", w.Name)
		}
		wheels[w.Name] = true
	}
	for _, in := range j.Inputs {
		if !plainPath(in.Name) || inputs[in.Name] {
			return fmt.Errorf("%q cannot name an input: want plain file names, each once", in.Name)
		}
		inputs[in.Name] = true
	}
	return nil
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// run starts the prepared sandbox and sees it to its end: when run returns, the
// kernel has ended, or is ending, each of its processes. The sandbox is ended
// early by ctx alone; what fails on our side calls stop with the reason.
func (s *sandbox) run(ctx context.Context, stop context.CancelCauseFunc, job Job, outputs io.Writer, said *transcript) (Result, report, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", enterCommand)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = s.printed.w, s.printed.w
	cmd.ExtraFiles = s.inherited
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 { // enter needs a mount namespace to shed root in
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	group := newCgroup(job.Limits)
	defer group.close()
	if group != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.dir.Fd())
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		return Result{}, report{}, fmt.Errorf("start the sandbox: %w", err)
	}
	s.closeTheirs()

	var (
		streams errgroup.Group
		result  Result
		told    report
		cut     bool
	)
	attempt := func(f func() error) {
		streams.Go(func() error {
			if err := f(); err != nil {
				stop(err)
			}
			return nil
		})
	}
	for i, in := range job.Inputs {
		attempt(func() error { return feed(s.fed[i], in, group) })
	}
	attempt(func() error { return said.copy(s.printed.r) })
	attempt(func() (err error) {
		result.Outputs, err = receive(outputs, s.written.r, job.Limits)
		if errors.Is(err, errCutShort) {
			cut, err = true, nil
		}
		return err
	})
	attempt(func() (err error) {
		told, err = readReport(s.told.r)
		return err
	})

	watching, enough := context.WithCancel(ctx)
	if job.Used != nil {
		streams.Go(func() error { watchUsage(watching, cmd.Process.Pid, group, job.Used); return nil })
	}

	// The exit status says nothing that the report does not; a sandbox that
	// ended without a report did not start.
	_ = cmd.Wait()
	enough()
	s.lifeline.w.Close() // ends a supervisor that outlived bwrap
	last := time.AfterFunc(grace, s.closeOurs)
	_ = streams.Wait()
	last.Stop()
	result.Refused, result.Calls, result.Walls = told.Refused, told.Calls, told.Walls
	result.Walls = append(result.Walls, gpuWall(job.Limits.GPU, s.devices)...)
	if group != nil {
		result.Walls = append(result.Walls, "limits by control group")
	} else {
		result.Walls = append(result.Walls, "limits by process: no control group is delegated")
	}
	if group.exhausted() {
		told.Limit = limitMemory
	}
	if cut && told.verdict(job.Limits, said) == nil {
		return result, told, errCutShort
	}
	return result, told, nil
}

// feed copies one input into the sandbox. The pipe is closed only after the
// whole content or the run's end: a shortened input never looks complete.
func feed(pipe *os.File, in Input, group *cgroup) error {
	n, err := io.Copy(pipe, in.Content)
	if err == nil {
		err = group.take(n)
	}
	switch {
	case errors.Is(err, syscall.EPIPE): // the sandbox ended first and says why
		err = nil
	case err != nil:
		return fmt.Errorf("read the input %s: %w", in.Name, err) // the pipe stays open until the sandbox is gone
	}
	return errors.Join(err, pipe.Close())
}
