package environment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/run"
)

// Options say how to build.
type Options struct {
	Root  string    // where; Root() where it is empty
	From  string    // a folder that has the wheels, for a machine without a network; "" fetches them
	Tells io.Writer // what the programs that are called say
}

// plan is all that decides what is in an environment.
type plan struct {
	Layout      int               `json:"layout"` // of the folder
	Name        string            `json:"name"`
	Language    run.Language      `json:"language"`
	Packages    map[string]string `json:"packages"`
	Lock        string            `json:"lock,omitempty"`   // SHA-256
	Debian      []debianPackage   `json:"debian,omitempty"` // R's, with all that they need
	Interpreter string            `json:"interpreter"`
	Machine     string            `json:"machine"`
}

const layout = 1

func (d *Description) plan() (*plan, error) {
	p := &plan{Layout: layout, Name: d.Name, Language: d.Language, Packages: d.Packages, Machine: runtime.GOARCH}
	var err error
	if d.Language == run.R {
		if p.Interpreter, err = rVersion(); err == nil {
			p.Debian, err = closure(d.Packages)
		}
		return p, err
	}
	sum := sha256.Sum256(d.Lock)
	p.Lock = hex.EncodeToString(sum[:])
	p.Interpreter, err = output(context.Background(), python, "-I", "-c", "import platform, sys; print(sys.implementation.name, platform.python_version())")
	if err != nil {
		return nil, fmt.Errorf("studies in Python need %s: apt-get install python3 python3-venv: %w", python, err)
	}
	return p, nil
}

// digest is the SHA-256 of the plan; json writes maps in the order of their keys.
func (p *plan) digest() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts alone
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (p *plan) folder() string { return p.Name + "-" + p.digest()[:16] }

// Build builds an environment, or finds it where it was built before.
func (d *Description) Build(ctx context.Context, o Options) (built *Built, err error) {
	if o.Root == "" {
		o.Root = Root()
	}
	if o.Tells == nil {
		o.Tells = io.Discard
	}
	p, err := d.plan()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Root, 0o755); err != nil { //nolint:gosec // studies read it as nobody
		return nil, err
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, p.folder())
	release, err := filelock.Exclusive(ctx, filepath.Join(root, d.Name+".lock"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if b, err := open(dir); err == nil {
		return b, nil
	}
	if err := remove(dir); err != nil { // what was interrupted
		return nil, err
	}
	m := Manifest{Name: d.Name, Language: d.Language, Digest: p.digest(), Interpreter: p.Interpreter}
	build := d.buildPython
	if d.Language == run.R {
		build = p.buildR
	}
	if m.Packages, err = build(ctx, dir, o); err != nil {
		return nil, errors.Join(fmt.Errorf("build the environment %s: %w", d.Name, err), remove(dir))
	}
	if err := seal(dir, &m); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the environment %s: %w", d.Name, err), remove(dir))
	}
	return &Built{m, dir}, nil
}

// open reads an environment that is whole.
func open(dir string) (*Built, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile)) //nolint:gosec // of the installation
	if err != nil {
		return nil, err
	}
	b := &Built{Dir: dir}
	return b, json.Unmarshal(text, &b.Manifest)
}

// seal takes the digest of the files, writes the manifest, and lets nobody write from then on.
func seal(dir string, m *Manifest) (err error) {
	if m.Files, err = digestOf(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := chmod(dir, 0o555, 0o444); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // everybody may read it
		return err
	}
	half := filepath.Join(dir, "."+ManifestFile)
	if err := os.WriteFile(half, append(text, '\n'), 0o444); err != nil { //nolint:gosec // everybody may read it
		return err
	}
	if err := os.Rename(half, filepath.Join(dir, ManifestFile)); err != nil {
		return err
	}
	return os.Chmod(dir, 0o555) //nolint:gosec // everybody may read it
}

// chmod gives folders and files their rights; programs stay programs.
func chmod(dir string, folder, file fs.FileMode) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, folder)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, file|info.Mode()&0o111)
	})
}

// remove removes an environment, which nobody may write to.
func remove(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(chmod(dir, 0o755, 0o644), os.RemoveAll(dir))
}

// command runs a program that builds, and lets it tell what it does.
func command(ctx context.Context, o Options, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // one of ours, with our arguments
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, o.Tells, o.Tells
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args[:min(len(args), 3)], " "), err)
	}
	return nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output() //nolint:gosec // one of ours, with our arguments
	return strings.TrimSpace(string(out)), err
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // of the environment
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}
