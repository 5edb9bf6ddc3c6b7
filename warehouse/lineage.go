package warehouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
)

// Origin is one row of a source that a row of a release was made of.
type Origin struct {
	Table         string        `json:"table,omitempty"` // of the release's own row that the row was worked out of, an era's event
	ID            int64         `json:"id,omitempty"`    // and that row's primary key
	Deposit       string        `json:"deposit"`
	Provider      string        `json:"provider"`
	Feed          string        `json:"feed"`
	FeedDigest    ledger.Digest `json:"feed_digest"`
	Resource      string        `json:"resource"` // of the feed
	File          int           `json:"file"`     // its place among the resource's files, sorted by name, from 1
	Lines         []int64       `json:"lines"`    // of that file, from 1, the header included
	Mapping       string        `json:"mapping"`  // the file of the feed that made the row
	MappingSHA256 string        `json:"mapping_sha256"`
}

// lineage seals where every row came from.
func (p *publication) lineage(ctx context.Context, key *keyring.Key) (*lake.Lineage, error) {
	l := &lake.Lineage{}
	for _, d := range p.made.Report.Deposits {
		l.Deposits = append(l.Deposits, d.Name)
	}
	for _, m := range p.made.Report.Mappings {
		l.Mappings = append(l.Mappings, lake.LineageFile(m))
	}
	err := p.db.Value(ctx, &l.Rows, "SELECT count(*) FROM ("+omop.Origins()+")")
	if err != nil {
		return nil, err
	}
	l.Object, err = p.putRows(ctx, key, omop.Origins())
	return l, err
}

// Explain says where a row of a release came from: table, and the value of its primary
// key; of death, its person. Only the controller can.
func (w *Warehouse) Explain(ctx context.Context, state *governance.State, release *governance.Release, table string, id int64) (_ []Origin, err error) {
	if !slices.Contains(omop.Tables(), table) {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("a release has no table %q", table), Remedy: capitalised(nearest.Hint(table, omop.Tables()))}
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	manifest, key, err := w.Manifest(ctx, state, release, ring)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	if manifest.Lineage == nil {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("release %s was published before releases kept where their rows came from", release.Release), Remedy: "Publish again: rempart release publish"}
	}
	vault, err := w.Vault(state)
	if err != nil {
		return nil, err
	}
	file, err := vault.Load(ctx, manifest.Lineage.Object, key)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", release.Release, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	db, err := engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	lineage := sealedLineage{manifest.Lineage, file.Path(), state}
	all, err := lineage.origins(ctx, db, table, []int64{id})
	if err != nil {
		return nil, err
	}
	for i := range all { // its own
		all[i].Table, all[i].ID = "", 0
	}
	made, err := members(ctx, vault, manifest, key, db, table, id)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", release.Release, err)
	}
	for _, m := range made {
		theirs, err := lineage.origins(ctx, db, m.table, m.ids)
		if err != nil {
			return nil, err
		}
		all = append(all, theirs...)
	}
	return all, nil
}

// rows are some of a table's.
type rows struct {
	table string
	ids   []int64
}

// members are the rows that a row was worked out of, table by table; none where it was not.
func members(ctx context.Context, vault *lake.Vault, manifest *lake.Manifest, key *keyring.Key, db *engine.DB, table string, id int64) (all []rows, err error) {
	query, tables, derived := omop.Members(table)
	if !derived {
		return nil, nil
	}
	for _, t := range manifest.Tables {
		if !slices.Contains(tables, t.Name) {
			continue
		}
		file, err := vault.Load(ctx, t.Object, key)
		if err != nil {
			return nil, err
		}
		db.Own(file)
		if err := db.Exec(ctx, "CREATE VIEW "+engine.Quote(t.Name)+" AS FROM "+engine.ReadParquet(file.Path())); err != nil {
			return nil, err
		}
	}
	var of string
	var member int64
	err = db.Each(ctx, query, []any{id}, func() error {
		if len(all) == 0 || all[len(all)-1].table != of {
			all = append(all, rows{table: of})
		}
		last := &all[len(all)-1]
		last.ids = append(last.ids, member)
		return nil
	}, &of, &member)
	return all, err
}

// sealedLineage is where a release's rows came from, opened.
type sealedLineage struct {
	*lake.Lineage
	path  string
	state *governance.State
}

// filesApart is by how much the lines of a resource's files are apart: docs/formats.md.
const filesApart = 1 << 40

// origins are those of rows of one table, row by row, in one reading.
func (l sealedLineage) origins(ctx context.Context, db *engine.DB, table string, ids []int64) (all []Origin, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	numbers := make([]string, len(ids))
	for i, id := range ids {
		numbers[i] = strconv.FormatInt(id, 10)
	}
	var id, line int64
	var deposit, mapping int
	var resource string
	err = db.Each(ctx, `SELECT id, deposit, mapping, resource, line FROM (
		    SELECT row_number() OVER () AS place, id, deposit, mapping, resource, unnest(list_distinct(list_prepend(line, coalesce(lines, [])))) AS line
		    FROM `+engine.ReadParquet(l.path)+` WHERE "table" = ? AND id IN (`+strings.Join(numbers, ", ")+`))
		ORDER BY id, deposit, place, line`, []any{table}, func() error {
		if deposit >= len(l.Deposits) || mapping >= len(l.Mappings) {
			return fmt.Errorf("the lineage names deposit %d and mapping %d, which its manifest does not list", deposit, mapping)
		}
		file := int(line/filesApart) + 1
		if at := len(all) - 1; at >= 0 && all[at].ID == id && all[at].Deposit == l.Deposits[deposit] && all[at].Resource == resource && all[at].File == file && all[at].Mapping == l.Mappings[mapping].File {
			all[at].Lines = append(all[at].Lines, line%filesApart)
			return nil
		}
		o := Origin{Table: table, ID: id, Deposit: l.Deposits[deposit], Resource: resource, File: file, Lines: []int64{line % filesApart}, Mapping: l.Mappings[mapping].File, MappingSHA256: l.Mappings[mapping].SHA256}
		if d, ok := l.state.Deposits.Get(o.Deposit); ok {
			o.Provider, o.Feed, o.FeedDigest = d.Actor, d.Feed, d.FeedDigest
		}
		all = append(all, o)
		return nil
	}, &id, &deposit, &mapping, &resource, &line)
	for i := range all {
		slices.SortFunc(all[i].Lines, cmp.Compare)
	}
	return all, err
}

func capitalised(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
