package run_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"rempart.eu/rempart/run"
)

// directive is a line of a hostile script's head.
var directive = regexp.MustCompile(`(?m)^(?:#|--) (tries|want|record): (.*)$`)

// TestHostileStudiesStayInside runs each script of testdata/hostile as a study.
// The head of a script says what it tries and what must be seen:
//
//	ok              the script checks for itself and ends well
//	fails "text"    the study fails and its error holds the text
//	limit NAME      the run ends for this limit
//	refused "text"  each thing in outputs/ that the text is about stays behind
//	A or B          one of the two
//
// record names system calls that the run's record must say were refused.
func TestHostileStudiesStayInside(t *testing.T) {
	sandboxed(t)
	scripts, err := filepath.Glob("testdata/hostile/*.[ps][yq]*")
	if err != nil || len(scripts) < 40 {
		t.Fatalf("found %d scripts, %v", len(scripts), err)
	}
	canary := filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(canary, []byte(canaryText), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("REMPART_TEST_SECRET", canaryText)
	service, err := net.Listen("unix", "@rempart-test-"+strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	go func() { // a service of the host that would take whatever it is sent
		for conn, err := service.Accept(); err == nil; conn, err = service.Accept() {
			t.Error("a study reached a service of the host")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = service.Close() })
	pattern, _ := os.ReadFile("/proc/sys/kernel/core_pattern")
	t.Cleanup(func() {
		if now, _ := os.ReadFile("/proc/sys/kernel/core_pattern"); string(now) != string(pattern) {
			t.Errorf("core_pattern of the host became %q", now)
		}
	})
	places := semaphore.NewWeighted(int64(runtime.NumCPU()))
	t.Run("scripts", func(t *testing.T) {
		for _, path := range scripts {
			if strings.HasSuffix(path, ".txt") {
				continue
			}
			t.Run(filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				if err := places.Acquire(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				defer places.Release(1)
				hostile(t, path, canary)
			})
		}
	})
}

const canaryText = "canary-3f9c1e"

func hostile(t *testing.T, path, canary string) {
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := map[string]string{}
	for _, m := range directive.FindAllStringSubmatch(string(script), -1) {
		head[m[1]] = m[2]
	}
	if head["tries"] == "" || head["want"] == "" {
		t.Fatal("the script does not say what it tries and what must be seen")
	}
	job := run.Job{Language: run.SQL, Code: script, Limits: small,
		Inputs: []run.Input{{Name: "in.txt", Content: strings.NewReader("input")}}}
	if head["want"] == "limit time" {
		job.Limits.Time = 2 * time.Second
	}
	if filepath.Ext(path) == ".py" {
		prelude, err := os.ReadFile("testdata/hostile/prelude.py.txt")
		if err != nil {
			t.Fatal(err)
		}
		job.Language, job.Environment = run.Python, python(t)
		job.Code = slices.Concat(prelude, script)
		job.Args = []string{canary, canaryText, strconv.Itoa(os.Getpid())}
	}
	got := execute(t, job)
	if strings.Contains(got.log, "ESCAPED") || strings.Contains(got.log, "Traceback") {
		t.Error("the study got out, or is broken")
	}
	if len(got.log) > 1<<20+100 {
		t.Errorf("the log has %d bytes", len(got.log))
	}
	for name, content := range got.files {
		if strings.Contains(content, canaryText) || strings.Contains(content, "root:") {
			t.Errorf("the output %s holds what is not the study's: %q", name, content)
		}
	}
	for _, r := range got.Refused {
		if strings.ContainsFunc(r.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the refused name %q is shown as it is", r.Name)
		}
	}
	for call := range strings.FieldsSeq(head["record"]) {
		if !slices.Contains(got.Calls, call) {
			t.Errorf("the record lacks the call %s: it has %v", call, got.Calls)
		}
	}
	if !slices.ContainsFunc(got.Walls, func(w string) bool { return strings.Contains(w, "Landlock") }) && got.err == nil {
		t.Errorf("the record does not say what held the study: %v", got.Walls)
	}
	wanted, _, _ := strings.Cut(head["want"], "  ") // what follows explains
	for want := range strings.SplitSeq(wanted, " or ") {
		if seen(got, want) {
			return
		}
	}
	t.Errorf("wanted %s; got error %v, refused %v, outputs %v, log:\n%s", wanted, got.err, got.Refused, got.Outputs, got.log[:min(len(got.log), 10_000)])
}

// seen says whether an outcome is what a script's head asks for.
func seen(got outcome, want string) bool {
	kind, rest, _ := strings.Cut(want, " ")
	text := strings.Trim(rest, `"`)
	switch kind {
	case "ok":
		return got.err == nil && len(got.Refused) == 0
	case "fails":
		var failed *run.StudyError
		return errors.As(got.err, &failed) && strings.Contains(failed.Error(), text) && utf8.ValidString(failed.Error()) && !strings.Contains(failed.Error(), "\x1b")
	case "limit":
		var limit *run.LimitError
		return errors.As(got.err, &limit) && limit.Limit == text
	case "refused":
		for _, r := range got.Refused {
			if !strings.Contains(r.Reason, text) {
				return false
			}
		}
		return got.err == nil && len(got.Refused) > 0
	case "broken":
		return got.err != nil
	}
	return false
}
