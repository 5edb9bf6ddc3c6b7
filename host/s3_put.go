package host

import (
	"bytes"
	"cmp"
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
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

// An upload is cut into parts, of which S3 allows 10,000. Its length is not
// known beforehand, so that later parts are larger: 200 GB in all, with three
// small parts or one large one under way.
// Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits".
const (
	smallPart  = 8 << 20  // bytes
	largePart  = 32 << 20 // bytes, from part smallParts+1 on
	smallParts = 5000
	maxParts   = 10_000
	firstRead  = 128 << 10 // bytes, of each part
)

// abortTimeout is how long removing the parts of a failed upload may take.
// What is left by then is removed by [S3.AbortIncomplete].
const abortTimeout = 30 * time.Second

// nonceKey is the metadata by which an upload knows its own object again.
const nonceKey = "upload"

// Put implements [Store]. A body of 8 MiB or more goes in parts, which are
// removed again where it fails.
func (s *S3) Put(ctx context.Context, name string, body io.Reader) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.buffers.Acquire(ctx, smallPart); err != nil {
		return err
	}
	first, last, err := nextPart(body, smallPart)
	if err != nil {
		s.buffers.Release(smallPart)
		return fmt.Errorf("host %s: put %s: %w", s.config.Endpoint, name, err)
	}
	u := &upload{s: s, name: name, nonce: NewName()}
	if !last {
		return u.parts(ctx, first, body)
	}
	defer s.buffers.Release(smallPart)
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.config.Bucket, Key: &name, Body: bytes.NewReader(first), ContentLength: aws.Int64(int64(len(first))),
		IfNoneMatch: aws.String("*"), Metadata: u.metadata(),
	})
	return u.settle(ctx, err)
}

// nextPart reads the next part, and says whether it is the last one. Only the
// reader's own io.EOF ends a body: io.ErrUnexpectedEOF is a body cut short. A
// small body takes little memory: the part grows as it is read.
func nextPart(body io.Reader, size int) (part []byte, last bool, err error) {
	part = make([]byte, 0, min(size, firstRead))
	for len(part) < size && err == nil {
		if len(part) == cap(part) {
			part = append(make([]byte, 0, min(size, 8*cap(part))), part...)
		}
		var n int
		n, err = body.Read(part[len(part):cap(part)])
		part = part[:len(part)+n]
	}
	if err == io.EOF {
		return part, true, nil
	}
	return part, false, err
}

// upload is one Put under way.
type upload struct {
	s     *S3
	name  string
	nonce string
	id    *string // of an upload in parts

	mu   sync.Mutex
	done []types.CompletedPart
}

func (u *upload) metadata() map[string]string { return map[string]string{nonceKey: u.nonce} }

// parts uploads a body of which the first part is read already, and its memory acquired.
func (u *upload) parts(ctx context.Context, first []byte, body io.Reader) error {
	s := u.s
	created, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &s.config.Bucket, Key: &u.name, Metadata: u.metadata(),
	})
	if err != nil {
		s.buffers.Release(smallPart)
		return s.failed("put "+u.name, err)
	}
	u.id = created.UploadId
	if err := u.send(ctx, first, body); err != nil {
		return errors.Join(s.failed("put "+u.name, err), u.abort(ctx))
	}
	slices.SortFunc(u.done, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.config.Bucket, Key: &u.name, UploadId: u.id, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done},
	})
	if err := u.settle(ctx, err); err != nil {
		return errors.Join(err, u.abort(ctx))
	}
	return nil
}

// abort removes the parts, though the upload may have been interrupted.
func (u *upload) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	return u.s.abort(ctx, u.name, u.id)
}

// send reads and uploads every part, several at once.
func (u *upload) send(ctx context.Context, part []byte, body io.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(3)
	memory, last := int64(smallPart), false
	for number := int32(1); ; number++ {
		now, held := part, memory
		group.Go(func() error {
			defer u.s.buffers.Release(held)
			if len(now) == 0 { // the part before was the last
				return nil
			}
			return u.part(ctx, number, now)
		})
		if last {
			return group.Wait()
		}
		if number == maxParts {
			return errors.Join(group.Wait(), errors.New("the object is larger than 200 GB: a table of this size is published in several"))
		}
		size := int64(smallPart)
		if number >= smallParts {
			size = largePart
		}
		if err := u.s.buffers.Acquire(ctx, size); err != nil {
			return cmp.Or(group.Wait(), err) // a part that failed has ended the context
		}
		next, end, err := nextPart(body, int(size))
		if err != nil {
			u.s.buffers.Release(size)
			return errors.Join(err, group.Wait())
		}
		part, memory, last = next, size, end
	}
}

func (u *upload) part(ctx context.Context, number int32, part []byte) error {
	out, err := u.s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.s.config.Bucket, Key: &u.name, UploadId: u.id, PartNumber: &number,
		Body: bytes.NewReader(part), ContentLength: aws.Int64(int64(len(part))),
	})
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.done = append(u.done, types.CompletedPart{
		PartNumber: &number, ETag: out.ETag,
		ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC64NVME: out.ChecksumCRC64NVME,
	})
	return nil
}

// settle says what came of a conditional write. Where an answer was lost, the
// request was repeated, and met its own object: the nonce tells that from
// another's. A host may also hang up on the body of a write whose name is taken,
// before its refusal is read: what has the name tells that from a fault.
func (u *upload) settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	refused := hasCode(err, "PreconditionFailed", "ConditionalRequestConflict")
	if _, answered := errors.AsType[smithy.APIError](err); answered && !refused && !hasCode(err, "NoSuchUpload") {
		return u.s.failed("put "+u.name, err)
	}
	there, lookErr := u.look(ctx)
	switch {
	case lookErr != nil:
		return u.s.failed("put "+u.name, errors.Join(err, lookErr))
	case there != nil && there.Metadata[nonceKey] == u.nonce:
		return nil
	case there == nil && !refused:
		return u.s.failed("put "+u.name, err)
	}
	err = fs.ErrExist
	if there == nil {
		err = fmt.Errorf("%w: %w", fs.ErrExist, errPhantom)
	}
	return fmt.Errorf("host %s: put %s: %w", u.s.config.Endpoint, u.name, err)
}

// errPhantom says that a host calls a name taken that nothing has. versitygw does
// so of names whose every version was deleted, where it keeps metadata in files
// of their own (--sidecar, v1.8.0).
var errPhantom = errors.New("but nothing is there: the host remembers what was deleted, so use a new bucket")

// look sees what has the name, or nil. A host may say that a name is taken a
// moment before it shows by what.
func (u *upload) look(ctx context.Context) (*s3.HeadObjectOutput, error) {
	for attempt := range 3 {
		there, err := u.s.head(ctx, u.name)
		if !isMissing(err) {
			return there, err
		}
		if err := u.s.pause(ctx, attempt+1); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
