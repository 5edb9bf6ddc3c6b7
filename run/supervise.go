package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rempart.eu/rempart/run/wheel"
)

// report is what the supervisor says at its end. It comes from inside the
// sandbox: it decides what people are told, never what leaves.
type report struct {
	Ended   bool      // the study came to an end of its own
	Status  int       // as in StudyError
	Signal  string    // as in StudyError
	Limit   string    // as in LimitError
	Refused []Refused // as in Result
	Calls   []string  // as in Result
	Walls   []string  // as in Result
	Trouble string    // why the study could not be started or its outputs not be read
}

// supervise is the first process of the sandbox (pid 1 of its namespace). It
// runs the study under its limits, ends what the study left running, and only
// then reads the outputs: nobody is left to change them.
func supervise() error {
	if os.Getpid() != 1 {
		return errors.New(notForPeople)
	}
	var o order
	if err := readJSON(fdOrder, &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	if err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep our files from the study: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil { // /proc/1 is not the study's to read
		return fmt.Errorf("close our memory to the study: %w", err)
	}
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.NewFile(fdLifeline, "lifeline"))
		os.Exit(1)
	}()

	written, told := os.NewFile(fdWritten, "outputs"), os.NewFile(fdTold, "report")
	r := report{Trouble: bring(o.Packages)}
	if r.Trouble == "" {
		r = study(o)
	}
	if r.Ended && r.Status == 0 && r.Limit == "" {
		var err error
		if r.Refused, r.Limit, err = collect(outputsDir, o, written); err != nil {
			r.Trouble = "read the outputs: " + err.Error()
		}
	}
	err := json.NewEncoder(told).Encode(r)
	return errors.Join(err, written.Close(), told.Close())
}

// bring unpacks packages for the study to import, and says why it could not.
func bring(wheels []string) (trouble string) {
	if len(wheels) == 0 {
		return ""
	}
	root, err := os.OpenRoot(packagesDir)
	if err != nil {
		return "unpack the project's packages: " + err.Error()
	}
	defer root.Close()
	for _, name := range wheels {
		data, err := os.ReadFile(filepath.Join(wheelsDir, name))
		if err == nil {
			err = wheel.Unpack(data, func(name string, content io.Reader) error {
				if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
					return err
				}
				f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
				if err != nil {
					return err
				}
				_, err = io.Copy(f, content)
				return errors.Join(err, f.Close())
			})
		}
		if err != nil {
			return fmt.Sprintf("the package %s: %v", name, err)
		}
	}
	return ""
}

// study runs the study to its end or to a limit.
func study(o order) report {
	if err := bound(o); err != nil {
		return report{Trouble: err.Error()}
	}
	// Not os/exec: as the first process we also reap what the study abandons.
	pid, held, err := startConfined(o.CPUs, o.Devices, func() (int, error) {
		return syscall.ForkExec(o.Command[0], o.Command, &syscall.ProcAttr{
			Dir: studyDir, Env: o.Environment, Files: []uintptr{0, 1, 2},
		})
	})
	if err != nil {
		return report{Trouble: fmt.Sprintf("start %s: %v", o.Command[0], err)}
	}
	var stopped refusals
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		if held.listener != nil {
			stopped.listen(held.listener)
		}
	}()
	watching, enough := context.WithCancel(context.Background())
	over := make(chan bool, 1)
	go func() { over <- watchMemory(watching, o.Memory) }()
	status := reapUntil(pid)
	enough()
	r := report{Ended: true, Status: status.ExitStatus()}
	if status.Signaled() {
		r.Signal = status.Signal().String()
	}
	if <-over {
		r.Limit = limitMemory
	}
	_ = syscall.Kill(-1, syscall.SIGKILL) // everybody but us; ESRCH where nobody is left
	reapUntil(0)
	select {
	case <-listening: // nobody is left whose calls could be told
	case <-time.After(time.Second):
	}
	r.Calls, r.Walls = stopped.list(), held.walls()
	return r
}

// bound sets the limits of one process, for us and all that come after.
func bound(o order) error {
	const ours = 32 // our own threads, and bwrap's
	const reserve = 8 << 30
	limits := []struct {
		resource int
		bound    int64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NOFILE, 4096},
		{unix.RLIMIT_MEMLOCK, 64 << 10},
		{unix.RLIMIT_FSIZE, max(o.OutputBytes, o.Memory)},
		{unix.RLIMIT_DATA, o.Single},
		{unix.RLIMIT_AS, o.Single + reserve}, // libraries reserve more than they use
		{unix.RLIMIT_NPROC, int64(o.Processes) + ours},
	}
	for _, l := range limits {
		if l.resource == unix.RLIMIT_AS && len(o.Devices) > 0 {
			continue // a GPU's driver reserves the addresses of all its memory
		}
		bound := uint64(l.bound)
		var now syscall.Rlimit
		if err := syscall.Getrlimit(l.resource, &now); err != nil {
			return fmt.Errorf("read resource limit %d: %w", l.resource, err)
		}
		bound = min(bound, now.Max)
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: bound, Max: bound}); err != nil {
			return fmt.Errorf("set resource limit %d to %d: %w", l.resource, bound, err)
		}
	}
	return nil
}

// keepTo binds the calling thread, and what it starts, to so many cores of the
// machine; the study cannot bind itself to others. 0 is all.
func keepTo(cores int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || cores <= 0 || cores >= set.Count() {
		return err
	}
	for i := 0; set.Count() > cores; i++ {
		set.Clear(i)
	}
	return unix.SchedSetaffinity(0, &set)
}

// reapUntil waits for every child, adopted ones too, until the given one or, for
// 0, the last has ended.
func reapUntil(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || ended == pid: // ECHILD: nobody is left
			return status
		}
	}
}
