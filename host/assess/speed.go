package assess

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/requirements"
)

// Measure is the distribution of one operation at one size and parallelism.
type Measure struct {
	Op       string  `json:"op"`       // "read" or "write": a whole object, from the call to the last byte
	Size     int64   `json:"size"`     // bytes of an object
	Parallel int     `json:"parallel"` // callers at the same time
	N        int     `json:"n"`        // operations
	P50      float64 `json:"p50"`      // milliseconds; percentiles by nearest rank
	P95      float64 `json:"p95"`
	P99      float64 `json:"p99"`
	Rate     float64 `json:"rate"` // 10^6 bytes a second, all callers together
}

// The sizes and parallelisms that are measured.
var (
	speedSizes     = []int{1 << 10, 64 << 10, 1 << 20, 8 << 20}
	speedParallels = []int{1, 4, 16}
)

// speeds measures once for all controls of the area.
type speeds struct {
	bench
	catalogue *requirements.Catalogue

	mu       sync.Mutex
	measures []Measure
	err      error
}

// measure moves scale.Speed bytes at most, or 64 objects, at each size and
// parallelism, and stops each after a thirtieth of the probe's time.
func (s *speeds) measure(ctx context.Context) ([]Measure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.measures != nil || s.err != nil {
		return s.measures, s.err
	}
	for _, size := range speedSizes {
		if int64(size) > s.scale.Speed {
			continue
		}
		for _, parallel := range speedParallels {
			n := max(int(min(s.scale.Speed/int64(size), 64)), parallel)
			writes, reads, err := s.cell(ctx, size, parallel, n)
			if err != nil {
				s.err = err
				return nil, err
			}
			s.measures = append(s.measures, writes, reads)
		}
	}
	return s.measures, nil
}

// cell writes n objects, reads them, and deletes them.
func (s *speeds) cell(ctx context.Context, size, parallel, n int) (writes, reads Measure, err error) {
	body := random("speed", size)
	var mu sync.Mutex
	var names []string
	defer func() {
		for _, name := range names {
			_ = s.Delete(context.WithoutCancel(ctx), name) // clean tries again
		}
	}()
	writes, err = s.time(ctx, "write", size, parallel, n, func(int) error {
		name := host.NewName()
		if err := s.Put(ctx, name, bytes.NewReader(body)); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		names = append(names, name)
		return nil
	})
	if err != nil {
		return
	}
	reads, err = s.time(ctx, "read", size, parallel, len(names), func(i int) error {
		o, err := s.Open(ctx, names[i])
		if err != nil {
			return err
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.NewSectionReader(o, 0, o.Size())}, make([]byte, min(size, 1<<20))); err != nil {
			_ = o.Close()
			return err
		}
		return o.Close()
	})
	return
}

func (s *speeds) time(ctx context.Context, op string, size, parallel, n int, one func(i int) error) (Measure, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var group errgroup.Group
	start := time.Now()
	end := start.Add(s.scale.Limit / 30)
	for range parallel {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || i > 0 && time.Now().After(end) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				begin := time.Now()
				if err := one(i); err != nil {
					return fmt.Errorf("%s of %d bytes, %d at once: %w", op, size, parallel, err)
				}
				mu.Lock()
				took = append(took, time.Since(begin))
				mu.Unlock()
			}
		})
	}
	if err := group.Wait(); err != nil {
		return Measure{}, err
	}
	total := time.Since(start).Seconds()
	slices.Sort(took)
	return Measure{
		Op: op, Size: int64(size), Parallel: parallel, N: len(took),
		P50: percentile(took, 50), P95: percentile(took, 95), P99: percentile(took, 99),
		Rate: float64(len(took)) * float64(size) / total / 1e6,
	}, nil
}

// percentile is the nearest rank, in milliseconds; sorted must not be empty.
func percentile(sorted []time.Duration, p int) float64 {
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1]) / float64(time.Millisecond)
}

func (s *speeds) latency(ctx context.Context, f *found) error {
	measures, err := s.measure(ctx)
	f.measures = measures // reported once, with the area's first control
	if err != nil {
		return err
	}
	return s.alone(measures, "read", "speed-latency", f)
}

func (s *speeds) write(ctx context.Context, f *found) error {
	measures, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return s.alone(measures, "write", "speed-write", f)
}

func (s *speeds) throughput(ctx context.Context, f *found) error {
	return s.parallel(ctx, "read", "speed-throughput", f)
}

func (s *speeds) upload(ctx context.Context, f *found) error {
	return s.parallel(ctx, "write", "speed-upload", f)
}

// alone holds the smallest objects, one after another, against a limit.
func (s *speeds) alone(measures []Measure, op, control string, f *found) error {
	limit, err := s.limit(control)
	if err != nil {
		return err
	}
	for _, m := range measures {
		if m.Op == op && m.Parallel == 1 {
			f.note("%d bytes: median %.1f ms, 95 in 100 within %.1f ms, limit %.0f ms", m.Size, m.P50, m.P95, limit)
			if m.P95 > limit {
				return fmt.Errorf("95 in 100 %ss of %d bytes take up to %.1f ms; the limit is %.0f ms", op, m.Size, m.P95, limit)
			}
			return nil
		}
	}
	return &untested{"nothing was measured: the scale is too small"}
}

// parallel holds the best rate of several callers against a limit.
func (s *speeds) parallel(ctx context.Context, op, control string, f *found) error {
	measures, err := s.measure(ctx)
	if err != nil {
		return err
	}
	limit, err := s.limit(control)
	if err != nil {
		return err
	}
	best := Measure{}
	for _, m := range measures {
		if m.Op == op && m.Parallel > 1 && m.Rate > best.Rate {
			best = m
		}
	}
	f.note("%.0f MB/s with %d callers and objects of %d bytes, limit %.0f MB/s", best.Rate, best.Parallel, best.Size, limit)
	if best.Rate < limit {
		return fmt.Errorf("%s: %.0f MB/s at best; the limit is %.0f MB/s", op, best.Rate, limit)
	}
	return nil
}

func (s *speeds) limit(control string) (float64, error) { return limitOf(s.catalogue, control) }

// limitOf is the limit that the catalogue sets.
func limitOf(c *requirements.Catalogue, control string) (float64, error) {
	if found, ok := c.Control(control); ok {
		if limit, _, ok := found.Limit(); ok {
			return limit, nil
		}
	}
	return 0, &untested{fmt.Sprintf("the catalogue sets no limit for %s", control)}
}
