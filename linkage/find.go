package linkage

import (
	"context"
	_ "embed"
	"fmt"
	"io"

	"rempart.eu/rempart/engine"
)

//go:embed find.sql
var find string

// Find returns the person_id of whom a provider speaks, by one record as a
// [Writer] wrote it, among the persons of some deposits: those of this provider.
// None: it has not deposited her, or what it says of her fits several. The
// linkage must have been resolved.
func (l *Linker) Find(ctx context.Context, deposits []string, record io.Reader) (persons []int64, err error) {
	if err := l.db.Exec(ctx, `CREATE OR REPLACE TABLE asked (person BIGINT, a VARCHAR, b VARCHAR, c VARCHAR, provisional BOOLEAN);
CREATE OR REPLACE TABLE asked_of (deposit VARCHAR)`); err != nil {
		return nil, err
	}
	for _, deposit := range deposits {
		if err := l.db.Exec(ctx, "INSERT INTO asked_of VALUES (?)", deposit); err != nil {
			return nil, err
		}
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.second(record, w)) }()
	err = l.db.FromCSV(ctx, columns, r, func(rows string) error {
		return l.db.Exec(ctx, "INSERT INTO asked SELECT person, a, b, c, provisional FROM "+rows)
	})
	r.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		return nil, fmt.Errorf("read what a provider says of a person: %w", err)
	}
	return l.numbers(ctx, find)
}

// Deposits lists the deposits that know a person.
func (l *Linker) Deposits(ctx context.Context, person int64) (deposits []string, err error) {
	var deposit string
	err = l.db.Each(ctx, "SELECT DISTINCT deposit FROM link WHERE person_id = ? ORDER BY deposit", []any{person}, func() error {
		deposits = append(deposits, deposit)
		return nil
	}, &deposit)
	return deposits, err
}

func (l *Linker) numbers(ctx context.Context, query string) (all []int64, err error) {
	var n int64
	err = l.db.Each(ctx, query, nil, func() error { all = append(all, n); return nil }, &n)
	return all, err
}

// WritePersons writes person_id of some persons as Parquet.
func WritePersons(ctx context.Context, db *engine.DB, persons []int64, w io.Writer) error {
	r, rows := io.Pipe()
	go func() {
		_, err := io.WriteString(rows, "person_id\n")
		for _, id := range persons {
			if err == nil {
				_, err = fmt.Fprintln(rows, id)
			}
		}
		rows.CloseWithError(err)
	}()
	columns := []engine.Column{{Name: "person_id", Type: "BIGINT"}}
	err := db.FromCSV(ctx, columns, r, func(from string) error {
		return db.CopyOut(ctx, "SELECT person_id FROM "+from+" ORDER BY person_id", engine.Parquet, w)
	})
	r.CloseWithError(io.ErrClosedPipe)
	return err
}
