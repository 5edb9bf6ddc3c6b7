package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/synth"
	"rempart.eu/rempart/warehouse"
)

// persons of the path's population: the demo's.
const persons = 10_000

// path measures the stages of the main job on the demo's population.
func path(ctx context.Context, r *Run) error {
	p := &journey{Run: r, population: filepath.Join(r.Dir, "population")}
	for _, stage := range []func(context.Context) error{p.synth, p.init, p.deposits, p.bareCopy, p.link, p.publish, p.project, p.study, p.verify} {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// journey is the main job under way.
type journey struct {
	*Run
	population string
	w          *warehouse.Warehouse
	insurer    float64 // seconds of the insurer's deposit
}

func (p *journey) stage(name string, step func() error) error {
	s, err := seconds(step)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.Record(name, s, "s")
	return nil
}

func (p *journey) synth(ctx context.Context) error {
	var truth synth.Truth
	s, err := seconds(func() (err error) {
		truth, err = synth.Generate(ctx, p.population, synth.Options{Persons: persons, Seed: 1})
		return err
	})
	var rows int
	for _, n := range truth.Rows {
		rows += n
	}
	p.Record("generate a population of 10,000", s, "s")
	p.Record("generate, rows per second", float64(rows)/s, "rows/s")
	return err
}

func (p *journey) init(ctx context.Context) (err error) {
	p.w, err = warehouse.Init(ctx, filepath.Join(p.Dir, "home"), warehouse.InitOptions{Name: "bench", Controller: "controller", Now: time.Now})
	if err != nil {
		return err
	}
	parties := map[string]governance.Role{"ttp": governance.LinkageAuthority, "alice": governance.Researcher, "bob": governance.OutputChecker, "diane": governance.Officer}
	for _, name := range synth.Parties() {
		parties[name] = governance.Provider
	}
	for name, role := range parties {
		if _, err := p.w.AddParty(ctx, name, role); err != nil {
			return err
		}
	}
	return nil
}

func (p *journey) deposits(ctx context.Context) error {
	var all float64
	var rows int64
	for _, name := range synth.Parties() {
		feed := "hospital"
		if name == "insurer" {
			feed = name
		}
		var made *warehouse.Deposited
		s, err := seconds(func() (err error) {
			made, err = p.w.Deposit(ctx, warehouse.DepositOptions{Provider: name, Feed: feed, Dir: filepath.Join(p.population, name)})
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range made.Files {
			rows += f.Rows
		}
		all += s
		p.insurer = s // it comes last
	}
	p.Record("check, split and seal five deposits", all, "s")
	p.Record("deposit, rows per second", float64(rows)/all, "rows/s")
	return nil
}

// bareCopy is the obvious alternative to a deposit: DuckDB turns the same
// files into Parquet, unchecked, in clear.
func (p *journey) bareCopy(ctx context.Context) (err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	files, err := filepath.Glob(filepath.Join(p.population, "insurer", "*.csv"))
	if err != nil {
		return err
	}
	bare, err := median(3, func() error {
		for _, f := range files {
			to := filepath.Join(p.Dir, filepath.Base(f)+".parquet")
			if err := db.Exec(ctx, fmt.Sprintf("COPY (FROM read_csv(%s)) TO %s (FORMAT parquet, COMPRESSION zstd)", engine.Literal(f), engine.Literal(to))); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		p.Ratio("the insurer's deposit, against DuckDB's COPY of its files to Parquet", p.insurer, bare, "s")
	}
	return err
}

func (p *journey) link(ctx context.Context) error {
	var made *warehouse.Linked
	err := p.stage("link", func() (err error) {
		made, err = p.w.Link(ctx, warehouse.LinkOptions{})
		return err
	})
	if err == nil {
		p.Record("records that were linked", float64(made.Records), "")
	}
	return err
}

func (p *journey) publish(ctx context.Context) error {
	var made *warehouse.Published
	s, err := seconds(func() (err error) {
		made, err = p.w.Publish(ctx, warehouse.PublishOptions{})
		return err
	})
	if err != nil {
		return err
	}
	var rows int64
	for _, t := range made.Tables {
		rows += t.Rows
	}
	p.Record("map to OMOP, seal and publish", s, "s")
	p.Record("publish, rows of the release per second", float64(rows)/s, "rows/s")
	return nil
}

func (p *journey) project(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join("examples", "pneumonia", "project.yaml"))
	if err != nil {
		return err
	}
	if _, _, err := project.Request(ctx, p.w, "alice", text); err != nil {
		return err
	}
	if _, err := project.Approve(ctx, p.w, "diane", "pneumonia", "bench"); err != nil {
		return err
	}
	err = p.stage("extract a project's space", func() error {
		_, err := project.Extract(ctx, p.w, "pneumonia", "", nil)
		return err
	})
	return err
}

func (p *journey) study(ctx context.Context) error {
	const file = "seasons.sql"
	code, err := os.ReadFile(filepath.Join("examples", "pneumonia", file))
	if err != nil {
		return err
	}
	var ran *project.Ran
	err = p.stage("run an SQL study in the sandbox", func() (err error) {
		ran, err = project.Run(ctx, p.w, project.Study{Project: "pneumonia", Researcher: "alice", Name: file, Code: code, Limits: run.Limits{Time: time.Minute}})
		return err
	})
	if err != nil || ran.Err != nil || len(ran.Outputs) != 1 {
		return errors.Join(err, fmt.Errorf("the study has %d outputs, %w", len(ran.Outputs), ran.Err))
	}
	err = p.stage("release an output with its receipt", func() error {
		_, err := airlock.Release(ctx, p.w, "bob", ran.Outputs[0].Output, "bench")
		return err
	})
	return err
}

func (p *journey) verify(ctx context.Context) error {
	err := p.stage("verify everything", func() error {
		v, _ := p.w.Verify(ctx, -1, nil)
		return errors.Join(v.Faults...)
	})
	return err
}
