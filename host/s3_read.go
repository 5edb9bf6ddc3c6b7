package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
)

// What is read is asked for in stretches. The first of a sequence is short, each
// next one twice as long: who reads a header, or one column, costs little, who
// reads on makes few requests, and then the next stretch is on its way meanwhile.
// Several sequences may be under way in one object, in any order, as a kernel
// reads a file for several threads. A long reading in one go is cut into ranges,
// several of which are asked for at once.
const (
	firstStretch = 256 << 10 // bytes
	aheadFrom    = 1 << 20   // who reads one of this length reads on
	lastStretch  = 4 << 20
	longRead     = 4 << 20
	atOnce       = 4

	maxStretches = 16       // that an open object remembers
	readMemory   = 64 << 20 // bytes that all open objects of a store may hold, but for a first stretch each
)

// s3Object is an object that is open. Its context is that of Open: when it
// ends, so does reading.
type s3Object struct {
	s     *S3
	name  string
	size  int64
	ctx   context.Context
	stop  context.CancelFunc
	under sync.WaitGroup // stretches that are being fetched

	mu        sync.Mutex
	stretches []*stretch // the one that was read last stands last
}

// stretch is a part of an object that was asked for. Where it lay is remembered
// when its bytes are not.
type stretch struct {
	off, end int64
	left     int64    // bytes that nobody has read; 0: it is dropped
	held     int64    // of the store's memory
	got      *fetched // nil where it is dropped
}

// fetched is what the host answers.
type fetched struct {
	ready chan struct{} // closed once data or err is there
	data  []byte
	err   error
}

// Open implements [Store]. Reading goes on as long as ctx does.
func (s *S3) Open(ctx context.Context, name string) (Object, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	head, err := s.head(ctx, name)
	if isMissing(err) {
		return nil, fmt.Errorf("host %s: open %s: %w", s.config.Endpoint, name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, s.failed("open "+name, err)
	}
	o := &s3Object{s: s, name: name, size: aws.ToInt64(head.ContentLength)}
	o.ctx, o.stop = context.WithCancel(ctx)
	return o, nil
}

func (o *s3Object) Size() int64 { return o.size }

// Close ends what is under way.
func (o *s3Object) Close() error {
	o.stop()
	o.under.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(0)
	return nil
}

// ReadAt reads in place.
func (o *s3Object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("object %s: read at %d", o.name, off)
	}
	if off >= o.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), o.size-off)]
	if len(want) >= longRead {
		if err := o.fetchAll(want, off); err != nil {
			return 0, err
		}
		n = len(want)
	}
	for n < len(want) {
		more, err := o.readOn(want[n:], off+int64(n))
		if n += more; err != nil {
			return n, err
		}
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readOn reads what one stretch has.
func (o *s3Object) readOn(p []byte, off int64) (n int, err error) {
	o.mu.Lock()
	if err := o.ctx.Err(); err != nil { // no fetching begins once Close waits for all
		o.mu.Unlock()
		return 0, err
	}
	t := o.find(off)
	if t == nil {
		t = o.begin(off)
	}
	if t.end-t.off >= aheadFrom && t.end < o.size {
		o.ahead(t)
	}
	o.stretches = append(slices.DeleteFunc(o.stretches, func(other *stretch) bool { return other == t }), t)
	o.forget(maxStretches)
	got := t.got
	o.mu.Unlock()

	<-got.ready
	if got.err == nil {
		n = copy(p, got.data[off-t.off:])
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if t.left -= int64(n); t.left <= 0 || got.err != nil { // whoever reads it again asks again
		o.drop(t)
	}
	return n, got.err
}

// find returns the stretch that holds, or will hold, the byte at off; or nil.
func (o *s3Object) find(off int64) *stretch {
	for _, t := range o.stretches {
		if t.left > 0 && t.off <= off && off < t.end {
			return t
		}
	}
	return nil
}

// begin asks for a stretch with the byte at off, which no other has.
func (o *s3Object) begin(off int64) *stretch {
	from := off - off%firstStretch
	for _, t := range o.stretches {
		if t.end <= off {
			from = max(from, t.end)
		}
	}
	length := int64(firstStretch)
	for _, t := range o.stretches {
		if t.end == from {
			length = min(2*(t.end-t.off), lastStretch)
		}
	}
	if length > firstStretch && !o.s.reading.TryAcquire(length) {
		length = firstStretch
		o.forget(1)
	}
	return o.fetchStretch(from, length, off)
}

// ahead asks for what follows a stretch, unless somebody did already, and where
// there is memory for it.
func (o *s3Object) ahead(t *stretch) {
	for _, other := range o.stretches {
		if other.off <= t.end && t.end < other.end {
			return
		}
	}
	if length := min(2*(t.end-t.off), lastStretch); o.s.reading.TryAcquire(length) {
		o.fetchStretch(t.end, length, t.end)
	}
}

// fetchStretch asks for a length from an offset on, or up to what another stretch
// has after the byte at within. A length above the first one was acquired.
func (o *s3Object) fetchStretch(from, length, within int64) *stretch {
	t := &stretch{off: from, end: min(from+length, o.size), got: &fetched{ready: make(chan struct{})}}
	for _, other := range o.stretches {
		if other.left > 0 && other.off > within {
			t.end = min(t.end, other.off)
		}
	}
	if t.left = t.end - t.off; length > firstStretch {
		t.held = length
	}
	o.stretches = append(o.stretches, t)
	got, part, at := t.got, t.end-t.off, t.off
	o.under.Go(func() {
		defer close(got.ready)
		data := make([]byte, part)
		if got.err = o.fetch(data, at); got.err == nil {
			got.data = data
		}
	})
	return t
}

// forget keeps the n stretches that were read last.
func (o *s3Object) forget(n int) {
	over := max(0, len(o.stretches)-n)
	for _, t := range o.stretches[:over] {
		o.drop(t)
	}
	o.stretches = slices.Delete(o.stretches, 0, over)
}

// drop gives up what a stretch holds. Who waits for it still gets it.
func (o *s3Object) drop(t *stretch) {
	o.s.reading.Release(t.held)
	t.held, t.left, t.got = 0, 0, nil
}

// fetchAll reads a range whole, a long one by blocks, several at once.
func (o *s3Object) fetchAll(p []byte, off int64) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for part := range slices.Chunk(p, longRead) {
		at := off
		group.Go(func() error { return o.fetch(part, at) })
		off += int64(len(part))
	}
	return group.Wait()
}

// fetch reads a range whole. A body that ends early, or breaks off, is asked for again.
func (o *s3Object) fetch(p []byte, off int64) error {
	var err error
	for attempt := range o.s.config.Attempts {
		if attempt > 0 {
			if err := o.s.pause(o.ctx, attempt); err != nil {
				return err
			}
		}
		if err = o.fetchOnce(p, off); err == nil {
			return nil
		}
		var broken *brokenBodyError
		if !errors.As(err, &broken) {
			break
		}
	}
	return o.s.failed("read "+o.name, err)
}

// brokenBodyError says that an answer began and did not end as it should.
type brokenBodyError struct{ error }

func (e *brokenBodyError) Unwrap() error { return e.error }

func (o *s3Object) fetchOnce(p []byte, off int64) (err error) {
	if len(p) == 0 {
		return nil
	}
	body, err := o.get(off, int64(len(p)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if _, err := io.ReadFull(body, p); err != nil {
		return &brokenBodyError{fmt.Errorf("the answer broke off: %w", err)}
	}
	return nil
}

// get asks for a range.
func (o *s3Object) get(off, length int64) (io.ReadCloser, error) {
	end := off + length - 1
	out, err := o.s.client.GetObject(o.ctx, &s3.GetObjectInput{
		Bucket: &o.s.config.Bucket, Key: &o.name, Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, end)),
	})
	if isMissing(err) {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	if got, want := aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-%d/%d", off, end, o.size); got != want {
		err := fmt.Errorf("asked for %s, the host answers %q", want, got)
		return nil, errors.Join(err, out.Body.Close())
	}
	return out.Body, nil
}

// pause waits before another attempt, as long as the SDK would.
func (s *S3) pause(ctx context.Context, attempt int) error {
	delay, err := s.client.Options().Retryer.RetryDelay(attempt, io.ErrUnexpectedEOF)
	if err != nil {
		return err
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
