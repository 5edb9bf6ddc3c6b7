package vocabulary

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
)

//go:embed suggest.sql
var suggest string

// Unmapped is a code without a standard concept.
type Unmapped struct {
	Vocabulary string      `json:"vocabulary"`
	Code       string      `json:"code"`
	Name       string      `json:"name,omitempty"`
	Rows       int64       `json:"rows"` // of the release
	Candidates []Candidate `json:"candidates,omitempty"`
}

// Candidate is a standard concept that a code may mean, and how alike their names are:
// 1 is the same words.
type Candidate struct {
	Concept int64   `json:"concept_id"`
	Name    string  `json:"name"`
	Score   float64 `json:"score"`
}

// Suggest gives each code that has a name its candidates, the best first, of the concepts
// of a table expression. It compares words: a name in another language than the concepts'
// finds what both languages spell alike.
func Suggest(ctx context.Context, db *engine.DB, concepts string, codes []Unmapped) error {
	var text bytes.Buffer
	to := csv.NewWriter(&text)
	_ = to.Write([]string{"place", "name"}) // to memory
	for i, c := range codes {
		_ = to.Write([]string{strconv.Itoa(i), c.Name})
	}
	to.Flush()
	if err := db.LoadCSV(ctx, "unmapped", []engine.Column{{Name: "place", Type: "BIGINT"}, {Name: "name", Type: "VARCHAR"}}, &text); err != nil {
		return err
	}
	if err := db.Exec(ctx, "CREATE TABLE standard AS SELECT concept_id, concept_name FROM "+concepts+" WHERE standard_concept = 'S'"); err != nil {
		return err
	}
	if err := db.Exec(ctx, suggest); err != nil {
		return fmt.Errorf("omop/vocabulary/suggest.sql: %w", err)
	}
	var place int64
	var c Candidate
	return db.Each(ctx, "SELECT place, concept_id, concept_name, score FROM suggestion JOIN standard USING (concept_id) ORDER BY place, score DESC, concept_id", nil, func() error {
		codes[place].Candidates = append(codes[place].Candidates, c)
		return nil
	}, &place, &c.Concept, &c.Name, &c.Score)
}

// WriteUsagi writes codes as Usagi (https://ohdsi.github.io/Usagi/) saves them, the best
// candidate as the one to approve or change.
func WriteUsagi(w io.Writer, codes []Unmapped) error {
	to := csv.NewWriter(w)
	if err := to.Write([]string{"sourceCode", "sourceName", "sourceFrequency", "sourceAutoAssignedConceptIds", "ADD_INFO:vocabulary", "matchScore", "mappingStatus", "equivalence", "statusSetBy", "statusSetOn", "conceptId", "mappingType", "comment", "createdBy", "createdOn", "assignedReviewer"}); err != nil {
		return err
	}
	for _, c := range codes {
		ids, best, score := []string{}, "0", "0"
		for _, x := range c.Candidates {
			ids = append(ids, strconv.FormatInt(x.Concept, 10))
		}
		if len(ids) > 0 {
			best, score = ids[0], strconv.FormatFloat(c.Candidates[0].Score, 'f', 3, 64)
		}
		if err := to.Write([]string{c.Code, c.Name, strconv.FormatInt(c.Rows, 10), strings.Join(ids, ";"), c.Vocabulary, score, "UNCHECKED", "UNREVIEWED", "", "0", best, "MAPS_TO", "", "rempart", "0", ""}); err != nil {
			return err
		}
	}
	to.Flush()
	return to.Error()
}
