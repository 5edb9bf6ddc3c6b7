package portal

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/graceful"
	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/warehouse"
)

// connections is how many browsers are connected at a time; others wait.
const connections = 1024

// patience is how long a connection may take for its parts. Nobody holds one by
// sending slowly.
type patience struct{ header, request, answer, idle time.Duration }

var usual = patience{header: 5 * time.Second, request: 30 * time.Second, answer: 60 * time.Second, idle: 2 * time.Minute}

// Serve answers on a listener until ctx ends, then ends what is under way. Without
// a certificate the listener has to be of this machine alone: a proxy with
// TLS stands before it.
func Serve(ctx context.Context, site http.Handler, listener net.Listener, certificate *tls.Certificate, log *slog.Logger) error {
	return serve(ctx, site, listener, certificate, log, usual)
}

// ServePrograms answers programs on a listener of their own until ctx ends: the API alone, over
// TLS on which both sides show certificates that keys of the ledger vouch for.
func ServePrograms(ctx context.Context, w *warehouse.Warehouse, site http.Handler, listener net.Listener, log *slog.Logger) error {
	issuer, err := w.Issuer("")
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	admit := w.Admit(func(governance.Party) error { return nil })
	api := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			http.Error(rw, "here is the API alone: people open "+w.Config.Portal.URL, http.StatusNotFound)
			return
		}
		site.ServeHTTP(rw, r)
	})
	listener = tls.NewListener(netutil.LimitListener(listener, connections), mutual.Server(issuer.Certificates(ownNames(w, listener)...), admit, w.Now))
	return until(ctx, mutual.Handler(api, admit, w.Now, log), listener, log, usual)
}

// ownNames are those by which programs that look for a host's name may call the door.
func ownNames(w *warehouse.Warehouse, listener net.Listener) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if at, err := url.Parse(w.Config.Portal.URL); err == nil {
		names = append(names, at.Hostname())
	}
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if at, ok := listener.Addr().(*net.TCPAddr); ok && !at.IP.IsUnspecified() {
		names = append(names, at.IP.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func serve(ctx context.Context, site http.Handler, listener net.Listener, certificate *tls.Certificate, log *slog.Logger, p patience) error {
	tcp, ok := listener.Addr().(*net.TCPAddr)
	if certificate == nil && (!ok || !tcp.IP.IsLoopback()) {
		return errors.Join(errors.New("sessions would go over the network in clear: give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind a proxy with TLS"), listener.Close())
	}
	listener = netutil.LimitListener(listener, connections)
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"http/1.1"},
		})
	}
	return until(ctx, site, listener, log, p)
}

// until serves until ctx ends, then ends what is under way.
func until(ctx context.Context, site http.Handler, listener net.Listener, log *slog.Logger, p patience) error {
	server := &http.Server{
		Handler:           site,
		ReadHeaderTimeout: p.header,
		ReadTimeout:       p.request,
		WriteTimeout:      p.answer,
		IdleTimeout:       p.idle,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
	return graceful.Serve(ctx, server, listener, 10*time.Second)
}
