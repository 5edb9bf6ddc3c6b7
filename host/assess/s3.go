package assess

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"rempart.eu/rempart/host"
)

// S3 is an endpoint whose details are probed, beside what package host makes of
// it: every request is sent once and its answer looked at.
type S3 struct {
	config host.S3Config
	url    *url.URL
	id     string
	secret string
	roots  *x509.CertPool // nil: the system's
	client *s3.Client
	calls  atomic.Int64
}

// OpenS3 prepares the probes of a bucket. It sends nothing yet.
func OpenS3(c host.S3Config) (*S3, error) {
	if _, err := host.OpenS3(c); err != nil { // checks the configuration and the credentials file
		return nil, err
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	t := &S3{config: c}
	var err error
	if t.url, err = url.Parse(c.Endpoint); err != nil {
		return nil, err
	}
	var secret struct {
		ID     string `toml:"access_key_id"`
		Secret string `toml:"secret_access_key"`
	}
	if _, err := toml.DecodeFile(c.CredentialsFile, &secret); err != nil {
		return nil, errors.New("the host's credentials cannot be read again") // the parser's text would show the secret
	}
	t.id, t.secret = secret.ID, secret.Secret
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the host's certificate authority: %w", err)
		}
		t.roots = x509.NewCertPool()
		t.roots.AppendCertsFromPEM(pem)
	}
	t.client = t.as(credentials.NewStaticCredentialsProvider(t.id, t.secret, ""))
	return t, nil
}

// as is a client with other credentials.
func (t *S3) as(who aws.CredentialsProvider) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(t.config.Endpoint), Region: t.config.Region, UsePathStyle: true,
		Credentials: who, HTTPClient: t.http(), Retryer: aws.NopRetryer{},
		DisableLogOutputChecksumValidationSkipped: true,
	})
}

// http is a client that counts, and never waits for ever.
func (t *S3) http() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DisableKeepAlives = true // so that no connection outlives its probe
	transport.TLSClientConfig = &tls.Config{RootCAs: t.roots, MinVersion: tls.VersionTLS12}
	return &http.Client{
		Timeout: time.Minute, Transport: counting{transport, &t.calls},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type counting struct {
	http.RoundTripper
	calls *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

func (t *S3) probes(o Options) []probe {
	return []probe{
		{"s3-conditional", "uploads with If-None-Match: *", t.conditional},
		{"s3-multipart", "parts out of order, too small, missing", t.multipart},
		{"s3-multipart-once", "completing with If-None-Match: * under a taken name", t.multipartOnce},
		{"s3-multipart-abort", "aborting, listing uploads", t.multipartAbort},
		{"s3-checksum", "bodies with a wrong SHA-256 and a wrong MD5", t.checksum},
		{"s3-range", "suffix, open, single and unsatisfiable ranges", t.ranges},
		{"s3-pages", "pages of three, start-after, prefix", t.pages},
		{"s3-errors", "missing object, bucket and upload", t.errors},
		{"s3-closed", "requests without a signature and with a wrong one", t.closed},
		{"s3-lock", "versioning and object lock of the bucket", t.lock},
		{"net-tls", "a TLS handshake", t.tls},
		{"net-tls-old", "handshakes of TLS 1.0 and 1.1", t.oldTLS},
		{"net-certificate", "the certificate of the endpoint", t.certificate(o)},
		{"net-clock", "the Date of an answer", t.clock(o)},
	}
}

// key draws an object's name and removes the object after the probe.
func (t *S3) key(ctx context.Context) (name string, remove func()) {
	name = host.NewName()
	return name, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_, _ = t.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.config.Bucket, Key: &name}) // absent is as well
	}
}

func (t *S3) put(ctx context.Context, name string, body []byte, change func(*s3.PutObjectInput)) error {
	in := &s3.PutObjectInput{Bucket: &t.config.Bucket, Key: &name, Body: bytes.NewReader(body)}
	if change != nil {
		change(in)
	}
	_, err := t.client.PutObject(ctx, in)
	return err
}

// refused says whether a request was refused with one of some codes.
func refused(err error, what string, codes ...int) error {
	var response *smithyhttp.ResponseError
	switch {
	case err == nil:
		return fmt.Errorf("%s is accepted", what)
	case !errors.As(err, &response):
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, code := range codes {
		if response.HTTPStatusCode() == code {
			return nil
		}
	}
	return fmt.Errorf("%s: want %v, got %d", what, codes, response.HTTPStatusCode())
}

// coded says whether a request was refused with an S3 error code.
func coded(err error, what string, codes ...string) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return fmt.Errorf("%s is found", what)
	case !errors.As(err, &api):
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return nil
		}
	}
	return fmt.Errorf("%s: want %v, got %s", what, codes, api.ErrorCode())
}
