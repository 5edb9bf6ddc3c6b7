package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kernel stands for the files that the kernel makes in each new group.
func kernel(t *testing.T, group string) {
	t.Helper()
	for name, text := range map[string]string{"memory.max": "max", "memory.events": "oom 1\noom_kill 2\n"} {
		if err := os.WriteFile(filepath.Join(group, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A group bounds what a run may use by what it asked for and what it was given to read.
func TestAGroupHasTheLimitsOfItsRun(t *testing.T) {
	group := t.TempDir()
	kernel(t, group)
	g := &cgroup{path: group, limit: 1 << 30}
	for _, n := range []int64{100, 23} {
		if err := g.take(n); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(group, "memory.max"))
	if want := "1342177403"; err != nil || string(text) != want { // 1 GiB, 256 MiB of our own, 123 bytes
		t.Errorf("memory.max is %s, %v", text, err)
	}
	if !g.exhausted() {
		t.Error("the kernel ended it, and that was not seen")
	}
}

// Where no group can be made, or one without limits, there is none.
func TestWithoutDelegationThereIsNoGroup(t *testing.T) {
	for _, parent := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if g, err := cgroupBelow(parent, DefaultLimits); err == nil || g != nil {
			t.Errorf("got a group %v in %s", g, parent)
		}
		if left, _ := filepath.Glob(filepath.Join(parent, "rempart-run-*")); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
	var none *cgroup
	if none.take(1) != nil || none.exhausted() {
		t.Error("no group has something to say")
	}
	none.close()
}

func TestWhereGroupsAre(t *testing.T) {
	dir := t.TempDir()
	mounts, groups := filepath.Join(dir, "mountinfo"), filepath.Join(dir, "cgroup")
	if err := os.WriteFile(mounts, []byte("30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(groups, []byte("8:pids:/x\n0::/system.slice/rempart.service/main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mount, own := whereCgroups(mounts, groups); mount != "/sys/fs/cgroup" || own != "/system.slice/rempart.service/main" {
		t.Errorf("got %s, %s", mount, own)
	}
}

// Closing a group ends whoever is in it, where the kernel has groups of version 2.
func TestClosingAGroupEndsItsProcesses(t *testing.T) {
	mount, own := whereCgroups("/proc/self/mountinfo", "/proc/self/cgroup")
	path := filepath.Join(mount, own, "rempart-test-"+strings.ReplaceAll(t.Name(), "/", "-"))
	if mount == "" || os.Mkdir(path, 0o755) != nil {
		t.Skip("no control groups of version 2 are delegated to this test")
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &cgroup{path: path, dir: dir}
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		g.close()
		t.Skipf("a process cannot be started in a group: %v", err)
	}
	go func() { _ = cmd.Wait() }()
	g.close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the group is still there")
		}
	}
}
