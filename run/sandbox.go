package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open files of the sandbox's first processes, by number. What follows
// fdSeccomp is read by bwrap alone.
const (
	fdPlan     = 3 + iota // the plan, read by enter
	fdOrder               // the order, read by the supervisor
	fdWritten             // tar stream of the outputs, from the supervisor
	fdTold                // the supervisor's report
	fdLifeline            // ends when the process that called Execute ends
	fdSeccomp             // the compiled filter
)

// pipe is a stream between us and the sandbox.
type pipe struct{ r, w *os.File }

// sandbox is what a run holds open: our ends of the streams, and the files that
// the sandbox inherits, the first as number 3.
type sandbox struct {
	printed, written, told, lifeline pipe
	fed                              []*os.File // our ends of the inputs, as in Job.Inputs
	inherited                        []*os.File
	devices                          []string // of GPUs, that stand in the sandbox
}

// order is what the supervisor is told to do.
type order struct {
	Command     []string
	Environment []string
	Memory      int64 // Limits.Memory: all processes together
	Single      int64 // bytes that one process may allocate
	Processes   int
	OutputBytes int64
	OutputFiles int
	CPUs        int
	Packages    []string // wheels to unpack
	Devices     []string // of GPUs
}

// prepare opens everything a run needs.
func prepare(job Job) (_ *sandbox, err error) {
	s := &sandbox{}
	if job.Limits.GPU {
		s.devices = gpuDevices()
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, p := range []*pipe{&s.printed, &s.written, &s.told, &s.lifeline} {
		if p.r, p.w, err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	filter, err := seccompFilter()
	if err != nil {
		return nil, err
	}
	order := orderOf(job)
	order.Devices = s.devices
	orders, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}

	s.inherited = make([]*os.File, fdSeccomp+1-fdPlan)
	s.inherited[fdWritten-3], s.inherited[fdTold-3], s.inherited[fdLifeline-3] = s.written.w, s.told.w, s.lifeline.r
	if s.inherited[fdOrder-3], err = memoryFile("order", orders); err != nil {
		return nil, err
	}
	if s.inherited[fdSeccomp-3], err = memoryFile("seccomp", filter); err != nil {
		return nil, err
	}
	walls, err := s.walls(job)
	if err != nil {
		return nil, err
	}
	plan, err := json.Marshal(walls)
	if err != nil {
		return nil, err
	}
	s.inherited[fdPlan-3], err = memoryFile("plan", plan)
	return s, err
}

// orderOf is the command, environment and limits of the study's first process.
// Everything in the environment is said here: nothing of ours is passed on.
func orderOf(job Job) order {
	script := studyDir + "/" + job.Name
	o := order{
		Environment: []string{
			"HOME=/tmp", "TMPDIR=/tmp", "LANG=C.UTF-8", "TZ=UTC", "PATH=/usr/bin:/bin", "USER=study", "LOGNAME=study",
		},
		Memory:      job.Limits.Memory,
		Single:      job.Limits.Memory,
		Processes:   job.Limits.Processes,
		OutputBytes: job.Limits.OutputBytes,
		OutputFiles: job.Limits.OutputFiles,
		CPUs:        job.Limits.CPUs,
	}
	for _, w := range job.Packages {
		o.Packages = append(o.Packages, w.Name)
	}
	var environment []string
	memory := strconv.FormatInt(job.Limits.Memory, 10)
	switch job.Language {
	case Python:
		o.Command, environment = pythonCommand(script, job)
	case R:
		o.Command, environment = rCommand(script, job)
	case Shell:
		o.Command = append([]string{job.Environment.Interpreter, script}, job.Args...)
	case SQL:
		o.Command = []string{programPath, sqlCommand, script, memory}
	default:
		o.Command = []string{programPath, workerCommand, string(job.Language), script, memory}
	}
	o.Environment = append(o.Environment, environment...)
	if o.Command[0] == programPath {
		// DuckDB keeps to its own limit and says so; a library that is refused
		// memory elsewhere may crash instead.
		o.Single += 1 << 30
	}
	return o
}

// pythonCommand starts a Python study.
func pythonCommand(script string, job Job) (command, environment []string) {
	command = append([]string{job.Environment.Interpreter, "-u", "-B", script}, job.Args...)
	environment = []string{"PYTHONHASHSEED=0", "PYTHONNOUSERSITE=1", "MPLBACKEND=Agg"}
	if len(job.Packages) > 0 {
		environment = append(environment, "PYTHONPATH="+packagesDir)
	}
	cores := runtime.NumCPU()
	if job.Limits.CPUs > 0 {
		cores = min(cores, job.Limits.CPUs)
	}
	for _, pool := range []string{"OMP", "OPENBLAS", "MKL", "NUMEXPR", "ARROW"} {
		environment = append(environment, fmt.Sprintf("%s_NUM_THREADS=%d", pool, cores))
	}
	// loky asks programs for the number of cores that the sandbox does not have.
	return command, append(environment, fmt.Sprintf("LOKY_MAX_CPU_COUNT=%d", cores))
}

// inherit hands a file to the sandbox and returns its number there.
func (s *sandbox) inherit(f *os.File) string {
	s.inherited = append(s.inherited, f)
	return strconv.Itoa(3 + len(s.inherited) - 1)
}

// content hands bytes to the sandbox and returns the file's number there.
func (s *sandbox) content(name string, content []byte) (string, error) {
	f, err := memoryFile(name, content)
	if err != nil {
		return "", err
	}
	return s.inherit(f), nil
}

// closeTheirs closes our copies of what the sandbox has inherited, so that its
// streams end when it does.
func (s *sandbox) closeTheirs() {
	closeAll(append(s.inherited, s.printed.w)...)
}

// closeOurs ends the streams that a dead sandbox left open.
func (s *sandbox) closeOurs() {
	closeAll(append(s.fed, s.printed.r, s.written.r, s.told.r, s.lifeline.w)...)
}

func (s *sandbox) close() {
	s.closeTheirs()
	s.closeOurs()
}

// closeAll closes what is still open. Nothing is written through a buffer, so
// that a failing close has nothing to say.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// memoryFile is an anonymous file in memory, ready to be read.
func memoryFile(name string, content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.Write(content)
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fill a memory file: %w", err), f.Close())
	}
	return f, nil
}
