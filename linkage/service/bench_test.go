package service

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

// BenchmarkPseudonymsOverHTTP: client and server in one process, over loopback,
// each batch signed, answered, audited and on disk. "new" draws a pseudonym for
// every token, "known" finds it.
func BenchmarkPseudonymsOverHTTP(b *testing.B) {
	for _, name := range []string{"new", "known"} {
		b.Run(name, func(b *testing.B) {
			s := newStand(b, nil)
			client := s.client(b, "chu")
			ask := func(from int) {
				if _, err := client.Pseudonyms(b.Context(), "study", pseudonym.ByIdentifier, tokens(from, MaxTokens)); err != nil {
					b.Error(err)
				}
			}
			ask(0)
			var next atomic.Int64
			b.ResetTimer()
			inParallel(b.N, func() {
				n := int(next.Add(1)) * MaxTokens
				if name == "known" {
					n = 0
				}
				ask(n)
			})
			b.ReportMetric(float64(b.N)*MaxTokens/b.Elapsed().Seconds(), "identities/s")
		})
	}
}

// BenchmarkObliviousOverHTTP: the same with evaluations, verified by the client.
func BenchmarkObliviousOverHTTP(b *testing.B) {
	s := newStand(b, nil)
	client := s.client(b, "chu")
	const batch = 1024
	var in [][]byte
	for i := range batch {
		in = append(in, fmt.Appendf(nil, "nir\x1f%013d", i))
	}
	inParallel(b.N, func() {
		blinding, err := s.Oblivious.Public().Blind(in)
		if err != nil {
			b.Error(err)
			return
		}
		evaluated, proof, err := client.Evaluate(b.Context(), blinding.Request())
		if err != nil {
			b.Error(err)
			return
		}
		if _, err := blinding.Finalize(evaluated, proof); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds(), "identities/s")
}

// inParallel does work n times, as many at a time as a Sender does.
func inParallel(n int, work func()) {
	var wait sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for range 2 * runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				work()
			}
		})
	}
	wait.Wait()
}
