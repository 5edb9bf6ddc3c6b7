package run

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is counted is the sandbox's first process and those below it, whatever they are named.
func TestUsageIsThatOfAProcessAndThoseBelowIt(t *testing.T) {
	proc := t.TempDir()
	for pid, p := range map[string]struct{ stat, status string }{
		"10":  {"10 (rempart) S 1 10 10 0 -1 0 0 0 0 0 50 20 0 0 20 0 1 0", "RssAnon:\t  1024 kB\n"},
		"11":  {"11 (a) b) (c) R 10 10 10 0 -1 0 0 0 0 0 100 0 30 0 20 0 1 0", "RssAnon:\t  2048 kB\nRssFile:\t 9999 kB\n"},
		"12":  {"12 (python3) R 11 10 10 0 -1 0 0 0 0 0 1000 0 0 0 20 0 1 0", "RssAnon:\t  4096 kB\n"},
		"13":  {"13 (other) R 1 13 13 0 -1 0 0 0 0 0 7777 0 0 0 20 0 1 0", "RssAnon:\t 65536 kB\n"},
		"14":  {"14 (cut", ""},
		"net": {"", ""},
	} {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"stat": p.stat, "status": p.status} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := usageBelow(proc, 10), (Usage{CPU: 12 * time.Second, Memory: 7 << 20}); got != want {
		t.Errorf("used %+v, want %+v", got, want)
	}
	if got := usageBelow(proc, 99); got != (Usage{}) {
		t.Errorf("a process that is gone uses %+v", got)
	}
}
