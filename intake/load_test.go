package intake_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
)

// A case of testdata/feeds holds a datapackage.json and the error it gives.
func TestLoadFeedSaysWhatIsWrong(t *testing.T) {
	cases, err := filepath.Glob("testdata/feeds/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			_, err = intake.LoadFeed(fstest.MapFS{intake.Descriptor: {Data: []byte(files[intake.Descriptor])}})
			if err == nil {
				t.Fatal("the feed was accepted")
			}
			if *update {
				rewriteError(t, name, archive, err)
				return
			}
			if diff := cmp.Diff(files["error"], err.Error()+"\n"); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func rewriteError(t *testing.T, name string, archive *txtar.Archive, got error) {
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "error" })
	archive.Files = append(archive.Files, txtar.File{Name: "error", Data: []byte(got.Error() + "\n")})
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderWithoutADescriptorIsNoFeed(t *testing.T) {
	if _, err := intake.LoadFeed(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), intake.Descriptor) {
		t.Errorf("got %v", err)
	}
}

func TestHealthColumns(t *testing.T) {
	feed := load(t, `{"name": "f", "rempart": {"kind": "insurer"}, "resources": [{"name": "a", "path": "a.csv", "schema": {"fields": [
		{"name": "Id", "rempart": {"role": "person"}},
		{"name": "CLAIM", "type": "integer", "rempart": {"role": "key"}},
		{"name": "Name", "rempart": {"role": "identity", "trait": "last_name"}},
		{"name": "Note", "rempart": {"role": "drop"}},
		{"name": "born", "type": "date", "rempart": {"generalise": "month"}},
		{"name": "died", "type": "datetime", "rempart": {"generalise": "year"}},
		{"name": "s"}, {"name": "i", "type": "integer"}, {"name": "n", "type": "number"}, {"name": "b", "type": "boolean"},
		{"name": "d", "type": "date"}, {"name": "t", "type": "datetime"}, {"name": "y", "type": "year"}]}}]}`)
	want := []engine.Column{{Name: "line", Type: "BIGINT", Required: true}, {Name: "person", Type: "BIGINT", Required: true}, {Name: "claim", Type: "VARCHAR"},
		{Name: "born", Type: "DATE"}, {Name: "died", Type: "INTEGER"}, {Name: "s", Type: "VARCHAR"}, {Name: "i", Type: "BIGINT"},
		{Name: "n", Type: "DOUBLE"}, {Name: "b", Type: "BOOLEAN"}, {Name: "d", Type: "DATE"}, {Name: "t", Type: "TIMESTAMP"}, {Name: "y", Type: "INTEGER"}}
	if diff := cmp.Diff(want, feed.Resources[0].HealthColumns()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// Every feed of the repository loads, and its order puts each file after those
// it refers to.
func TestTheFeedsOfTheRepository(t *testing.T) {
	names, err := fs.Glob(os.DirFS("../feeds"), "*/"+intake.Descriptor)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("no feeds yet in ../feeds")
	}
	for _, name := range names {
		t.Run(filepath.Dir(name), func(t *testing.T) {
			feed, err := intake.LoadFeed(os.DirFS(filepath.Join("../feeds", filepath.Dir(name))))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, r := range feed.Order() {
				for _, key := range r.ForeignKeys {
					if !seen[key.Resource] {
						t.Errorf("%s comes before %s", r.Name, key.Resource)
					}
				}
				seen[r.Name] = true
			}
			if len(seen) != len(feed.Resources) {
				t.Errorf("%d of %d resources are in the order", len(seen), len(feed.Resources))
			}
		})
	}
}

func load(t testing.TB, descriptor string) *intake.Feed {
	t.Helper()
	feed, err := intake.LoadFeed(fstest.MapFS{intake.Descriptor: {Data: []byte(descriptor)}})
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// deliver is a delivery of files of these names.
func deliver(t testing.TB, feed *intake.Feed, names ...string) *intake.Delivery {
	t.Helper()
	delivery, err := feed.Deliver(names)
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}
