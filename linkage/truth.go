package linkage

import (
	"context"
	_ "embed"
	"strings"

	"rempart.eu/rempart/engine"
)

// Truth is what a linkage is worth beside the truth, in pairs of records.
type Truth struct {
	Records Count           `json:"records"` // that the truth knows
	All     Accuracy        `json:"all"`
	By      []ProviderTruth `json:"by"`      // pairs with a record of each provider
	Methods []MethodTruth   `json:"methods"` // pairs with a record that each rule placed
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

// MethodTruth is the accuracy of the records that one rule placed.
type MethodTruth struct {
	Method string `json:"method"`
	Accuracy
	Sought Rate `json:"sought,omitempty"` // probability: the recall among all records that nothing else linked
}

//go:embed truth.sql
var truthQueries string

// Compare holds a linkage against the truth. link is SQL for rows of deposit, person, person_id
// and method; truth for rows of deposit, person and true_person.
func Compare(ctx context.Context, db *engine.DB, link, truth string, providers map[string]string) (*Truth, error) {
	text := strings.NewReplacer("{link}", link, "{truth}", truth).Replace(truthQueries)
	setup, _, _ := strings.Cut(text, "-- name: ")
	if err := db.Exec(ctx, setup); err != nil {
		return nil, err
	}
	t := &Truth{}
	if err := t.pairs(ctx, db, query(text, "pairs"), providers); err != nil {
		return nil, err
	}
	if err := t.methods(ctx, db, query(text, "methods")); err != nil {
		return nil, err
	}
	var records, several, whole int64
	if err := db.Value(ctx, &records, "SELECT count(*) FROM judged"); err != nil {
		return nil, err
	}
	if err := db.Each(ctx, query(text, "persons"), nil, func() error { return nil }, &several, &whole); err != nil {
		return nil, err
	}
	t.Records, t.Persons, t.Whole = Count(records), Count(several), rate(Count(whole), Count(several))
	return t, nil
}

// pairs reads what pairs there are, by deposit.
func (t *Truth) pairs(ctx context.Context, db *engine.DB, query string, providers map[string]string) error {
	var deposit string
	var are, found, right int64
	return db.Each(ctx, query, nil, func() error {
		if a := accuracy(are, found, right); deposit == "" {
			t.All = a
		} else {
			t.By = append(t.By, ProviderTruth{deposit, providers[deposit], a})
		}
		return nil
	}, &deposit, &are, &found, &right)
}

// methods reads what each rule has placed.
func (t *Truth) methods(ctx context.Context, db *engine.DB, query string) error {
	var method string
	var are, found, right, sought int64
	return db.Each(ctx, query, nil, func() error {
		m := MethodTruth{Method: method, Accuracy: accuracy(are, found, right)}
		if method == probability {
			m.Sought = rate(Count(right), Count(sought))
		}
		t.Methods = append(t.Methods, m)
		return nil
	}, &method, &are, &found, &right, &sought)
}

// accuracy is that of pairs that are one person's, were found, and both.
func accuracy(are, found, right int64) Accuracy {
	return Accuracy{Count(are), rate(Count(right), Count(found)), rate(Count(right), Count(are))}
}
