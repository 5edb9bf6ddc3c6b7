package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/lake/mount"
)

// A worker with a pass and its own key mounts without any warehouse; another
// worker's key, or a pass that has ended, is of no use.
func TestAWorkerMountsWithAPassAlone(t *testing.T) {
	if err := mount.Available(); err != nil {
		t.Skip("not tested: ", err)
	}
	home, folder, dir := homeAt(t, extracted), t.TempDir(), t.TempDir()
	key, other, pass := filepath.Join(folder, "worker.agekey"), filepath.Join(folder, "other.agekey"), filepath.Join(folder, "worker.pass")
	recipient := strings.TrimSpace(must(t, home, "mount", "identity", key))
	must(t, home, "mount", "identity", other)
	refused(t, exitRefused, "by its own researchers alone", home, "mount", "pass", "--project", "flu", "--as", "carol", "--worker", recipient, "--out", pass)
	if _, err := os.Stat(pass); err == nil {
		t.Error("a pass that was refused left a file")
	}
	must(t, home, "mount", "pass", "--project", "flu", "--worker", recipient, "--for", "2h", "--out", pass)
	if log := must(t, home, "audit", "log"); !strings.Contains(log, "for a worker elsewhere") {
		t.Errorf("the ledger does not know of the pass:\n%s", log)
	}
	nowhere := filepath.Join(folder, "no warehouse")
	refused(t, exitError, "another worker", nowhere, "mount", "--pass", pass, "--identity", other, dir)
	refusedAt(t, "2026-06-01T14:00:00Z", exitError, "the pass ended", nowhere, "mount", "--pass", pass, "--identity", key, dir)

	p, _ := mountAt(t, nowhere, dir, "--pass", pass, "--identity", key)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	copied := filepath.Join(folder, "person.parquet")
	cp := exec.CommandContext(ctx, "cp", filepath.Join(dir, "person.parquet"), copied)
	if text, err := cp.CombinedOutput(); err != nil {
		t.Errorf("cp: %v: %s", err, text)
	}
	if data, err := os.ReadFile(copied); err != nil || !strings.HasPrefix(string(data), "PAR1") {
		t.Errorf("what was copied is no Parquet file: %d bytes, %v", len(data), err)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if o := p.end(); o.code != exitOK {
		t.Errorf("the end of the mount: %s", o)
	}
	sound(t, home)
}
