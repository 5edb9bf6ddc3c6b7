package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/lake/mount"
)

// mountAt starts a mount in a process of its own and waits until it can be
// read. What it prints later comes from its output.
func mountAt(t *testing.T, home, dir string, args ...string) (p *process, lines *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // runs after the process is killed
		_ = r.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = exec.CommandContext(ctx, "fusermount3", "-uz", dir).Run() // fails where it is unmounted, as it should be
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	})
	p = spawnTo(t, w, home, append([]string{"mount", dir}, args...)...)
	_ = w.Close()
	lines = bufio.NewReader(r)
	if first, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("rempart mount: %s", p.end())
	} else if !strings.Contains(first, dir) {
		t.Fatalf("rempart mount says %q", first)
	}
	return p, lines
}

// spawnTo is spawn with the process's output going to a file.
func spawnTo(t *testing.T, stdout *os.File, home string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{Cmd: exec.CommandContext(ctx, self)}
	p.Args = append([]string{"rempart"}, append(args, "--home", home)...)
	p.Env = append(os.Environ(), clockVariable+"="+today)
	p.Stdout, p.Stderr = stdout, &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = p.kill
	p.WaitDelay = 5 * time.Second
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = p.Wait() }) // an error where the test has waited
	return p
}

// A researcher mounts her project's space and another program reads it; the
// ledger says so from the beginning, and at the end what was read.
func TestAResearcherMountsHerSpace(t *testing.T) {
	for name, flags := range map[string][]string{"FUSE": nil, "memory": {"--memory"}} {
		t.Run(name, func(t *testing.T) {
			if err := mount.Available(); err != nil && flags == nil {
				t.Skip("not tested: ", err)
			}
			if flags != nil && os.Getuid() != 0 {
				t.Skip("not tested: only root mounts a tmpfs")
			}
			home, dir, copied := homeAt(t, extracted), t.TempDir(), filepath.Join(t.TempDir(), "person.parquet")
			p, lines := mountAt(t, home, dir, append(flags, "--project", "flu")...)
			if log := must(t, home, "audit", "log"); !strings.Contains(log, "opened flu for reading") {
				t.Errorf("the ledger does not know of the mount:\n%s", log)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cp := exec.CommandContext(ctx, "cp", filepath.Join(dir, "person.parquet"), copied)
			cp.WaitDelay = time.Second
			if text, err := cp.CombinedOutput(); err != nil {
				t.Errorf("cp: %v: %s", err, text)
			}
			if err := p.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(lines)
			if o := p.end(); err != nil || o.code != exitOK || !strings.Contains(string(rest), "Unmounted") {
				t.Errorf("the end of the mount: %v %s%s", err, o, rest)
			}
			data, err := os.ReadFile(copied)
			if err != nil || !strings.HasPrefix(string(data), "PAR1") || !strings.HasSuffix(string(data), "PAR1") {
				t.Errorf("what was copied is no Parquet file: %d bytes, %v", len(data), err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("after the end the directory has %v, %v", left, err)
			}
			log := must(t, home, "audit", "log")
			if !strings.Contains(log, "ended mount m-") || flags == nil && !strings.Contains(log, "person.parquet") {
				t.Errorf("the ledger does not say what was read:\n%s", log)
			}
			sound(t, home)
		})
	}
}

func TestWhoMayNotMount(t *testing.T) {
	home, dir := homeAt(t, extracted), t.TempDir()
	if err := mount.Available(); err != nil {
		t.Skip("not tested: ", err)
	}
	refused(t, exitUsage, "either --release or --project", home, "mount", dir)
	refused(t, exitRefused, "by its own researchers alone", home, "mount", "--project", "flu", "--as", "carol", dir)
	refused(t, exitRefused, "by its own researchers alone", home, "mount", "--project", "flu", "--as", "controller", dir)
	refused(t, exitRefused, "alice is a researcher", home, "mount", "--release", "latest", "--as", "alice", dir)
	refusedAt(t, "2028-01-01T00:00:00Z", exitRefused, "ended on 2027-12-31", home, "mount", "--project", "flu", dir)
	refusedAt(t, "2090-01-01T00:00:00Z", exitRefused, "was to be kept until", home, "mount", "--release", "latest", dir)
	if log := must(t, home, "audit", "log"); strings.Contains(log, "for reading") {
		t.Errorf("the ledger has what was refused:\n%s", log)
	}
}
