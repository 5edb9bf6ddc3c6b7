package warehouse

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"filippo.io/age"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
)

// PlaceRoot chooses what holds the root key of a warehouse that has no data yet:
// the one that Init made is moved there. It refuses where data has come in.
func (w *Warehouse) PlaceRoot(ctx context.Context, to keyring.Config, files SecretFiles) (n int, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return 0, err
	}
	if state.Deposits.Len() > 0 {
		return 0, &governance.Refusal{
			Reason: "data lies under the root key already",
			Remedy: "Replace the root key, which touches no data: rempart key rotate --to " + to.Kind,
		}
	}
	return w.Rotate(ctx, to, files)
}

// Rotate replaces the root key by a new one of any kind, and wraps every key
// anew. The files name the new secrets; "" is the configured one. Where they are
// others than before, the configuration is changed and recorded with it.
func (w *Warehouse) Rotate(ctx context.Context, to keyring.Config, files SecretFiles) (n int, err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return 0, err
	}
	config := w.Config
	configured := config.Keyring.each()
	for i, file := range files.each() {
		if *file == "" {
			continue
		}
		if *configured[i], err = filepath.Abs(*file); err != nil {
			return 0, errors.Join(err, ring.Close())
		}
	}
	if to.Kind == "file" {
		to.WorkFactor = keyring.WorkFactorPerson
		if config.Keyring.PassphraseFile == filepath.Join("controller", "passphrase") {
			to.WorkFactor = keyring.WorkFactorMachine
		}
	}
	if n, err = ring.Rotate(ctx, to, w.secretsIn(config.Keyring)); err != nil {
		return n, errors.Join(err, ring.Close())
	}
	if err := errors.Join(w.reconfigure(ctx, config), ring.Close()); err != nil {
		return n, err
	}
	_, err = w.Commit(ctx, w.Config.Controller, ledger.KeysRotated{Root: to.Kind, Keys: int64(n)})
	return n, err
}

// reconfigure records and writes a configuration, if it is another one. Killed in
// between, the file is as it was: whoever repeats the step that changes it ends that.
func (w *Warehouse) reconfigure(ctx context.Context, config Config) error {
	if reflect.DeepEqual(config, w.Config) {
		return nil
	}
	text, err := config.encode()
	if err != nil {
		return err
	}
	if _, err := w.Commit(ctx, w.Config.Controller, ledger.ConfigRecorded{SHA256: ledger.Sum(text)}); err != nil {
		return err
	}
	if err := atomicfile.Write(w.path(ConfigFile), text, 0o644); err != nil {
		return err
	}
	w.Config = config
	return nil
}

// CheckEscrow makes sure that the identities in a file (in age's own format) open
// what this warehouse seals to its escrow: what a ceremony has to show before the
// file is locked away. The error is a *governance.Refusal where they do not.
func CheckEscrow(state *governance.State, path string) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the escrow's identity: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	identities, err := age.ParseIdentities(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	recipient, err := age.ParseHybridRecipient(state.Warehouse.Escrow)
	if err != nil {
		return fmt.Errorf("the escrow's recipient: %w", err)
	}
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // crypto/rand does not fail: it ends the process
	var sealed bytes.Buffer
	to, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return err
	}
	_, err = to.Write(challenge)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	opened, err := age.Decrypt(&sealed, identities...)
	if err != nil {
		return &governance.Refusal{
			Reason: path + " does not open what this warehouse seals to its escrow",
			Remedy: "The escrow's recipient: rempart key escrow",
		}
	}
	answer, err := io.ReadAll(opened)
	if err == nil && subtle.ConstantTimeCompare(challenge, answer) != 1 {
		err = fmt.Errorf("%s opens something else than was sealed", path)
	}
	return err
}
