package warehouse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/vocabulary"
)

// LoadedVocabulary is a vocabulary that was loaded.
type LoadedVocabulary struct {
	ledger.VocabularyLoaded
	Summary vocabulary.Summary
	Entry   uint64
	Path    string // of the refused rows, "" where there are none
}

// LoadVocabulary checks a bundle of vocabularies row by row, seals its tables to the
// host and records it: whole, or not at all. Refused rows, which are nobody's data,
// are kept in the controller's folder as CSV.
func (w *Warehouse) LoadVocabulary(ctx context.Context, bundle *vocabulary.Bundle, progress Progress) (*LoadedVocabulary, error) {
	return w.recordVocabulary(ctx, func(p *vocabularyPut) error {
		return w.sealVocabulary(ctx, p.vault, p.key, bundle, p.made, progress)
	})
}

// vocabularyPut is a vocabulary, or a local map, on its way to the host.
type vocabularyPut struct {
	state *governance.State
	vault *lake.Vault
	ring  *keyring.Keyring
	key   *keyring.Key
	made  *LoadedVocabulary
}

// recordVocabulary has a vocabulary sealed under a key of its own, and records it.
func (w *Warehouse) recordVocabulary(ctx context.Context, seal func(*vocabularyPut) error) (_ *LoadedVocabulary, err error) {
	release, err := w.Publishing(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.may(state, state.ControllerName(), &ledger.VocabularyLoaded{}); err != nil {
		return nil, err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return nil, err
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	made := &LoadedVocabulary{}
	made.Vocabulary = NewID("v")
	key, err := ring.New(ctx, "vocabulary-"+made.Vocabulary)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	undo := func() error { return w.undoVocabulary(context.WithoutCancel(ctx), vault, ring, key.ID, made) }
	if err := seal(&vocabularyPut{state, vault, ring, key, made}); err != nil {
		return nil, errors.Join(err, undo())
	}
	e, err := w.CommitOr(ctx, state.ControllerName(), made.VocabularyLoaded, undo)
	made.Entry = e.Index
	return made, err
}

func (w *Warehouse) sealVocabulary(ctx context.Context, vault *lake.Vault, key *keyring.Key, bundle *vocabulary.Bundle, made *LoadedVocabulary, progress Progress) error {
	refused, err := w.newRefused(made.Vocabulary)
	if err != nil {
		return err
	}
	source := sha256.New()
	for i, t := range vocabulary.Tables() {
		progress.Report(t.Name, int64(i), int64(len(vocabulary.Tables())))
		if !bundle.Has(t) {
			continue
		}
		var counts vocabulary.Loaded
		object, err := vault.Put(ctx, lake.Parquet, key, func(to io.Writer) (err error) {
			counts, err = bundle.Load(ctx, t, to, refused.add)
			return err
		})
		if err != nil {
			return errors.Join(err, refused.remove())
		}
		fmt.Fprintf(source, "%s %s\n", t.Name, counts.SHA256)
		made.Objects = append(made.Objects, object)
		made.Files = append(made.Files, ledger.FileCount{Resource: t.Name, Rows: counts.Rows, Accepted: counts.Accepted, Refused: counts.Refused})
	}
	made.Source, made.Summary = ledger.Digest(hex.EncodeToString(source.Sum(nil))), bundle.Summary()
	made.Version = made.Summary.Version
	if made.Path, made.Refused, err = refused.keep(); err != nil {
		return err
	}
	made.Manifest, err = vault.PutJSON(ctx, key, made.Summary)
	return err
}

// undoVocabulary removes what a vocabulary that does not come about has made.
func (w *Warehouse) undoVocabulary(ctx context.Context, vault *lake.Vault, ring *keyring.Keyring, key string, made *LoadedVocabulary) error {
	err := ring.Destroy(ctx, key)
	for _, object := range append(slices.Clone(made.Objects), made.Manifest) {
		if object.Name != "" {
			err = errors.Join(err, vault.Store.Delete(ctx, object.Name))
		}
	}
	if made.Path != "" {
		err = errors.Join(err, os.Remove(made.Path))
	}
	return err
}

func (w *Warehouse) refusedPath(id string) string {
	return filepath.Join(w.path("controller"), "vocabularies", filepath.Base(id)+"-refused.csv")
}

// refusedRows are the rows of a vocabulary that were not taken, as CSV.
type refusedRows struct {
	path string
	file *os.File
	sum  hash.Hash // of the file
	csv  *csv.Writer
	n    int64
}

func (w *Warehouse) newRefused(id string) (*refusedRows, error) {
	path := w.refusedPath(id)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	r := &refusedRows{path: path, file: f, sum: sum, csv: csv.NewWriter(io.MultiWriter(f, sum))}
	return r, r.csv.Write([]string{"file", "line", "field", "rule"})
}

func (r *refusedRows) add(x vocabulary.Refused) error {
	r.n++
	return r.csv.Write([]string{x.File, strconv.FormatInt(x.Line, 10), x.Field, x.Rule})
}

func (r *refusedRows) remove() error { return errors.Join(r.file.Close(), os.Remove(r.path)) }

// keep ends the file, which is not there where it has no row.
func (r *refusedRows) keep() (path string, digest ledger.Digest, err error) {
	if r.n == 0 {
		return "", "", r.remove()
	}
	r.csv.Flush()
	if err := errors.Join(r.csv.Error(), r.file.Sync(), r.file.Close()); err != nil {
		return r.path, "", err
	}
	return r.path, ledger.Digest(hex.EncodeToString(r.sum.Sum(nil))), atomicfile.SyncDir(filepath.Dir(r.path))
}

// VocabularySummary opens what a vocabulary says of itself.
func (w *Warehouse) VocabularySummary(ctx context.Context, state *governance.State, v *governance.Vocabulary) (summary vocabulary.Summary, err error) {
	err = w.openSealed(ctx, state, "vocabulary "+v.Vocabulary, v.Manifest, &summary)
	return summary, err
}

// UnmappedCodes are a release's codes without a standard concept, the most frequent first,
// with candidates of the vocabulary that it was mapped by (else the latest that is
// loaded), where there is any.
func (w *Warehouse) UnmappedCodes(ctx context.Context, state *governance.State, release *governance.Release) (codes []vocabulary.Unmapped, err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	manifest, key, err := w.Manifest(ctx, state, release, ring)
	if err != nil {
		return nil, err
	}
	key.Wipe()
	var report omop.Report
	if err := json.Unmarshal(manifest.Report, &report); err != nil {
		return nil, fmt.Errorf("release %s: its report: %w", release.Release, err)
	}
	for _, v := range report.Vocabularies {
		for _, c := range v.Unmapped {
			codes = append(codes, vocabulary.Unmapped{Vocabulary: v.Name, Code: c.Code, Name: c.Name, Rows: c.Rows})
		}
	}
	slices.SortStableFunc(codes, func(a, b vocabulary.Unmapped) int { return cmp.Compare(b.Rows, a.Rows) })
	by, err := state.Vocabulary(release.ReleasePublished.Vocabulary)
	if by == nil || err != nil || len(codes) == 0 {
		return codes, err
	}
	return codes, w.suggest(ctx, state, by, ring, codes)
}

func (w *Warehouse) suggest(ctx context.Context, state *governance.State, by *governance.Vocabulary, ring *keyring.Keyring, codes []vocabulary.Unmapped) (err error) {
	vault, err := w.Vault(state)
	if err != nil {
		return err
	}
	concepts, err := openFirst(ctx, vault, ring, by)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, concepts.Close()) }()
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return vocabulary.Suggest(ctx, db, engine.ReadParquet(concepts.Path()), codes)
}

// vocabulary opens the loaded vocabulary that a release is mapped by, if any is.
func (p *publication) vocabulary(ctx context.Context, input *omop.Input) (err error) {
	if p.options.Own {
		return nil
	}
	ring, err := p.w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	if err := p.localMaps(ctx, ring, input); err != nil || p.options.Vocabulary != nil {
		return err
	}
	v, err := p.state.Vocabulary(p.options.Loaded)
	if v == nil || err != nil {
		return err
	}
	key, err := ring.Key(ctx, v.Manifest.Key)
	if err != nil {
		return fmt.Errorf("vocabulary %s: %w", v.Vocabulary, err)
	}
	defer key.Wipe()
	input.Vocabulary = map[string]string{}
	for i, object := range v.Objects {
		table := v.Files[i].Resource
		if !slices.Contains(omop.Tables(), table) {
			continue
		}
		f, err := p.vault.Load(ctx, object, key)
		if err != nil {
			return fmt.Errorf("vocabulary %s, %s: %w", v.Vocabulary, table, err)
		}
		p.files = append(p.files, f)
		input.Vocabulary[table] = engine.ReadParquet(f.Path())
	}
	p.made.ReleasePublished.Vocabulary, input.Release.Vocabulary = v.Vocabulary, v.Version
	return nil
}
