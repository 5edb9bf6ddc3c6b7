package portal

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"rempart.eu/rempart/internal/graceful"
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
