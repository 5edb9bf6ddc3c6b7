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

// What is read in sequence is fetched ahead, in blocks, several at once: an open
// object holds at most aheadBlocks+1 of them, 8 MiB.
const (
	block       = 2 << 20 // bytes
	aheadBlocks = 3
)

// s3Object is an object that is open. Its context is that of Open: when it
// ends, so does reading.
type s3Object struct {
	s    *S3
	name string
	size int64
	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup

	mu     sync.Mutex
	next   int64            // where the last reading ended
	last   int64            // the block that was read last
	depth  int64            // how many blocks to fetch ahead: one more with each that follows
	blocks map[int64]*ahead // by number
}

// ahead is a block that is being fetched, or was.
type ahead struct {
	ready chan struct{} // closed when it is here
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
	o := &s3Object{s: s, name: name, size: aws.ToInt64(head.ContentLength), blocks: map[int64]*ahead{}}
	o.ctx, o.stop = context.WithCancel(ctx)
	return o, nil
}

func (o *s3Object) Size() int64 { return o.size }

// Close ends what is under way.
func (o *s3Object) Close() error {
	o.stop()
	o.wait.Wait()
	return nil
}

// ReadAt reads in place. What follows the reading before is taken from blocks
// that are fetched ahead; anything else is a request of its own.
func (o *s3Object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("object %s: read at %d", o.name, off)
	}
	if off >= o.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), o.size-off)]
	if o.sequential(off, int64(len(want))) {
		n, err = o.readAhead(want, off)
	} else if err = o.fetchAll(want, off); err == nil {
		n = len(want)
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// sequential says whether a reading follows the one before, or begins at the
// beginning as a whole reading does. A first reading that takes all is no sequence.
func (o *s3Object) sequential(off, n int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	follows := off == o.next && n < o.size
	o.next = off + n
	if !follows {
		_, here := o.blocks[off/block]
		return here
	}
	return true
}

func (o *s3Object) readAhead(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		number := (off + int64(n)) / block
		b := o.at(number)
		select {
		case <-b.ready:
		case <-o.ctx.Done():
			return n, o.ctx.Err()
		}
		if b.err != nil {
			return n, b.err
		}
		n += copy(p[n:], b.data[off+int64(n)-number*block:])
	}
	return n, nil
}

// at is a block, which is fetched along with those that follow it.
func (o *s3Object) at(number int64) *ahead {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch number {
	case o.last:
	case o.last + 1:
		o.depth = min(o.depth+1, aheadBlocks)
	default:
		o.depth = 0
	}
	o.last = number
	for i := number; i <= number+o.depth && i*block < o.size; i++ {
		if o.blocks[i] == nil {
			o.start(i)
		}
	}
	b := o.blocks[number]
	for i := range o.blocks {
		if i < number || i > number+aheadBlocks {
			delete(o.blocks, i)
		}
	}
	return b
}

// start fetches a block; the caller holds mu.
func (o *s3Object) start(number int64) {
	b := &ahead{ready: make(chan struct{})}
	o.blocks[number] = b
	o.wait.Go(func() {
		defer close(b.ready)
		b.data = make([]byte, min(block, o.size-number*block))
		b.err = o.fetch(b.data, number*block)
	})
}

// fetchAll reads a range whole, a long one by blocks, several at once.
func (o *s3Object) fetchAll(p []byte, off int64) error {
	var group errgroup.Group
	group.SetLimit(aheadBlocks + 1)
	for part := range slices.Chunk(p, block) {
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
	out, err := o.s.client.GetObject(o.ctx, &s3.GetObjectInput{
		Bucket: &o.s.config.Bucket, Key: &o.name, Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1)),
	})
	if isMissing(err) {
		return errors.Join(fs.ErrNotExist, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	var first, last, all int64
	if _, scan := fmt.Sscanf(aws.ToString(out.ContentRange), "bytes %d-%d/%d", &first, &last, &all); scan != nil ||
		first != off || last != off+int64(len(p))-1 || all != o.size {
		return fmt.Errorf("asked for bytes %d to %d of %d, the host answers %q", off, off+int64(len(p))-1, o.size, aws.ToString(out.ContentRange))
	}
	if _, err := io.ReadFull(out.Body, p); err != nil {
		return &brokenBodyError{fmt.Errorf("the answer broke off: %w", err)}
	}
	return nil
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
