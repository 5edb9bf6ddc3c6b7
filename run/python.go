package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "embed"
)

// Environment is an installation of the host that studies may read: an interpreter and its packages.
type Environment struct {
	Interpreter string   // absolute path, the same inside
	Paths       []string // files and directories to show, read-only, at their own place
	Modules     []string // of Paths: where R's packages lie, in place of the machine's
	records     []string // files that tell it from another, beside Python's own records
	manifest    string   // of one that was built (package environment): it tells it from all others
}

// EnvironmentManifest is the file in an environment that was built which says what is in it, by digest.
const EnvironmentManifest = "environment.json"

// manifestOf is the manifest of an environment that was built, or "".
func manifestOf(dir string) string {
	path := filepath.Join(dir, EnvironmentManifest)
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return ""
	}
	return path
}

// whereabouts asks an interpreter where its files lie.
//
//go:embed whereabouts.py
var whereabouts string

// FindEnvironment looks at an environment that package environment built, at another virtual
// environment, or at a plain interpreter (/usr/bin/python3). It starts the
// interpreter on the host: an environment is part of the installation, never a
// researcher's.
func FindEnvironment(path string) (Environment, error) {
	interpreter, err := filepath.Abs(path)
	if err != nil {
		return Environment{}, err
	}
	info, err := os.Stat(interpreter)
	if err != nil {
		return Environment{}, fmt.Errorf("find the Python environment: %w", err)
	}
	if info.IsDir() {
		interpreter = filepath.Join(interpreter, "bin", "python")
		if _, err := os.Stat(interpreter); err != nil {
			return Environment{}, fmt.Errorf("%s is not a Python environment (%w): rempart environment build makes one", path, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, "-I", "-c", whereabouts)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return Environment{}, fmt.Errorf("ask %s where its files lie: %w: %s", interpreter, err, failed.Stderr)
	}
	if err != nil {
		return Environment{}, fmt.Errorf("ask %s where its files lie: %w", interpreter, err)
	}
	var found Environment
	if err := json.Unmarshal(out, &found); err != nil {
		return Environment{}, fmt.Errorf("understand where the files of %s lie: %w", interpreter, err)
	}
	links, err := chain(found.Interpreter)
	if err != nil {
		return Environment{}, err
	}
	found.Paths = outermost(append(found.Paths, links...))
	if info.IsDir() {
		found.manifest = manifestOf(path)
	}
	return found, nil
}

// Digest is the SHA-256, in hexadecimal, of what tells an environment from
// another: the interpreter, and of one that was built the manifest, which has the digest of its
// files and is the same wherever it lies; of others the record that each installed distribution
// keeps of its files and their digests (PEP 376, "RECORD").
func (e Environment) Digest() (string, error) {
	sum := sha256.New()
	if e.manifest != "" {
		if err := errors.Join(contents(sum, e.Interpreter), contents(sum, e.manifest)); err != nil {
			return "", fmt.Errorf("the digest of the environment: %w", err)
		}
		return hex.EncodeToString(sum.Sum(nil)), nil
	}
	take := func(path string) error {
		fmt.Fprintf(sum, "%s\n", path)
		return contents(sum, path)
	}
	if err := take(e.Interpreter); err != nil {
		return "", fmt.Errorf("the digest of the Python environment: %w", err)
	}
	for _, dir := range slices.Sorted(slices.Values(e.Paths)) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "__pycache__" {
				return errors.Join(err, fs.SkipDir)
			}
			if filepath.Base(path) == "RECORD" && strings.HasSuffix(filepath.Dir(path), ".dist-info") {
				return take(path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return "", fmt.Errorf("the digest of the Python environment: %w", err)
		}
	}
	for _, path := range slices.Sorted(slices.Values(e.records)) {
		if err := take(path); err != nil {
			return "", fmt.Errorf("the digest of the environment: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// contents takes a file into a sum.
func contents(sum hash.Hash, path string) error {
	f, err := os.Open(path) //nolint:gosec // of the installation
	if err != nil {
		return err
	}
	_, err = io.Copy(sum, f)
	return errors.Join(err, f.Close())
}

// TopLevel lists what Python imports from an environment beside its own library, by the names at the top.
func (e Environment) TopLevel() (modules []string) {
	for _, dir := range e.Paths {
		patterns := []string{"lib/python3*/site-packages/*"}
		if strings.HasSuffix(dir, "-packages") {
			patterns = append(patterns, "*")
		}
		for _, pattern := range patterns {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				continue
			}
			for _, path := range found {
				name, _, _ := strings.Cut(filepath.Base(path), ".")
				if ending := filepath.Ext(path); ending == "" || ending == ".py" || ending == ".so" {
					modules = append(modules, name)
				}
			}
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// chain is a path and every symbolic link on the way to its file: an
// interpreter finds its library by the links it was called through.
func chain(path string) ([]string, error) {
	var links []string
	for range 40 {
		links = append(links, path)
		target, err := os.Readlink(path)
		if err != nil { // the file itself
			return links, nil //nolint:nilerr // no link: the way ends here
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return nil, fmt.Errorf("%s is a circle of symbolic links", path)
}

// outermost leaves out what does not exist, what lies within another path or
// within the system libraries, which every sandbox has.
func outermost(paths []string) []string {
	var kept []string
	within := func(path string, dirs []string) bool {
		for _, d := range dirs {
			if path == d || strings.HasPrefix(path, d+"/") {
				return true
			}
		}
		return false
	}
	for i, path := range paths {
		_, err := os.Stat(path)
		others := append(append([]string{}, paths[:i]...), paths[i+1:]...)
		properly := func() bool {
			for _, o := range others {
				if path != o && strings.HasPrefix(path, o+"/") {
					return true
				}
			}
			return within(path, kept)
		}
		if err == nil && !within(path, systemLibraries) && !properly() {
			kept = append(kept, path)
		}
	}
	return kept
}
