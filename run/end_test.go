package run_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rempart.eu/rempart/run"
)

// notify closes a channel when a study first prints.
type notify struct{ printed chan struct{} }

func (n *notify) Write(p []byte) (int, error) {
	select {
	case <-n.printed:
	default:
		close(n.printed)
	}
	return len(p), nil
}

func TestACancelledRunEnds(t *testing.T) {
	sandboxed(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("the operator stopped it")
	log := &notify{make(chan struct{})}
	go func() { <-log.printed; cancel(stopped) }()
	job := run.Job{Language: run.Python, Environment: python(t), Limits: small,
		Code: []byte("import os, time\nif os.fork() == 0: os.setsid()\nprint('ready', flush=True)\ntime.sleep(1000)")}
	if _, err := run.Execute(ctx, job, io.Discard, log); !errors.Is(err, stopped) {
		t.Errorf("got %v, want %v", err, stopped)
	}
}

func TestWhatFailsOnOurSideEndsTheRun(t *testing.T) {
	sandboxed(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	boom := errors.New("boom")
	good := func() run.Input { return run.Input{Name: "b.txt", Content: strings.NewReader("b")} }
	writes := run.Job{Language: run.SQL, Code: []byte("SELECT * FROM range(1000)"), Limits: small}
	reads := writes
	reads.Inputs = []run.Input{good(), {Name: "a.txt", Content: io.MultiReader(strings.NewReader("half"), broken{boom})}}
	for name, try := range map[string]func() error{
		"an input":    func() error { _, err := run.Execute(t.Context(), reads, io.Discard, io.Discard); return err },
		"the outputs": func() error { _, err := run.Execute(t.Context(), writes, broken{boom}, io.Discard); return err },
		"the log": func() error {
			_, err := run.Execute(t.Context(), run.Job{Language: run.SQL, Code: []byte("CREATE TABLE t (n INT)"), Limits: small}, io.Discard, broken{boom})
			return err
		},
	} {
		if err := try(); !errors.Is(err, boom) {
			t.Errorf("%s: got %v, want %v", name, err, boom)
		}
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error)  { return 0, b.err }
func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestRunsLeaveNoFileOpen(t *testing.T) {
	sandboxed(t)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	job := run.Job{Language: run.SQL, Code: []byte("SELECT 1"), Limits: small}
	execute(t, job) // what the runtime opens once is open now
	before := count()
	for range 3 {
		job.Inputs = []run.Input{{Name: "a.txt", Content: strings.NewReader("a")}}
		if got := execute(t, job); got.err != nil {
			t.Fatal(got.err)
		}
	}
	if after := count(); after > before {
		t.Errorf("%d files open before, %d after", before, after)
	}
}

func TestAJobThatMakesNoSenseIsRefusedBeforeItStarts(t *testing.T) {
	in := func(names ...string) (inputs []run.Input) {
		for _, n := range names {
			inputs = append(inputs, run.Input{Name: n, Content: strings.NewReader("")})
		}
		return inputs
	}
	for want, job := range map[string]run.Job{
		"unknown language": {Language: "cobol"},
		"no arguments":     {Language: run.SQL, Args: []string{"x"}},
		"an environment":   {Language: run.Python},
		"name a study":     {Language: run.SQL, Name: "../x.sql"},
		"each once":        {Language: run.SQL, Inputs: in("a", "a")},
		"plain file names": {Language: run.SQL, Inputs: in("a/../../etc/passwd")},
		"an input":         {Language: run.SQL, Inputs: in("--bind")},
		"too small":        {Language: run.SQL, Limits: run.Limits{Memory: 1}},
	} {
		if _, err := run.Execute(t.Context(), job, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
}

func TestALargeInputArrivesWhole(t *testing.T) {
	sandboxed(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	began := time.Now()
	got := execute(t, run.Job{Language: run.SQL, Code: []byte("SELECT size, content[1:4] AS start FROM read_blob('data/big.bin')"),
		Inputs: []run.Input{{Name: "big.bin", Content: bytes.NewReader(content)}}})
	if want := "size,start\n4194304,0123\n"; got.err != nil || got.files["result.csv"] != want {
		t.Errorf("got %v, %q", got.err, got.files)
	}
	if got.Duration <= 0 || got.Duration > time.Since(began) {
		t.Errorf("the run took %v of %v", got.Duration, time.Since(began))
	}
}
