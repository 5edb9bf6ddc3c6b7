package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rempart.eu/rempart/run"
	"rempart.eu/rempart/synth"
)

// stage is how far a home of the tests has come.
type stage string

// The stages, each with all of those before.
const (
	peopled   stage = "peopled"   // has its parties
	deposited stage = "deposited" // a hospital's records and an insurer's claims
	linked    stage = "linked"
	published stage = "published"
	approved  stage = "approved"  // the project flu is approved
	extracted stage = "extracted" // and has its data
	ran       stage = "ran"       // its study has run
	released  stage = "released"  // and its output is out
)

// persons is the size of the population of the tests.
const persons = 150

// fixture is a home at every stage, made once for all tests, which work on copies.
type fixture struct {
	once  sync.Once
	dir   string
	trace string // of a failure
}

var shared fixture

// population is the folder with the files that were deposited.
func population(t testing.TB) string {
	t.Helper()
	shared.make(t)
	return filepath.Join(shared.dir, "population")
}

// homeAt copies the home at a stage for one test alone.
func homeAt(t testing.TB, s stage) string {
	t.Helper()
	shared.make(t)
	home := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(home, os.DirFS(filepath.Join(shared.dir, string(s)))); err != nil {
		t.Fatal(err)
	}
	return home
}

func (f *fixture) make(t testing.TB) {
	t.Helper()
	f.once.Do(func() {
		f.trace = "an earlier test could not make the home: see there"
		var err error
		if f.dir, err = os.MkdirTemp(scratch, "fixture-"); err != nil {
			t.Fatal(err)
		}
		f.build(t)
		f.trace = ""
	})
	if f.trace != "" {
		t.Fatal(f.trace)
	}
}

func (f *fixture) build(t testing.TB) {
	t.Helper()
	home, data := filepath.Join(f.dir, "home"), filepath.Join(f.dir, "population")
	if _, err := synth.Generate(t.Context(), data, synth.Options{Persons: persons, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	keep := func(s stage) {
		if err := os.CopyFS(filepath.Join(f.dir, string(s)), os.DirFS(home)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, home, "init", "--name", "Test")
	for _, party := range []string{
		"chu-lyon provider", "cnam provider", "linkers linkage-authority", "alice researcher", "carol researcher",
		"bob output-checker", "dora data-protection-officer",
	} {
		name, role, _ := strings.Cut(party, " ")
		must(t, home, "party", "add", name, "--role", role)
	}
	keep(peopled)
	must(t, home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(data, "hospital-1"))
	must(t, home, "deposit", "create", "--as", "cnam", "--feed", "insurer", filepath.Join(data, "insurer"))
	keep(deposited)
	must(t, home, "linkage", "run")
	keep(linked)
	must(t, home, "release", "publish")
	keep(published)
	must(t, home, "project", "request", write(t, "flu.yaml", request("flu", nil)), "--as", "alice")
	must(t, home, "project", "approve", "flu", "--reason", "lawful")
	keep(approved)
	studies(t)
	must(t, home, "project", "extract", "flu")
	keep(extracted)
	must(t, home, "run", "--project", "flu", write(t, "sexes.sql", study))
	keep(ran)
	must(t, home, "airlock", "release", outputOf(t, home), "--reason", "all counts are large")
	keep(released)
}

// study counts men and women: both are many.
const study = `SELECT gender_concept_id, count(DISTINCT person_id) AS persons
FROM person GROUP BY gender_concept_id ORDER BY gender_concept_id;
`

// request is the text of a project's request, with some lines replaced.
func request(name string, lines map[string]string) string {
	text := []string{
		"project: " + name,
		"title: Influenza in winter",
		"purpose: to know who falls ill",
		"use: scientific-research",
		"controller: Hospices civils de Lyon",
		"legal_basis: {text: 'GDPR 9(2)(j)', reference: 'CNIL 921 001'}",
		"persons: SELECT person_id FROM person",
		"tables: {person: [person_id, gender_concept_id, year_of_birth], condition_occurrence: all}",
		"period: {from: 2000-01-01, to: 2030-12-31}",
		"researchers: [alice]",
		"ends: 2027-12-31",
		"minimum_cell_count: 11",
		"outputs: [tables, figures, texts, models]",
	}
	for i, line := range text {
		key, _, _ := strings.Cut(line, ":")
		if other, ok := lines[key]; ok {
			text[i] = key + ": " + other
		}
	}
	return strings.Join(text, "\n") + "\n"
}

// write makes a file for one test and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// studies says that the test needs a machine that can run studies. A product
// that cannot is not finished, so the test fails there.
func studies(t testing.TB) {
	t.Helper()
	if err := run.Available(); err != nil {
		t.Fatal(err)
	}
}

var outputID = regexp.MustCompile(`s-[0-9a-f]{8}-[0-9]+`)

// outputOf is the id of the only output that waits.
func outputOf(t testing.TB, home string) string {
	t.Helper()
	list := must(t, home, "airlock", "list")
	ids := outputID.FindAllString(list, -1)
	if len(ids) != 1 {
		t.Fatalf("want one output, got:\n%s", list)
	}
	return ids[0]
}

// process is a command in a process of its own, which may be killed.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer

	mu    sync.Mutex
	ended bool // its number may be another's by now
}

// spawn starts a command with a fault ("" for none). It and all that it
// started is gone when the test ends.
func spawn(t testing.TB, fault, home string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	p := &process{Cmd: exec.CommandContext(ctx, self)}
	p.Args = append([]string{"rempart"}, append(args, "--home", home)...)
	p.Env = append(os.Environ(), clockVariable+"="+today, faultVariable+"="+fault)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = p.kill
	p.WaitDelay = 5 * time.Second
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.kill()
		p.end()
		cancel()
	})
	return p
}

// kill is kill -9 to the process and all that it started.
func (p *process) kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// end waits and returns the exit code, or -1 for a process that was killed.
func (p *process) end() outcome {
	if p.ProcessState != nil {
		return outcome{code: p.ProcessState.ExitCode()}
	}
	err := p.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	code := p.ProcessState.ExitCode()
	if err != nil && code == 0 { // its pipes were held open
		code = 97
	}
	return outcome{code, p.stdout.String(), p.stderr.String()}
}
