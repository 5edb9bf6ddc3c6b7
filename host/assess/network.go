package assess

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// errPlain: the endpoint is not reached through TLS.
var errPlain = errors.New("the endpoint speaks plain HTTP")

// handshake makes a TLS connection of some versions and looks at it. The
// certificate is not checked here: probe net-certificate does.
func (t *S3) handshake(ctx context.Context, lowest, highest uint16) (tls.ConnectionState, error) {
	if t.url.Scheme != "https" {
		return tls.ConnectionState{}, errPlain
	}
	port := t.url.Port()
	if port == "" {
		port = "443"
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	t.calls.Add(1)
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName: t.url.Hostname(), MinVersion: lowest, MaxVersion: highest,
		InsecureSkipVerify: true, //nolint:gosec // no data goes over this connection
	}}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(t.url.Hostname(), port))
	if err != nil {
		return tls.ConnectionState{}, err
	}
	state := c.(*tls.Conn).ConnectionState()
	return state, c.Close()
}

func (t *S3) tls(ctx context.Context, f *found) error {
	state, err := t.handshake(ctx, tls.VersionTLS12, tls.VersionTLS13)
	if err != nil {
		return err
	}
	f.note("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID)
	return nil
}

func (t *S3) oldTLS(ctx context.Context, _ *found) error {
	if _, err := t.handshake(ctx, tls.VersionTLS12, tls.VersionTLS13); err != nil {
		return err // what cannot be reached refuses everything
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := t.handshake(ctx, version, version); err == nil {
			return fmt.Errorf("%s is accepted", tls.VersionName(version))
		}
	}
	return nil
}

func (t *S3) certificate(o Options) func(context.Context, *found) error {
	return func(ctx context.Context, f *found) error {
		days, err := limitOf(o.Catalogue, "net-certificate")
		if err != nil {
			return err
		}
		state, err := t.handshake(ctx, tls.VersionTLS12, tls.VersionTLS13)
		if err != nil {
			return err
		}
		leaf := state.PeerCertificates[0]
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		now := o.Now()
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: t.url.Hostname(), Roots: t.roots, Intermediates: between, CurrentTime: now}); err != nil {
			return err
		}
		f.note("issued by %s, valid until %s", orElse(leaf.Issuer.CommonName, leaf.Issuer.String()), leaf.NotAfter.Format(time.DateOnly))
		if left := leaf.NotAfter.Sub(now).Hours() / 24; left < days {
			return fmt.Errorf("the certificate ends in %.0f days, on %s; the limit is %.0f", left, leaf.NotAfter.Format(time.DateOnly), days)
		}
		return nil
	}
}

func (t *S3) clock(o Options) func(context.Context, *found) error {
	return func(ctx context.Context, f *found) error {
		limit, err := limitOf(o.Catalogue, "net-clock")
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodHead, t.config.Endpoint, nil)
		if err != nil {
			return err
		}
		before := o.Now()
		response, err := t.http().Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // HEAD has none
		middle := before.Add(o.Now().Sub(before) / 2)
		date, err := http.ParseTime(response.Header.Get("Date"))
		if err != nil {
			return &untested{"the endpoint’s answers carry no Date"}
		}
		skew := date.Sub(middle).Abs()
		f.note("%.0f s apart", skew.Seconds())
		if skew.Seconds() > limit {
			return fmt.Errorf("the host’s clock is %.0f s away from ours; the limit is %.0f s", skew.Seconds(), limit)
		}
		return nil
	}
}
