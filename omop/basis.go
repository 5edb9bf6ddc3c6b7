package omop

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"

	"rempart.eu/rempart/engine"
)

// Basis is what rows were mapped by: where it is the same, so are the rows of a person
// whom nothing new is known of.
type Basis struct {
	Build      string            `json:"build"`      // digest of this package's SQL, this program's version, and the engine's
	Vocabulary string            `json:"vocabulary"` // digest of what codes meant before a row was read
	Feeds      map[string]string `json:"feeds"`      // digests of their files

	// Flaw says why nothing can go on from the release all the same; "": something can.
	Flaw string `json:"flaw,omitempty"`
}

// Kept are the queries, after [Build], of what the release keeps for a build that goes
// on from it ([Base]), by name: its links, places and providers by their keys, keys that
// name none, whose each cost is, and the rows of each code.
func Kept() map[string]string {
	return map[string]string{
		"link":    "FROM basis.link",
		"place":   "FROM basis.place",
		"missing": "FROM basis.missing",
		"paid":    "SELECT cost_id, person_id, cost_event_table FROM cdm.cost",
		"code":    "FROM basis.code",
	}
}

// vocabularyWords are the tables that decide what a code means, and what stands above it.
var vocabularyWords = []string{"concept", "source_concepts", "concepts", "single_concept", "map", "known_relationship", "known_ancestor", "known_strength"}

// basis notes what this build maps by.
func (b *builder) basis(ctx context.Context) error {
	var err error
	if b.report.Basis.Build, err = b.digestBuild(ctx); err != nil {
		return err
	}
	words := sha256.New()
	fmt.Fprintln(words, b.release.Vocabulary, b.whole != nil)
	for _, table := range vocabularyWords {
		var sum string
		if err := b.db.Value(ctx, &sum, fmt.Sprintf("SELECT count(*) || ' ' || coalesce(sum(CAST(hash(t) AS HUGEINT)), 0) FROM (SELECT DISTINCT * FROM vocabulary.%s) t", table)); err != nil {
			return fmt.Errorf("vocabulary.%s: %w", table, err)
		}
		fmt.Fprintln(words, table, sum)
	}
	b.report.Basis.Vocabulary = hex.EncodeToString(words.Sum(nil))
	b.report.Basis.Feeds = map[string]string{}
	for _, d := range b.deposits {
		if _, done := b.report.Basis.Feeds[d.Feed]; done {
			continue
		}
		if b.report.Basis.Feeds[d.Feed], err = digestFiles(d.feed.folder); err != nil {
			return fmt.Errorf("feed %s: %w", d.Feed, err)
		}
	}
	return nil
}

func (b *builder) digestBuild(ctx context.Context) (string, error) {
	sum := sha256.New()
	for _, files := range []fs.FS{statements, derivedFiles} {
		one, err := digestFiles(files)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, one)
	}
	for _, text := range [][]byte{[]byte(fieldsCSV), ownConcepts, ownDomains} {
		fmt.Fprintf(sum, "%x\n", sha256.Sum256(text))
	}
	var version string
	if err := b.db.Value(ctx, &version, "SELECT version()"); err != nil {
		return "", err
	}
	fmt.Fprintln(sum, version)
	if info, known := debug.ReadBuildInfo(); known {
		fmt.Fprintln(sum, info.Main.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				fmt.Fprintln(sum, s.Value)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// digestFiles is the digest of all files of a folder, by their names.
func digestFiles(folder fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(folder, file)
		fmt.Fprintf(sum, "%s %x\n", file, sha256.Sum256(text))
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// differs says, as the end of a sentence, why what a base was mapped by is not what this
// build maps by; "" where it is.
func (b *builder) differs(base *Base) string {
	is := b.report.Basis
	switch {
	case base.Basis.Flaw != "":
		return base.Basis.Flaw
	case base.Basis.Build != is.Build:
		return "it was made by another version of this program"
	case base.Basis.Vocabulary != is.Vocabulary:
		return "codes meant something else"
	}
	for _, feed := range sortedKeys(base.Basis.Feeds) {
		if digest, used := is.Feeds[feed]; used && digest != base.Basis.Feeds[feed] {
			return fmt.Sprintf("the files of feed %s have changed", feed)
		}
	}
	at := 0
	for _, name := range base.Deposits {
		next := slices.IndexFunc(b.deposits[at:], func(d loaded) bool { return d.Name == name })
		if next >= 0 {
			at += next + 1
			continue
		}
		if slices.ContainsFunc(b.deposits, func(d loaded) bool { return d.Name == name }) {
			return "its deposits are believed in another order now"
		}
		return fmt.Sprintf("it has deposit %s, which is no longer built from", name)
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}

// keepMissing notes the keys of a table's rows that name no place or provider.
func (b *builder) keepMissing(ctx context.Context, table string, f Field) error {
	lookup := lookups[f.Name]
	if b.before || global(table) || !global(lookup.table) {
		return nil
	}
	return b.db.Exec(ctx, fmt.Sprintf("INSERT INTO basis.missing SELECT DISTINCT person_id, %s, %s FROM cdm.%s WHERE %[2]s IS NOT NULL AND %[4]s IS NULL",
		engine.Literal(lookup.table), lookup.key, engine.Quote(table), engine.Quote(f.Name)))
}

// findFlaw notes where what was made of rows of nobody cannot be told from the tables alone.
func (b *builder) findFlaw(ctx context.Context) error {
	for _, d := range b.deposits {
		for _, r := range d.feed.Resources {
			if !d.delivers(r.Name) || !d.shared(r) {
				continue
			}
			var n int64
			err := b.db.Value(ctx, &n, "SELECT count(*) FROM (SELECT deposit, source_table FROM stage.cost UNION ALL SELECT deposit, source_table FROM stage.observation_period) WHERE deposit = ? AND source_table = ?", d.ordinal, r.Name)
			if err != nil {
				return err
			}
			if n > 0 {
				b.report.Basis.Flaw = fmt.Sprintf("feed %s takes costs or periods from resource %s, whose rows are nobody's", d.Feed, r.Name)
			}
		}
	}
	return nil
}

// endBasis keeps what a build that goes on from this one needs.
func (b *builder) endBasis(ctx context.Context) error {
	if err := b.run(ctx, "base/kept_end.sql"); err != nil {
		return err
	}
	for _, table := range mappable() { // the others have theirs
		if slices.Contains(merged, table) || b.base != nil && !global(table) {
			continue
		}
		if err := b.db.Exec(ctx, fmt.Sprintf("CREATE VIEW lineage.%s AS %s", engine.Quote(table), b.originsOf(table, primaryKey(table), "cdm."+engine.Quote(table)))); err != nil {
			return err
		}
	}
	return nil
}

// beginBasis makes room for what is kept, and keeps the links.
func (b *builder) beginBasis(ctx context.Context) error {
	if err := b.run(ctx, "base/kept.sql"); err != nil {
		return err
	}
	return b.db.Exec(ctx, "CREATE TABLE basis.link AS FROM stage.link")
}

// namesOf are the deposits' names, as they are numbered.
func namesOf(deposits []loaded) []string {
	names := make([]string, len(deposits))
	for i, d := range deposits {
		names[i] = d.Name
	}
	return names
}
