// Package environment builds what studies run in: an interpreter's packages, pinned, and
// kept where nobody changes them.
//
//	description (name.yaml) + lock ─► [Description.Build] ─► ROOT/name-<digest>/ ─► run.FindEnvironment, run.FindR
//
// A [Description] is data: the language, and the packages that a study may count on. For Python a
// lock lies beside it, in the form of pip's requirements: every distribution that is installed,
// with its version and the SHA-256 of each of its files, and nothing that is not a wheel. For R
// the packages are Debian's, and their digests those of Debian's signed index.
//
// What is guaranteed: the folder's name is the digest of all that decides what is in it
// (description, lock, interpreter, kind of machine), so that the same description gives the same
// folder and another one another; it is built once, by one process at a time, and is whole where its
// [Manifest] is there; nothing in it can be written afterwards. The manifest's digest of the files goes into the
// digest that the record of each run has ([run.Environment.Digest]), and is the same wherever the
// folder lies. The sandbox shows it read-only, and has no network.
//
// What is not: bytecode, which Python makes of the files, is not in the digest.
package environment

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/wheel"
)

//go:embed described
var described embed.FS

// Description says what an environment holds.
type Description struct {
	Name     string            `yaml:"-" json:"name"`
	Language run.Language      `yaml:"language" json:"language"` // python or r
	About    string            `yaml:"about" json:"about"`       // what it is for
	Size     string            `yaml:"size" json:"size"`         // about how much is fetched and kept
	Packages map[string]string `yaml:"packages" json:"packages"` // what studies may count on, with versions; R's are Debian's
	LockFile string            `yaml:"lock" json:"-"`            // beside it
	Lock     []byte            `yaml:"-" json:"-"`               // its content
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,29}$`)

// Names lists the environments that come with Rempart.
func Names() (names []string) {
	files, err := fs.Glob(described, "described/*.yaml")
	if err != nil {
		panic(err) // the pattern is well formed
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	return names
}

// Read reads a description: one that comes with Rempart by its name, or a file *.yaml.
func Read(name string) (*Description, error) {
	var files fs.FS
	file := name + ".yaml"
	if strings.HasSuffix(name, ".yaml") {
		files, file = os.DirFS(filepath.Dir(name)), filepath.Base(name)
	} else {
		if !slices.Contains(Names(), name) {
			hint := ""
			if near := nearest.Name(name, Names()); near != "" {
				hint = fmt.Sprintf(": did you mean %q?", near)
			}
			return nil, fmt.Errorf("there is no environment %q%s Those that come with Rempart are %s; name a file NAME.yaml for one of your own", name, hint, strings.Join(Names(), ", "))
		}
		sub, err := fs.Sub(described, "described")
		if err != nil {
			return nil, err
		}
		files = sub
	}
	d, err := read(files, file)
	if err != nil {
		return nil, fmt.Errorf("the environment %s: %w", name, err)
	}
	return d, nil
}

func read(files fs.FS, file string) (*Description, error) {
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, err
	}
	d := &Description{Name: strings.TrimSuffix(file, ".yaml")}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(d); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, true))
	}
	switch {
	case !validName.MatchString(d.Name):
		return nil, errors.New("its file wants a name of lower-case letters, digits and -, such as genomics.yaml")
	case d.Language != run.Python && d.Language != run.R:
		return nil, fmt.Errorf("language: %q: want python or r", d.Language)
	case len(d.Packages) == 0:
		return nil, errors.New("packages: name at least one")
	case d.Language == run.R:
		return d, d.checkR()
	case d.LockFile == "" || filepath.Base(d.LockFile) != d.LockFile:
		return nil, errors.New("lock: name the file beside it that has every package with its digests: uv pip compile --generate-hashes writes one")
	}
	if d.Lock, err = fs.ReadFile(files, d.LockFile); err != nil {
		return nil, err
	}
	locked, err := parseLock(d.Lock)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.LockFile, err)
	}
	for name, version := range d.Packages {
		if !slices.Contains(locked[wheel.Canonical(name)], version) {
			return nil, fmt.Errorf("packages: %s %s is not what %s has: lock again", name, version, d.LockFile)
		}
	}
	return d, nil
}

var (
	pin  = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)(?:\s*;\s*([A-Za-z0-9_ ().,'"<>=!]+))?$`)
	hash = regexp.MustCompile(`^--hash=sha256:[0-9a-f]{64}$`)
)

// parseLock reads the versions of each package, by canonical name. Nothing but pins with
// digests may be in a lock: no address, no option, no path.
func parseLock(text []byte) (map[string][]string, error) {
	locked := map[string][]string{}
	joined := strings.ReplaceAll(string(text), "\\\n", "\x00")
	for i, line := range strings.Split(joined, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\x00")
		m := pin.FindStringSubmatch(strings.TrimSpace(parts[0]))
		if m == nil {
			return nil, fmt.Errorf("requirement %d is not NAME==VERSION", i+1)
		}
		if len(parts) == 1 {
			return nil, fmt.Errorf("%s %s has no digest: want --hash=sha256:…", m[1], m[2])
		}
		for _, h := range parts[1:] {
			if !hash.MatchString(strings.TrimSpace(h)) {
				return nil, fmt.Errorf("%s %s: want nothing but --hash=sha256:… after it", m[1], m[2])
			}
		}
		locked[wheel.Canonical(m[1])] = append(locked[wheel.Canonical(m[1])], m[2])
	}
	return locked, nil
}

// Package is one that is installed.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty"` // of Debian's package
}

// ManifestFile is in every environment that is whole.
const ManifestFile = run.EnvironmentManifest

// Manifest tells what was built. It has neither a time nor a place in it.
type Manifest struct {
	Name        string       `json:"name"`
	Language    run.Language `json:"language"`
	Digest      string       `json:"digest"`      // of all that decides what is in it
	Interpreter string       `json:"interpreter"` // as it calls itself
	Packages    []Package    `json:"packages"`    // by name
	Files       string       `json:"files"`       // SHA-256 over the files, their names and bytes
}

// Built is an environment that can be used.
type Built struct {
	Manifest
	Dir string `json:"dir"`
}

// Root is where environments lie: of the machine where root builds them, since studies that
// root starts run as nobody; else of the user.
func Root() string {
	if os.Geteuid() == 0 {
		return "/var/cache/rempart/environments"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = filepath.Join(os.TempDir(), fmt.Sprint("rempart-", os.Geteuid()))
	}
	return filepath.Join(dir, "rempart", "environments")
}

// List reads the environments below a root that are whole, by name.
func List(root string) (all []*Built, err error) {
	found, err := filepath.Glob(filepath.Join(root, "*", ManifestFile))
	if err != nil {
		return nil, err
	}
	for _, path := range found {
		b, err := open(filepath.Dir(path))
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: remove the folder, and build it again: %w", path, err)
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Built) int { return strings.Compare(a.Dir, b.Dir) })
	return all, nil
}

// Resolve is the folder of an environment: where the name is that of one that comes with Rempart, of the
// one that was built, and else the path itself.
func Resolve(root, nameOrPath string) (string, error) {
	if !slices.Contains(Names(), nameOrPath) {
		return filepath.Abs(nameOrPath)
	}
	d, err := Read(nameOrPath)
	if err != nil {
		return "", err
	}
	b, err := d.Find(root)
	if err != nil {
		return "", err
	}
	return b.Dir, nil
}

// ErrNotBuilt says that an environment is described, and not built.
var ErrNotBuilt = errors.New("it is not built yet")

// Find finds the environment that was built of a description; else the error is [ErrNotBuilt].
func (d *Description) Find(root string) (*Built, error) {
	plan, err := d.plan()
	if err != nil {
		return nil, err
	}
	b, err := open(filepath.Join(root, plan.folder()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the environment %s: %w: rempart environment build %s", d.Name, ErrNotBuilt, d.Name)
	}
	return b, err
}

// Verify compares the files of an environment with its manifest.
func (b *Built) Verify() error {
	is, err := digestOf(b.Dir)
	if err != nil {
		return err
	}
	if is != b.Files {
		return fmt.Errorf("%s is not what was built: remove it, and build it again: rempart environment build %s", b.Dir, b.Name)
	}
	return nil
}

// digestOf is the SHA-256 over the files of an environment. What depends on its place, or is made from other
// files, is left out: the links to the interpreter, where they point, and bytecode.
func digestOf(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "__pycache__" || name == "bin"):
			return fs.SkipDir
		case e.IsDir() || name == ManifestFile || name == "pyvenv.cfg":
			return nil
		case !e.Type().IsRegular():
			target, err := os.Readlink(path)
			fmt.Fprintf(sum, "%s\x00-> %s\n", filepath.ToSlash(name), target)
			if name == "lib64" {
				err = nil
			}
			return err
		}
		one, err := fileDigest(path)
		fmt.Fprintf(sum, "%s\x00%s\n", filepath.ToSlash(name), one)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
