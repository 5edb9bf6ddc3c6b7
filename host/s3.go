package host

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/semaphore"
)

// S3Config says where a bucket is and who may use it.
type S3Config struct {
	Endpoint        string // https://HOST[:PORT]; http is for a loopback address alone
	Bucket          string
	Region          string // "" is us-east-1, which most stores take for their own
	CredentialsFile string // TOML: access_key_id, secret_access_key; nobody else may read it
	CAFile          string // PEM: the authorities that are trusted in place of the system's

	Attempts   int           // of one request; 0 is 8
	MaxBackoff time.Duration // the longest wait between two attempts, drawn at random below it; 0 is 20 s
	Timeout    time.Duration // of one attempt, which moves 32 MiB at most; 0 is 5 min
}

// S3 is a host that is a bucket of an S3 store.
//
// A name is taken once: each write is conditional (If-None-Match: *), both of a
// small object and of one in parts. A request that fails is repeated, with
// exponential backoff and jitter. ETags are asked for where the protocol wants
// them and believed nowhere. All its uploads together hold at most 64 MiB, and so
// does all that is read from it.
type S3 struct {
	config  S3Config
	client  *s3.Client
	buffers *semaphore.Weighted // bytes of parts under way
	reading *semaphore.Weighted // bytes of stretches that are held
}

// uploadMemory is what all uploads of a store may hold, in bytes.
const uploadMemory = 64 << 20

type secretFile struct {
	ID     string `toml:"access_key_id"`
	Secret string `toml:"secret_access_key"`
}

// OpenS3 prepares a store. It sends nothing yet, and reads no secret: the first
// request does.
func OpenS3(c S3Config) (*S3, error) {
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "https" && endpoint.Scheme != "http") {
		return nil, fmt.Errorf("endpoint %q: want https://HOST[:PORT]", c.Endpoint)
	}
	if endpoint.Scheme == "http" && !loopback(endpoint.Hostname()) {
		return nil, fmt.Errorf("endpoint %q: over a network, want https", c.Endpoint)
	}
	transport, err := transport(c.CAFile)
	if err != nil {
		return nil, err
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Attempts == 0 {
		c.Attempts = 8
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = 20 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Minute
	}
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(c.Endpoint),
		Region:       c.Region,
		UsePathStyle: true,
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return readCredentials(c.CredentialsFile)
		})),
		HTTPClient: &http.Client{Transport: transport, Timeout: c.Timeout, CheckRedirect: noRedirect},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff, o.RateLimiter = c.Attempts, c.MaxBackoff, ratelimit.None
			o.Backoff = retry.NewExponentialJitterBackoff(c.MaxBackoff)
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(brokeOff)}, o.Retryables...)
		}),
		// Bodies carry a checksum and are compared by digest: one SHA-256 more, for
		// the signature, is saved over http as the SDK does over https.
		APIOptions: []func(*middleware.Stack) error{v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware},
		DisableLogOutputChecksumValidationSkipped: true, // of ranges: lake compares digests
	})
	return &S3{config: c, client: client, buffers: semaphore.NewWeighted(uploadMemory), reading: semaphore.NewWeighted(readMemory)}, nil
}

// loopback says whether an address stays on this machine.
func loopback(name string) bool { return name == "localhost" || name == "127.0.0.1" || name == "::1" }

// noRedirect keeps requests, which are signed, at the endpoint that was configured.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func readCredentials(path string) (none aws.Credentials, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return none, fmt.Errorf("the host's credentials: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return none, fmt.Errorf("the host's credentials: others can read %s: chmod 600 %s", path, path)
	}
	const want = `want access_key_id = "…" and secret_access_key = "…", and nothing else`
	var s secretFile
	meta, err := toml.DecodeFile(path, &s)
	var parse toml.ParseError
	if errors.As(err, &parse) { // whose text would show the secret
		return none, fmt.Errorf("the host's credentials: %s, line %d: %s", path, parse.Position.Line, want)
	}
	if err != nil || len(meta.Undecoded()) > 0 || s.ID == "" || s.Secret == "" {
		return none, fmt.Errorf("the host's credentials: %s: %s", path, want)
	}
	return aws.Credentials{AccessKeyID: s.ID, SecretAccessKey: s.Secret, Source: "credentials_file"}, nil
}

func transport(caFile string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // a proxy would be one more host
	t.MaxIdleConnsPerHost = 64
	t.ResponseHeaderTimeout = 2 * time.Minute
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("the host's certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the host's certificate authority: %s holds no certificate in PEM", caFile)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// List implements [Store].
func (s *S3) List(ctx context.Context, yield func(name string, size int64) error) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.config.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return s.failed("list", err)
		}
		for _, o := range page.Contents {
			if err := yield(aws.ToString(o.Key), aws.ToInt64(o.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// brokeOff says that the answer to a request was cut, which the SDK takes for final.
func brokeOff(err error) aws.Ternary {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// Delete implements [Store]. Where the bucket keeps versions, it deletes every
// version of the object: what is deleted cannot be brought back.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	var failed error
	for range 3 { // the answer to a deletion may be lost, and its repetition fail
		ids, err := s.versions(ctx, name)
		if err != nil {
			return s.failed("list the versions of "+name, err)
		}
		if len(ids) == 0 {
			return nil
		}
		failed = nil
		for _, id := range ids {
			_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.config.Bucket, Key: &name, VersionId: id})
			if err != nil && !isMissing(err) {
				failed = errors.Join(failed, err)
			}
		}
		if failed == nil {
			return nil
		}
	}
	return s.failed("delete "+name, failed)
}

// versions lists the ids of all that a bucket keeps under a name; nil is the id
// of an object in a store that knows no versions.
func (s *S3) versions(ctx context.Context, name string) (ids []*string, err error) {
	input := s3.ListObjectVersionsInput{Bucket: &s.config.Bucket, Prefix: &name}
	pages := s3.NewListObjectVersionsPaginator(s.client, &input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if hasCode(err, "NotImplemented", "MethodNotAllowed") {
			_, err := s.head(ctx, name)
			if isMissing(err) {
				return nil, nil
			}
			return []*string{nil}, err
		}
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == name {
				ids = append(ids, v.VersionId)
			}
		}
		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == name {
				ids = append(ids, m.VersionId)
			}
		}
	}
	return ids, nil
}

// AbortIncomplete removes the parts of uploads that a crash has interrupted. No
// upload may be under way. It says how many there were.
func (s *S3) AbortIncomplete(ctx context.Context) (n int, err error) {
	uploads, err := s.incomplete(ctx)
	for _, u := range uploads {
		if err := s.abort(ctx, aws.ToString(u.Key), u.UploadId); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// Incomplete counts the uploads in parts that are under way, or were interrupted.
func (s *S3) Incomplete(ctx context.Context) (int, error) {
	uploads, err := s.incomplete(ctx)
	return len(uploads), err
}

func (s *S3) incomplete(ctx context.Context) (uploads []types.MultipartUpload, err error) {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: &s.config.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return uploads, s.failed("list what was half uploaded", err)
		}
		uploads = append(uploads, page.Uploads...)
	}
	return uploads, nil
}

func (s *S3) abort(ctx context.Context, name string, upload *string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.config.Bucket, Key: &name, UploadId: upload})
	if err != nil && !isMissing(err) {
		return s.failed("abort the upload of "+name, err)
	}
	return nil
}

func (s *S3) head(ctx context.Context, name string) (*s3.HeadObjectOutput, error) {
	return s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.config.Bucket, Key: &name})
}

// failed says what the host was asked for, and what to do where that is known.
func (s *S3) failed(what string, err error) error {
	err = fmt.Errorf("host %s, bucket %s: %s: %w", s.config.Endpoint, s.config.Bucket, what, err)
	switch {
	case hasCode(err, "NoSuchBucket"):
		return fmt.Errorf("%w: make the bucket with the host's own tools", err)
	case hasCode(err, "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"):
		return fmt.Errorf("%w: see whether %s holds the right credentials, and what they allow", err, s.config.CredentialsFile)
	}
	return err
}

func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// isMissing says whether an object, or an upload, is not there.
func isMissing(err error) bool {
	var (
		none *types.NotFound
		key  *types.NoSuchKey
	)
	return errors.As(err, &none) || errors.As(err, &key) || hasCode(err, "NotFound", "NoSuchKey", "NoSuchUpload", "NoSuchVersion")
}
