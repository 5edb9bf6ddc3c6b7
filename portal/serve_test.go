package portal

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestNobodyHoldsAConnection sends requests slowly, or never: each connection is
// closed by the server.
func TestNobodyHoldsAConnection(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	short := patience{header: 50 * time.Millisecond, request: 100 * time.Millisecond, answer: time.Second, idle: 100 * time.Millisecond}
	ended := make(chan error, 1)
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})
	go func() { ended <- serve(ctx, site, listener, nil, slog.New(slog.DiscardHandler), short) }()
	for name, sent := range map[string]string{
		"nothing":         "",
		"half a header":   "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"half a body":     "POST /sign HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npayload=",
		"a whole request": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a long header":   "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 64<<10),
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // the test's own end, not what is tested
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays open", name)
		}
		c.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestSessionsDoNotGoInClear(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	err = Serve(t.Context(), http.NotFoundHandler(), listener, nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "in clear") {
		t.Errorf("served without TLS on every address: %v", err)
	}
}
