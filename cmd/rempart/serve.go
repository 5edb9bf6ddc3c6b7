package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/portal"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

func (a *app) serveCommand() *cobra.Command {
	var listen, programs, certificate, key string
	var jobs int
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the portal: the web site for people who decide",
		Long: `The portal shows each person what waits, lets decisions be signed with a passkey,
tells the ledger as a story, proves it in the browser, and has the public
register of projects. It ends with Ctrl-C, or SIGTERM.

Passkeys are bound to the address at which people open it: say it in rempart.toml
as [portal] url. Without it, and on this machine alone, that is http://localhost.
Without a certificate it listens on this machine alone, behind a proxy with TLS.

--programs opens a second door, for programs: the API alone, over TLS on which both
sides show certificates of the ledger's keys (rempart tls issue). A token is good there in
its own party's hands alone.

Studies that wait in the queue (rempart run --queue) are run as well, --jobs at a time.`,
		Example: `  rempart serve --listen 127.0.0.1:8080 --programs :8444
  rempart serve --listen :443 --tls-certificate c.pem --tls-key k.pem`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			var pair *tls.Certificate
			if certificate != "" || key != "" {
				loaded, err := tls.LoadX509KeyPair(certificate, key)
				if err != nil {
					return fmt.Errorf("the certificate of the portal: %w", err)
				}
				pair = &loaded
			}
			listener, err := (&net.ListenConfig{}).Listen(c.Context(), "tcp", listen)
			if err != nil {
				return err
			}
			defer func() { _ = listener.Close() }() // it is closed already where it was served
			at, local := listener.Addr().(*net.TCPAddr)
			if w.Config.Portal.URL == "" && local && at.IP.IsLoopback() {
				w.Config.Portal.URL = fmt.Sprintf("http://localhost:%d", at.Port)
			}
			log := slog.New(slog.NewTextHandler(a.err, nil))
			site, err := portal.Site(w, log)
			if err != nil {
				return err
			}
			// The ledger is read before anybody asks: the first page does not wait for it.
			if err := w.Read(c.Context(), func(*warehouse.Model) error { return nil }); err != nil {
				return errors.Join(err, listener.Close())
			}
			both, ctx := errgroup.WithContext(c.Context())
			if programs != "" {
				door, err := (&net.ListenConfig{}).Listen(ctx, "tcp", programs)
				if err != nil {
					return err
				}
				a.say("Programs are answered on %s", door.Addr())
				both.Go(func() error { return portal.ServePrograms(ctx, w, site, door, log) })
			}
			both.Go(func() error {
				return project.SumUpEvery(ctx, w, 15*time.Minute, func(err error) { log.Error("sum up the questions", "error", err) })
			})
			if err := run.Available(); jobs > 0 && err == nil {
				worker := project.Worker{Warehouse: w, Jobs: jobs, Log: log}
				both.Go(func() error { return worker.Work(ctx, false) })
			} else if jobs > 0 {
				log.Warn("studies in the queue wait: this machine cannot run them", "why", err)
			}
			a.say("The portal is at %s (listening on %s)", w.Config.Portal.URL, at)
			both.Go(func() error { return portal.Serve(ctx, site, listener, pair, log) })
			return both.Wait()
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "the `address` to answer at")
	c.Flags().StringVar(&programs, "programs", "", "the `address` to answer programs at")
	c.Flags().IntVar(&jobs, "jobs", 1, "how `many` studies of the queue run at one time; 0 for none")
	c.Flags().StringVar(&certificate, "tls-certificate", "", "a `file` with the portal's certificate, in PEM")
	c.Flags().StringVar(&key, "tls-key", "", "the `file` with its key")
	return c
}
