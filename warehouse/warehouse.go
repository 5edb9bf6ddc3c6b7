// Package warehouse is a warehouse's home: its configuration, keys, ledger and
// host, and the steps that bring data in and publish it.
//
// Whatever is done is done through [Warehouse.Commit]: a statement is checked
// against the ledger's whole history and the policies, signed by its actor and
// recorded; only then does it count. Objects are uploaded before the statement
// that names them, and removed again where that statement is refused. A crash
// in between leaves objects that no statement names; [Warehouse.Repair] removes them.
//
// A home is one directory; docs/formats.md lists its files. The roles of one
// home would lie on several machines in life; each command reads the keys of
// its actor only.
package warehouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
)

// Warehouse is an open home.
type Warehouse struct {
	Dir     string
	Config  Config
	Log     *ledger.Log
	Host    host.Store       // of the configuration; see [Warehouse.Store]
	Now     func() time.Time // the clock
	Secrets keyring.Secrets
	Witness witness.Client // asks witnesses

	sealsTo  atomic.Pointer[string] // the host that the last vault is of
	follower follower
	commits  commits
}

// Open opens the home in a directory. No secret is read.
func Open(dir string) (*Warehouse, error) {
	config, err := readConfig(filepath.Join(dir, ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no warehouse: it has no %s: make one with rempart init --home %s", dir, ConfigFile, dir)
	}
	if err != nil {
		return nil, err
	}
	w := &Warehouse{Dir: dir, Config: config, Now: time.Now}
	w.Secrets = w.secretsIn(config.Keyring)
	if w.Host, err = config.Host.open(w.absolute); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path(ConfigFile), err)
	}
	if w.Log, err = ledger.Open(w.path("ledger"), config.LedgerKey); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path(ConfigFile), err)
	}
	return w, nil
}

// path is a place in the home.
func (w *Warehouse) path(elements ...string) string {
	return filepath.Join(append([]string{w.Dir}, elements...)...)
}

// absolute resolves a path of the configuration, which is relative to the home.
func (w *Warehouse) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return w.path(path)
}

// scratch is the folder for what has no room in memory.
func (w *Warehouse) scratch() string { return w.absolute(w.Config.Scratch) }

// secretsIn reads what opens the keyring when it is needed.
func (w *Warehouse) secretsIn(files SecretFiles) keyring.Secrets {
	return keyring.Secrets{
		Passphrase: w.secretIn(files.PassphraseFile),
		PIN:        w.secretIn(files.PINFile),
		TLS: func() (*tls.Config, error) {
			if files.KMIPCAFile == "" || files.KMIPCertificateFile == "" || files.KMIPKeyFile == "" {
				return nil, fmt.Errorf("a KMIP server wants our certificate: say in %s, at [keyring], which files hold kmip_ca_file, kmip_certificate_file and kmip_key_file", w.path(ConfigFile))
			}
			return keyring.ClientTLS(w.absolute(files.KMIPCAFile), w.absolute(files.KMIPCertificateFile), w.absolute(files.KMIPKeyFile))
		},
	}
}

// secretIn reads a secret from a file of the configuration when it is needed.
func (w *Warehouse) secretIn(file string) func() (string, error) {
	return func() (string, error) {
		if file == "" {
			return "", fmt.Errorf("the secret that opens the keyring is asked for: say in %s, at [keyring], which file holds it", w.path(ConfigFile))
		}
		text, err := os.ReadFile(w.absolute(file))
		if err != nil {
			return "", fmt.Errorf("read the secret that opens the keyring: %w", err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
}

// Keyring opens the warehouse's keys. Only the controller's steps need them.
func (w *Warehouse) Keyring(ctx context.Context) (*keyring.Keyring, error) {
	return keyring.Open(ctx, w.path("controller", "keyring"), w.Secrets)
}

// Vault seals to and opens from the host that the ledger names.
func (w *Warehouse) Vault(state *governance.State) (*lake.Vault, error) {
	escrow, err := age.ParseHybridRecipient(state.Warehouse.Escrow)
	if err != nil {
		return nil, fmt.Errorf("the escrow's recipient: %w", err)
	}
	store, err := w.Store(state.Host)
	if err != nil {
		return nil, err
	}
	host := state.Host // the state may be one that others look at
	w.sealsTo.Store(&host)
	return &lake.Vault{Store: store, Escrow: escrow}, nil
}

// State is the state of the warehouse by the whole ledger. It is the caller's own,
// and stays as it is; [Warehouse.Read] looks at one that is kept up to date.
func (w *Warehouse) State(ctx context.Context) (*governance.State, error) {
	m, err := w.model(ctx)
	if err != nil {
		return nil, err
	}
	return m.State, nil
}

func (w *Warehouse) checkpointSigner() (note.Signer, error) {
	line, err := readSecret(w.path("controller", "checkpoint.key"))
	if err != nil {
		return nil, fmt.Errorf("the key that signs the ledger's checkpoints: %w", err)
	}
	signer, err := note.NewSigner(line)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.path("controller", "checkpoint.key"), err)
	}
	return signer, nil
}

// signs says whether a signer is the one whose checkpoints the ledger's key verifies.
func (w *Warehouse) signs(signer note.Signer) bool {
	verifier, err := note.NewVerifier(w.Config.LedgerKey)
	if err != nil {
		return false
	}
	const message = "rempart\n"
	signature, err := signer.Sign([]byte(message))
	return err == nil && verifier.Verify([]byte(message), signature)
}
