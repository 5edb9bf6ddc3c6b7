package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cgroup bounds all processes of a sandbox together, by the kernel's own account
// (control groups, version 2). There is one only where the machine delegates a group
// to us: a systemd service with Delegate=yes, or root. Else the limits of single
// processes and the supervisor's watch hold alone, and the run's record says so.
type cgroup struct {
	path  string
	dir   *os.File
	limit int64

	mu  sync.Mutex
	fed int64 // bytes of inputs, which lie in the group's memory and do not count
}

// slack is what our own processes in the sandbox take.
const slack = 256 << 20

// newCgroup makes a group for a run, or nil where none can be made.
func newCgroup(limits Limits) *cgroup {
	mount, own := whereCgroups("/proc/self/mountinfo", "/proc/self/cgroup")
	if mount == "" {
		return nil
	}
	// Next to ours: a group that holds processes cannot hold groups with limits.
	for _, parent := range []string{filepath.Dir(own), own} {
		if g, err := cgroupBelow(filepath.Join(mount, parent), limits); err == nil {
			return g
		}
	}
	return nil
}

// whereCgroups finds where version 2 is mounted, and our own group in it.
func whereCgroups(mountinfo, cgroups string) (mount, own string) {
	mounts, _ := os.ReadFile(mountinfo)
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if f := strings.Fields(before); len(f) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			mount = f[4]
			break
		}
	}
	groups, _ := os.ReadFile(cgroups)
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return mount, path
		}
	}
	return "", ""
}

// cgroupBelow makes a group with limits below another.
func cgroupBelow(parent string, limits Limits) (_ *cgroup, err error) {
	_ = set(filepath.Join(parent, "cgroup.subtree_control"), "+memory +pids +cpu") // what matters is what the group has
	path, err := os.MkdirTemp(parent, "rempart-run-")
	if err != nil {
		return nil, err
	}
	g := &cgroup{path: path, limit: limits.Memory}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	settings := [][2]string{
		{"pids.max", strconv.Itoa(limits.Processes + 32)},
		{"memory.oom.group", "1"},
		{"memory.swap.max", "0"},
	}
	if limits.CPUs > 0 {
		settings = append(settings, [2]string{"cpu.max", fmt.Sprintf("%d 100000", limits.CPUs*100000)})
	}
	if _, err := os.Stat(filepath.Join(path, "memory.max")); err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := set(filepath.Join(path, s[0]), s[1]); err != nil && (s[0] != "memory.swap.max" || !errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
	}
	g.dir, err = os.Open(path)
	return g, err
}

// set writes a setting, which the kernel has a file for.
func set(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // of the kernel
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// take counts an input that has been copied in, before the study can start.
func (g *cgroup) take(bytes int64) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fed += bytes
	return set(filepath.Join(g.path, "memory.max"), strconv.FormatInt(g.limit+g.fed+slack, 10))
}

// exhausted says whether the kernel ended the group for its memory.
func (g *cgroup) exhausted() bool {
	return g != nil && counted(filepath.Join(g.path, "memory.events"), "oom_kill") > 0
}

// counted reads a number from a file of lines "name number".
func counted(path, name string) int64 {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}

// close ends whoever is left in the group and removes it.
func (g *cgroup) close() {
	if g == nil {
		return
	}
	if g.dir != nil {
		_ = g.dir.Close()
	}
	_ = set(filepath.Join(g.path, "cgroup.kill"), "1") // older kernels have none
	for range 100 {
		if err := unix.Rmdir(g.path); err == nil || errors.Is(err, unix.ENOENT) {
			return
		}
		time.Sleep(10 * time.Millisecond) // its processes are ending
	}
}
