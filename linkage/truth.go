package linkage

import (
	"context"
	_ "embed"
	"errors"
	"strings"

	"rempart.eu/rempart/engine"
)

// Truth is what a linkage is worth beside the truth, in pairs of records.
type Truth struct {
	Records Count           `json:"records"` // that the truth knows
	All     Accuracy        `json:"all"`
	By      []ProviderTruth `json:"by"`      // pairs with a record of each provider
	Persons Count           `json:"persons"` // known to two or more deposits
	Whole   Rate            `json:"whole"`   // of them: all records together, and nobody else's
}

// Accuracy compares pairs that were found with those that are.
type Accuracy struct {
	Pairs     Count `json:"pairs"` // of records that are one person's
	Precision Rate  `json:"precision"`
	Recall    Rate  `json:"recall"`
}

// ProviderTruth is the accuracy of one deposit's records.
type ProviderTruth struct {
	Deposit  string `json:"deposit"`
	Provider string `json:"provider"`
	Accuracy
}

//go:embed truth.sql
var truthQueries string

// Compare holds a linkage against the truth. link is SQL for rows of deposit, person and
// person_id; truth for rows of deposit, person and true_person.
func Compare(ctx context.Context, db *engine.DB, link, truth string, providers map[string]string) (*Truth, error) {
	text := strings.NewReplacer("{link}", link, "{truth}", truth).Replace(truthQueries)
	setup, queries, _ := strings.Cut(text, "-- name: pairs\n")
	pairs, persons, _ := strings.Cut(queries, "-- name: persons\n")
	if err := db.Exec(ctx, setup); err != nil {
		return nil, err
	}
	t := &Truth{}
	if err := t.pairs(ctx, db, pairs, providers); err != nil {
		return nil, err
	}
	var records, several, whole int64
	if err := db.Value(ctx, &records, "SELECT count(*) FROM judged"); err != nil {
		return nil, err
	}
	if err := db.Value(ctx, &several, "SELECT several FROM ("+persons+")"); err != nil {
		return nil, err
	}
	if err := db.Value(ctx, &whole, "SELECT whole FROM ("+persons+")"); err != nil {
		return nil, err
	}
	t.Records, t.Persons, t.Whole = Count(records), Count(several), rate(Count(whole), Count(several))
	return t, nil
}

// pairs reads what pairs there are, by deposit.
func (t *Truth) pairs(ctx context.Context, db *engine.DB, query string, providers map[string]string) (err error) {
	rows, err := db.Query(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var deposit string
		var are, found, right int64
		if err := rows.Scan(&deposit, &are, &found, &right); err != nil {
			return err
		}
		a := Accuracy{Count(are), rate(Count(right), Count(found)), rate(Count(right), Count(are))}
		if deposit == "" {
			t.All = a
		} else {
			t.By = append(t.By, ProviderTruth{deposit, providers[deposit], a})
		}
	}
	return rows.Err()
}
