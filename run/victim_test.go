package run_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/run"
)

// victim is a process that runs a study that never ends and that is killed
// with no chance to clean up. The variable names the study.
func victim() (status int, ok bool) {
	name := os.Getenv("REMPART_TEST_VICTIM")
	if name == "" {
		return 0, false
	}
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		return 1, true
	}
	env, err := run.FindEnvironment(interpreter)
	if err != nil {
		return 1, true
	}
	_, err = run.Execute(context.Background(), run.Job{Language: run.Python, Environment: env, Name: name, Limits: small,
		Code: []byte("import os, time\nif os.fork() == 0: os.setsid()\nos.write(1, b'ready\\n')\ntime.sleep(1000)"),
	}, io.Discard, os.Stdout)
	fmt.Println(err)
	return 1, true
}

func TestKillingUsLeavesNothingBehind(t *testing.T) {
	sandboxed(t)
	python(t)
	name := fmt.Sprintf("victim-%d-%d.py", os.Getpid(), time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), "REMPART_TEST_VICTIM="+name)
	cmd.WaitDelay = 10 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(said).ReadString('\n'); line != "ready\n" {
		t.Errorf("the study said %q, %v", line, err)
	}
	studies := withArgument(t, name)
	if len(studies) == 0 {
		t.Error("the study cannot be seen from the host: this test sees nothing")
	}
	if os.Getuid() == 0 {
		for _, pid := range studies {
			if uid := hostUser(pid); uid == "0" {
				t.Errorf("process %s of the study is root on the host", pid)
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for deadline := time.Now().Add(30 * time.Second); len(withArgument(t, name)) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("processes %v outlived us", withArgument(t, name))
		}
	}
}

// withArgument lists the processes whose command line holds a text.
func withArgument(t *testing.T, text string) (pids []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), text) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// hostUser is a process's real user on the host; empty where it has just ended.
func hostUser(pid string) string {
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			return strings.Fields(ids)[0]
		}
	}
	return ""
}
