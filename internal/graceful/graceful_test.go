package graceful_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"rempart.eu/rempart/internal/graceful"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestARequestUnderWayIsAnswered(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	l := listen(t)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		end()
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, "whole")
	})}
	served := make(chan error, 1)
	go func() { served <- graceful.Serve(ctx, server, l, time.Minute) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if string(body) != "whole" || err != nil || answer.Body.Close() != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("it listens still")
	}
}

func TestAServerThatCannotServeSaysWhy(t *testing.T) {
	l := listen(t)
	_ = l.Close()
	if err := graceful.Serve(t.Context(), &http.Server{ReadHeaderTimeout: time.Minute}, l, time.Minute); err == nil {
		t.Error("a closed listener was served")
	}
}

func TestPatienceHasAnEnd(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	l := listen(t)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { end(); <-hang })}
	go func() {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	}()
	if err := graceful.Serve(ctx, server, l, 20*time.Millisecond); err == nil {
		t.Error("a request that never ends was waited for, and nobody told")
	}
	_ = server.Close()
}
