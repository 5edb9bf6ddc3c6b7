// Package assess finds out whether a host can carry the warehouse.
//
// [Run] holds a host against the catalogue of package requirements. What can
// be measured is measured on the real store, by probes that put, read, list and
// delete objects of random bytes and remove them again; what cannot is taken
// from documents (recorded with their digest and expiry) and declarations. The
// result says of every requirement which of these it rests on:
//
//	proven       a probe passed, or a document holds where none can be had
//	declared     something weaker than the best proof: to be followed up
//	missing      nothing is known
//	failed       a probe found the contrary, or the host says no
//	unnecessary  Rempart does without, or it is not such a host: no point is lost
//
// A [Results] is written as an OSCAL 1.1 assessment-results document and read
// back from it, so that candidates assessed on different days and machines are
// put side by side by [Page].
//
// What it does not do: judge a document's content (a person reads it), or prove
// that a host will behave tomorrow as today. The ledger does that, object by
// object, on every read.
package assess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/requirements"
)

// Options say what to assess, and how thoroughly.
type Options struct {
	Host         string                  // the candidate's name
	Catalogue    *requirements.Catalogue // Rempart's own where nil
	Declarations []Declaration
	Documents    []Document
	S3           *S3      // details of an S3 endpoint, and of its TLS; nil elsewhere
	Machine      *Machine // this machine is one of the host's; nil where it is not
	Scale        Scale
	Now          func() time.Time                    // time.Now where nil
	Progress     func(probe string, done, total int) // may be nil
}

// Scale is how much a probe does. The zero value is the usual.
type Scale struct {
	Many    int           // objects of the list of many pages; 1 100
	Large   int64         // bytes of the large object; 64 MiB
	Rounds  int           // of every concurrent writer; 8
	Writers int           // at the same time; 8
	Speed   int64         // bytes moved for each size and parallelism; 32 MiB
	Limit   time.Duration // after which a probe has failed; 2 minutes
}

func (s Scale) filled() Scale {
	if s.Many == 0 {
		s.Many = 1100
	}
	if s.Large == 0 {
		s.Large = 64 << 20
	}
	if s.Rounds == 0 {
		s.Rounds = 8
	}
	if s.Writers == 0 {
		s.Writers = 8
	}
	if s.Speed == 0 {
		s.Speed = 32 << 20
	}
	if s.Limit == 0 {
		s.Limit = 2 * time.Minute
	}
	return s
}

// Run assesses a host. store may be nil: then nothing of its storage is probed.
// The store is left as it was found, but for what it refuses to delete. Run
// returns an error only where the assessment could not be made; what the host
// does wrong is in the results.
//
// A probe that gets no answer is given up after its limit; a store that does
// not heed its context then still holds one goroutine until it answers.
func Run(ctx context.Context, store host.Store, o Options) (*Results, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Catalogue == nil {
		own, err := requirements.Load()
		if err != nil {
			return nil, err
		}
		o.Catalogue = own
	}
	o.Scale = o.Scale.filled()
	if err := o.check(); err != nil {
		return nil, err
	}
	r := &Results{ID: uuid.NewString(), Host: o.Host, Start: o.Now().UTC(), catalogue: o.Catalogue}
	var probes []probe
	var metered *meter
	if store != nil {
		metered = newMeter(store)
		probes = append(probes, storeProbes(metered, o)...)
	}
	switch {
	case o.S3 != nil:
		probes = append(probes, o.S3.probes(o)...)
	case store != nil:
		r.spare = map[string]string{}
		for _, p := range o.S3.probes(o) {
			r.spare[p.control] = "this host is not reached by S3"
		}
	}
	if o.Machine != nil {
		probes = append(probes, o.Machine.probes(o)...)
	}
	if metered != nil {
		probes = append(probes, lasting(metered))
	}
	for i, p := range probes {
		if o.Progress != nil {
			o.Progress(p.control, i, len(probes))
		}
		if err := ctx.Err(); err != nil {
			if metered != nil {
				metered.clean(ctx, o.Scale.Limit)
			}
			return nil, fmt.Errorf("assess: %w", err)
		}
		r.take(p, perform(ctx, p, o.Scale.Limit), o.Now().UTC())
	}
	if metered != nil {
		r.Left = metered.clean(ctx, o.Scale.Limit)
		r.Calls += int(metered.calls.Load())
	}
	if o.S3 != nil {
		r.Calls += int(o.S3.calls.Load())
	}
	r.End = o.Now().UTC()
	r.declare(o.Declarations, o.Documents, r.End)
	r.judge()
	return r, nil
}

func (o *Options) check() error {
	for _, d := range o.Declarations {
		if _, ok := o.Catalogue.Control(d.Control); !ok {
			return fmt.Errorf("assess: a declaration for %q, which the catalogue does not have: see rempart host requirements", d.Control)
		}
	}
	for _, d := range o.Documents {
		if _, ok := o.Catalogue.Control(d.Control); !ok {
			return fmt.Errorf("assess: a document for %q, which the catalogue does not have: see rempart host requirements", d.Control)
		}
	}
	return nil
}

// probe measures something of one control. It returns nil where the
// requirement holds, an *untested where that could not be found out, and any
// other error where it does not hold.
type probe struct {
	control string
	what    string // is tried
	run     func(ctx context.Context, f *found) error
}

// found is what a probe brings along beside its verdict.
type found struct {
	notes    []string
	measures []Measure
}

func (f *found) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

// untested says why a probe could not be made.
type untested struct{ reason string }

func (e *untested) Error() string { return e.reason }

// outcome is what came of a probe.
type outcome struct {
	found
	err error
}

// perform gives a probe its time and no more.
func perform(ctx context.Context, p probe, limit time.Duration) outcome {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		var f found
		err := p.run(ctx, &f)
		done <- outcome{f, err}
	}()
	select {
	case out := <-done:
		if errors.Is(out.err, context.DeadlineExceeded) {
			out.err = fmt.Errorf("not done within %v", limit)
		}
		return out
	case <-ctx.Done():
	}
	// It has been told to stop: wait a little, so that its goroutine ends first.
	grace := time.NewTimer(min(limit, time.Second))
	defer grace.Stop()
	select {
	case out := <-done:
		if out.err == nil {
			return out
		}
	case <-grace.C:
	}
	return outcome{err: fmt.Errorf("no answer within %v", limit)}
}
