package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/vocabulary"
)

// ImportMap checks a local map row by row, seals it to the host and records it with what
// is said of its source, author and date: from then on releases are mapped by it. Where a
// vocabulary is loaded, a row must lead to one of its standard concepts.
func (w *Warehouse) ImportMap(ctx context.Context, file string, said ledger.LocalMap) (*LoadedVocabulary, error) {
	return w.recordVocabulary(ctx, func(p *vocabularyPut) (err error) {
		refused, err := w.newRefused(p.made.Vocabulary)
		if err != nil {
			return err
		}
		p.made.Map = &said
		if err := w.sealMap(ctx, p, file, refused.add); err != nil {
			return errors.Join(err, refused.remove())
		}
		p.made.Path, p.made.Refused, err = refused.keep()
		return err
	})
}

func (w *Warehouse) sealMap(ctx context.Context, p *vocabularyPut, file string, refuse func(vocabulary.Refused) error) (err error) {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	name := filepath.Base(file)
	m, err := vocabulary.ReadMap(name, from, refuse)
	if err != nil {
		return err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := w.checkTargets(ctx, p, db, m, name, refuse); err != nil {
		return err
	}
	if m.Accepted == 0 {
		return &governance.Refusal{Reason: fmt.Sprintf("%s has no row that can be taken: %d refused, %d not approved", name, m.Refused, m.Left), Remedy: "A terminologist approves rows by the status APPROVED; see the format: docs/vocabulary.md"}
	}
	object, err := p.vault.Put(ctx, lake.Parquet, p.key, func(to io.Writer) error { return m.WriteParquet(ctx, db, to) })
	if err != nil {
		return err
	}
	p.made.Objects = append(p.made.Objects, object)
	p.made.Files = []ledger.FileCount{{Resource: "source_to_concept_map", Rows: m.Loaded.Rows, Accepted: m.Accepted, Refused: m.Refused}}
	p.made.Source, p.made.Version, p.made.Map.Left = ledger.Digest(m.SHA256), p.made.Map.Date, m.Left
	p.made.Summary = m.Summary(p.made.Map.Date)
	p.made.Manifest, err = p.vault.PutJSON(ctx, p.key, p.made.Summary)
	return err
}

// checkTargets holds a map against the loaded vocabulary, if there is any.
func (w *Warehouse) checkTargets(ctx context.Context, p *vocabularyPut, db *engine.DB, m *vocabulary.Map, name string, refuse func(vocabulary.Refused) error) (err error) {
	v, err := p.state.Vocabulary("")
	if v == nil || err != nil {
		return err
	}
	concepts, err := openFirst(ctx, p.vault, p.ring, v)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, concepts.Close()) }()
	return m.CheckTargets(ctx, db, name, engine.ReadParquet(concepts.Path()), refuse)
}

// openFirst decrypts the first table of a vocabulary into memory: its concepts, or all that
// a local map has.
func openFirst(ctx context.Context, vault *lake.Vault, ring *keyring.Keyring, v *governance.Vocabulary) (*engine.File, error) {
	key, err := ring.Key(ctx, v.Manifest.Key)
	if err != nil {
		return nil, fmt.Errorf("vocabulary %s: %w", v.Vocabulary, err)
	}
	defer key.Wipe()
	f, err := vault.Load(ctx, v.Objects[0], key)
	if err != nil {
		return nil, fmt.Errorf("vocabulary %s: %w", v.Vocabulary, err)
	}
	return f, nil
}

// localMaps opens the local maps that a release is mapped by: all that can be read.
func (p *publication) localMaps(ctx context.Context, ring *keyring.Keyring, input *omop.Input) error {
	for _, m := range p.state.LocalMaps() {
		f, err := openFirst(ctx, p.vault, ring, m)
		if err != nil {
			return err
		}
		p.files = append(p.files, f)
		input.Maps = append(input.Maps, engine.ReadParquet(f.Path()))
		p.made.Maps = append(p.made.Maps, m.Vocabulary)
	}
	return nil
}
