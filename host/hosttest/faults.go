package hosttest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A Fault is what a host, or the way to it, does to a request that host would answer.
type Fault func(w http.ResponseWriter, r *http.Request, host http.Handler)

// Through puts faults between a test and an S3 endpoint, and returns the endpoint
// to use. They end with the test.
func Through(t testing.TB, endpoint string, fault Fault) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the signature covers it
		},
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fault(w, r, proxy) }))
	t.Cleanup(server.Close)
	return server.URL
}

// Twice lets a fault befall the first two of all requests that are alike, so
// that whoever tries three times gets through, whatever else goes on.
func Twice(fault Fault) Fault {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request, host http.Handler) {
		mu.Lock()
		key := r.Method + r.URL.String() + r.Header.Get("Range")
		seen[key]++
		early := seen[key] <= 2
		mu.Unlock()
		if early {
			fault(w, r, host)
		} else {
			host.ServeHTTP(w, r)
		}
	}
}

// Reset breaks the connection before the host hears of the request.
func Reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w) }

func reset(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not an orderly end
	}
	_ = c.Close()
}

// Lost lets the host do what it was asked for, and loses its answer.
func Lost(w http.ResponseWriter, r *http.Request, host http.Handler) {
	host.ServeHTTP(httptest.NewRecorder(), r)
	reset(w)
}

// Fails answers 500 before the host hears of the request.
func Fails(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusInternalServerError)
}

// Busy answers 503 with S3's own code for it.
func Busy(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>`)
}

// Slow answers after a while.
func Slow(w http.ResponseWriter, r *http.Request, host http.Handler) {
	select {
	case <-time.After(30 * time.Millisecond):
	case <-r.Context().Done():
	}
	host.ServeHTTP(w, r)
}

// Truncated breaks off in the middle of the body of an answer.
func Truncated(w http.ResponseWriter, r *http.Request, host http.Handler) {
	change(w, r, host, func(_ http.Header, body []byte) ([]byte, error) {
		return body[:len(body)/2], errors.New("cut off")
	})
}

// Short answers with half of the body, and with the length of that half.
func Short(w http.ResponseWriter, r *http.Request, host http.Handler) {
	change(w, r, host, func(header http.Header, body []byte) ([]byte, error) {
		body = body[:len(body)/2]
		if r.Method == http.MethodGet {
			header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		return body, nil
	})
}

// Altered changes one bit in the middle of every object.
func Altered(w http.ResponseWriter, r *http.Request, host http.Handler) {
	change(w, r, host, func(_ http.Header, body []byte) ([]byte, error) {
		if r.Method == http.MethodGet && len(body) > 0 && r.URL.Query().Get("list-type") == "" {
			body[len(body)/2] ^= 1
		}
		return body, nil
	})
}

// WrongETag names other ETags than the host's.
func WrongETag(w http.ResponseWriter, r *http.Request, host http.Handler) {
	change(w, r, host, func(header http.Header, body []byte) ([]byte, error) {
		if header.Get("ETag") != "" {
			header.Set("ETag", `"00000000000000000000000000000000"`)
		}
		return body, nil
	})
}

// change lets the host answer and alters the answer. With an error the
// connection breaks after what is left of the body.
func change(w http.ResponseWriter, r *http.Request, host http.Handler, alter func(header http.Header, body []byte) ([]byte, error)) {
	answer := httptest.NewRecorder()
	host.ServeHTTP(answer, r)
	header := answer.Header()
	body, broken := alter(header, bytes.Clone(answer.Body.Bytes()))
	for name, values := range header {
		w.Header()[name] = values
	}
	if broken != nil && r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // the client may be gone
	if broken != nil {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
}
