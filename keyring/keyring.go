// Package keyring holds the keys that open what lies on a host.
//
// One key-encryption key ([Key]) per deposit, linkage, release and project
// wraps the file keys of its age files. A [Keyring] keeps these keys in a
// directory, each wrapped by a [Root]: a secret in a passphrase-protected file
// ([FileRoot]), in an HSM ([PKCS11]) or in a key server ([KMIP]). Destroying a
// key is how the data under it is erased: what the host holds then opens for
// nobody but the escrow.
//
// A Key is an [age.Recipient] and an [age.Identity] of stanza "rempart-kek"; the
// format is in docs/formats.md. The keyring does not decide who may use a key.
package keyring

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/filelock"
)

// Root wraps key-encryption keys. Implementations bind the id into what they
// return, so that a wrapped key put under another name does not unwrap.
type Root interface {
	Wrap(ctx context.Context, id string, key []byte) ([]byte, error)
	Unwrap(ctx context.Context, id string, wrapped []byte) ([]byte, error)
	// Close forgets the secrets.
	Close() error
}

// Keyring is a directory of wrapped keys under one root.
//
// Its files: current.json names the generation that is valid and its kind of
// root; a generation is a directory with the wrapped keys and, for a file root,
// root.age. A rotation writes a whole new generation before current.json names it.
type Keyring struct {
	dir     string
	current Generation
	root    Root
}

// Generation says where the valid keys are and what wraps them.
type Generation struct {
	Number int    `json:"generation"`
	Root   Config `json:"root"`
}

// ErrDestroyed says that there is no such key, or no longer.
var ErrDestroyed = errors.New("its key was destroyed: the data under it is erased")

var validID = regexp.MustCompile(`^[a-z]+-[0-9a-z-]+$`)

// Create makes an empty keyring under a new root.
func Create(ctx context.Context, dir string, config Config, secrets Secrets) (*Keyring, error) {
	if _, err := os.Stat(filepath.Join(dir, "current.json")); err == nil {
		return nil, fmt.Errorf("%s: there is a keyring already", dir)
	}
	k := &Keyring{dir: dir, current: Generation{Number: 1, Root: config}}
	var err error
	if k.root, err = createGeneration(ctx, k.path(), &k.current.Root, secrets); err != nil {
		return nil, err
	}
	return k, k.publish()
}

// createGeneration makes a directory with a new root.
func createGeneration(ctx context.Context, dir string, config *Config, secrets Secrets) (Root, error) {
	if err := os.RemoveAll(dir); err != nil { // what an interrupted rotation left
		return nil, fmt.Errorf("make a keyring: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a keyring: %w", err)
	}
	return config.create(ctx, dir, secrets)
}

// Open opens a keyring.
func Open(ctx context.Context, dir string, secrets Secrets) (*Keyring, error) {
	k := &Keyring{dir: dir}
	if err := k.read(); err != nil {
		return nil, err
	}
	var err error
	if k.root, err = k.current.Root.open(ctx, k.path(), secrets); err != nil {
		return nil, fmt.Errorf("open the keyring that %s describes: %w", filepath.Join(dir, "current.json"), err)
	}
	return k, nil
}

// Describe says what holds a keyring's keys, without opening it.
func Describe(dir string) (Generation, error) {
	k := &Keyring{dir: dir}
	err := k.read()
	return k.current, err
}

func (k *Keyring) read() error {
	data, err := os.ReadFile(filepath.Join(k.dir, "current.json"))
	if err != nil {
		return fmt.Errorf("open the keyring: %w", err)
	}
	if err := json.Unmarshal(data, &k.current); err != nil {
		return fmt.Errorf("open the keyring: %s: %w", filepath.Join(k.dir, "current.json"), err)
	}
	return nil
}

// publish makes the generation the valid one.
func (k *Keyring) publish() error {
	data, err := json.Marshal(k.current)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(k.dir, "current.json"), append(data, '\n'), 0o600)
}

func (k *Keyring) path() string { return filepath.Join(k.dir, fmt.Sprint("g", k.current.Number)) }

// Close forgets the secrets.
func (k *Keyring) Close() error { return k.root.Close() }

// Kind names what holds the root key.
func (k *Keyring) Kind() string { return k.current.Root.Kind }

// lock waits for a rotation to end.
func (k *Keyring) lock(ctx context.Context) (func() error, error) {
	return filelock.Exclusive(ctx, filepath.Join(k.dir, "lock"))
}

// New makes the key of an id, such as "release-3f2a…". An id is never used twice.
func (k *Keyring) New(ctx context.Context, id string) (key *Key, err error) {
	if !validID.MatchString(id) {
		return nil, fmt.Errorf("%q cannot name a key", id)
	}
	unlock, err := k.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path := filepath.Join(k.path(), id)
	if _, err := os.Stat(path); err == nil {
		return nil, fmt.Errorf("key %s: there is one already", id)
	}
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	wrapped, err := k.root.Wrap(ctx, id, secret)
	if err != nil {
		return nil, fmt.Errorf("wrap key %s: %w", id, err)
	}
	if err := atomicfile.Write(path, wrapped, 0o600); err != nil {
		return nil, fmt.Errorf("keep key %s: %w", id, err)
	}
	return newKey(id, secret)
}

// Key returns the key of an id; [ErrDestroyed] where there is none.
func (k *Keyring) Key(ctx context.Context, id string) (*Key, error) {
	if !validID.MatchString(id) {
		return nil, fmt.Errorf("%q cannot name a key", id)
	}
	wrapped, err := os.ReadFile(filepath.Join(k.path(), id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key %s: %w", id, ErrDestroyed)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	secret, err := k.root.Unwrap(ctx, id, wrapped)
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the key was changed, or belongs to another root key: %w", filepath.Join(k.path(), id), err)
	}
	return newKey(id, secret)
}

// IDs lists the keys that exist, sorted.
func (k *Keyring) IDs() ([]string, error) {
	files, err := os.ReadDir(k.path())
	if err != nil {
		return nil, fmt.Errorf("list the keys: %w", err)
	}
	var ids []string
	for _, f := range files {
		if validID.MatchString(f.Name()) {
			ids = append(ids, f.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Destroy forgets a key for ever. Destroying one that is gone is no error.
func (k *Keyring) Destroy(ctx context.Context, id string) (err error) {
	if !validID.MatchString(id) {
		return fmt.Errorf("%q cannot name a key", id)
	}
	unlock, err := k.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path := filepath.Join(k.path(), id)
	wrapped, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("destroy key %s: %w", id, err)
	}
	// Overwriting helps where the disk writes in place; where it does not, the
	// wrapped key is still of no use once the root key is rotated.
	if err := overwrite(path, make([]byte, len(wrapped))); err != nil {
		return fmt.Errorf("destroy key %s: %w", id, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("destroy key %s: %w", id, err)
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

func overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Rotate makes a new root of any kind and wraps every key anew; no data is
// touched. It returns how many keys there are. Interrupted, the old root stays
// valid. The old generation is removed at the end.
func (k *Keyring) Rotate(ctx context.Context, config Config, secrets Secrets) (n int, err error) {
	unlock, err := k.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := k.read(); err != nil { // another process may have rotated meanwhile
		return 0, err
	}
	ids, err := k.IDs()
	if err != nil {
		return 0, err
	}
	next := &Keyring{dir: k.dir, current: Generation{Number: k.current.Number + 1, Root: config}}
	if next.root, err = createGeneration(ctx, next.path(), &next.current.Root, secrets); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := k.move(ctx, next, id); err != nil {
			return 0, errors.Join(err, next.root.Close(), os.RemoveAll(next.path()))
		}
	}
	if err := atomicfile.SyncDir(next.path()); err != nil {
		return 0, err
	}
	if err := next.publish(); err != nil {
		return 0, err
	}
	old, path := k.root, k.path()
	*k = *next
	return len(ids), errors.Join(old.Close(), os.RemoveAll(path))
}

// move wraps one key under the next generation's root.
func (k *Keyring) move(ctx context.Context, next *Keyring, id string) error {
	key, err := k.Key(ctx, id)
	if err != nil {
		return err
	}
	defer key.Wipe()
	wrapped, err := next.root.Wrap(ctx, id, key.secret)
	if err != nil {
		return fmt.Errorf("wrap key %s: %w", id, err)
	}
	return atomicfile.Write(filepath.Join(next.path(), id), wrapped, 0o600)
}

// Check opens every key and says what in the keyring's directory is not as it
// must be.
func (k *Keyring) Check(ctx context.Context) (faults []error) {
	want, err := json.Marshal(k.current)
	if err == nil {
		var got []byte
		if got, err = os.ReadFile(filepath.Join(k.dir, "current.json")); err == nil && string(got) != string(want)+"\n" {
			faults = append(faults, fmt.Errorf("%s was changed", filepath.Join(k.dir, "current.json")))
		}
	}
	if err != nil {
		faults = append(faults, err)
	}
	err = filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(k.dir, path)
		switch {
		case err != nil:
			return err
		case name == "current.json" || path == filepath.Join(k.path(), rootFile):
		case name == "lock":
			if info, err := d.Info(); err != nil || info.Size() > 0 {
				faults = append(faults, fmt.Errorf("%s was changed: it must be empty", path))
			}
		case filepath.Dir(path) == k.path() && validID.MatchString(d.Name()):
			key, err := k.Key(ctx, d.Name())
			if err != nil {
				faults = append(faults, err)
				return nil
			}
			key.Wipe()
		case k.leftOver(path):
			faults = append(faults, fmt.Errorf("%s: an interrupted step has left it: remove it with rempart lake repair", path))
		default:
			faults = append(faults, fmt.Errorf("%s: this file does not belong to the keyring", path))
		}
		return nil
	})
	if err != nil {
		faults = append(faults, err)
	}
	return faults
}

// leftOver says whether an interrupted step has left a file: one that was not
// yet under its name, or is of a generation that is not the valid one.
func (k *Keyring) leftOver(path string) bool {
	dir := filepath.Dir(path)
	return strings.HasPrefix(filepath.Base(path), ".") || dir != k.path() && generation.MatchString(filepath.Base(dir))
}

var generation = regexp.MustCompile(`^g[0-9]+$`)

// Sweep removes what interrupted steps have left in the keyring's directory.
func (k *Keyring) Sweep(ctx context.Context) (removed []string, err error) {
	unlock, err := k.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := k.read(); err != nil { // another process may have rotated meanwhile
		return nil, err
	}
	err = filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !k.leftOver(path) {
			return err
		}
		removed = append(removed, path)
		if err := os.Remove(path); err != nil || filepath.Dir(path) == k.path() {
			return err
		}
		_ = os.Remove(filepath.Dir(path)) // the generation's folder, once it is empty
		return nil
	})
	return removed, err
}
