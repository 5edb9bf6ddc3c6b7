package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rempart.eu/rempart/warehouse"
)

// filesOf lists the files of a home, or of a folder of it.
func filesOf(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// found fails the test unless verification finds damage and names the place:
// the file, or the object by its name.
func found(t testing.TB, home, path, what string) {
	t.Helper()
	want := exitDamaged
	if filepath.Base(path) == warehouse.ConfigFile { // without it there is no home to verify
		want = exitError
	}
	o := command(t, home, "audit", "verify")
	if o.code != exitDamaged && o.code != want || !strings.Contains(o.stdout+o.stderr, filepath.Base(path)) {
		t.Errorf("%s %s, and rempart audit verify says: %s", path, what, o)
	}
}

// TestChangedByte changes a byte in the middle of each file of a home, and the
// last one, one after the other: whatever file it is, verification fails and names it.
func TestChangedByte(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	sound(t, home)
	for _, path := range filesOf(t, home) {
		whole := read(t, path)
		if len(whole) == 0 {
			overwrite(t, path, []byte{'x'})
			found(t, home, path, "has a byte")
		}
		var places []int
		switch {
		case superseded(t, path): // there are many of them
			places = []int{len(whole) / 2}
		case len(whole) > 0:
			places = []int{len(whole) / 2, len(whole) - 1}
		}
		for _, at := range places {
			changed := bytes.Clone(whole)
			changed[at] ^= 1
			overwrite(t, path, changed)
			found(t, home, path, "was changed")
		}
		overwrite(t, path, whole)
	}
	sound(t, home)
}

// TestShortenedFile truncates each file, and then removes it.
func TestShortenedFile(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	for _, path := range filesOf(t, home) {
		if superseded(t, path) {
			continue // nobody needs it any more
		}
		whole := read(t, path)
		if len(whole) > 0 {
			overwrite(t, path, whole[:max(0, len(whole)-2)]) // more than a line's end
			found(t, home, path, "was shortened")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if mayBeGone(path) {
			if o := command(t, home, "audit", "verify"); o.code != exitOK {
				t.Errorf("%s may be elsewhere: %s", path, o)
			}
		} else {
			found(t, home, path, "is gone")
		}
		overwrite(t, path, whole)
	}
	sound(t, home)
}

// mayBeGone says which files need not be in a home.
func mayBeGone(path string) bool {
	return filepath.Base(path) == "escrow.agekey" || // is best kept elsewhere
		filepath.Base(path) == "journal" || // the other files are on disk while nothing goes wrong
		strings.HasSuffix(path, "lock") // is made when it is needed
}

var partial = regexp.MustCompile(`^(.*\.p)/(\d+)$`)

// superseded says whether a path is that of a partial tile of the ledger that
// a wider one has replaced (https://c2sp.org/tlog-tiles).
func superseded(t testing.TB, path string) bool {
	t.Helper()
	tile := partial.FindStringSubmatch(path)
	if tile == nil {
		return false
	}
	siblings, err := os.ReadDir(tile[1])
	if err != nil {
		t.Fatal(err)
	}
	width, _ := strconv.Atoi(tile[2])
	for _, s := range siblings {
		if wider, _ := strconv.Atoi(s.Name()); wider > width {
			return true
		}
	}
	return false
}

// TestForeignFile puts a file where none belongs.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	err := filepath.WalkDir(home, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		path := filepath.Join(dir, "stranger")
		overwrite(t, path, []byte("hello"))
		found(t, home, path, "does not belong here")
		return os.Remove(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, home)
}

// TestHostCheats plays a host that does not lose a byte, but confuses objects.
func TestHostCheats(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	objects := filesOf(t, filepath.Join(home, "host"))
	t.Run("two objects change places", func(t *testing.T) {
		for i, a := range objects {
			b := objects[(i+1)%len(objects)]
			one, other := read(t, a), read(t, b)
			overwrite(t, a, other)
			overwrite(t, b, one)
			found(t, home, a, "changed places with "+b)
			overwrite(t, a, one)
			overwrite(t, b, other)
		}
	})
	t.Run("an object is copied", func(t *testing.T) {
		path := filepath.Join(home, "host", strings.Repeat("0123456789abcdef", 2))
		overwrite(t, path, read(t, objects[0]))
		found(t, home, path, "is a copy")
		must(t, home, "lake", "repair")
	})
	t.Run("a sample of all is all", func(t *testing.T) {
		one := read(t, objects[0])
		overwrite(t, objects[0], append(bytes.Clone(one), 0))
		if o := command(t, home, "lake", "verify", "--sample", "1000"); o.code != exitDamaged {
			t.Errorf("a longer object: %s", o)
		}
		overwrite(t, objects[0], one)
	})
	t.Run("whoever reads a damaged release is told", func(t *testing.T) {
		release := objectsOf(t, home, func(key string) bool { return strings.HasPrefix(key, "release-") })
		for _, name := range release {
			path := filepath.Join(home, "host", name)
			whole := read(t, path)
			changed := bytes.Clone(whole)
			changed[len(changed)-1] ^= 1
			overwrite(t, path, changed)
			o := command(t, home, "release", "verify")
			if o.code != exitDamaged || !strings.Contains(o.stdout, name) {
				t.Errorf("rempart release verify: %s", o)
			}
			overwrite(t, path, whole)
		}
	})
	sound(t, home)
}

// TestReplay puts old files back: what was true before a step is false after it.
func TestReplay(t *testing.T) {
	t.Parallel()
	home, before := homeAt(t, released), homeAt(t, published)
	for _, old := range filesOf(t, before) {
		name, err := filepath.Rel(before, old)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(home, name)
		now, err := os.ReadFile(path)
		if err != nil {
			now = nil
			if strings.Contains(name, ".p"+string(filepath.Separator)) {
				continue // a shorter tile of the same tree: a log may keep it beside the longer one, and nobody reads it
			}
		}
		if was := read(t, old); err != nil || !bytes.Equal(was, now) {
			overwrite(t, path, was)
			if o := command(t, home, "audit", "verify"); o.code == exitOK {
				t.Errorf("%s is of yesterday: %s", name, o)
			}
			if err != nil {
				err = os.Remove(path)
			} else {
				overwrite(t, path, now)
			}
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	sound(t, home)
}

// TestDamageStopsTheStep lets each step meet damaged input: it is refused, and
// nothing comes of it.
func TestDamageStopsTheStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step  string
		at    stage
		holds func(key string) bool // of the objects to damage
		args  []string
	}{
		{"publish", linked, func(key string) bool { return strings.HasPrefix(key, "party-") }, []string{"release", "publish"}},
		{"extract", approved, func(key string) bool { return strings.HasPrefix(key, "release-") }, []string{"project", "extract", "flu"}},
		{"run", extracted, func(key string) bool { return strings.HasPrefix(key, "project-") }, []string{"run", "--project", "flu", write(t, "sexes.sql", study)}},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			studies(t)
			home := homeAt(t, c.at)
			for _, name := range objectsOf(t, home, c.holds) {
				path := filepath.Join(home, "host", name)
				whole := read(t, path)
				changed := bytes.Clone(whole)
				changed[len(changed)-20] ^= 1
				overwrite(t, path, changed)
			}
			o := command(t, home, c.args...)
			if o.code != exitDamaged || !strings.Contains(o.stderr, "was altered") {
				t.Errorf("%s of damaged objects: %s", c.step, o)
			}
		})
	}
}

// objectsOf names the objects on the host that are sealed to some keys.
func objectsOf(t testing.TB, home string, holds func(key string) bool) (names []string) {
	t.Helper()
	for _, o := range ledgerOf(t, home).objects {
		if holds(o.Key) {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		t.Fatal("there is no such object")
	}
	return slices.Compact(names)
}
