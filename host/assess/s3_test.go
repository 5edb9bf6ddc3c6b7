package assess

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// TestServers assesses two independent S3 servers, as they are.
func TestServers(t *testing.T) {
	for _, name := range hosttest.Servers() {
		t.Run(name, func(t *testing.T) {
			r := assessS3(t, hosttest.Start(t, name).Config, true)
			if r.Calls < 100 {
				t.Errorf("%d calls", r.Calls)
			}
			for _, f := range r.Findings {
				area, _, _ := strings.Cut(f.Control, "-")
				if (area == "store" || area == "consistent") && f.Status != Proven {
					t.Errorf("%s is %s: %s", f.Control, f.Status, f.Reason)
				}
				if area == "s3" {
					t.Logf("%s is %s: %s", f.Control, f.Status, f.Reason)
				}
			}
			for _, control := range []string{"s3-conditional", "s3-multipart", "s3-multipart-once", "s3-multipart-abort", "s3-range", "s3-pages", "s3-closed"} {
				if f, _ := r.Finding(control); f.Status != Proven {
					t.Errorf("%s is %s: %s", control, f.Status, f.Reason)
				}
			}
			if f, _ := r.Finding("net-tls"); f.Status != Failed || f.Reason != errPlain.Error() {
				t.Errorf("net-tls over plain HTTP is %s: %s", f.Status, f.Reason)
			}
		})
	}
}

func assessS3(t *testing.T, c host.S3Config, store bool) *Results {
	t.Helper()
	details, err := OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Host: t.Name(), S3: details, Scale: small}
	var s host.Store
	if store {
		if s, err = host.OpenS3(c); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLyingServer puts a proxy before a real server that tells of each answer
// what it likes.
func TestLyingServer(t *testing.T) {
	behind := hosttest.Start(t, hosttest.Servers()[0])
	target, err := url.Parse(behind.Config.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	accept := func(codes ...int) func(*http.Response) error {
		return func(r *http.Response) error {
			for _, code := range codes {
				if r.StatusCode == code {
					answer(r, http.StatusOK, nil)
				}
			}
			return nil
		}
	}
	for name, lie := range map[string]struct {
		tell func(*http.Response) error
		want []string
	}{
		"confirms what it refused because a name was taken": {func(r *http.Response) error {
			if r.StatusCode == http.StatusPreconditionFailed {
				body := `<CompleteMultipartUploadResult><ETag>"0"</ETag></CompleteMultipartUploadResult>`
				answer(r, http.StatusOK, []byte(body))
			}
			return nil
		}, []string{"s3-conditional", "s3-multipart-once"}},
		"confirms damaged bodies": {accept(http.StatusBadRequest), []string{"s3-checksum", "s3-multipart"}}, //nolint:bodyclose // answer closes it
		"serves strangers":        {accept(http.StatusForbidden), []string{"s3-closed"}},                    //nolint:bodyclose // answer closes it
		"cuts bodies short": {func(r *http.Response) error {
			if r.Request.Method != http.MethodGet || r.Header.Get("Content-Range") == "" {
				return nil
			}
			body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			if err != nil {
				return err
			}
			answer(r, r.StatusCode, body[:len(body)/2])
			return nil
		}, []string{"s3-range"}},
		"ends every list after a page": {func(r *http.Response) error {
			if r.Request.URL.Query().Get("list-type") != "2" {
				return nil
			}
			body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			if err != nil {
				return err
			}
			answer(r, r.StatusCode, bytes.ReplaceAll(body, []byte("<IsTruncated>true</IsTruncated>"), []byte("<IsTruncated>false</IsTruncated>")))
			return nil
		}, []string{"s3-pages"}},
		"keeps aborted uploads": {func(r *http.Response) error {
			if r.Request.Method == http.MethodGet && r.Request.URL.Query().Has("uploads") {
				key := r.Request.URL.Query().Get("prefix")
				answer(r, http.StatusOK, []byte("<ListMultipartUploadsResult><Upload><Key>"+key+"</Key><UploadId>1</UploadId></Upload></ListMultipartUploadsResult>"))
			}
			return nil
		}, []string{"s3-multipart-abort"}},
		"has errors of its own": {func(r *http.Response) error {
			if r.StatusCode == http.StatusNotFound {
				answer(r, http.StatusNotFound, []byte("<Error><Code>Gone</Code></Error>"))
			}
			return nil
		}, []string{"s3-errors"}},
		"lives in another time": {func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			return nil
		}, []string{"net-clock"}},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(target)
					r.Out.Host = r.In.Host // it is signed
				},
				Transport:      &http.Transport{DisableKeepAlives: true},
				ModifyResponse: lie.tell,
				ErrorLog:       log.New(io.Discard, "", 0),
			})
			defer proxy.Close()
			c := behind.Config
			c.Endpoint = proxy.URL
			r := assessS3(t, c, false)
			for _, control := range lie.want {
				if f, _ := r.Finding(control); f.Status != Failed {
					t.Errorf("%s is %s: %s", control, f.Status, f.Reason)
				} else {
					t.Logf("%s: %s", control, f.Reason)
				}
			}
		})
	}
}

// answer puts another answer in the place of a server's.
func answer(r *http.Response, code int, body []byte) {
	_ = r.Body.Close()
	r.StatusCode, r.Status = code, fmt.Sprintf("%d %s", code, http.StatusText(code))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	r.Header.Del("Transfer-Encoding")
}

// TestTLS holds endpoints with good, old and ending TLS against the catalogue.
func TestTLS(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "credentials.toml")
	if err := os.WriteFile(secrets, []byte("access_key_id = \"a\"\nsecret_access_key = \"b\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config *tls.Config
		trust  bool
		now    func(certificate time.Time) time.Time
		want   map[string]Status
	}{
		"good":        {&tls.Config{MinVersion: tls.VersionTLS12}, true, nil, map[string]Status{"net-tls": Proven, "net-tls-old": Proven, "net-certificate": Proven}},
		"old":         {&tls.Config{MinVersion: tls.VersionTLS10}, true, nil, map[string]Status{"net-tls": Proven, "net-tls-old": Failed}},                               //nolint:gosec // it is to be found
		"only old":    {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true, nil, map[string]Status{"net-tls": Failed, "net-tls-old": Failed}}, //nolint:gosec // it is to be found
		"not trusted": {&tls.Config{MinVersion: tls.VersionTLS12}, false, nil, map[string]Status{"net-tls": Proven, "net-certificate": Failed}},
		"ending":      {&tls.Config{MinVersion: tls.VersionTLS12}, true, func(end time.Time) time.Time { return end.Add(-29 * 24 * time.Hour) }, map[string]Status{"net-tls": Proven, "net-certificate": Failed}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = c.config
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			config := host.S3Config{Endpoint: server.URL, Bucket: "b", CredentialsFile: secrets, Attempts: 1}
			if c.trust {
				config.CAFile = filepath.Join(t.TempDir(), "ca.pem")
				text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
				if err := os.WriteFile(config.CAFile, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			details, err := OpenS3(config)
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Host: name, S3: details, Scale: small}
			if c.now != nil {
				now := c.now(server.Certificate().NotAfter)
				o.Now = func() time.Time { return now }
			}
			r, err := Run(t.Context(), nil, o)
			if err != nil {
				t.Fatal(err)
			}
			for control, want := range c.want {
				if f, _ := r.Finding(control); f.Status != want {
					t.Errorf("%s is %s, not %s: %s", control, f.Status, want, f.Reason)
				}
			}
		})
	}
}
