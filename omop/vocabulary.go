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
	"regexp"
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

//go:embed cdm/domain.csv
var ownDomains []byte

// vocabularyFiles are the files of an OMOP vocabulary folder that are read, the table
// that each fills, whether a folder must have it, and whether sources hand in its rows.
var vocabularyFiles = []struct {
	file, known, cdm    string
	required, byDeposit bool
}{
	{"CONCEPT.csv", "known_concept", "concept", true, true},
	{"CONCEPT_RELATIONSHIP.csv", "known_relationship", "concept_relationship", true, true},
	{"CONCEPT_ANCESTOR.csv", "known_ancestor", "concept_ancestor", false, true},
	{"VOCABULARY.csv", "known_vocabulary", "vocabulary", false, true},
	{"DRUG_STRENGTH.csv", "known_strength", "drug_strength", false, true},
	{"DOMAIN.csv", "known_domain", "domain", false, false},
	{"CONCEPT_CLASS.csv", "known_class", "concept_class", false, false},
	{"RELATIONSHIP.csv", "known_kind", "relationship", false, false},
	{"CONCEPT_SYNONYM.csv", "known_synonym", "concept_synonym", false, false},
	{"SOURCE_TO_CONCEPT_MAP.csv", "known_map", "source_to_concept_map", false, false},
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
	for i := range b.deposits {
		if err := b.wordsOf(ctx, &b.deposits[i]); err != nil {
			return fmt.Errorf("deposit %s: vocabulary: %w", b.deposits[i].Name, err)
		}
	}
	if err := b.loadVocabulary(ctx, bytes.NewReader(ownConcepts), "known_concept", "concept"); err != nil {
		return fmt.Errorf("omop/cdm/concept.csv: %w", err)
	}
	if err := b.loadVocabulary(ctx, bytes.NewReader(ownDomains), "known_domain", "domain"); err != nil {
		return fmt.Errorf("omop/cdm/domain.csv: %w", err)
	}
	if err := b.run(ctx, "own_domains.sql"); err != nil {
		return err
	}
	if err := b.wholeVocabulary(ctx); err != nil {
		return fmt.Errorf("vocabulary: %w", err)
	}
	return b.run(ctx, "vocabulary.sql")
}

// wordsOf reads what a source hands in of a vocabulary with its rows.
func (b *builder) wordsOf(ctx context.Context, d *loaded) error {
	for _, f := range vocabularyFiles {
		if _, there := d.Tables[f.cdm]; !there || !f.byDeposit {
			continue
		}
		err := b.each(ctx, d, f.cdm, func(rows, _ string) error { return b.append(ctx, f.known, f.cdm, rows) })
		if err != nil {
			return fmt.Errorf("resource %s: %w", f.cdm, err)
		}
	}
	return nil
}

// wholeVocabulary puts a loaded vocabulary before what deposits brought. Of the
// vocabularies that it has, their word does not count: a code has one meaning. Taken are
// the vocabularies whose names a feed's files or rows may give for a code, and what their
// codes map to; completeVocabulary adds what rows came to use.
func (b *builder) wholeVocabulary(ctx context.Context) error {
	for _, rows := range b.maps { // a later one before an earlier one
		if err := b.run(ctx, "later_map.sql"); err != nil {
			return err
		}
		if err := b.append(ctx, "known_map", "source_to_concept_map", rows); err != nil {
			return fmt.Errorf("source_to_concept_map: %w", err)
		}
	}
	if b.whole == nil {
		return nil
	}
	for _, f := range vocabularyFiles {
		rows, there := b.whole[f.cdm]
		if !there {
			rows = "vocabulary." + f.known + " WHERE false"
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE VIEW vocabulary.%s AS SELECT %s FROM %s", "whole_"+f.cdm, columnsOf(f.cdm), rows)); err != nil {
			return fmt.Errorf("%s: %w", f.cdm, err)
		}
	}
	if err := b.db.Exec(ctx, "CREATE TABLE vocabulary.whole AS SELECT DISTINCT vocabulary_id FROM vocabulary.whole_concept"); err != nil {
		return err
	}
	if err := b.nameVocabularies(ctx); err != nil {
		return err
	}
	return b.run(ctx, "whole_vocabulary.sql")
}

// nameVocabularies keeps those of a loaded vocabulary's vocabularies that a feed names.
func (b *builder) nameVocabularies(ctx context.Context) error {
	var all []string
	var name string
	err := b.db.Each(ctx, "SELECT vocabulary_id FROM vocabulary.whole", nil, func() error { all = append(all, name); return nil }, &name)
	if err != nil {
		return err
	}
	if err := b.db.Exec(ctx, "CREATE TABLE vocabulary.named (vocabulary_id VARCHAR)"); err != nil {
		return err
	}
	text, err := b.texts()
	if err != nil {
		return err
	}
	for _, name := range all {
		if !regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(name) + `($|\W)`).MatchString(text) {
			continue
		}
		if err := b.db.Exec(ctx, "INSERT INTO vocabulary.named VALUES (?)", name); err != nil {
			return err
		}
	}
	return b.db.Exec(ctx, "INSERT INTO vocabulary.named SELECT DISTINCT vocabulary_id FROM vocabulary.known_concept SEMI JOIN vocabulary.whole USING (vocabulary_id)")
}

// texts are all files of the feeds, and the SQL here, in which a vocabulary can be named.
func (b *builder) texts() (string, error) {
	var all strings.Builder
	read := map[string]bool{}
	for _, d := range b.deposits {
		if read[d.feed.dir] {
			continue
		}
		read[d.feed.dir] = true
		err := fs.WalkDir(d.feed.folder, ".", func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(d.feed.folder, file)
			all.Write(text)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("feed %s: %w", d.Feed, err)
		}
	}
	route, err := statements.ReadFile("sql/route.sql")
	all.Write(route)
	return all.String(), err
}

// completeVocabulary takes from a loaded vocabulary what the rows came to use.
func (b *builder) completeVocabulary(ctx context.Context) error {
	if b.whole == nil {
		return nil
	}
	if err := b.collectUsed(ctx); err != nil {
		return err
	}
	return b.completeUsed(ctx)
}

// completeUsed takes what a loaded vocabulary says of used concepts that were not used before.
func (b *builder) completeUsed(ctx context.Context) error {
	err := b.db.Exec(ctx, `
		CREATE TABLE IF NOT EXISTS stage.completed_concept (concept_id INTEGER);
		CREATE OR REPLACE TABLE stage.new_concept AS FROM stage.used_concept ANTI JOIN stage.completed_concept USING (concept_id);
		INSERT INTO stage.completed_concept FROM stage.new_concept`)
	if err != nil {
		return err
	}
	var unseen, seen int64
	err = b.db.Each(ctx, "SELECT (SELECT count(*) FROM stage.new_concept), (SELECT count(*) FROM stage.completed_concept)", nil, func() error { return nil }, &unseen, &seen)
	if err != nil || unseen == 0 && seen > 0 {
		return err
	}
	return b.run(ctx, "complete_vocabulary.sql")
}

func columnsOf(table string) string {
	var selected []string
	for _, field := range specification[table] {
		selected = append(selected, fmt.Sprintf("CAST(%[1]s AS %[2]s) AS %[1]s", engine.Quote(field.Name), field.Type))
	}
	return strings.Join(selected, ", ")
}

// append appends rows to what is known.
func (b *builder) append(ctx context.Context, known, table, rows string) error {
	return b.db.Exec(ctx, fmt.Sprintf("INSERT INTO vocabulary.%s BY NAME SELECT %s FROM %s", known, columnsOf(table), rows))
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
	if err := b.collectUsed(ctx); err != nil {
		return err
	}
	files := []string{"export_concepts.sql", "export_vocabulary.sql"}
	if b.whole != nil {
		if err := b.completeUsed(ctx); err != nil {
			return err
		}
		files = []string{"export_concepts.sql", "complete_exported.sql", "export_vocabulary.sql"}
	}
	for _, file := range files {
		if err := b.run(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// collectUsed lists the concepts that finished tables use.
func (b *builder) collectUsed(ctx context.Context) error {
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
	if err := b.db.Exec(ctx, "CREATE OR REPLACE TABLE stage.used_concept AS SELECT DISTINCT concept_id FROM ("+strings.Join(used, " UNION ALL ")+") WHERE concept_id IS NOT NULL"); err != nil {
		return fmt.Errorf("collect the used concepts: %w", err)
	}
	return nil
}
