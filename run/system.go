package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Debian's R. Its front end is a shell script that looks around on the machine: what it
// would set is set here.
const (
	rHome    = "/usr/lib/R"
	rProgram = rHome + "/bin/exec/R"
)

// rLibraries are where Debian keeps R's packages.
var rLibraries = []string{rHome + "/library", rHome + "/site-library", "/usr/local/lib/R/site-library"}

// FindR looks at Debian's R, with the packages of an environment that was built in a folder (package
// environment); for "" with those that the machine has.
func FindR(built string) (Environment, error) {
	if _, err := os.Stat(rProgram); err != nil {
		return Environment{}, errors.New("studies in R need R, which is not installed: apt-get install r-base-core, and then rempart environment build r")
	}
	var library string
	if built != "" {
		library = filepath.Join(built, "library")
		if info, err := os.Stat(library); err != nil || !info.IsDir() || manifestOf(built) == "" {
			return Environment{}, fmt.Errorf("%s is no environment of R: rempart environment build r makes one", built)
		}
	}
	shell, err := FindShell() // R's own packages call it when they are loaded
	if err != nil {
		return Environment{}, err
	}
	paths := append(outermost([]string{"/etc/R", "/usr/share/R", "/usr/local/lib/R/site-library"}), shell.Paths...)
	for _, name := range []string{"/usr/bin/uname", "/usr/bin/which"} {
		if fileAt(name) {
			paths = append(paths, name)
		}
	}
	if built != "" {
		return Environment{Interpreter: rProgram, Paths: append(paths, built), Modules: []string{library}, manifest: manifestOf(built)}, nil
	}
	return Environment{Interpreter: rProgram, Paths: paths, records: rRecords()}, nil
}

// rRecords are what tells R's packages from others: each has a DESCRIPTION.
func rRecords() (records []string) {
	for _, dir := range rLibraries {
		found, _ := filepath.Glob(filepath.Join(dir, "*", "DESCRIPTION"))
		records = append(records, found...)
	}
	return records
}

// rCommand starts an R study, so that errors of its syntax say their file and line.
func rCommand(script string, job Job) (command, environment []string) {
	libraries := rHome + "/site-library:/usr/local/lib/R/site-library"
	if len(job.Environment.Modules) > 0 {
		libraries = strings.Join(job.Environment.Modules, ":")
	}
	code := fmt.Sprintf("source(%q,print.eval=TRUE,keep.source=TRUE)", script)
	command = []string{rProgram, "--no-echo", "--vanilla", "-e", strings.ReplaceAll(code, " ", "~+~")}
	if len(job.Args) > 0 {
		command = append(append(command, "--args"), job.Args...)
	}
	return command, []string{
		"R_HOME=" + rHome, "R_SHARE_DIR=/usr/share/R/share", "R_INCLUDE_DIR=/usr/share/R/include", "R_DOC_DIR=/usr/share/R/doc",
		"LD_LIBRARY_PATH=" + rHome + "/lib", "R_LIBS_SITE=" + libraries, "R_ENVIRON_USER=", "R_PROFILE_USER=",
	}
}

// shellPrograms are what a shell study may call: those of Debian's essential
// packages that work on texts and files.
var shellPrograms = strings.Fields(`sh awk basename cat comm cp cut date diff dirname echo env expr false find fold grep gzip head join
	ln ls md5sum mkdir mv nl od paste printf pwd rm rmdir sed seq sha256sum sleep sort split tac tail tee test touch tr true uniq wc xargs`)

// FindShell looks for a shell and its programs.
func FindShell() (Environment, error) {
	var found Environment
	for _, name := range shellPrograms {
		if path := "/usr/bin/" + name; fileAt(path) {
			found.Paths = append(found.Paths, path)
		}
	}
	if !fileAt("/usr/bin/sh") {
		return found, errors.New("studies in shell need /usr/bin/sh, which this machine lacks: use Debian 12 or later")
	}
	found.Interpreter, found.records = "/usr/bin/sh", found.Paths
	return found, nil
}

func fileAt(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// SystemEnvironment is the environment of a language that the machine brings: R, with the packages
// of an environment that was built, if one is named, and shell. SQL needs none, and Python's is
// chosen ([FindEnvironment]).
func SystemEnvironment(language Language, r string) (Environment, error) {
	switch language {
	case R:
		return FindR(r)
	case Shell:
		return FindShell()
	}
	return Environment{}, nil
}
