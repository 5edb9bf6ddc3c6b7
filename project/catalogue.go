package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/project/catalogue"
	"rempart.eu/rempart/warehouse"
)

// describe makes the catalogue of the space and seals it under the project's key.
func (x *extraction) describe(ctx context.Context, key *keyring.Key, persons int64) error {
	spec := x.project.Spec
	c := &catalogue.Catalogue{
		Project: x.project.Name, Release: x.release.Release, From: spec.Period.From.Time, To: spec.Period.To.Time, Least: int64(spec.MinimumCell),
	}
	var sources []catalogue.Source
	concepts := ""
	for _, t := range x.tables {
		sources = append(sources, source(spec, t))
		if t.name == "concept" {
			concepts = "kept.concept"
		}
	}
	if err := c.Describe(ctx, x.db, persons, sources, concepts); err != nil {
		return err
	}
	object, err := x.vault.PutJSON(ctx, key, c)
	if err != nil {
		return fmt.Errorf("the catalogue: %w", err)
	}
	x.made.Catalogue = &object
	return nil
}

// source is a table of the space, as a catalogue reads it.
func source(spec *governance.Spec, t table) catalogue.Source {
	s := catalogue.Source{Table: t.name, From: "kept." + engine.Quote(t.name) + " AS t"}
	if slices.Contains(fieldNames(t.name), "person_id") {
		s.Person = "t.person_id"
	}
	for _, f := range omop.Fields(t.name) {
		if !slices.Contains(t.columns, f.Name) {
			continue
		}
		if engine.Quote(f.Name) == begins(t.name) {
			s.Start = f.Name
		}
		c := catalogue.SourceColumn{Name: f.Name, Type: f.Type, Value: shown(spec, t.name, f), Role: role(t.name, f)}
		if c.Role == catalogue.Reference || c.Role == catalogue.Key {
			c.Value = "t." + engine.Quote(f.Name) // that there is a number is all that is told
			c.References = series(t.name, f)
		}
		s.Columns = append(s.Columns, c)
	}
	return s
}

// role is what a column of the CDM is for.
func role(table string, f omop.Field) catalogue.Role {
	switch {
	case numbered(table, f) && f.PrimaryKey:
		return catalogue.Key
	case numbered(table, f):
		return catalogue.Reference
	case f.Type == "DATE", f.Type == "TIMESTAMP":
		return catalogue.Date
	case f.Type == "VARCHAR":
		return catalogue.Text
	case strings.HasSuffix(f.Name, "_concept_id"):
		return catalogue.Code
	}
	return catalogue.Number
}

// Catalogue opens what a project's space holds, and what it held before its last
// extraction (nil where there was none, or the ledger is older). as is who asks: a
// researcher of the project while it may be used, an officer or the controller.
func Catalogue(ctx context.Context, w *warehouse.Warehouse, as, name string) (now, before *catalogue.Catalogue, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(name)
	if err != nil {
		return nil, nil, err
	}
	if err := s.mayLook(as, name); err != nil {
		return nil, nil, err
	}
	var made []ledger.Object
	for _, g := range slices.Backward(project.Given) {
		if g.Catalogue.Name != "" {
			made = append(made, g.Catalogue)
		}
	}
	if len(made) == 0 {
		return nil, nil, &governance.Refusal{Reason: "project " + name + " has no catalogue yet", Remedy: "Give it its data: rempart project extract " + name}
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return nil, nil, err
	}
	defer key.Wipe()
	if now, err = readCatalogue(ctx, s.vault, made[0], key); err != nil || len(made) == 1 {
		return now, nil, err
	}
	before, err = readCatalogue(ctx, s.vault, made[1], key)
	return now, before, err
}

func readCatalogue(ctx context.Context, vault *lake.Vault, object ledger.Object, key *keyring.Key) (*catalogue.Catalogue, error) {
	c := new(catalogue.Catalogue)
	return c, vault.ReadJSON(ctx, object, key, c)
}
