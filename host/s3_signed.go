package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// MaxSigned is how long a signed URL can be valid.
// Source: Amazon S3 API Reference, "Authenticating Requests: Using Query
// Parameters (AWS Signature Version 4)", X-Amz-Expires.
const MaxSigned = 7 * 24 * time.Hour

// Sign returns a URL by which anybody reads one object for a while, and does
// nothing else. The host refuses it afterwards.
func (s *S3) Sign(ctx context.Context, name string, lasts time.Duration) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	signed, err := s3.NewPresignClient(s.client, s3.WithPresignExpires(min(lasts, MaxSigned))).
		PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.config.Bucket, Key: &name})
	if err != nil {
		return "", s.failed("sign a URL of "+name, err)
	}
	return signed.URL, nil
}

// Signed is what signed URLs open of an S3 store: some objects, to read, for a
// while, without credentials.
type Signed struct {
	s    *S3
	http *http.Client
	urls map[string]string // of each object, by its name
}

// OpenSigned prepares a store; it sends nothing yet. No credentials are needed.
func OpenSigned(c S3Config, urls map[string]string) (*Signed, error) {
	s, err := OpenS3(c)
	if err != nil {
		return nil, err
	}
	transport, err := transport(c.CAFile, c.CA)
	if err != nil {
		return nil, err
	}
	return &Signed{s: s, urls: urls, http: &http.Client{Transport: transport, Timeout: s.config.Timeout, CheckRedirect: noRedirect}}, nil
}

// Open implements [Store]. The first byte is asked for, since the answer says how
// long the object is.
func (s *Signed) Open(ctx context.Context, name string) (Object, error) {
	link, known := s.urls[name]
	if !known {
		return nil, fmt.Errorf("host %s: open %s: %w", s.s.config.Endpoint, name, fs.ErrNotExist)
	}
	o := &s3Object{s: s.s, name: name}
	o.ask = func(off, end int64) (io.ReadCloser, string, error) { return s.ask(o.ctx, link, off, end) }
	o.ctx, o.stop = context.WithCancel(ctx)
	err := o.repeat(func() error {
		body, span, err := o.ask(0, 0)
		if err != nil {
			return err
		}
		if _, err := fmt.Sscanf(span, "bytes 0-0/%d", &o.size); err != nil {
			err = fmt.Errorf("asked for a byte, the host answers %q", span)
			return errors.Join(err, body.Close())
		}
		return body.Close()
	})
	if err != nil {
		o.stop()
		return nil, err
	}
	return o, nil
}

// ask asks for a range, both ends included.
func (s *Signed) ask(ctx context.Context, link string, off, end int64) (io.ReadCloser, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, "", errors.New("the pass holds no URL of it") // the error would show the URL, which opens it
	}
	request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, end))
	answer, err := s.http.Do(request)
	var failed *url.Error // its text shows the URL
	if errors.As(err, &failed) {
		err = failed.Err
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil:
		err = &brokenBodyError{err}
	case answer.StatusCode == http.StatusPartialContent:
		return answer.Body, answer.Header.Get("Content-Range"), nil
	case answer.StatusCode == http.StatusNotFound:
		err = fs.ErrNotExist
	case answer.StatusCode == http.StatusForbidden:
		err = errors.New("the host refuses it: the pass has ended there")
	case answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests:
		err = &brokenBodyError{fmt.Errorf("the host answers %s", answer.Status)}
	default:
		err = fmt.Errorf("the host answers %s", answer.Status)
	}
	if answer != nil {
		err = errors.Join(err, answer.Body.Close())
	}
	return nil, "", err
}

var errSigned = errors.New("a pass only reads")

// Put implements [Store]: it is refused.
func (s *Signed) Put(context.Context, string, io.Reader) error { return errSigned }

// List implements [Store]: it is refused.
func (s *Signed) List(context.Context, func(string, int64) error) error { return errSigned }

// Delete implements [Store]: it is refused.
func (s *Signed) Delete(context.Context, string) error { return errSigned }
