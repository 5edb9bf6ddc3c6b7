package service

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"rempart.eu/rempart/internal/graceful"
	"rempart.eu/rempart/internal/mutual"
)

// connections is how many clients are connected at a time; others wait.
const connections = 256

// Serve answers on a listener until ctx ends, then ends what is under way. It
// lets in providers alone, whose certificates are issued by their keys. Where own
// is nil there is no TLS, and the listener must be of this machine alone: see [Loopback].
func (s *Service) Serve(ctx context.Context, listener net.Listener, own mutual.Certificates) error {
	listener = netutil.LimitListener(listener, connections)
	var handler http.Handler = s
	if own != nil {
		listener = tls.NewListener(listener, mutual.Server(own, s.admit, s.Now))
		handler = mutual.Handler(s, s.admit, s.Now, s.Log)
	} else if !Loopback(listener.Addr()) {
		return errors.Join(errors.New("tokens would go over the network in clear: leave --plain out, or listen on 127.0.0.1 behind a proxy with TLS"), listener.Close())
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelInfo),
	}
	return graceful.Serve(ctx, server, listener, 30*time.Second)
}

// admit is the key of a provider that may ask.
func (s *Service) admit(name mutual.Name) (ed25519.PublicKey, error) {
	key, known := s.Provider(name.Party)
	if name.ID != s.Warehouse || !known {
		return nil, fmt.Errorf("%s is no provider of the ledger, or has left", name)
	}
	return key.Ed25519(), nil
}

// Loopback says whether an address can be reached from this machine alone.
func Loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
