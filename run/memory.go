package run

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watchMemory ends every process of the study once together they use more than
// limit bytes, scratch files included. The limits of single processes stop one
// that grows fast; this stops many.
func watchMemory(ctx context.Context, limit int64) (over bool) {
	pause := 50 * time.Millisecond
	for {
		select {
		case <-ctx.Done():
			return over
		case <-time.After(pause):
		}
		began := time.Now()
		// The exact count walks through page tables: only when the quick one is over.
		if memoryInUse(residentMemory) > limit && memoryInUse(shareOfMemory) > limit {
			over = true
			_ = syscall.Kill(-1, syscall.SIGKILL)
		}
		pause = max(50*time.Millisecond, 10*time.Since(began))
	}
}

// memoryInUse is what the study's processes and scratch files hold, in bytes.
func memoryInUse(of func(pid string) int64) int64 {
	var total int64
	for _, dir := range writable {
		var fs syscall.Statfs_t
		if syscall.Statfs(dir, &fs) == nil {
			total += int64(fs.Blocks-fs.Bfree) * fs.Bsize
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return total
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() {
			total += of(e.Name())
		}
	}
	return total
}

// residentMemory is a process's own and shared memory that no file backs, in
// bytes. A page that two processes share counts twice.
func residentMemory(pid string) int64 {
	return sum("/proc/"+pid+"/status", "RssAnon", "RssShmem")
}

// shareOfMemory is the same, with a page that two processes share counting half
// for each. A process that hides its page tables counts in full.
func shareOfMemory(pid string) int64 {
	path := "/proc/" + pid + "/smaps_rollup"
	if share := sum(path, "Pss_Anon", "Pss_Shmem"); share > 0 {
		return share
	}
	return residentMemory(pid)
}

// sum adds up lines such as "RssAnon:  1234 kB", in bytes; 0 for a process that
// has just ended.
func sum(path string, names ...string) (bytes int64) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, ":")
		for _, n := range names {
			if name == n {
				kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
				bytes += kib << 10
			}
		}
	}
	return bytes
}
