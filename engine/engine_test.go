package engine_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
)

func open(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestRowsGoInAsCSVAndOutAsParquet(t *testing.T) {
	db := open(t)
	columns := []engine.Column{{Name: "code", Type: "VARCHAR"}, {Name: "n", Type: "BIGINT"}}
	in := "code,n\n\"a,\"\"b\"\"\n\",1\n,2\n\"\",3\n"
	if err := db.LoadCSV(t.Context(), "rows", columns, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	f, err := engine.LoadFile("rows", func(w io.Writer) error {
		return db.CopyOut(t.Context(), "FROM rows", engine.Parquet, w)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got string
	err = db.Value(t.Context(), &got, "SELECT string_agg(coalesce(code, 'NULL') || n, '|') FROM read_parquet(?)", f.Path())
	if want := "a,\"b\"\n1|NULL2|3"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestFewRowsNeedOneThread(t *testing.T) {
	db := open(t)
	for rows, want := range map[int64]int{0: 1, 122_880: 1, 122_881: runtime.NumCPU()} {
		var got int
		if err := errors.Join(db.Expect(t.Context(), rows), db.Value(t.Context(), &got, "SELECT current_setting('threads')")); err != nil || got != want {
			t.Errorf("%d rows: %d threads, %v; want %d", rows, got, err, want)
		}
	}
}

func TestTheReadersErrorComesFirst(t *testing.T) {
	boom := errors.New("the provider's disk failed")
	db := open(t)
	r := io.MultiReader(strings.NewReader("n\n1\n"), failing{boom})
	if err := db.LoadCSV(t.Context(), "t", []engine.Column{{Name: "n", Type: "BIGINT"}}, r); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
}

func TestTheWritersErrorComesFirst(t *testing.T) {
	boom := errors.New("the host is full")
	db := open(t)
	err := db.CopyOut(t.Context(), "FROM range(1000000)", engine.Parquet, failing{boom})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
	var n int
	if err := db.Value(t.Context(), &n, "SELECT 1"); err != nil {
		t.Errorf("the database is of no use after a failed copy: %v", err)
	}
}

func TestAnEngineWritesNoSpillFile(t *testing.T) {
	db := open(t)
	if err := db.Exec(t.Context(), "SET memory_limit = '30MB'; SET threads = 1"); err != nil {
		t.Fatal(err)
	}
	err := db.CopyOut(t.Context(), "FROM range(20000000) t(i) ORDER BY hash(i)", engine.CSV, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "Out of Memory") {
		t.Errorf("got %v, want an error and no spill", err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add(`a"b`)
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || strings.ContainsRune(name, 0) || !strings.Contains(engine.Quote(name), `"`) {
			return
		}
		inner := engine.Quote(name)[1 : len(engine.Quote(name))-1]
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
			t.Errorf("%q breaks out of its quotes", name)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
