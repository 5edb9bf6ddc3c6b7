package warehouse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/ledger"
)

// journal is what is known of a deposit that is not finished. It lies with its
// provider, in parties/<provider>/unfinished/<deposit>, beside the parts of the
// identities and of the quarantine and the secret of the matching numbers, all
// three sealed to the provider itself. The folder is there from before the first
// object until after the statement.
type journal struct {
	Deposit    string          `json:"deposit"`
	Provider   string          `json:"provider"`
	Authority  string          `json:"authority"`
	Tokens     TokenOptions    `json:"tokens"`
	Feed       string          `json:"feed"`
	FeedDigest ledger.Digest   `json:"feed_digest"`
	Dir        string          `json:"dir"` // with the files
	Encoding   intake.Encoding `json:"encoding,omitempty"`
	Host       string          `json:"host"`
	Recipient  string          `json:"recipient"` // the controller's, to which objects are sealed
	Started    time.Time       `json:"started"`
	Files      []journalFile   `json:"files"`
	at         string          // the journal's folder
}

// journalFile is one file of the deposit, in the order in which they are checked.
// Sealed ones come first.
type journalFile struct {
	Name     string             `json:"name"`
	Size     int64              `json:"size"` // as delivered, in bytes
	Sealed   bool               `json:"sealed"`
	SHA256   ledger.Digest      `json:"sha256,omitempty"` // as delivered
	Objects  []ledger.Object    `json:"objects,omitempty"`
	Counts   []ledger.FileCount `json:"counts,omitempty"` // one for each object
	Persons  int64              `json:"persons,omitempty"`
	Unusable int64              `json:"unusable,omitempty"`
	Filters  int64              `json:"filters,omitempty"`
}

const (
	unfinishedFolder = "unfinished"

	journalName = "journal.json"
	secretName  = "secret.age"

	staysPart = "stays" // what files tell of stays, beside their parts of the identities
)

func (w *Warehouse) unfinishedDir(provider string) string {
	return filepath.Join(w.partyDir(provider), unfinishedFolder)
}

// save writes the journal whole.
func (j *journal) save() error {
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(j.at, journalName), append(text, '\n'), 0o600)
}

// readJournal reads the journal in a folder.
func readJournal(dir string) (*journal, error) {
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		return nil, err
	}
	j := &journal{at: dir}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(j); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, journalName), err)
	}
	return j, nil
}

// begin makes the folder of a journal, with a secret that only the provider opens.
func (j *journal) begin(secret []byte, recipient string) error {
	if err := os.MkdirAll(j.at, 0o700); err != nil {
		return err
	}
	_, err := sealFile(filepath.Join(j.at, secretName), recipient, func(to io.Writer) error {
		_, err := to.Write(secret)
		return err
	})
	if err != nil {
		return err
	}
	if err := j.save(); err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncDir(filepath.Dir(j.at)), atomicfile.SyncDir(filepath.Dir(filepath.Dir(j.at))))
}

// secret opens the secret of the matching numbers.
func (j *journal) secret(provider age.Identity) (secret [32]byte, err error) {
	text, err := os.ReadFile(filepath.Join(j.at, secretName))
	if err != nil {
		return secret, err
	}
	plain, err := age.Decrypt(bytes.NewReader(text), provider)
	if err != nil {
		return secret, fmt.Errorf("%s: %w", filepath.Join(j.at, secretName), err)
	}
	_, err = io.ReadFull(plain, secret[:])
	return secret, err
}

// part is the path of what file i has for the identities, the stays or the quarantine.
func (j *journal) part(what string, i int) string {
	return filepath.Join(j.at, fmt.Sprintf("%s-%06d.age", what, i))
}

// join writes the parts of the sealed files one behind the other; each is text
// with a header line, which stands once.
func (j *journal) join(what string, provider age.Identity, to io.Writer) error {
	for i := range j.Files {
		if err := joinPart(j.part(what, i), i == 0, provider, to); err != nil {
			return fmt.Errorf("put the parts of deposit %s together: %w", j.Deposit, err)
		}
	}
	return nil
}

func joinPart(path string, first bool, provider age.Identity, to io.Writer) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	plain, err := age.Decrypt(f, provider)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !first {
		to = &headless{to: to}
	}
	_, err = io.Copy(to, plain)
	return err
}

// headless leaves the first line out.
type headless struct {
	to   io.Writer
	past bool
}

func (h *headless) Write(p []byte) (int, error) {
	rest := p
	if !h.past {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return len(p), nil
		}
		h.past, rest = true, p[i+1:]
	}
	n, err := h.to.Write(rest)
	return len(p) - len(rest) + n, err
}

// end removes the journal and what lies beside it: the secret first, so that
// none of the matching numbers can be made again, and the journal last, so that
// an interruption is still known for what it is.
func (j *journal) end() error {
	secret := filepath.Join(j.at, secretName)
	err := wipe(secret) // as with keys, overwriting helps where the disk writes in place
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	files, listed := os.ReadDir(j.at)
	for _, f := range files {
		if f.Name() != journalName {
			err = errors.Join(err, os.Remove(filepath.Join(j.at, f.Name())))
		}
	}
	if err = errors.Join(err, listed); err != nil {
		return fmt.Errorf("clear away %s: %w", j.at, err)
	}
	if err := os.RemoveAll(j.at); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(j.at))
}

// clean removes what an interruption has left half written.
func (j *journal) clean() error {
	files, err := os.ReadDir(j.at)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			err = errors.Join(err, os.Remove(filepath.Join(j.at, f.Name())))
		}
	}
	return err
}
