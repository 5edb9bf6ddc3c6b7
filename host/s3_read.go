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

// What is read in sequence is asked for in windows, each four times as long as
// the one before: who reads a header costs little, who reads a whole object
// makes few requests. A long reading in one go is cut into ranges, several of
// which are asked for at once.
const (
	firstWindow = 256 << 10 // bytes
	lastWindow  = 64 << 20
	longRead    = 4 << 20
	atOnce      = 4
)

// s3Object is an object that is open. Its context is that of Open: when it
// ends, so does reading.
type s3Object struct {
	s    *S3
	name string
	size int64
	ctx  context.Context
	stop context.CancelFunc

	mu     sync.Mutex    // of the one reader who reads in sequence
	next   int64         // where the last reading ended
	body   io.ReadCloser // of the window, or nil
	at     int64         // where in the object the body goes on
	end    int64         // where the window ends
	window int64         // its length
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
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeWindow()
	return nil
}

// ReadAt reads in place. What follows the reading before comes from a window;
// anything else, and what others read meanwhile, is a request of its own.
func (o *s3Object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("object %s: read at %d", o.name, off)
	}
	if off >= o.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), o.size-off)]
	n, inSequence, err := o.readOn(want, off)
	if !inSequence {
		if err = o.fetchAll(want, off); err == nil {
			n = len(want)
		}
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readOn reads on where the last reading ended, if that is what is asked for.
func (o *s3Object) readOn(p []byte, off int64) (n int, inSequence bool, err error) {
	if !o.mu.TryLock() {
		return 0, false, nil
	}
	defer o.mu.Unlock()
	follows := off == o.next && len(p) < longRead
	o.next = off + int64(len(p))
	if !follows {
		return 0, false, nil
	}
	for attempt := 0; n < len(p); {
		more, err := o.readWindow(p[n:], off+int64(n))
		n += more
		if err == nil {
			continue
		}
		if more > 0 {
			attempt = 0
		}
		var broken *brokenBodyError
		if attempt++; !errors.As(err, &broken) || attempt >= o.s.config.Attempts {
			return n, true, o.s.failed("read "+o.name, err)
		}
		if err := o.s.pause(o.ctx, attempt); err != nil {
			return n, true, err
		}
	}
	return n, true, nil
}

// readWindow reads what the window has, and opens the next one where it has nothing.
func (o *s3Object) readWindow(p []byte, off int64) (n int, err error) {
	if o.body == nil || o.at != off {
		if o.window = min(4*o.window, lastWindow); o.end != off || o.window == 0 {
			o.window = firstWindow
		}
		o.closeWindow()
		length := min(max(o.window, int64(len(p))), o.size-off)
		if o.body, err = o.get(off, length); err != nil {
			return 0, err
		}
		o.at, o.end = off, off+length
	}
	n, err = io.ReadFull(o.body, p[:min(int64(len(p)), o.end-o.at)])
	o.at += int64(n)
	if err != nil {
		o.closeWindow()
		return n, &brokenBodyError{fmt.Errorf("the answer broke off: %w", err)}
	}
	if o.at == o.end {
		o.closeWindow()
	}
	return n, nil
}

func (o *s3Object) closeWindow() {
	if o.body != nil {
		_ = o.body.Close() // what was wanted of it was read
		o.body = nil
	}
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
