package benchmarks

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/lake/mount"
	"rempart.eu/rempart/ledger"
)

// lakeTable makes a table of 20 million rows, like OMOP's measurement: some 500
// MB of Parquet.
//
//go:embed lake_table.sql
var lakeTable string

// The queries: all columns, and one of them.
const (
	wideQuery   = "SELECT (count(measurement_id) + sum(person_id) + sum(measurement_concept_id) + count(measurement_date) + sum(value_as_number) + sum(visit_occurrence_id) + max(length(measurement_source_value)))::DOUBLE FROM read_parquet('%s')"
	narrowQuery = "SELECT sum(person_id)::DOUBLE FROM read_parquet('%s')"
	cipherQuery = "SELECT (count(measurement_id) + sum(person_id) + sum(measurement_concept_id) + count(measurement_date) + sum(value_as_number) + sum(visit_occurrence_id) + max(length(measurement_source_value)))::DOUBLE FROM read_parquet('%s', encryption_config = {footer_key: 'bench'})"
	cipherKey   = "PRAGMA add_parquet_key('bench', '0123456789abcdef0123456789abcdef')"
)

// lakeBench measures sealing and the mount.
func lakeBench(ctx context.Context, r *Run) error {
	b := &lakeRun{Run: r, plain: filepath.Join(r.Dir, "plain.parquet"), cipher: filepath.Join(r.Dir, "cipher.parquet"), dir: filepath.Join(r.Dir, "mount")}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.sealing, b.scans, b.againstDuckDB, b.memory, b.listing} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lakeRun is the suite under way.
type lakeRun struct {
	*Run
	plain, cipher, dir string
	space              space
	vault              *lake.Vault
	key                *keyring.Key
	object             ledger.Object // the table, sealed
}

func (b *lakeRun) prepare(ctx context.Context) error {
	if err := mount.Available(); err != nil {
		return err
	}
	b.space = space{Host: filepath.Join(b.Dir, "host"), Keyring: filepath.Join(b.Dir, "keyring"), Key: "release-1"}
	for _, dir := range []string{b.space.Host, b.dir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	escrow, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	b.vault = &lake.Vault{Store: host.Dir(b.space.Host), Escrow: escrow.Recipient()}
	ring, err := keyring.Create(ctx, b.space.Keyring, keyring.Config{Kind: "file", WorkFactor: 10}, benchSecrets)
	if err != nil {
		return err
	}
	b.key, err = ring.New(ctx, b.space.Key)
	return err
}

// sealing compares a table that is sealed to a host with one that COPY writes
// to a file. Both are on the disk at the end: fsync(2) is part of both.
func (b *lakeRun) sealing(ctx context.Context) error {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Exec(ctx, lakeTable); err != nil {
		return err
	}
	var plain, sealed []float64
	for range 3 {
		s, err := seconds(func() error { return b.copyPlain(ctx, db, b.plain, string(engine.Parquet)) })
		if err != nil {
			return err
		}
		plain = append(plain, s)
		if b.object.Name != "" {
			if err := b.vault.Store.Delete(ctx, b.object.Name); err != nil {
				return err
			}
		}
		s, err = seconds(func() error {
			b.object, err = b.vault.Put(ctx, lake.Parquet, b.key, func(w io.Writer) error {
				return db.CopyOut(ctx, "FROM measurement", engine.Parquet, w)
			})
			return err
		})
		if err != nil {
			return err
		}
		sealed = append(sealed, s)
	}
	info, err := os.Stat(b.plain)
	if err != nil {
		return err
	}
	b.Record("table of 20 million rows as plain Parquet", float64(info.Size())/1e6, "MB")
	b.RatioAtLeast("seal to the host, against COPY to a file", 1/middle(sealed), 1/middle(plain), "1/s", 0.85)
	// Without this DuckDB writes with a library that it would have to download.
	if err := db.Exec(ctx, "SET force_mbedtls_unsafe = true; "+cipherKey); err != nil {
		return err
	}
	return b.copyPlain(ctx, db, b.cipher, string(engine.Parquet)+", ENCRYPTION_CONFIG {footer_key: 'bench'}")
}

// copyPlain is the obvious alternative to sealing.
func (b *lakeRun) copyPlain(ctx context.Context, db *engine.DB, to, format string) error {
	if err := db.Exec(ctx, fmt.Sprintf("COPY (FROM measurement) TO %s (%s)", engine.Literal(to), format)); err != nil {
		return err
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// scans compares queries through the mount with the same on the plain file.
func (b *lakeRun) scans(ctx context.Context) error {
	for _, q := range []struct {
		name, query string
		warm, cold  float64
	}{{"all columns", wideQuery, 1.15, 2}, {"one column", narrowQuery, 1.3, 2}} {
		var plainCold, cold []float64
		var last served
		for range 3 {
			s, err := b.coldPlain(ctx, q.query)
			if err != nil {
				return err
			}
			plainCold = append(plainCold, s)
			s, last, err = b.coldMount(ctx, q.query, b.space.Host)
			if err != nil {
				return err
			}
			cold = append(cold, s)
		}
		b.RatioAtMost("mount, "+q.name+", cold, against the plain file", middle(cold), middle(plainCold), "s", q.cold)
		plainWarm, warm, err := b.warm(ctx, q.query)
		if err != nil {
			return err
		}
		b.RatioAtMost("mount, "+q.name+", warm, against the plain file", middle(warm), middle(plainWarm), "s", q.warm)
		if q.name == "one column" {
			if err := b.fetched(ctx, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// warm reads the plain file and the mount in turns, so that both meet the same
// disturbances, after one reading each that does not count.
func (b *lakeRun) warm(ctx context.Context, query string) (plain, mounted []float64, err error) {
	_, err = b.mounted(ctx, b.table(1), func(paths []string) error {
		for range 3 {
			for path, all := range map[string]*[]float64{b.plain: &plain, paths[0]: &mounted} {
				took, err := b.read(ctx, 4, fmt.Sprintf(query, path))
				if err != nil {
					return err
				}
				*all = append(*all, took[1:]...)
			}
		}
		return nil
	})
	return plain, mounted, err
}

// fetched compares what was read from the host with the column's own bytes.
func (b *lakeRun) fetched(ctx context.Context, s served) error {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var column float64
	err = db.Value(ctx, &column, "SELECT sum(total_compressed_size)::DOUBLE FROM parquet_metadata(?) WHERE path_in_schema = 'person_id'", b.plain)
	b.RatioAtMost("one column, cold: fetched from the host, against the column", float64(s.Fetched)/1e6, column/1e6, "MB", 2)
	return err
}

// againstDuckDB compares with DuckDB's own encrypted Parquet.
func (b *lakeRun) againstDuckDB(ctx context.Context) error {
	theirs, err := b.read(ctx, 3, cipherKey, fmt.Sprintf(cipherQuery, b.cipher))
	if err != nil {
		return err
	}
	var ours []float64
	if _, err := b.mounted(ctx, b.table(1), func(paths []string) (err error) {
		ours, err = b.read(ctx, 5, fmt.Sprintf(wideQuery, paths[0]))
		return err
	}); err != nil {
		return err
	}
	b.RatioAtLeast("mount, warm: scans a second, against DuckDB's encryption", 1/middle(ours), 1/middle(theirs), "1/s", 3)
	return nil
}

// memory reads 1 and 10 GB of files, and as many as the disk has room for, up to
// 50; then with 64 readers at once.
func (b *lakeRun) memory(ctx context.Context) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(b.Dir, &disk); err != nil {
		return err
	}
	room := min(50, int(disk.Bavail*uint64(disk.Bsize)/1e9))
	for _, gb := range []int{1, 10, room} {
		n := int(int64(gb)*1e9/b.object.Size) + 1
		s, err := b.mounted(ctx, b.table(n), func(paths []string) error {
			_, err := b.child(ctx, append([]string{readArg, "files", "2"}, paths...)...)
			return err
		})
		if err != nil {
			return err
		}
		b.AtMost(fmt.Sprintf("memory of the mount's process, %d GB read", gb), float64(s.Peak)/(1<<20), "MiB", 256)
	}
	var took []float64
	s, err := b.mounted(ctx, b.table(1), func(paths []string) (err error) {
		took, err = b.child(ctx, append([]string{readArg, "files", "64"}, slices.Repeat(paths, 64)...)...)
		return err
	})
	if err != nil {
		return err
	}
	b.Record("64 readers of all of the table at once, cold, no error", took[0], "s")
	b.AtMost("memory of the mount's process, 64 readers", float64(s.Peak)/(1<<20), "MiB", 256)
	return nil
}

// listing mounts and lists 10,000 objects.
func (b *lakeRun) listing(ctx context.Context) error {
	object, err := b.vault.Put(ctx, lake.Tar, b.key, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 100_000))
		return err
	})
	if err != nil {
		return err
	}
	var files []mount.File
	for i := range 10_000 { // each is an object of its own to the host
		linked := object
		linked.Name = host.NewName()
		if err := os.Link(filepath.Join(b.space.Host, object.Name), filepath.Join(b.space.Host, linked.Name)); err != nil {
			return err
		}
		files = append(files, mount.File{Name: fmt.Sprintf("%05d.parquet", i), Object: linked})
	}
	var lines int
	s, err := seconds(func() error {
		_, err := b.mounted(ctx, files, func([]string) error {
			list, err := exec.CommandContext(ctx, "ls", "-l", b.dir).Output()
			lines = strings.Count(string(list), "\n") - 1
			return err
		})
		return err
	})
	if err == nil && lines != len(files) {
		err = fmt.Errorf("ls shows %d of %d files", lines, len(files))
	}
	b.AtMost("mount a release of 10,000 objects, list it, unmount", s, "s", 1)
	return err
}

// table is the sealed table under n names. The mount knows nothing of its being
// one object: it reads, decrypts and keeps each file for itself.
func (b *lakeRun) table(n int) (files []mount.File) {
	for i := range n {
		files = append(files, mount.File{Name: fmt.Sprintf("measurement-%02d.parquet", i), Object: b.object})
	}
	return files
}

// mounted mounts files in another process, for use to read from a third.
func (b *lakeRun) mounted(ctx context.Context, files []mount.File, use func(paths []string) error) (s served, err error) {
	b.space.Files = files
	text, err := json.Marshal(b.space)
	if err != nil {
		return s, err
	}
	file := filepath.Join(b.Dir, "space.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return s, err
	}
	c, err := startChild(ctx, serveArg, file, b.dir)
	if err != nil {
		return s, err
	}
	if line, err := c.out.ReadString('\n'); err != nil || line != "ready\n" {
		c.cancel()
		return s, errors.Join(err, c.Wait(), fmt.Errorf("the mount did not come about: %s", c.errs.String()))
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(b.dir, f.Name))
	}
	err = use(paths)
	return s, errors.Join(err, c.Process.Signal(os.Interrupt), c.end(&s))
}

// child runs a process that reads and returns its seconds.
func (b *lakeRun) child(ctx context.Context, args ...string) (seconds []float64, err error) {
	c, err := startChild(ctx, args...)
	if err != nil {
		return nil, err
	}
	return seconds, c.end(&seconds)
}

func (b *lakeRun) read(ctx context.Context, times int, statements ...string) ([]float64, error) {
	return b.child(ctx, append([]string{readArg, "sql", fmt.Sprint(times)}, statements...)...)
}

func (b *lakeRun) coldPlain(ctx context.Context, query string) (float64, error) {
	if err := forget(b.plain); err != nil {
		return 0, err
	}
	s, err := b.read(ctx, 1, fmt.Sprintf(query, b.plain))
	if err != nil {
		return 0, err
	}
	return s[0], nil
}

// coldMount reads through a mount that has read nothing, of an object of which
// the kernel has nothing: it forgets all that is in the folder where the object lies.
func (b *lakeRun) coldMount(ctx context.Context, query, folder string) (float64, served, error) {
	var took []float64
	s, err := b.mounted(ctx, b.table(1), func(paths []string) (err error) {
		if err := forgetAll(folder); err != nil {
			return err
		}
		took, err = b.read(ctx, 1, fmt.Sprintf(query, paths[0]))
		return err
	})
	if err != nil {
		return 0, s, err
	}
	return took[0], s, nil
}

// forgetAll makes the kernel forget what it has cached of the files in a folder.
func forgetAll(folder string) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return forget(path)
	})
}

// forget makes the kernel forget what it has cached of a file.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	return errors.Join(err, f.Close())
}
