package scratch_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rempart.eu/rempart/lake/scratch"
)

const secret = "Madame Dupont, F32.1"

// put keeps the secret many times, and shows how to read it again.
func put(t *testing.T, s *scratch.Space) scratch.Piece {
	t.Helper()
	p, err := s.Put(func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat(secret, 10_000))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatIsPutComesBack(t *testing.T) {
	s := scratch.In(t.TempDir())
	defer s.Close()
	first, second := put(t, s), put(t, s)
	for _, p := range []scratch.Piece{second, first} {
		f, err := s.Load(p, "rows")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if string(got) != strings.Repeat(secret, 10_000) || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		s.Drop(p)
	}
	if s.Held() != 0 {
		t.Errorf("%d bytes are held still", s.Held())
	}
}

// Whoever holds the disk, while the process runs and afterwards, sees no name and no
// byte of what was put.
func TestTheDiskHoldsNothingReadable(t *testing.T) {
	dir := t.TempDir()
	s := scratch.In(dir)
	defer s.Close()
	put(t, s)
	listed, err := os.ReadDir(dir)
	if len(listed) > 0 || err != nil {
		t.Errorf("%v, %v", listed, err)
	}
	path := onDisk(t, dir)
	held, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(held) < len(secret)*10_000 || bytes.Contains(held, []byte("Dupont")) {
		t.Errorf("%d bytes in clear", len(held))
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil || st.Nlink != 0 {
		t.Errorf("the file has %d names: it would outlive its process (%v)", st.Nlink, err)
	}
}

func TestWhatWasAlteredDoesNotLoad(t *testing.T) {
	dir := t.TempDir()
	s := scratch.In(dir)
	defer s.Close()
	p := put(t, s)
	f, err := os.OpenFile(onDisk(t, dir), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 100_000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(p, "rows"); err == nil || !strings.Contains(err.Error(), "altered") {
		t.Errorf("got %v", err)
	}
}

// onDisk is the file of a folder that this process has open, under the name by which
// root could read it.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range open {
		if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, dir+"/") {
			return path
		}
	}
	t.Fatal("no file is open")
	return ""
}

func TestAFullDiskNamesTheRemedy(t *testing.T) {
	s := scratch.In(t.TempDir())
	defer s.Close()
	_, err := s.Put(func(io.Writer) error { return syscall.ENOSPC })
	if err == nil || !strings.Contains(err.Error(), "name a folder on another disk as scratch in rempart.toml") {
		t.Errorf("got %v", err)
	}
	if _, err := scratch.In(filepath.Join(t.TempDir(), "none")).Put(nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("SCRATCH_TEST_DIR"); dir != "" {
		s := scratch.In(dir)
		_, err := s.Put(func(w io.Writer) error { _, err := io.WriteString(w, secret); return err })
		fmt.Println("put", err)
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func TestAKilledProcessLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "SCRATCH_TEST_DIR="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "put <nil>\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("it was not killed")
	}
	if listed, err := os.ReadDir(dir); len(listed) > 0 || err != nil {
		t.Errorf("%v, %v", listed, err)
	}
}
