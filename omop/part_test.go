package omop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// However many rows are mapped at a time, a release holds the same rows, under the
// same numbers.
func TestPartsChangeNothing(t *testing.T) {
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, feeds.FS(), syntheaFolders(t)...)
	whole, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	inFiles(t, db, &in)
	omoptest.SameInParts(t, db, in, whole, 3000)
}

// Deposits that come in files are divided with one file open at a time, and the rows of a
// part alone are in clear afterwards, whatever the deposits' size. The disk sees none of it.
func TestDepositsAreOpenOnlyWhileTheyAreRead(t *testing.T) {
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, feeds.FS(), syntheaFolders(t)...)
	files := inFiles(t, db, &in)
	in.PartRows, in.Scratch = 3000, t.TempDir()
	step, most, parts := "", map[string]int{}, 0
	files.opened = func() { most[step] = max(most[step], files.open()) }
	_, err := omop.Build(t.Context(), db, in, func(s string) {
		step, _, _ = strings.Cut(s, ",")
		if step == "mapping" {
			parts++
			lookForPlaintext(t, in.Scratch)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if parts < 3 {
		t.Errorf("%d parts", parts)
	}
	if most["divide"] != 1 || most["mapping"] > 0 || most["plan"] > 0 {
		t.Errorf("open at once: %v of %d files, want one while sources are divided, and none afterwards", most, len(files.contents))
	}
	if n := files.open(); n > 0 {
		t.Errorf("%d files are open still", n)
	}
}

// A release that is made in one part sets nothing aside.
func TestOnePartNeedsNoScratch(t *testing.T) {
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, feeds.FS(), syntheaFolders(t)...)
	files := inFiles(t, db, &in)
	in.Scratch = filepath.Join(t.TempDir(), "none")
	if _, err := omop.Build(t.Context(), db, in, nil); err != nil {
		t.Fatal(err)
	}
	if n := files.open(); n > 0 {
		t.Errorf("%d files are open still", n)
	}
}

// footer is in the footer of every Parquet file that DuckDB writes.
const footer = "DuckDB version"

// lookForPlaintext reads every file on a disk that this process has open.
func lookForPlaintext(t *testing.T, scratch string) {
	t.Helper()
	if listed, err := os.ReadDir(scratch); len(listed) > 0 || err != nil {
		t.Errorf("the scratch folder lists %v (%v)", listed, err)
	}
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range descriptors {
		name, err := os.Readlink(path)
		info, errStat := os.Stat(path)
		if err != nil || errStat != nil || strings.HasPrefix(name, "/memfd:") || !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue // not for reading
		}
		if strings.HasPrefix(name, scratch) && len(text) > 100_000 {
			found = true
		}
		if bytes.Contains(text, []byte(footer)) {
			t.Errorf("%s holds rows in clear", name)
		}
	}
	if !found {
		t.Error("nothing was set aside")
	}
}

// depositFiles are the files of the deposits of a build.
type depositFiles struct {
	contents [][]byte
	handed   []*engine.File
	opened   func()
}

// open counts those that are open.
func (d *depositFiles) open() (n int) {
	for _, f := range d.handed {
		if _, err := f.Stat(); err == nil {
			n++
		}
	}
	return n
}

// inFiles gives the rows of every deposit in files, two for each resource.
func inFiles(t *testing.T, db *engine.DB, in *omop.Input) *depositFiles {
	t.Helper()
	all := &depositFiles{opened: func() {}}
	for i := range in.Deposits {
		d := &in.Deposits[i]
		d.Files = map[string][]omop.File{}
		for resource, table := range d.Tables {
			for _, half := range []string{"<", ">="} {
				where := fmt.Sprintf("FROM %s WHERE line %s (SELECT median(line) FROM %[1]s)", table, half)
				var rows int64
				if err := db.Value(t.Context(), &rows, "SELECT count(*) "+where); err != nil {
					t.Fatal(err)
				}
				var content bytes.Buffer
				if err := db.CopyOut(t.Context(), where, engine.Parquet, &content); err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(content.Bytes(), []byte(footer)) {
					t.Fatal("a file does not say that DuckDB wrote it")
				}
				all.contents = append(all.contents, content.Bytes())
				d.Files[resource] = append(d.Files[resource], omop.File{Rows: rows, Open: func(context.Context) (*engine.File, error) {
					f, err := engine.LoadFile(resource, func(w io.Writer) error { _, err := w.Write(content.Bytes()); return err })
					all.handed = append(all.handed, f)
					all.opened()
					return f, err
				}})
			}
		}
		d.Tables = nil
	}
	return all
}
