package omop

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

//go:embed cdm/concept.csv
var ownConcepts []byte

// OwnConcepts are the names of the concepts that are there whatever the vocabulary,
// by their number: those that mappings and the build write.
func OwnConcepts() map[string]string {
	lines, err := csv.NewReader(bytes.NewReader(ownConcepts)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("omop/cdm/concept.csv: %v", err))
	}
	names := map[string]string{}
	for _, l := range lines[1:] {
		names[l[0]] = l[1]
	}
	return names
}

// vocabularyFiles are the files of an OMOP vocabulary folder that are read, and
// the table that each fills.
var vocabularyFiles = []struct {
	file, known, cdm string
	required         bool
}{
	{"CONCEPT.csv", "known_concept", "concept", true},
	{"CONCEPT_RELATIONSHIP.csv", "known_relationship", "concept_relationship", true},
	{"CONCEPT_ANCESTOR.csv", "known_ancestor", "concept_ancestor", false},
	{"VOCABULARY.csv", "known_vocabulary", "vocabulary", false},
	{"DRUG_STRENGTH.csv", "known_strength", "drug_strength", false},
}

// vocabulary merges what the deposits' vocabularies say about codes.
func (b *builder) vocabulary(ctx context.Context) error {
	read := map[string]bool{} // feeds' own, which deposits share
	for _, d := range b.deposits {
		folder := d.Vocabulary
		if folder == nil {
			if read[d.feed.vocabulary] {
				continue
			}
			read[d.feed.vocabulary] = true
			var err error
			if folder, err = fs.Sub(b.feeds, d.feed.vocabulary); err != nil {
				return fmt.Errorf("feed %s: vocabulary: %w", d.Feed, err)
			}
		}
		for _, f := range vocabularyFiles {
			err := b.loadVocabularyFile(ctx, folder, f.file, f.known, f.cdm)
			if errors.Is(err, fs.ErrNotExist) && (!f.required || d.feed.Resource(f.cdm) != nil) { // its rows may bring it
				continue
			}
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("deposit %s has no vocabulary file %s: put it into its feed's folder vocabulary, or name a folder of such files (release publish --vocabulary): %w", d.Name, f.file, err)
			}
			if err != nil {
				return fmt.Errorf("deposit %s: vocabulary: %s: %w", d.Name, f.file, err)
			}
		}
	}
	// Sources hand in concepts with their rows. Where two describe one concept, a
	// vocabulary's word comes before a source's.
	for _, d := range b.deposits {
		if err := b.appendVocabulary(ctx, d.Tables); err != nil {
			return fmt.Errorf("deposit %s: vocabulary: resource %w", d.Name, err)
		}
	}
	if err := b.loadVocabulary(ctx, bytes.NewReader(ownConcepts), "known_concept", "concept"); err != nil {
		return fmt.Errorf("omop/cdm/concept.csv: %w", err)
	}
	if err := b.wholeVocabulary(ctx); err != nil {
		return fmt.Errorf("vocabulary: %w", err)
	}
	return b.run(ctx, "vocabulary.sql")
}

// wholeVocabulary puts a loaded vocabulary before what deposits brought. Of the
// vocabularies that it has, their word does not count: a code has one meaning.
func (b *builder) wholeVocabulary(ctx context.Context) error {
	if b.whole == nil {
		return nil
	}
	if err := b.db.Exec(ctx, fmt.Sprintf("CREATE TABLE vocabulary.whole AS SELECT DISTINCT vocabulary_id FROM %s", b.whole["concept"])); err != nil {
		return err
	}
	if err := b.run(ctx, "whole_vocabulary.sql"); err != nil {
		return err
	}
	return b.appendVocabulary(ctx, b.whole)
}

// appendVocabulary appends the rows of those tables that are called as those of a
// vocabulary are in OMOP.
func (b *builder) appendVocabulary(ctx context.Context, tables map[string]string) error {
	for _, f := range vocabularyFiles {
		rows, there := tables[f.cdm]
		if !there {
			continue
		}
		var selected []string
		for _, field := range specification[f.cdm] {
			selected = append(selected, fmt.Sprintf("CAST(%[1]s AS %[2]s) AS %[1]s", engine.Quote(field.Name), field.Type))
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("INSERT INTO vocabulary.%s BY NAME SELECT %s FROM %s", f.known, strings.Join(selected, ", "), rows)); err != nil {
			return fmt.Errorf("%s: %w", f.cdm, err)
		}
	}
	return nil
}

func (b *builder) loadVocabularyFile(ctx context.Context, folder fs.FS, file, known, cdm string) error {
	f, err := folder.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.loadVocabulary(ctx, f, known, cdm)
}

// loadVocabulary appends a file whose columns may stand in any order. Dates may
// be written 1970-01-01 or 19700101.
func (b *builder) loadVocabulary(ctx context.Context, r io.Reader, known, cdm string) error {
	buffered := bufio.NewReader(r)
	header, err := buffered.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	names, err := csv.NewReader(strings.NewReader(strings.ToLower(header))).Read()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	columns := make([]engine.Column, len(names))
	for i, n := range names {
		columns[i] = engine.Column{Name: n, Type: "VARCHAR"}
	}
	var selected []string
	for _, f := range specification[cdm] {
		if !slices.Contains(names, f.Name) {
			return fmt.Errorf("column %s is missing: want OMOP's own layout, separated by commas", f.Name)
		}
		selected = append(selected, cast(f)+" AS "+engine.Quote(f.Name))
	}
	return b.db.FromCSV(ctx, columns, io.MultiReader(strings.NewReader(header), buffered), func(rows string) error {
		return b.db.Exec(ctx, fmt.Sprintf("INSERT INTO vocabulary.%s BY NAME SELECT %s FROM %s", known, strings.Join(selected, ", "), rows))
	})
}

func cast(f Field) string {
	if f.Type == "DATE" {
		return fmt.Sprintf("CAST(strptime(%s, ['%%Y-%%m-%%d', '%%Y%%m%%d']) AS DATE)", engine.Quote(f.Name))
	}
	return fmt.Sprintf("CAST(%s AS %s)", engine.Quote(f.Name), f.Type)
}

// exportVocabulary leaves with the tables the concepts that they use.
func (b *builder) exportVocabulary(ctx context.Context) error {
	var used []string
	for _, table := range Tables() {
		if slices.Contains(vocabularyTables, table) {
			continue
		}
		for _, f := range specification[table] {
			if f.References == "concept" {
				used = append(used, fmt.Sprintf("SELECT %s AS concept_id FROM cdm.%s", engine.Quote(f.Name), engine.Quote(table)))
			}
		}
	}
	if err := b.db.Exec(ctx, "CREATE TABLE stage.used_concept AS SELECT DISTINCT concept_id FROM ("+strings.Join(used, " UNION ALL ")+") WHERE concept_id IS NOT NULL"); err != nil {
		return fmt.Errorf("collect the used concepts: %w", err)
	}
	return b.run(ctx, "export_vocabulary.sql")
}
