package service

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

// connections is how many clients are connected at a time; others wait.
const connections = 256

// Serve answers on a listener until ctx ends, then ends what is under way.
// Without TLS the listener must be of this machine alone: see [Loopback].
func (s *Service) Serve(ctx context.Context, listener net.Listener, certificate *tls.Certificate) error {
	listener = netutil.LimitListener(listener, connections)
	if certificate != nil {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"http/1.1"},
		})
	} else if !Loopback(listener.Addr()) {
		return errors.Join(errors.New("tokens would go over the network in clear: give --tls-certificate and --tls-key, or listen on 127.0.0.1"), listener.Close())
	}
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelInfo),
	}
	return graceful.Serve(ctx, server, listener, 30*time.Second)
}

// Loopback says whether an address can be reached from this machine alone.
func Loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
