package run

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a sandbox uses at a moment.
type Usage struct {
	CPU    time.Duration // of all its processes since it started
	Memory int64         // bytes; inputs not counted
}

// watchUsage tells what the sandbox uses, each second until ctx ends: by the account of
// its control group, or else of its processes, without their scratch files.
func watchUsage(ctx context.Context, pid int, group *cgroup, told func(Usage)) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	var last Usage
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		now := group.usage()
		if group == nil {
			now = usageBelow("/proc", pid)
		}
		now.CPU = max(now.CPU, last.CPU) // that of a process which has ended may not be counted for a moment
		last = now
		told(now)
	}
}

// usage is the kernel's account of the group.
func (g *cgroup) usage() (u Usage) {
	if g == nil {
		return u
	}
	u.CPU = time.Duration(counted(filepath.Join(g.path, "cpu.stat"), "usage_usec")) * time.Microsecond
	text, _ := os.ReadFile(filepath.Join(g.path, "memory.current"))
	held, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	g.mu.Lock()
	defer g.mu.Unlock()
	u.Memory = max(0, held-g.fed)
	return u
}

// ticks of a second in which the kernel counts the time of processes (USER_HZ, which is 100 on every
// Linux that Go runs on).
const ticks = 100

// usageBelow adds up what a process and those below it use; zero where this machine hides it.
func usageBelow(proc string, root int) (u Usage) {
	type process struct {
		parent int
		spent  int64
	}
	all := map[int]process{}
	entries, _ := os.ReadDir(proc)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		_, after, ok := strings.Cut(string(text), ") ") // a name may hold anything but is cut off at 15 bytes
		for ok && strings.Contains(after, ") ") {
			_, after, _ = strings.Cut(after, ") ")
		}
		f := strings.Fields(after)
		if len(f) < 15 {
			continue
		}
		p := process{}
		p.parent, _ = strconv.Atoi(f[1])
		for _, part := range f[11:15] { // its own time, and that of those it has waited for
			n, _ := strconv.ParseInt(part, 10, 64)
			p.spent += n
		}
		all[pid] = p
	}
	for pid, p := range all {
		for at, depth := pid, 0; at > 1 && depth < 64; at, depth = all[at].parent, depth+1 {
			if at == root {
				u.CPU += time.Duration(p.spent) * time.Second / ticks
				u.Memory += sum(filepath.Join(proc, strconv.Itoa(pid), "status"), "RssAnon")
				break
			}
		}
	}
	return u
}
