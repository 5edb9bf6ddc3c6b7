package warehouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
)

// InitOptions are the choices at a warehouse's creation.
type InitOptions struct {
	Name           string
	Controller     string // the controller's name as a party
	PassphraseFile string // "" draws a passphrase and keeps it in the home
	Python         string // the environment of studies, or ""
	R              string // R's, or ""
	Jurisdiction   string // the country whose law reaches the host directory; "" is FR
	Now            func() time.Time
}

// Init makes a warehouse in an empty or new directory: configuration, keyring,
// keys of the controller and the escrow, host directory, and a ledger with its
// first two statements. Where it fails, what it made is removed again.
func Init(ctx context.Context, dir string, o InitOptions) (w *Warehouse, err error) {
	if files, err := os.ReadDir(dir); err == nil && len(files) > 0 {
		return nil, fmt.Errorf("%s is not empty: choose a new directory", dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	// All of it is made beside the home and moved into place whole.
	making := dir + ".making"
	if err := os.RemoveAll(making); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(making))
		}
	}()
	if w, err = create(ctx, making, o); err != nil {
		return nil, err
	}
	if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if err := os.Rename(making, dir); err != nil {
		return nil, err
	}
	return Open(dir)
}

var notInOrigin = regexp.MustCompile(`[^a-z0-9-]+`)

func create(ctx context.Context, dir string, o InitOptions) (*Warehouse, error) {
	for _, folder := range []string{"controller", "parties", "host", "ledger", "result"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	var config Config
	config.Name, config.Controller = o.Name, o.Controller
	config.Host.Name, config.Host.Kind, config.Host.Path = "local", "directory", "host"
	config.Retention.Years = maxRetention
	config.Keyring.PassphraseFile = o.PassphraseFile
	config.Run = RunConfig{Python: o.Python, R: o.R}
	workFactor := keyring.WorkFactorPerson
	if o.PassphraseFile == "" {
		config.Keyring.PassphraseFile = filepath.Join("controller", "passphrase")
		workFactor = keyring.WorkFactorMachine
		if err := writeSecret(filepath.Join(dir, config.Keyring.PassphraseFile), randomText()); err != nil {
			return nil, err
		}
	}
	origin := "rempart/" + strings.Trim(notInOrigin.ReplaceAllString(strings.ToLower(o.Name), "-"), "-")
	checkpointSecret, checkpointKey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	config.LedgerKey = checkpointKey
	if err := writeSecret(filepath.Join(dir, "controller", "checkpoint.key"), checkpointSecret); err != nil {
		return nil, err
	}
	text, err := config.encode()
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(filepath.Join(dir, ConfigFile), text, 0o644); err != nil {
		return nil, err
	}
	w, err := Open(dir)
	if err != nil {
		return nil, err
	}
	w.Now = o.Now
	keys, err := newPartyKeys(w.path("controller"))
	if err != nil {
		return nil, err
	}
	escrow, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, err
	}
	if err := writeSecret(w.path("controller", "escrow.agekey"), escrow.String()); err != nil {
		return nil, err
	}
	ring, err := keyring.Create(ctx, w.path("controller", "keyring"), keyring.Config{Kind: "file", WorkFactor: workFactor}, w.Secrets)
	if err != nil {
		return nil, err
	}
	if _, err := ring.New(ctx, pseudonymKey); err != nil {
		return nil, err
	}
	if err := ring.Close(); err != nil {
		return nil, err
	}
	return w, w.firstStatements(ctx, keys, escrow.Recipient(), text, cmp.Or(o.Jurisdiction, "FR"))
}

// firstStatements create the warehouse, pin its configuration and register its host.
func (w *Warehouse) firstStatements(ctx context.Context, keys partyKeys, escrow *age.HybridRecipient, config []byte, jurisdiction string) error {
	var said []Said
	for _, body := range []ledger.Body{
		ledger.WarehouseCreated{
			Name:       w.Config.Name,
			Signing:    keys.signing.Public().String(),
			Recipient:  keys.identity.Recipient().String(),
			Escrow:     escrow.String(),
			Checkpoint: w.Config.LedgerKey,
			Host:       w.Config.Host.Name,
			Policies:   ledger.Sum(governance.Policies),
		},
		ledger.ConfigRecorded{SHA256: ledger.Sum(config)},
		ledger.HostRegistered{
			Host: w.Config.Host.Name, HostKind: w.Config.Host.Kind, URL: w.Config.Host.Path,
			Jurisdiction: jurisdiction, Operator: w.Config.Controller,
		},
	} {
		said = append(said, Said{w.Config.Controller, body})
	}
	_, err := w.CommitAll(ctx, said)
	return err
}

// RecordConfig pins the configuration as it is now.
func (w *Warehouse) RecordConfig(ctx context.Context) (ledger.Entry, error) {
	text, err := os.ReadFile(w.path(ConfigFile))
	if err != nil {
		return ledger.Entry{}, err
	}
	return w.Commit(ctx, w.Config.Controller, ledger.ConfigRecorded{SHA256: ledger.Sum(text)})
}

// randomText is a secret of 256 bits.
func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
	return base64.StdEncoding.EncodeToString(b[:])
}

func writeSecret(path, text string) error {
	return atomicfile.Write(path, []byte(text+"\n"), 0o600)
}
