package feeds_test

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/feeds"
)

// coded are the tables that coded events are sorted into.
var coded = []string{"condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation"}

// TestTablesAreFilledAsToldOf holds the first table of docs/tables.md against the feeds.
func TestTablesAreFilledAsToldOf(t *testing.T) {
	page, err := os.ReadFile("../docs/tables.md")
	if err != nil {
		t.Fatal(err)
	}
	var named, told []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		switch {
		case len(named) == 0 && cells[0] == "table":
			named = cells[1:]
		case len(named) > 0 && len(cells) == len(named)+1 && cells[0] != "---":
			told = append(told, cells[0])
			for i, feed := range named {
				if want := fills(t, feed, cells[0]); cells[i+1] != want {
					t.Errorf("docs/tables.md says of %s by %s %q, want %q", cells[0], feed, cells[i+1], want)
				}
			}
		}
	}
	all := feeds.Names()
	slices.Sort(named)
	if !slices.Equal(named, all) {
		t.Errorf("docs/tables.md has the feeds %v, want %v", named, all)
	}
	for _, feed := range all {
		for _, target := range targets(t, feed) {
			if !slices.Contains(append(told, "event", "view", "unmapped"), target) {
				t.Errorf("docs/tables.md lacks %s, which %s fills", target, feed)
			}
		}
	}
}

// fills says how a feed fills a table.
func fills(t *testing.T, feed, table string) string {
	t.Helper()
	made := targets(t, feed)
	switch {
	case slices.Contains(made, table):
		return "yes"
	case slices.Contains(made, "event") && slices.Contains(coded, table):
		return "by code"
	}
	return ""
}

// targets are those of a feed's mapping.
func targets(t *testing.T, feed string) (all []string) {
	t.Helper()
	files, err := fs.Glob(feeds.FS(), feed+"/map/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("the feed %s has no mapping: %v", feed, err)
	}
	for _, file := range files {
		target, _, _ := strings.Cut(path.Base(file), ".")
		all = append(all, target)
	}
	return all
}
