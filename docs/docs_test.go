// Package docs_test keeps the documentation true: what a page shows is run, and
// what the program has is described.
package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

const root = ".."

// bin is where TestMain builds rempart and age, as users install them.
var bin string

func TestMain(m *testing.M) {
	status, err := withPrograms(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func withPrograms(m *testing.M) (status int, err error) {
	if bin, err = os.MkdirTemp("", "rempart-docs-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bin)) }()
	if err := os.Chmod(bin, 0o755); err != nil { // the sandbox's user starts rempart again
		return 1, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out, err := bounded(ctx, root, "go", "build", "-o", bin, "./cmd/rempart", "filippo.io/age/cmd/age")
	if err != nil {
		return 1, fmt.Errorf("build the programs of the documentation: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// bounded runs a program without input. When the context ends, its whole
// process group ends.
func bounded(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	if name == "rempart" {
		name = filepath.Join(bin, name)
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "REMPART_HOME=", "NO_COLOR=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 10 * time.Second
	return c.CombinedOutput()
}

// patience is what a whole page may take on the slowest of machines.
const patience = 5 * time.Minute

// do runs a program of the documentation, which must succeed.
func do(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := bounded(ctx, dir, name, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var shell = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestPagesRun runs the commands of a page, in their order, as a reader would.
func TestPagesRun(t *testing.T) {
	if err := run.Available(); err != nil {
		t.Skip("studies cannot run here: ", err)
	}
	for name, want := range map[string][]string{
		"docs/quickstart.md": {"1 of them in quarantine", "2024-02-31", "the person who asked may not decide", "was altered", "was erased on"},
		"docs/feeds.md":      {"measurement 4", "results.csv,6,value"},
		"docs/fhir.md":       {"Observation.ndjson,3,patient", "DocumentReference.ndjson", "flags                            1 rows", "unit"},
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var script strings.Builder
			for _, block := range shell.FindAllStringSubmatch(page(t, name), -1) {
				script.WriteString(block[1])
			}
			if script.Len() == 0 {
				t.Fatal("the page has no commands")
			}
			out := do(t, t.TempDir(), "bash", "-eu", "-c", script.String())
			for _, text := range want {
				if !strings.Contains(out, text) {
					t.Errorf("the page's commands did not print %q:\n%s", text, out)
				}
			}
		})
	}
}

// TestTheDemo runs the demonstration, and holds what the README shows of it against
// what it prints: every line, but for names and times that are new each time.
func TestTheDemo(t *testing.T) {
	if err := run.Available(); err != nil {
		t.Skip("studies cannot run here: ", err)
	}
	if os.Getenv("REMPART_TEST_PYTHON") == "" {
		t.Skip("REMPART_TEST_PYTHON names no Python environment: run make test")
	}
	out := do(t, root, "env", "REMPART="+filepath.Join(bin, "rempart"), "scripts/demo", filepath.Join(t.TempDir(), "demo"))
	_, shown, _ := strings.Cut(page(t, "README.md"), "`make demo` tells")
	shown = strings.Split(shown, "```")[1]
	compared := 0
	for _, line := range strings.Split(shown, "\n") {
		if line == "" || line == "…" || newEachTime.MatchString(line) {
			continue
		}
		compared++
		if !strings.Contains(out, line+"\n") {
			t.Errorf("the README shows %q, which the demonstration does not print", line)
		}
	}
	if compared < 15 {
		t.Errorf("only %d lines of the README were compared", compared)
	}
}

var newEachTime = regexp.MustCompile(`[drsl]-[0-9a-f]{8}|age-encryption|  name    [0-9a-f]{32}`)

// TestAnotherReader reads a release with somebody else's programs alone: age,
// Python and pyarrow, by docs/formats.md.
func TestAnotherReader(t *testing.T) {
	python := os.Getenv("REMPART_TEST_PYTHON")
	if python == "" {
		t.Skip("REMPART_TEST_PYTHON names no Python with pyarrow: scripts/test sets it")
	}
	if text := page(t, "docs/reader.py"); strings.Count(text, "\n") > 60 {
		t.Error("docs/reader.py has more than 60 lines")
	}
	dir := t.TempDir()
	do(t, dir, "bash", "-eu", "-c", `
		rempart synth --persons 60 --out population
		export REMPART_HOME=$PWD/home
		rempart init
		rempart party add hospital-1 --role provider
		rempart party add authority --role linkage-authority
		rempart deposit create --as hospital-1 --feed hospital population/hospital-1
		rempart linkage run
		rempart release publish`)
	shown := do(t, dir, "rempart", "release", "show", "--home", "home", "--json")
	var manifest struct {
		Release string
		Tables  []struct {
			Name string
			Rows int64
		}
	}
	if err := json.Unmarshal([]byte(shown), &manifest); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("reader.py")
	if err != nil {
		t.Fatal(err)
	}
	read := do(t, dir, filepath.Join(python, "bin", "python"), script, "home/host", "home/controller/escrow.agekey")
	if !strings.Contains(read, "release "+manifest.Release) {
		t.Errorf("the reader did not find release %s:\n%s", manifest.Release, read)
	}
	if len(manifest.Tables) == 0 {
		t.Error("the release has no tables")
	}
	for _, table := range manifest.Tables {
		line := regexp.MustCompile(fmt.Sprintf(`(?m)^\s+%s\s+%d rows`, table.Name, table.Rows))
		if !line.MatchString(read) {
			t.Errorf("the reader did not find %d rows of %s:\n%s", table.Rows, table.Name, read)
		}
	}

	// What an exit is rehearsed with opens the same way: age, the escrow, and nothing of ours.
	do(t, dir, "rempart", "host", "exit-plan", "--home", "home", "--rehearse", "--to", "out", "--sample", "1000")
	tables := do(t, dir, "bash", "-eu", "-c", `
		for object in out/*.age; do
			age --decrypt -i home/controller/escrow.agekey -o plain "$object"
			head -c 4 plain | grep -q PAR1 && tail -c 4 plain | grep PAR1 || true
		done`)
	if n := strings.Count(tables, "PAR1"); n < len(manifest.Tables) {
		t.Errorf("age opens %d tables of an exit's rehearsal, the release has %d", n, len(manifest.Tables))
	}
}

// TestCommandsAreDescribed compares docs/cli.md with the program's own help.
func TestCommandsAreDescribed(t *testing.T) {
	sections := map[string]string{}
	for _, section := range strings.Split(page(t, "docs/cli.md"), "\n#")[1:] {
		heading, _, _ := strings.Cut(strings.TrimLeft(section, "# "), "\n")
		sections[strings.Trim(heading, "`")] = section
	}
	global := flags(do(t, t.TempDir(), "rempart", "--help"))
	for _, flag := range global {
		if !strings.Contains(sections["Every command"], "`"+flag) {
			t.Errorf("docs/cli.md does not name the flag %s of every command", flag)
		}
	}
	leaves := 0
	for _, command := range commands(t, "rempart") {
		leaves++
		section, described := sections[command]
		if !described {
			t.Errorf("docs/cli.md has no heading ### `%s`", command)
			continue
		}
		delete(sections, command)
		for _, flag := range flags(help(t, command)) {
			if !strings.Contains(strings.Join(global, " ")+" ", flag+" ") && !strings.Contains(section, "`"+flag) {
				t.Errorf("docs/cli.md, %s: the flag %s is not named", command, flag)
			}
		}
	}
	if leaves < 20 {
		t.Errorf("only %d commands were found: the help is not read rightly", leaves)
	}
	for heading := range sections {
		if strings.HasPrefix(heading, "rempart ") {
			t.Errorf("docs/cli.md describes %q, which is no command", heading)
		}
	}
}

// helped is what each command said of itself.
var helped = map[string]string{}

func help(t *testing.T, command string) string {
	if helped[command] == "" {
		words := strings.Fields(command)
		helped[command] = do(t, t.TempDir(), words[0], append(words[1:], "--help")...)
	}
	return helped[command]
}

var (
	available = regexp.MustCompile(`(?ms)^Available Commands:\n(.*?)\n\n`)
	entry     = regexp.MustCompile(`(?m)^  ([a-z-]+) `)
	flag      = regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`)
)

// commands lists a command and those below it that do something themselves:
// they have no commands below, or flags of their own.
func commands(t *testing.T, command string) (leaves []string) {
	text := help(t, command)
	list := available.FindStringSubmatch(text)
	if list == nil || command != "rempart" && len(flags(text)) > 1 {
		leaves = []string{command}
	}
	if list == nil {
		return leaves
	}
	for _, match := range entry.FindAllStringSubmatch(list[1]+"\n", -1) {
		if name := match[1]; name != "help" && name != "completion" {
			leaves = append(leaves, commands(t, command+" "+name)...)
		}
	}
	return leaves
}

func flags(help string) (names []string) {
	_, list, _ := strings.Cut(help, "\nFlags:\n")
	list, _, _ = strings.Cut(list, "\n\n") // after it come those of every command
	for _, match := range flag.FindAllStringSubmatch(list, -1) {
		names = append(names, match[1])
	}
	return names
}

// TestStatementsAreDescribed compares docs/ledger.md with the kinds of statements.
func TestStatementsAreDescribed(t *testing.T) {
	rows := map[string]string{}
	for _, line := range strings.Split(page(t, "docs/ledger.md"), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			if kind := strings.Trim(cells[1], " `"); rows[kind] == "" { // the first table is the one of kinds
				rows[kind] = line
			}
		}
	}
	for _, kind := range ledger.Kinds() {
		row, described := rows[kind]
		if !described {
			t.Errorf("docs/ledger.md has no row for `%s`", kind)
			continue
		}
		body, err := ledger.Statement{Kind: kind, Body: json.RawMessage("{}")}.Decode()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range tags(reflect.TypeOf(body).Elem(), "json") {
			if !strings.Contains(row, "`"+name+"`") {
				t.Errorf("docs/ledger.md, %s: the field `%s` is not named", kind, name)
			}
		}
	}
}

// TestConfigurationIsDescribed compares docs/operations.md with the configuration.
func TestConfigurationIsDescribed(t *testing.T) {
	text := page(t, "docs/operations.md")
	for _, key := range tags(reflect.TypeFor[warehouse.Config](), "toml") {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("docs/operations.md does not describe the key `%s`", key)
		}
	}
}

// tags lists the names of a struct's fields as they are written, inner ones dotted.
func tags(of reflect.Type, kind string) (names []string) {
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Anonymous { // its fields stand in the same object
			names = append(names, tags(field.Type, kind)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get(kind), ",")
		if field.Type.Kind() == reflect.Struct && kind == "toml" {
			for _, inner := range tags(field.Type, kind) {
				names = append(names, name+"."+inner)
			}
			continue
		}
		names = append(names, name)
	}
	return names
}

// TestPoliciesAreDescribed compares docs/policies.md with the rules.
func TestPoliciesAreDescribed(t *testing.T) {
	text := page(t, "docs/policies.md")
	ids := regexp.MustCompile(`@id\("([^"]+)"\)`).FindAllSubmatch(governance.Policies, -1)
	if len(ids) == 0 {
		t.Fatal("no rule was found")
	}
	for _, id := range ids {
		if !strings.Contains(text, "`"+string(id[1])+"`") {
			t.Errorf("docs/policies.md does not explain the rule `%s`", id[1])
		}
	}
}

// pages lists every page of the documentation, relative to the root.
func pages(t *testing.T) (names []string) {
	t.Helper()
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range top {
		names = append(names, filepath.Base(path))
	}
	err = fs.WalkDir(os.DirFS(root), "docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) < 20 {
		t.Fatalf("%d pages were found: %v", len(names), err)
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksResolve(t *testing.T) {
	for _, name := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(page(t, name), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, match[1])
				continue
			}
			if anchor != "" && !anchors(page(t, path))[anchor] {
				t.Errorf("%s: %s has no heading for the link %s", name, path, match[1])
			}
		}
	}
}

var (
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notAnchors = regexp.MustCompile(`[^a-z0-9_ -]`)
)

// anchors are the names that a page's headings can be linked by.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		plain := notAnchors.ReplaceAllString(strings.ToLower(match[1]), "")
		names[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return names
}

// Every decision stands in the list, in the order of its number.
func TestDecisionsAreListed(t *testing.T) {
	folder := filepath.Join(root, "docs", "decisions")
	pages, err := filepath.Glob(filepath.Join(folder, "[0-9]*.md"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want, have []string
	for _, page := range pages {
		want = append(want, filepath.Base(page))
	}
	for _, m := range regexp.MustCompile(`(?m)^- \[\d{4}\]\((.+?)\)`).FindAllSubmatch(list, -1) {
		have = append(have, string(m[1]))
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("docs/decisions/README.md lists\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// TestPagesSpeakOfTheProductAlone finds what does not belong in a page.
func TestPagesSpeakOfTheProductAlone(t *testing.T) {
	for _, name := range pages(t) {
		for n, line := range strings.Split(page(t, name), "\n") {
			for _, word := range []string{"/work/", "/root/", "TODO", "FIXME"} {
				if bytes.Contains([]byte(line), []byte(word)) {
					t.Errorf("%s:%d: holds %q", name, n+1, word)
				}
			}
		}
	}
}
