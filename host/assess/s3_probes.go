package assess

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what the protocol checks transfers with
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rempart.eu/rempart/host"
)

func (t *S3) conditional(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	once := func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
	if err := t.put(ctx, name, []byte("first"), once); err != nil {
		return fmt.Errorf("a conditional upload of a free name: %w", err)
	}
	if err := refused(t.put(ctx, name, []byte("second"), once), "a conditional upload of a taken name", 412, 409); err != nil {
		return err
	}
	return t.holds(ctx, name, "", []byte("first"))
}

// holds reads an object, or a range of it.
func (t *S3) holds(ctx context.Context, name, span string, want []byte) error {
	in := &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: &name}
	if span != "" {
		in.Range = &span
	}
	out, err := t.client.GetObject(ctx, in)
	if err != nil {
		return fmt.Errorf("reading %s: %w", span, err)
	}
	got, err := io.ReadAll(io.LimitReader(out.Body, 32<<20))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return fmt.Errorf("reading %s: %w", span, err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("reading %s: %d bytes came back, not the %d that were expected", span, len(got), len(want))
	}
	if span != "" && out.ContentRange == nil {
		return fmt.Errorf("reading %s: no Content-Range", span)
	}
	return nil
}

const partSize = 5 << 20 // the smallest part but for the last

// upload begins an upload in parts, which abort ends whatever has become of it.
func (t *S3) upload(ctx context.Context, name string) (id *string, abort func(), err error) {
	begun, err := t.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &t.config.Bucket, Key: &name})
	if err != nil {
		return nil, nil, fmt.Errorf("beginning an upload in parts: %w", err)
	}
	return begun.UploadId, func() {
		_, _ = t.client.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{Bucket: &t.config.Bucket, Key: &name, UploadId: begun.UploadId})
	}, nil
}

func (t *S3) part(ctx context.Context, name string, id *string, number int32, body []byte) (types.CompletedPart, error) {
	out, err := t.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &t.config.Bucket, Key: &name, UploadId: id, PartNumber: &number, Body: bytes.NewReader(body)})
	if err != nil {
		return types.CompletedPart{}, fmt.Errorf("part %d: %w", number, err)
	}
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}, nil
}

func (t *S3) complete(ctx context.Context, name string, id *string, once bool, parts ...types.CompletedPart) error {
	in := &s3.CompleteMultipartUploadInput{Bucket: &t.config.Bucket, Key: &name, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}
	if once {
		in.IfNoneMatch = aws.String("*")
	}
	_, err := t.client.CompleteMultipartUpload(ctx, in)
	return err
}

func (t *S3) multipart(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	one, two := random(name+"1", partSize), random(name+"2", 1000)
	id, abort, err := t.upload(ctx, name)
	if err != nil {
		return err
	}
	defer abort()
	second, err := t.part(ctx, name, id, 2, two) // out of order
	if err != nil {
		return err
	}
	first, err := t.part(ctx, name, id, 1, one)
	if err != nil {
		return err
	}
	ghost := types.CompletedPart{PartNumber: aws.Int32(7), ETag: first.ETag}
	if err := refused(t.complete(ctx, name, id, false, first, second, ghost), "an upload that names a part that was never sent", 400); err != nil {
		return err
	}
	if err := t.complete(ctx, name, id, false, first, second); err != nil {
		return fmt.Errorf("completing: %w", err)
	}
	if err := t.holds(ctx, name, "", append(slices.Clone(one), two...)); err != nil {
		return err
	}
	return t.smallPart(ctx)
}

func (t *S3) smallPart(ctx context.Context) error {
	name, remove := t.key(ctx)
	defer remove()
	id, abort, err := t.upload(ctx, name)
	if err != nil {
		return err
	}
	defer abort()
	first, err := t.part(ctx, name, id, 1, []byte("too small"))
	if err != nil {
		return err
	}
	second, err := t.part(ctx, name, id, 2, []byte("the last may be"))
	if err != nil {
		return err
	}
	return refused(t.complete(ctx, name, id, false, first, second), "a first part of nine bytes", 400)
}

func (t *S3) multipartOnce(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	if err := t.put(ctx, name, []byte("first"), nil); err != nil {
		return err
	}
	id, abort, err := t.upload(ctx, name)
	if err != nil {
		return err
	}
	defer abort()
	part, err := t.part(ctx, name, id, 1, []byte("second"))
	if err != nil {
		return err
	}
	if err := refused(t.complete(ctx, name, id, true, part), "the conditional end of an upload under a taken name", 412, 409); err != nil {
		return err
	}
	return t.holds(ctx, name, "", []byte("first"))
}

func (t *S3) multipartAbort(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	id, abort, err := t.upload(ctx, name)
	if err != nil {
		return err
	}
	defer abort()
	part, err := t.part(ctx, name, id, 1, []byte("part"))
	if err != nil {
		return err
	}
	open := func() (bool, error) {
		out, err := t.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &t.config.Bucket, Prefix: &name})
		if err != nil {
			return false, fmt.Errorf("listing uploads: %w", err)
		}
		return slices.ContainsFunc(out.Uploads, func(u types.MultipartUpload) bool { return aws.ToString(u.Key) == name }), nil
	}
	if is, err := open(); err != nil || !is {
		return errors.Join(err, errors.New("an upload that has begun is not listed"))
	}
	if _, err := t.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &t.config.Bucket, Key: &name, UploadId: id}); err != nil {
		return fmt.Errorf("aborting: %w", err)
	}
	if is, err := open(); err != nil || is {
		return errors.Join(err, errors.New("an aborted upload is still listed"))
	}
	return coded(t.complete(ctx, name, id, false, part), "an aborted upload", "NoSuchUpload")
}

func (t *S3) checksum(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	body := []byte("what is sent")
	right, wrong := sha256.Sum256(body), sha256.Sum256([]byte("what is announced"))
	sum := func(of [32]byte) func(*s3.PutObjectInput) {
		return func(in *s3.PutObjectInput) {
			in.ChecksumAlgorithm, in.ChecksumSHA256 = types.ChecksumAlgorithmSha256, aws.String(base64.StdEncoding.EncodeToString(of[:]))
		}
	}
	if err := refused(t.put(ctx, name, body, sum(wrong)), "a body with a wrong SHA-256", 400); err != nil {
		return err
	}
	other := md5.Sum([]byte("what is announced")) //nolint:gosec // see the import
	if err := refused(t.put(ctx, name, body, func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(other[:])) }), "a body with a wrong MD5", 400); err != nil {
		return err
	}
	if err := t.put(ctx, name, body, sum(right)); err != nil {
		return fmt.Errorf("a body with its right SHA-256: %w", err)
	}
	return t.holds(ctx, name, "", body)
}

func (t *S3) ranges(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	body := random(name, 100_000)
	if err := t.put(ctx, name, body, nil); err != nil {
		return err
	}
	for span, want := range map[string][]byte{
		"bytes=0-0": body[:1], "bytes=99999-99999": body[99_999:], "bytes=-1": body[99_999:], "bytes=-500": body[99_500:],
		"bytes=99990-": body[99_990:], "bytes=0-": body, "bytes=5-104": body[5:105], "bytes=99990-200000": body[99_990:],
		"bytes=-200000": body, "bytes=65535-65536": body[65_535:65_537],
	} {
		if err := t.holds(ctx, name, span, want); err != nil {
			return err
		}
	}
	for _, span := range []string{"bytes=100000-", "bytes=100000-100010"} {
		out, err := t.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: &name, Range: &span})
		if err == nil {
			_ = out.Body.Close()
		}
		if err := refused(err, "the range "+span+" of 100000 bytes", 416); err != nil {
			return err
		}
	}
	head, err := t.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &t.config.Bucket, Key: &name})
	if err != nil || aws.ToInt64(head.ContentLength) != 100_000 {
		return errors.Join(err, errors.New("HEAD does not tell the size"))
	}
	return nil
}

func (t *S3) pages(ctx context.Context, _ *found) error {
	prefix := host.NewName()[:24]
	var want []string
	for i := range 11 {
		name := fmt.Sprintf("%s%08x", prefix, i*7)
		defer func() {
			_, _ = t.client.DeleteObject(context.WithoutCancel(ctx), &s3.DeleteObjectInput{Bucket: &t.config.Bucket, Key: &name})
		}()
		if err := t.put(ctx, name, []byte("x"), nil); err != nil {
			return err
		}
		want = append(want, name)
	}
	var got []string
	var token *string
	for range 20 {
		out, err := t.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &t.config.Bucket, Prefix: &prefix, MaxKeys: aws.Int32(3), ContinuationToken: token})
		if err != nil {
			return fmt.Errorf("a page of three: %w", err)
		}
		if len(out.Contents) > 3 {
			return fmt.Errorf("a page of three holds %d", len(out.Contents))
		}
		for _, o := range out.Contents {
			got = append(got, aws.ToString(o.Key))
		}
		if !aws.ToBool(out.IsTruncated) {
			break
		}
		token = out.NextContinuationToken
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("pages of three give %d of %d names, or in another order", len(got), len(want))
	}
	out, err := t.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &t.config.Bucket, Prefix: &prefix, StartAfter: &want[7]})
	if err != nil || len(out.Contents) != 3 {
		return errors.Join(err, errors.New("start-after does not leave the three names after the eighth"))
	}
	return nil
}

func (t *S3) errors(ctx context.Context, _ *found) error {
	name, bucket := host.NewName(), "rempart-"+host.NewName()
	out, err := t.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: &name})
	if err == nil {
		_ = out.Body.Close()
	}
	if err := coded(err, "an object that is not there", "NoSuchKey"); err != nil {
		return err
	}
	_, err = t.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	if err := coded(err, "a bucket that is not there", "NoSuchBucket", "AccessDenied"); err != nil {
		return err
	}
	_, err = t.part(ctx, name, aws.String("00000000-0000-0000-0000-000000000000"), 1, []byte("x"))
	return coded(err, "an upload that is not there", "NoSuchUpload")
}

func (t *S3) closed(ctx context.Context, _ *found) error {
	name, remove := t.key(ctx)
	defer remove()
	if err := t.put(ctx, name, []byte("closed"), nil); err != nil {
		return err
	}
	for who, client := range map[string]*s3.Client{
		"without a signature":    t.as(aws.AnonymousCredentials{}),
		"with a wrong signature": t.as(credentials.NewStaticCredentialsProvider(t.id, t.secret+"x", "")),
	} {
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: &name})
		if err == nil {
			_ = out.Body.Close()
		}
		if err := refused(err, "reading "+who, http.StatusForbidden, http.StatusUnauthorized); err != nil {
			return err
		}
		_, err = client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &t.config.Bucket})
		if err := refused(err, "listing "+who, http.StatusForbidden, http.StatusUnauthorized); err != nil {
			return err
		}
		_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.config.Bucket, Key: &name})
		if err := refused(err, "deleting "+who, http.StatusForbidden, http.StatusUnauthorized); err != nil {
			return err
		}
		_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &t.config.Bucket, Key: &name, Body: bytes.NewReader([]byte("open"))})
		if err := refused(err, "writing "+who, http.StatusForbidden, http.StatusUnauthorized); err != nil {
			return err
		}
	}
	return nil
}

func (t *S3) lock(ctx context.Context, f *found) error {
	versions, err := t.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &t.config.Bucket})
	if err == nil && versions.Status == types.BucketVersioningStatusEnabled {
		f.note("versions are kept: erase them too when leaving")
		return nil
	}
	locked, err := t.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &t.config.Bucket})
	if err == nil && locked.ObjectLockConfiguration != nil && locked.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled {
		f.note("object lock is on")
		return nil
	}
	return &untested{"neither versions nor locks are on for this bucket"}
}
