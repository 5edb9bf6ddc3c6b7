package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	requirement = regexp.MustCompile(`^\| (V[0-9]+\.[0-9]+\.[0-9]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$`)
	namedTest   = regexp.MustCompile("`([a-z]+):((?:Test|Fuzz)[A-Za-z0-9]+)`")
)

// TestSecurityRequirementsNameTheirTests: each requirement of docs/security/asvs.md
// says how it stands, and the tests that it names are there.
func TestSecurityRequirementsNameTheirTests(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(page(t, "docs/security/asvs.md")) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "| V") {
			continue
		}
		row := requirement.FindStringSubmatch(line)
		if row == nil {
			t.Errorf("this row cannot be read: %s", line)
			continue
		}
		id, state, how := row[1], row[3], row[4]
		if seen[id] {
			t.Errorf("%s stands twice", id)
		}
		seen[id] = true
		named := namedTest.FindAllStringSubmatch(row[5], -1)
		switch state {
		case "met":
			if len(named) == 0 && how == "" {
				t.Errorf("%s is met, and nothing says how", id)
			}
		case "n/a", "open", "operator":
			if how == "" {
				t.Errorf("%s is %s, and nothing says why", id, state)
			}
		default:
			t.Errorf("%s is %q: want met, n/a, operator or open", id, state)
		}
		for _, test := range named {
			if !hasTest(t, test[1], test[2]) {
				t.Errorf("%s names %s of package %s, which is not there", id, test[2], test[1])
			}
		}
	}
	if len(seen) != 253 {
		t.Errorf("%d requirements are listed; levels 1 and 2 of version 5.0.0 have 253", len(seen))
	}
}

// hasTest says whether a package's test files have a test.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
