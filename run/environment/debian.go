package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// debianPackage is one of Debian's, as its signed index has it.
type debianPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

var debianName = regexp.MustCompile(`^r-cran-[a-z0-9][a-z0-9+.-]+$`)

func (d *Description) checkR() error {
	for name, version := range d.Packages {
		if !debianName.MatchString(name) {
			return fmt.Errorf("packages: %q is none of Debian's packages for R: want such as r-cran-dplyr", name)
		}
		if strings.ContainsAny(version, " /=\n") {
			return fmt.Errorf("packages: %s: %q is no version", name, version)
		}
	}
	if d.LockFile != "" {
		return errors.New("lock: is for Python: Debian's index has the digests of its packages")
	}
	return nil
}

// rVersion is the machine's own R.
func rVersion() (string, error) {
	out, err := output(context.Background(), "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Version}", "r-base-core")
	version, installed := strings.CutPrefix(out, "ii ")
	if err != nil || !installed {
		return "", errors.New("studies in R need R: apt-get install r-base-core")
	}
	return "r-base-core " + version, nil
}

// closure is what Debian's packages for R need of each other, with the version and digest of each.
func closure(packages map[string]string) (all []debianPackage, err error) {
	args := []string{"depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"}
	for name := range packages {
		args = append(args, name)
	}
	out, err := output(context.Background(), "apt-cache", args...)
	if err != nil {
		return nil, fmt.Errorf("ask Debian's index for packages of R: apt-get update may help: %w", err)
	}
	names := map[string]bool{}
	for _, line := range strings.Split(out, "\n") {
		if debianName.MatchString(line) { // those at the margin are packages; the others say why
			names[line] = true
		}
	}
	asked := []string{"show", "--no-all-versions"}
	for name, version := range packages {
		if !names[name] {
			return nil, fmt.Errorf("debian's index has no package %s: apt-get update may help", name)
		}
		if version != "" {
			delete(names, name)
			asked = append(asked, name+"="+version)
		}
	}
	asked = append(asked, slices.Sorted(maps.Keys(names))...)
	if out, err = output(context.Background(), "apt-cache", asked...); err != nil {
		return nil, fmt.Errorf("ask Debian's index for packages of R: %w", err)
	}
	for _, stanza := range strings.Split(out, "\n\n") {
		p := indexed(stanza)
		if p.Name == "" || len(p.SHA256) != 64 {
			return nil, errors.New("debian's index does not say the digests of packages of R: apt-get update may help")
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b debianPackage) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// indexed reads what the index says of a package.
func indexed(stanza string) (p debianPackage) {
	for line := range strings.Lines(stanza) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "SHA256":
			p.SHA256 = value
		}
	}
	return p
}

// buildR fetches Debian's packages, and unpacks R's part of each into library/.
func (p *plan) buildR(ctx context.Context, dir string, o Options) (packages []Package, err error) {
	library, work := filepath.Join(dir, "library"), filepath.Join(dir, "work")
	if err := errors.Join(os.MkdirAll(library, 0o755), os.MkdirAll(work, 0o755)); err != nil { //nolint:gosec // everybody may read it
		return nil, err
	}
	if err := p.fetch(ctx, work, o); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{} // by digest
	for _, file := range files {
		digest, err := fileDigest(file)
		if err != nil {
			return nil, err
		}
		found[digest] = file
	}
	for _, one := range p.Debian {
		file := found[one.SHA256]
		if file == "" {
			return nil, fmt.Errorf("there is no package %s %s of the digest that Debian's index says", one.Name, one.Version)
		}
		tree := strings.TrimSuffix(file, ".deb")
		if err := command(ctx, o, work, "dpkg-deb", "-x", file, tree); err != nil {
			return nil, err
		}
		parts, err := filepath.Glob(filepath.Join(tree, "usr/lib/R/*library/*"))
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			if err := os.Rename(part, filepath.Join(library, filepath.Base(part))); err != nil {
				return nil, err
			}
		}
		packages = append(packages, Package(one))
	}
	return packages, os.RemoveAll(work)
}

// fetch brings the packages.
func (p *plan) fetch(ctx context.Context, work string, o Options) error {
	args := []string{"-q", "-o", "APT::Sandbox::User=root", "download"}
	for _, one := range p.Debian {
		args = append(args, one.Name+"="+one.Version)
	}
	if o.From == "" {
		return command(ctx, o, work, "apt-get", args...)
	}
	found, err := filepath.Glob(filepath.Join(o.From, "r-cran-*.deb"))
	if err != nil || len(found) == 0 {
		return errors.Join(err, fmt.Errorf("%s holds none of Debian's packages for R", o.From))
	}
	return command(ctx, o, "", "cp", append(found, work)...)
}
