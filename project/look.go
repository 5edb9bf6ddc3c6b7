package project

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/warehouse"
)

// Seen is a run as it is seen at a moment: where it is, and what is shown of its log.
type Seen struct {
	Run      string    `json:"run"`
	Project  string    `json:"project"`
	Step     string    `json:"step,omitempty"`
	Study    string    `json:"study"` // the script
	Standing Standing  `json:"standing"`
	Progress *Progress `json:"progress,omitempty"` // of one that is under way
	Place    *Place    `json:"place,omitempty"`    // of one that waits
	Outcome  string    `json:"outcome,omitempty"`  // of one that has ended
	Log      string    `json:"log,omitempty"`      // without rows and identifiers; of one under way, as far as it was looked through
	Needs    []string  `json:"needs,omitempty"`    // the runs that it waits for or waited for

	r *governance.Run
}

// Watch looks at a run for a researcher of its project each second until it has ended, and tells
// what it sees whenever that has changed.
func Watch(ctx context.Context, w *warehouse.Warehouse, as, id string, told func(*Seen) error) error {
	var last string
	for {
		seen, err := Look(ctx, w, as, id)
		if err != nil {
			return err
		}
		if is := seen.state(); is != last {
			last = is
			if err := told(seen); err != nil {
				return err
			}
		}
		if seen.Standing == Ended || seen.Standing == Cancelled {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// state is what a look shows but for what changes each second by itself.
func (s *Seen) state() string {
	text := fmt.Sprint(s.Standing, s.Outcome, len(s.Log))
	if s.Progress != nil {
		text += fmt.Sprint(*s.Progress)
	}
	if s.Place != nil {
		text += fmt.Sprint(s.Place.Number, s.Place.Of, s.Place.Under, s.Place.Jobs)
	}
	return text
}

// Look looks at a run for a researcher of its project. The log of one that is under way is shown as far
// as it has been looked through: what is shown is the beginning of what is shown in the end.
func Look(ctx context.Context, w *warehouse.Warehouse, as, id string) (seen *Seen, err error) {
	seen, err = Glance(ctx, w, id)
	if err != nil {
		return nil, err
	}
	r := seen.r
	s, closed, err := openKeys(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	var p governance.Project
	err = w.Read(ctx, func(m *warehouse.Model) error {
		s.state = m.State
		of, err := s.projectOf(as, r)
		if err != nil {
			return err
		}
		p = *of // its parts are replaced where they change
		if s.vault, err = w.Vault(m.State); err == nil && seen.Standing == Running {
			err = mayRun(m.State, as, p.Name, w.Now())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.state = nil // it moves on
	if seen.Standing != Running && (r.Finished == nil || r.Finished.Bundle == nil) {
		return seen, nil
	}
	key, err := s.key(ctx, &p)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	if seen.Standing == Running {
		seen.Log, err = readLive(w, id, key)
	} else {
		seen.Log, err = s.log(ctx, r, key)
	}
	return seen, err
}

// Glance looks at a run without its log, which is for its project's researchers: see [Look].
func Glance(ctx context.Context, w *warehouse.Warehouse, id string) (*Seen, error) {
	all, err := Glances(ctx, w, id)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Glances looks at several runs, in their order.
func Glances(ctx context.Context, w *warehouse.Warehouse, ids ...string) (all []*Seen, err error) {
	err = w.Read(ctx, func(m *warehouse.Model) error {
		for _, id := range ids {
			known, err := m.State.Run(id)
			if err != nil {
				return err
			}
			r := *known // its parts are replaced where they change
			all = append(all, &Seen{Run: id, Project: r.Project, Step: r.Step, Study: r.Name, Needs: r.Needs, r: &r})
		}
		return nil
	})
	var places map[string]*Place
	for _, seen := range all {
		seen.Standing, seen.Progress = StandingOf(ctx, w, seen.r)
		if seen.r.Finished != nil {
			seen.Outcome = seen.r.Finished.Outcome
		}
		if seen.Standing != Waiting || err != nil {
			continue
		}
		if places == nil {
			places, err = placesOf(ctx, w)
		}
		seen.Place = places[seen.Run]
	}
	return all, err
}

// Log is what a run that has ended printed, as a researcher of its project sees it.
func Log(ctx context.Context, w *warehouse.Warehouse, as, id string) (text string, err error) {
	seen, err := Look(ctx, w, as, id)
	if err != nil {
		return "", err
	}
	if seen.Standing != Running && seen.Log == "" && seen.Outcome == "" {
		return "", &governance.Refusal{Reason: "run " + id + " has no log yet, or none that was kept", Remedy: "See how far it is: rempart runs show " + id}
	}
	return seen.Log, nil
}

// log opens the log of a run that has ended, and reads nothing else of what it left.
func (s *space) log(ctx context.Context, r *governance.Run, key *keyring.Key) (text string, err error) {
	files, err := s.files(ctx, *r.Finished.Bundle, key, logPart, "log")
	if err == nil && len(files) > 0 {
		text, _ = readable(string(files[0].Content))
	}
	return text, err
}
