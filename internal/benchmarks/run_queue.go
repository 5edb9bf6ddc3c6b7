package benchmarks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
	"rempart.eu/rempart/synth"
	"rempart.eu/rempart/warehouse"
)

// A queue that is drained: of each project so many runs, all of one before those of the next.
const (
	queueProjects = 10
	queueEach     = 20
	queueJobs     = 2
)

// queueDrained has the server run a queue of 200 studies from 10 projects, kills it twice on the
// way as kill -9 does, and says what was lost and how far the projects were apart.
func queueDrained(ctx context.Context, r *Run) (err error) {
	w, err := queueHome(ctx, r.Dir)
	if err != nil {
		return err
	}
	program := filepath.Join("bin", "rempart")
	all := queueProjects * queueEach
	began := time.Now()
	for _, until := range []int{all / 4, all / 2, all} {
		if err := serveUntil(ctx, w, program, until); err != nil {
			return err
		}
	}
	took := time.Since(began)
	done, apart, err := drained(ctx, w)
	if err != nil {
		return err
	}
	r.AtMost("200 queued runs from 10 projects: lost, or not done, over two kill -9 of the server", float64(all-done), "runs", 0)
	r.AtMost("how many turns a project is ahead of another while both wait, at most", float64(apart), "turns", queueJobs)
	r.Record("the queue's runs per minute, two at a time", float64(done)/took.Minutes(), "/min")
	return nil
}

// queueHome makes a warehouse with a small release, and projects that have queued their studies.
func queueHome(ctx context.Context, dir string) (*warehouse.Warehouse, error) {
	population, home := filepath.Join(dir, "few"), filepath.Join(dir, "queue")
	if _, err := synth.Generate(ctx, population, synth.Options{Persons: 1000, Seed: 1}); err != nil {
		return nil, err
	}
	w, err := warehouse.Init(ctx, home, warehouse.InitOptions{Name: "bench", Controller: "controller", Now: time.Now})
	if err != nil {
		return nil, err
	}
	parties := map[string]governance.Role{"ttp": governance.LinkageAuthority, "alice": governance.Researcher, "diane": governance.Officer, "insurer": governance.Provider}
	for _, name := range slices.Sorted(maps.Keys(parties)) {
		if _, err := w.AddParty(ctx, name, parties[name]); err != nil {
			return nil, err
		}
	}
	if _, err := w.Deposit(ctx, warehouse.DepositOptions{Provider: "insurer", Feed: "insurer", Dir: filepath.Join(population, "insurer")}); err != nil {
		return nil, err
	}
	if _, err := w.Link(ctx, warehouse.LinkOptions{}); err != nil {
		return nil, err
	}
	if _, err := w.Publish(ctx, warehouse.PublishOptions{}); err != nil {
		return nil, err
	}
	for p := range queueProjects {
		if err := queueProject(ctx, w, fmt.Sprintf("project-%d", p)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// queueProject gives a project its space, and queues its studies, of which no two are the same.
func queueProject(ctx context.Context, w *warehouse.Warehouse, name string) error {
	if _, _, err := project.Request(ctx, w, "alice", fmt.Appendf(nil, livedSpec+"use: scientific-research\ncontroller: bench\n", name)); err != nil {
		return err
	}
	if _, err := project.Approve(ctx, w, "diane", name, "bench"); err != nil {
		return err
	}
	if _, err := project.Extract(ctx, w, name, "", nil); err != nil {
		return err
	}
	study := &steps.Study{}
	for n := range queueEach {
		code := fmt.Sprintf("SELECT gender_concept_id, count(*) AS persons FROM person WHERE year_of_birth < %d GROUP BY 1 ORDER BY 1", 2000+n)
		study.Steps = append(study.Steps, &steps.Step{Name: fmt.Sprintf("s%d", n), Run: fmt.Sprintf("s%d.sql", n), Code: []byte(code), Limits: run.Limits{Time: time.Minute}})
	}
	_, err := project.Enqueue(ctx, w, project.Steps{Project: name, Researcher: "alice", Study: study}, "")
	return err
}

// serveUntil serves a warehouse until so many of its runs have ended, and then kills the server.
func serveUntil(ctx context.Context, w *warehouse.Warehouse, program string, count int) (err error) {
	server := exec.CommandContext(ctx, program, "--home", w.Dir, "serve", "--listen", "127.0.0.1:0", "--jobs", fmt.Sprint(queueJobs))
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		return fmt.Errorf("make build first: %w", err)
	}
	gone := make(chan struct{})
	go func() {
		_ = server.Wait() // it is killed
		close(gone)
	}()
	defer func() {
		_ = server.Process.Kill()
		<-gone
		if err != nil {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
		}
	}()
	for deadline := time.After(15 * time.Minute); ; {
		ended := 0
		err := w.Read(ctx, func(m *warehouse.Model) error {
			for _, r := range m.State.Runs.All() {
				if r.Finished != nil {
					ended++
				}
			}
			return nil
		})
		if err != nil || ended >= count {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			return errors.New("the server has ended by itself")
		case <-deadline:
			return fmt.Errorf("%d of %d runs have ended in 15 minutes", ended, count)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// drained counts the runs that were done, and by how many turns one project was ahead of another at most.
func drained(ctx context.Context, w *warehouse.Warehouse) (done, apart int, err error) {
	err = w.Read(ctx, func(m *warehouse.Model) error {
		var ended []*governance.Run
		turns := map[string]int{}
		for _, r := range m.State.Runs.All() {
			turns[r.Project] = 0
			if r.Finished != nil {
				ended = append(ended, r)
			}
		}
		slices.SortFunc(ended, func(a, b *governance.Run) int { return int(a.End.Index) - int(b.End.Index) }) //nolint:gosec // of a few hundred statements
		for _, r := range ended {
			if r.Finished.Outcome == "done" {
				done++
			}
			turns[r.Project]++
			counts := slices.Collect(maps.Values(turns))
			apart = max(apart, slices.Max(counts)-slices.Min(counts))
		}
		return nil
	})
	return done, apart, err
}
