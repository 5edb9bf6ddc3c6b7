package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStories runs testdata/*.txtar: each file is a story that the product
// must be able to tell. Beside testscript's own commands there are
//
//	home STAGE            a home of its own that has come so far (see home_test.go)
//	request NAME [K=V …]  writes NAME.yaml, a project's request, with some lines replaced
//	keep VAR REGEXP       sets VAR to the first match in what the last command printed
//	prints FILE           wants the text of FILE in what the last command printed
//	keep-word VAR         keeps the first word of VAR alone
//	roc FOLDER            validates a Five Safes RO-Crate, where a validator is there; ! roc wants it refused
//	append FILE FROM      puts the text of FROM after that of FILE
//	status CODE ARGS…     runs rempart and wants this exit code
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("REMPART_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv(clockVariable, today)
			e.Setenv("SYNTHEA", synthea())
			e.Setenv("SOFTHSM", softHSM())
			if python, err := exec.LookPath("python3"); err == nil {
				e.Setenv("PYTHON", python)
			}
			e.Setenv("SOFTHSM2_CONF", filepath.Join(e.WorkDir, "softhsm2.conf"))
			e.Values[testing.TB(nil)] = e.T().(testing.TB)
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "synthea":
				return synthea() != "", nil
			case "softhsm":
				return softHSM() != "", nil
			case "python":
				_, err := exec.LookPath("python3")
				return err == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"home": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.CopyFS(ts.Getenv("REMPART_HOME"), os.DirFS(homeAt(ts.Value(testing.TB(nil)).(testing.TB), stage(args[0])))))
			},
			"request": func(ts *testscript.TestScript, _ bool, args []string) {
				lines := map[string]string{}
				for _, arg := range args[1:] {
					key, value, _ := strings.Cut(arg, "=")
					lines[key] = value
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]+".yaml"), []byte(request(args[0], lines)), 0o600))
			},
			"keep": func(ts *testscript.TestScript, _ bool, args []string) {
				match := regexp.MustCompile(args[1]).FindString(ts.ReadFile("stdout"))
				if match == "" {
					ts.Fatalf("nothing that was printed matches %s", args[1])
				}
				ts.Setenv(args[0], match)
			},
			"keep-word": func(ts *testscript.TestScript, _ bool, args []string) {
				word, _, _ := strings.Cut(ts.Getenv(args[0]), " ")
				ts.Setenv(args[0], word)
			},
			"roc": func(ts *testscript.TestScript, neg bool, args []string) {
				made, err := exec.Command("../../scripts/roc-env").Output()
				if err != nil {
					ts.Logf("the crate is not validated: scripts/roc-env cannot install the validator here: %v", err)
					return
				}
				env := strings.TrimSpace(string(made))
				profiles, err := filepath.Abs("../../project/testdata")
				ts.Check(err)
				validate := func(more ...string) error {
					out, err := exec.Command(filepath.Join(env, "bin", "rocrate-validator"), append(append([]string{"--no-interactive", "validate", "--no-paging", "--verbose", "--offline",
						"--cache-path", filepath.Join(env, "contexts"), "--extra-profiles-path", profiles, "--profile-identifier", "five-safes-crate-0.4"}, more...), ts.MkAbs(args[0]))...).CombinedOutput()
					if err != nil {
						return fmt.Errorf("the crate is not valid: %w\n%s", err, out)
					}
					return nil
				}
				// What the profile requires and recommends; and, where it is to be valid, what RO-Crate 1.2 requires.
				err = validate("--disable-profile-inheritance", "--requirement-severity", "recommended")
				if !neg {
					err = errors.Join(err, validate())
				}
				if neg == (err == nil) {
					ts.Fatalf("found valid: %v, want %v\n%v", err == nil, !neg, err)
				}
			},
			"append": func(ts *testscript.TestScript, _ bool, args []string) {
				whole := ts.ReadFile(args[0]) + ts.ReadFile(args[1])
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(whole), 0o600))
			},
			"prints": func(ts *testscript.TestScript, _ bool, args []string) {
				if want := ts.ReadFile(args[0]); !strings.Contains(ts.ReadFile("stdout"), want) {
					ts.Fatalf("what was printed does not contain:\n%s", want)
				}
			},
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				got := 0
				if err := ts.Exec("rempart", args[1:]...); err != nil {
					var exit *exec.ExitError
					if !errors.As(err, &exit) {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if fmt.Sprint(got) != args[0] {
					ts.Fatalf("exit code %d, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
				}
			},
		},
	})
}

// synthea is the folder of the Synthea records, "" where it is not there.
func synthea() string {
	dir, err := filepath.Abs("../../../shared/data/synthea-27")
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(dir, "csv", "patients.csv")); err != nil {
		return ""
	}
	return dir
}

// softHSM is the library of Debian's SoftHSM2, "" where it is not installed.
func softHSM() string {
	found, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}
