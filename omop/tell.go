package omop

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
)

// Version is the version of the CDM that a build fills.
const Version = "5.4"

// VersionConcept is "OMOP CDM Version 5.4.0".
const VersionConcept = 756265

// tell fills cdm_source, with a row a deposit, and metadata, with what made the
// release: versions, the feeds and each file of a mapping with its digest.
func (b *builder) tell(ctx context.Context) error {
	released := day(b.release.Made)
	for _, d := range b.deposits {
		description := fmt.Sprintf("deposit %s", d.Name)
		if d.Provider != "" {
			description += " of " + d.Provider
		}
		err := b.insert(ctx, "cdm_source", map[string]string{
			"cdm_source_name":                engine.Literal(cut(cmp.Or(d.feed.Title, d.Feed), 255)),
			"cdm_source_abbreviation":        engine.Literal(cut(d.Feed, 25)),
			"cdm_holder":                     engine.Literal(cut(cmp.Or(b.release.Holder, "not said"), 255)),
			"source_description":             engine.Literal(description),
			"source_documentation_reference": engine.Literal("docs/mappings/" + d.Feed + ".md"),
			"cdm_etl_reference":              engine.Literal(cut(fmt.Sprintf("feed %s %s", d.Feed, d.feed.Version), 255)),
			"source_release_date":            day(d.Made),
			"cdm_release_date":               released,
			"cdm_version":                    engine.Literal("v" + Version),
			"cdm_version_concept_id":         fmt.Sprint(VersionConcept),
			"vocabulary_version":             engine.Literal(cut(cmp.Or(b.release.Vocabulary, "the feeds' own"), 20)),
		})
		if err != nil {
			return err
		}
	}
	facts := [][2]string{{"warehouse", b.release.Name}, {"CDM version", Version}, {"vocabulary version", cmp.Or(b.release.Vocabulary, "the feeds' own")}}
	told := map[string]bool{}
	for _, d := range b.deposits {
		if !told[d.Feed] {
			told[d.Feed] = true
			facts = append(facts, [2]string{"version of feed " + d.Feed, d.feed.Version})
		}
	}
	for _, m := range b.report.Mappings {
		facts = append(facts, [2]string{"SHA-256 of " + m.File, m.SHA256})
	}
	for i, f := range facts {
		err := b.insert(ctx, "metadata", map[string]string{
			"metadata_id":              fmt.Sprint(i + 1),
			"metadata_concept_id":      "0",
			"metadata_type_concept_id": "32880", // standard algorithm
			"name":                     engine.Literal(cut(f[0], 250)),
			"value_as_string":          engine.Literal(cut(f[1], 250)),
			"metadata_date":            released,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insert adds one row to a finished table: SQL by column.
func (b *builder) insert(ctx context.Context, table string, row map[string]string) error {
	var values []string
	for _, f := range specification[table] {
		if value, given := row[f.Name]; given {
			values = append(values, value+" AS "+engine.Quote(f.Name))
		}
	}
	return b.db.Exec(ctx, fmt.Sprintf("INSERT INTO cdm.%s BY NAME SELECT %s", engine.Quote(table), strings.Join(values, ", ")))
}

// day is a date as SQL; what is not known is the first day of Unix, since the CDM
// requires one.
func day(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return "DATE " + engine.Literal(t.UTC().Format(time.DateOnly))
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}
