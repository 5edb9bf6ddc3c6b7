package project

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/warehouse"
)

// Place is where a run that waits stands in the queue.
type Place struct {
	Number int        `json:"number"`           // 1 is the next; 0 where its turn cannot come: see Held
	Of     int        `json:"of"`               // runs that wait
	Under  int        `json:"under"`            // runs under way
	Jobs   int        `json:"jobs"`             // runs that the workers of this home take at one time; 0: none is at work
	Starts *time.Time `json:"starts,omitempty"` // about; absent where nothing tells how long the runs before it take
	Held   string     `json:"held,omitempty"`   // why its turn cannot come
}

// turn is a run of the queue, as far as its turn depends on it.
type turn struct {
	*governance.Run
	takes time.Duration // about; 0 where nothing tells
	began time.Time     // zero: it waits
}

// placesOf says where the runs that wait stand in the queue.
func placesOf(ctx context.Context, w *warehouse.Warehouse) (places map[string]*Place, err error) {
	var (
		queue []*turn
		turns map[string]uint64
		held  map[string]bool
	)
	err = w.Read(ctx, func(m *warehouse.Model) error {
		queue, turns, held = queueOf(m.State)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range queue {
		if standing, p := StandingOf(ctx, w, t.Run); standing == Running {
			t.began = w.Now()
			if p != nil {
				t.began = p.Started
			}
		}
	}
	jobs := jobsAtWork(ctx, w)
	waitsOn := func(t *turn) bool { return held[t.Project] && t.began.IsZero() }
	places = forecast(slices.DeleteFunc(slices.Clone(queue), waitsOn), turns, jobs, w.Now())
	for _, t := range queue {
		if waitsOn(t) {
			places[t.Run.Run] = &Place{Jobs: jobs, Held: "project " + t.Project + " is suspended"}
		}
	}
	return places, nil
}

// queueOf copies of a state what turns depend on: the queue, the last turn of each project, and the projects
// whose runs wait on.
func queueOf(state *governance.State) (queue []*turn, turns map[string]uint64, held map[string]bool) {
	turns, held = map[string]uint64{}, map[string]bool{}
	took := map[string][]time.Duration{} // the last runs', the latest first
	for _, r := range state.Runs.Backward() {
		switch {
		case r.Finished != nil:
			if r.Study != nil {
				turns[r.Project] = max(turns[r.Project], r.End.Index)
			}
			if r.Finished.Same == "" && r.Finished.Seconds > 0 {
				for _, like := range likeness(r) {
					if len(took[like]) < 9 {
						took[like] = append(took[like], time.Duration(r.Finished.Seconds*float64(time.Second)))
					}
				}
			}
		case r.Waits():
			run := *r
			queue = append(queue, &turn{Run: &run})
			if p, err := state.Project(r.Project); err != nil || p.Status == governance.Suspended {
				held[r.Project] = true
			}
		}
	}
	slices.Reverse(queue)
	for _, t := range queue {
		for _, like := range likeness(t.Run) {
			if all := took[like]; t.takes == 0 && len(all) > 0 {
				slices.Sort(all)
				t.takes = all[len(all)/2]
			}
		}
	}
	return queue, turns, held
}

// likeness are the runs that a run takes about as long as, the most alike first.
func likeness(r *governance.Run) []string {
	return []string{r.Project + "\n" + r.Name + "\n" + r.Step, r.Project + "\n" + r.Language, ""}
}

// forecast lets the queue go by, as its workers would take it, and says when each run that waits has its turn.
func forecast(queue []*turn, turns map[string]uint64, jobs int, now time.Time) map[string]*Place {
	under, next := map[string]int{}, uint64(1)<<63
	var running []*turn
	ends := map[*turn]time.Time{}
	waiting := map[string]*turn{}
	start := func(t *turn, at time.Time) {
		running = append(running, t)
		under[t.Project]++
		ends[t] = at.Add(t.takes)
	}
	for _, t := range queue {
		if t.began.IsZero() {
			waiting[t.Run.Run] = t
		} else {
			start(t, t.began)
		}
	}
	places := map[string]*Place{}
	of, busy, known, at, number := len(waiting), len(running), true, now, 0
	for {
		var ready []*governance.Run
		for _, t := range queue {
			if waiting[t.Run.Run] != nil && !slices.ContainsFunc(t.Needs, func(id string) bool {
				return waiting[id] != nil || slices.ContainsFunc(running, func(o *turn) bool { return o.Run.Run == id })
			}) {
				ready = append(ready, t.Run)
			}
		}
		if len(ready) > 0 && len(running) < max(1, jobs) {
			fairest(ready, under, turns)
			t := waiting[ready[0].Run]
			delete(waiting, t.Run.Run)
			number++
			p := &Place{Number: number, Of: of, Under: busy, Jobs: jobs}
			if known && jobs > 0 {
				starts := at
				p.Starts = &starts
			}
			places[t.Run.Run] = p
			start(t, at)
			continue
		}
		if len(running) == 0 {
			return places
		}
		// The one that ends first.
		t := slices.MinFunc(running, func(a, b *turn) int { return ends[a].Compare(ends[b]) })
		known = known && t.takes > 0
		if ends[t].After(at) {
			at = ends[t]
		}
		running = slices.DeleteFunc(running, func(o *turn) bool { return o == t })
		under[t.Project]--
		turns = maps.Clone(turns)
		turns[t.Project] = next
		next++
	}
}

// atWork says to others of this home that a worker is at work, until stop is called or its process ends.
func atWork(ctx context.Context, w *warehouse.Warehouse, jobs int) (stop func(), err error) {
	path := filepath.Join(w.Dir, "queue", fmt.Sprintf("%s.%d.lock", warehouse.NewID("worker"), jobs))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	unlock, err := filelock.Exclusive(ctx, path)
	if err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(path); _ = unlock() }, nil
}

// jobsAtWork is how many runs the workers of this home take at one time.
func jobsAtWork(ctx context.Context, w *warehouse.Warehouse) (jobs int) {
	files, _ := filepath.Glob(filepath.Join(w.Dir, "queue", "worker-*.lock"))
	for _, path := range files {
		brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		unlock, err := filelock.Shared(brief, path)
		cancel()
		if err == nil { // it was killed
			_ = os.Remove(path)
			_ = unlock()
			continue
		}
		n, _ := strconv.Atoi(filepath.Ext(strings.TrimSuffix(path, ".lock"))[1:])
		jobs += max(1, n)
	}
	return jobs
}
