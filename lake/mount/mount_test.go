package mount_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/lake"
)

// noise is n bytes that no compression shortens, the same for a seed.
func noise(seed byte, n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// Lengths around the chunk's, and some that are read ahead.
func TestCopiesAreThePlaintext(t *testing.T) {
	s := newSealed(t)
	want := map[string][]byte{}
	for i, n := range []int{0, 1, 65535, 65536, 65537, 131072, 300_001, 9_000_000} {
		name := fmt.Sprintf("%d.tar", n)
		want[name] = noise(byte(i), n)
		s.add(t, name, lake.Tar, bytesOf(want[name]))
	}
	m := s.mount(t)
	to := t.TempDir()
	if _, err := output(t, "cp", "-r", m.dir+"/.", to); err != nil {
		t.Fatal(err)
	}
	stats := m.stop(t)
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(to, name))
		must(t, err)
		// What follows the data is the padding of lake.
		if int64(len(got)) != lake.Padme(int64(len(data))) || !bytes.Equal(got[:len(data)], data) {
			t.Errorf("%s: the copy has %d bytes and is another", name, len(got))
		}
		if stats.Opens[name] != 1 {
			t.Errorf("%s was opened once, not %d times", name, stats.Opens[name])
		}
	}
	if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 {
		t.Errorf("after the end the directory has %v, %v", left, err)
	}
}

func TestDuckDBReadsTheMount(t *testing.T) {
	s := newSealed(t)
	s.addTable(t, "a.parquet", "SELECT i, hash(i) AS h FROM range(400000) t(i)")
	s.addTable(t, "b.parquet", "SELECT i + 400000 AS i, hash(i) AS h FROM range(1000) t(i)")
	m := s.mount(t)
	got, err := output(t, self(t), "query", fmt.Sprintf("SELECT sum(i)::VARCHAR || ' ' || count(DISTINCT h) FROM read_parquet('%s/*.parquet')", m.dir))
	if err != nil || got != "80400299500 400000" {
		t.Errorf("got %q, %v", got, err)
	}
	if stats := m.stop(t); stats.Opens["a.parquet"] == 0 || stats.Bytes == 0 {
		t.Errorf("what was read is not counted: %+v", stats)
	}
}

func TestPyarrowReadsTheMount(t *testing.T) {
	python := filepath.Join(os.Getenv("REMPART_TEST_PYTHON"), "bin", "python")
	if _, err := output(t, python, "-c", "import pyarrow.parquet"); err != nil || !filepath.IsAbs(python) {
		t.Skip("not tested: REMPART_TEST_PYTHON names no environment with pyarrow (rempart environment build core makes it)")
	}
	s := newSealed(t)
	s.addTable(t, "a.parquet", "SELECT i, hash(i) AS h FROM range(400000) t(i)")
	m := s.mount(t)
	const program = "import sys, pyarrow.compute as c, pyarrow.parquet as p; print(c.sum(p.read_table(sys.argv[1], memory_map=True)['i']))"
	if got, err := output(t, python, "-c", program, m.path("a.parquet")); err != nil || got != "79999800000" {
		t.Errorf("got %q, %v", got, err)
	}
	m.stop(t)
}

// A reader who has a file open, and all of it in the kernel's cache, reads
// nothing more once the right to read has ended.
func TestReadingEndsWithFilesOpen(t *testing.T) {
	for _, memory := range []bool{false, true} {
		t.Run(fmt.Sprintf("memory=%v", memory), func(t *testing.T) {
			s := newSealed(t)
			if s.Memory = memory; memory && os.Getuid() != 0 {
				t.Skip("not tested: only root mounts a tmpfs")
			}
			s.add(t, "a.tar", lake.Tar, bytesOf(noise(1, 1_015_808)))
			m := s.mount(t)
			reader := start(t, self(t), "hold", m.path("a.tar"))
			if got := reader.line(t); got != "read 1015808" {
				t.Fatalf("the reader says %q", got)
			}
			must(t, m.Process.Signal(syscall.SIGUSR1)) // the clock strikes
			if stats := m.stats(t); !strings.Contains(stats.Ended, "2026-06-01T13:00:00Z") {
				t.Errorf("it ended because %s", stats.Ended)
			}
			must(t, reader.Process.Signal(syscall.SIGUSR1))
			got := reader.line(t)
			refused := strings.HasPrefix(got, "again 0 ") && (memory || got != "again 0 <nil>")
			if !refused {
				t.Errorf("after the end the reader says %q", got)
			}
			if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 {
				t.Errorf("after the end the directory has %v, %v", left, err)
			}
		})
	}
}

// A host that meddles with one file: its reader gets an I/O error, the operator
// the reason; the other files are read.
func TestAFileThatWasMeddledWithIsAnIOError(t *testing.T) {
	cases := map[string]func(t *testing.T, path string){
		"a byte changed in the middle": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			must(t, err)
			data[150_000] ^= 1
			must(t, os.WriteFile(path, data, 0o600))
		},
		"truncated": func(t *testing.T, path string) { must(t, os.Truncate(path, 100_000)) },
		"deleted":   func(t *testing.T, path string) { must(t, os.Remove(path)) },
	}
	for name, meddle := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSealed(t)
			s.add(t, "good.tar", lake.Tar, bytesOf(noise(1, 300_000)))
			s.add(t, "bad.tar", lake.Tar, bytesOf(noise(2, 300_000)))
			object := s.Files[1].Object.Name
			meddle(t, filepath.Join(s.Host, object))
			m := s.mount(t)
			if _, err := output(t, "cp", m.path("good.tar"), t.TempDir()); err != nil {
				t.Errorf("the good file: %v", err)
			}
			if _, err := output(t, "cp", m.path("bad.tar"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "Input/output error") {
				t.Errorf("the bad file: %v", err)
			}
			m.stop(t)
			if log := m.stderr.String(); !strings.Contains(log, object) {
				t.Errorf("the log does not name the object: %s", log)
			}
		})
	}
}

func TestAWrongKeyMountsNothing(t *testing.T) {
	s, other := newSealed(t), newSealed(t)
	s.add(t, "a.tar", lake.Tar, bytesOf(noise(1, 1000)))
	other.plan.Host, other.Files = s.Host, s.Files
	for _, memory := range []bool{false, true} {
		other.Memory = memory
		if memory && os.Getuid() != 0 {
			continue // mounts no tmpfs
		}
		m := other.tryMount(t)
		text, _ := io.ReadAll(m.lines)
		if err := m.Wait(); err == nil || len(text) > 0 || m.stderr.Len() == 0 {
			t.Errorf("memory %v: %v, %q, %s", memory, err, text, m.stderr.String())
		}
		if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 {
			t.Errorf("memory %v: the directory has %v, %v", memory, left, err)
		}
	}
}

func TestManyReadersAtOnce(t *testing.T) {
	s := newSealed(t)
	data := noise(3, lakeful)
	s.add(t, "a.tar", lake.Tar, bytesOf(data))
	m := s.mount(t)
	var group errgroup.Group
	for i := range 16 {
		to := filepath.Join(t.TempDir(), fmt.Sprint(i))
		group.Go(func() error {
			// Blocks of a length that fits no chunk.
			if _, err := output(t, "dd", "if="+m.path("a.tar"), "of="+to, "bs=70001", "status=none"); err != nil {
				return err
			}
			got, err := os.ReadFile(to)
			if err == nil && !bytes.Equal(got[:len(data)], data) {
				err = fmt.Errorf("reader %d read something else", i)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	m.stop(t)
}

const lakeful = 5_000_000

func TestSomebodyElseUnmounts(t *testing.T) {
	s := newSealed(t)
	s.add(t, "a.tar", lake.Tar, bytesOf(noise(1, 1000)))
	m := s.mount(t)
	if _, err := output(t, "fusermount3", "-u", m.dir); err != nil {
		t.Skip("not tested: fusermount3 does not unmount here: ", err)
	}
	if stats := m.stats(t); stats.Ended != "it was unmounted" {
		t.Errorf("it ended because %s", stats.Ended)
	}
}
