// Package lake keeps what a host stores without being able to read it.
//
// A [Vault] seals tables and documents into objects and opens them again. Every
// object is one age file for two readers: the one it is meant for, and the
// controller's escrow. Its name is drawn at random, its plaintext padded.
// Readers trust the ledger, never the host: an object that is missing, altered,
// or not the one that was named is an [*IntegrityError].
//
// A release is a [Manifest] and the objects that it names; it exists once a
// statement in the ledger names the manifest.
//
// The formats are in docs/formats.md. lake does not decide who may read (see
// governance) nor where objects lie (see host).
package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/ledger"
)

// Reader is whom an object is sealed to: the holder of a key-encryption key
// (*keyring.Key), or a party ([PartyReader]). Its name goes into the ledger.
type Reader interface {
	age.Recipient
	Name() string
}

// PartyReader is the party that an object is sent to.
type PartyReader struct {
	*age.HybridRecipient
	Party string
}

// Name implements [Reader].
func (p PartyReader) Name() string { return "party-" + p.Party }

// Vault seals to a host and opens from it.
type Vault struct {
	Store  host.Store
	Escrow age.Recipient // opens every object, offline
}

// IntegrityError says that the host does not hold what the ledger names.
type IntegrityError struct {
	Object string // its name on the host
	Reason string
}

func (e *IntegrityError) Error() string {
	return fmt.Sprintf("object %s on the host: %s", e.Object, e.Reason)
}

// Put seals what write produces to a reader and uploads it, without holding
// more than a Parquet footer of it in memory. Nothing is left on the host after
// an error, but for what a crash leaves.
func (v *Vault) Put(ctx context.Context, kind Kind, reader Reader, write func(io.Writer) error) (ledger.Object, error) {
	object := ledger.Object{Name: host.NewName(), Key: reader.Name()}
	r, w := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := v.seal(kind, reader, w, write)
		return errors.Join(err, w.CloseWithError(err)) // CloseWithError returns nil
	})
	group.Go(func() error {
		sum := sha256.New()
		err := v.Store.Put(ctx, object.Name, io.TeeReader(r, io.MultiWriter(sum, (*counter)(&object.Size))))
		object.SHA256 = ledger.Digest(hex.EncodeToString(sum.Sum(nil)))
		return errors.Join(err, r.CloseWithError(errUploadEnded(err)))
	})
	if err := group.Wait(); err != nil {
		return ledger.Object{}, fmt.Errorf("seal to the host: %w", err)
	}
	return object, nil
}

func errUploadEnded(cause error) error {
	if cause != nil {
		return cause
	}
	return io.ErrClosedPipe
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (v *Vault) seal(kind Kind, reader Reader, to io.Writer, write func(io.Writer) error) error {
	sealed, err := age.Encrypt(to, reader, v.Escrow)
	if err != nil {
		return err
	}
	padded, err := padder(kind, sealed)
	if err != nil {
		return err
	}
	if err := write(padded); err != nil {
		return err
	}
	if err := padded.Close(); err != nil {
		return err
	}
	return sealed.Close()
}

// PutJSON seals a document.
func (v *Vault) PutJSON(ctx context.Context, reader Reader, document any) (ledger.Object, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return ledger.Object{}, fmt.Errorf("write a document: %w", err)
	}
	return v.Put(ctx, JSON, reader, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Read hands the plaintext of an object to use, and fails unless the object is
// the very one that was named. What use has done by then is for naught: it
// must not act on what it reads before Read has returned nil.
func (v *Vault) Read(ctx context.Context, object ledger.Object, key age.Identity, use func(io.Reader) error) (err error) {
	sealed, err := v.open(ctx, object)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	sum := sha256.New()
	whole := io.TeeReader(io.NewSectionReader(sealed, 0, sealed.Size()), sum)
	plain, err := age.Decrypt(whole, key)
	if err != nil {
		return damaged(object, err)
	}
	if err := use(plain); err != nil {
		return damaged(object, err)
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return fmt.Errorf("object %s on the host: %w", object.Name, err)
	}
	return check(object, sum.Sum(nil))
}

// damaged says of a failure to decrypt that the object is to blame.
func damaged(object ledger.Object, err error) error {
	return fmt.Errorf("%w (%w)", &IntegrityError{object.Name, "does not open: it was altered, or is another object"}, err)
}

func check(object ledger.Object, sum []byte) error {
	want, err := hex.DecodeString(string(object.SHA256))
	if err != nil || subtle.ConstantTimeCompare(want, sum) != 1 {
		return &IntegrityError{object.Name, "was altered: its SHA-256 is not the recorded one"}
	}
	return nil
}

// open opens an object of the recorded size.
func (v *Vault) open(ctx context.Context, object ledger.Object) (host.Object, error) {
	sealed, err := v.Store.Open(ctx, object.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &IntegrityError{object.Name, "is missing"}
	}
	if err != nil {
		return nil, err
	}
	if sealed.Size() != object.Size {
		err := &IntegrityError{object.Name, fmt.Sprintf("was altered: it has %d bytes, %d are recorded", sealed.Size(), object.Size)}
		return nil, errors.Join(err, sealed.Close())
	}
	return sealed, nil
}

// ReadJSON opens a document.
func (v *Vault) ReadJSON(ctx context.Context, object ledger.Object, key age.Identity, document any) error {
	var data bytes.Buffer
	err := v.Read(ctx, object, key, func(r io.Reader) error {
		_, err := data.ReadFrom(r)
		return err
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data.Bytes(), document); err != nil {
		return fmt.Errorf("object %s: %w", object.Name, err)
	}
	return nil
}

// Load opens an object into a memory file, for an engine to read.
func (v *Vault) Load(ctx context.Context, object ledger.Object, key age.Identity) (*engine.File, error) {
	return engine.LoadFile(object.Name, func(w io.Writer) error {
		return v.Read(ctx, object, key, func(r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
	})
}

// Verify reads an object and says whether it is the one that was named. It
// needs no key.
func (v *Vault) Verify(ctx context.Context, object ledger.Object) (err error) {
	sealed, err := v.open(ctx, object)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(sealed, 0, sealed.Size())); err != nil {
		return fmt.Errorf("object %s on the host: %w", object.Name, err)
	}
	return check(object, sum.Sum(nil))
}

// ReaderAt opens an object for random access. The first reading checks the
// header against the key; every chunk of 64 KiB is authenticated as it is
// read, in its place (age v1, STREAM). Unlike [Vault.Read] it does not compare
// the digest of the whole: a chunk can only be one that was sealed, in this
// place of an object with this file key, which no host can make.
func (v *Vault) ReaderAt(ctx context.Context, object ledger.Object, key age.Identity) (plain io.ReaderAt, size int64, closer io.Closer, err error) {
	sealed, err := v.open(ctx, object)
	if err != nil {
		return nil, 0, nil, err
	}
	plain, size, err = age.DecryptReaderAt(sealed, sealed.Size(), key)
	if err != nil {
		return nil, 0, nil, errors.Join(damaged(object, err), sealed.Close())
	}
	return plain, size, sealed, nil
}
