package environment

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rempart.eu/rempart/run/wheel"
)

// python is what environments are made with, and what runs in them.
const python = "/usr/bin/python3"

// buildPython makes a virtual environment, and installs into it what the lock names and nothing else.
func (d *Description) buildPython(ctx context.Context, dir string, o Options) ([]Package, error) {
	if len(d.Lock) == 0 {
		return placeless(dir, command(ctx, o, "", python, "-m", "venv", "--without-pip", dir))
	}
	if err := command(ctx, o, "", python, "-m", "venv", dir); err != nil {
		return nil, fmt.Errorf("apt-get install python3-venv: %w", err)
	}
	lock := filepath.Join(dir, "lock.txt")
	if err := os.WriteFile(lock, d.Lock, 0o600); err != nil {
		return nil, err
	}
	inside := filepath.Join(dir, "bin", "python")
	args := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", lock}
	if o.From != "" {
		from, err := filepath.Abs(o.From)
		if err != nil {
			return nil, err
		}
		args = append(args, "--no-index", "--find-links", from)
	}
	if err := command(ctx, o, dir, inside, args...); err != nil {
		return nil, err
	}
	locked, err := parseLock(d.Lock)
	if err != nil {
		return nil, err
	}
	without := []string{"-m", "pip", "uninstall", "--quiet", "--yes", "--disable-pip-version-check", "pip"}
	if len(locked["setuptools"]) == 0 { // the machine's, which the lock does not know
		without = append(without, "setuptools")
	}
	return placeless(dir, errors.Join(command(ctx, o, dir, inside, without...), os.Remove(lock)))
}

// placeless removes the programs of packages, which have the place of the environment written into
// them, and lists the packages of an environment that did not fail to be made.
func placeless(dir string, failed error) (packages []Package, err error) {
	if failed != nil {
		return nil, failed
	}
	programs, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		if !strings.HasPrefix(p.Name(), "python") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, "bin", p.Name())))
		}
	}
	records, globbed := filepath.Glob(filepath.Join(dir, "lib", "python3*", "site-packages", "*.dist-info", "RECORD"))
	if err := errors.Join(err, globbed); err != nil {
		return nil, err
	}
	for _, record := range records {
		if err := withoutPrograms(record); err != nil {
			return nil, err
		}
		info := filepath.Dir(record)
		name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(info), ".dist-info"), "-")
		packages = append(packages, Package{Name: wheel.Canonical(name), Version: version})
		err := os.Remove(filepath.Join(info, "direct_url.json")) // where the wheel lay
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return packages, nil
}

// withoutPrograms writes the record of a distribution's files without those that are no more, and
// without bytecode.
func withoutPrograms(record string) error {
	f, err := os.Open(record) //nolint:gosec // of the environment
	if err != nil {
		return err
	}
	r := csv.NewReader(f)
	r.FieldsPerRecord = 3
	rows, err := r.ReadAll()
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", record, err)
	}
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		return strings.HasPrefix(row[0], "../../../bin/") || strings.HasSuffix(row[0], ".pyc") || strings.HasSuffix(row[0], "/direct_url.json")
	})
	var text strings.Builder
	w := csv.NewWriter(&text)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(record, []byte(text.String()), 0o644) //nolint:gosec // everybody may read it
}
