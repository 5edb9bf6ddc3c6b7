package benchmarks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/quality"
	"rempart.eu/rempart/warehouse"
)

// omopPlain HOME DIR is the alternative to a warehouse: the deposits' rows as plain
// Parquet files in DIR, the same SQL over them, the same checks, plain Parquet files
// of the tables. Only the SQL is timed, not how the rows come to DIR.
func omopPlain(ctx context.Context, args []string) error {
	home, dir := args[0], args[1]
	w, err := warehouse.Open(home)
	if err != nil {
		return err
	}
	input, err := unsealed(ctx, w, home, dir)
	if err != nil {
		return err
	}
	var done published
	done.Seconds, err = seconds(func() error {
		report, err := buildPlain(ctx, input, dir)
		if err == nil {
			done.Rows = sourceRows(report)
		}
		return err
	})
	if err != nil {
		return err
	}
	done.Peak, err = peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(done))
}

// unsealed writes the rows of the latest linkage's deposits to plain files.
func unsealed(ctx context.Context, w *warehouse.Warehouse, home, dir string) (input omop.Input, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return input, err
	}
	vault, err := w.Vault(state)
	if err != nil {
		return input, err
	}
	text, err := os.ReadFile(filepath.Join(home, "controller", "identity.agekey"))
	if err != nil {
		return input, err
	}
	identity, err := age.ParseHybridIdentity(strings.TrimSpace(string(text)))
	if err != nil {
		return input, err
	}
	unseal := func(object ledger.Object) (string, error) {
		path := filepath.Join(dir, object.Name+".parquet")
		f, err := os.Create(path)
		if err != nil {
			return "", err
		}
		err = vault.Read(ctx, object, identity, func(plain io.Reader) error { _, err := io.Copy(f, plain); return err })
		return engine.Literal(path), errors.Join(err, f.Close())
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return input, err
	}
	linkage, _ := state.Linkages.Get(state.Linkages.Latest())
	links, err := unseal(linkage.Object)
	if err != nil {
		return input, err
	}
	input = omop.Input{Feeds: w.Feeds(), Links: "read_parquet(" + links + ")"}
	words, err := fs.Sub(feeds.FS(), nationalVocabulary)
	if err != nil {
		return input, err
	}
	for _, id := range linkage.Deposits {
		d, _ := state.Deposits.Get(id)
		deposit, err := unsealedDeposit(d, unseal)
		if err != nil {
			return input, fmt.Errorf("deposit %s: %w", id, err)
		}
		deposit.Vocabulary = words
		input.Deposits = append(input.Deposits, deposit)
	}
	return input, nil
}

func unsealedDeposit(d *governance.Deposit, unseal func(ledger.Object) (string, error)) (omop.Deposit, error) {
	made := omop.Deposit{Name: d.Deposit, Feed: d.Feed, Tables: map[string]string{}}
	files := map[string][]string{}
	for i, object := range d.Objects {
		path, err := unseal(object)
		if err != nil {
			return made, err
		}
		files[d.Resources[i]] = append(files[d.Resources[i]], path)
	}
	for resource, all := range files {
		made.Tables[resource] = "read_parquet([" + strings.Join(all, ", ") + "])"
	}
	return made, nil
}

// buildPlain builds, checks, and writes the tables and where their rows come from.
func buildPlain(ctx context.Context, input omop.Input, dir string) (report *omop.Report, err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if report, err = omop.Build(ctx, db, input, nil); err != nil {
		return nil, err
	}
	results, err := quality.Run(ctx, db, quality.Options{Now: time.Now()})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(results)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "quality.json"), text, 0o600); err != nil {
		return nil, err
	}
	for _, table := range omop.Tables() {
		if err := writePlain(ctx, db, omop.Select(table), filepath.Join(dir, table+".parquet")); err != nil {
			return nil, err
		}
	}
	return report, writePlain(ctx, db, omop.Origins(), filepath.Join(dir, "lineage.parquet"))
}

func writePlain(ctx context.Context, db *engine.DB, query, file string) error {
	return db.Exec(ctx, fmt.Sprintf("COPY (%s) TO %s (%s)", query, engine.Literal(file), engine.Parquet))
}

// sourceRows counts the rows that a build was handed.
func sourceRows(report *omop.Report) (rows int64) {
	for _, d := range report.Deposits {
		for _, resource := range d.Resources {
			rows += resource.Accepted
		}
	}
	return rows
}
