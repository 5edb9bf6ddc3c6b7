package main

import (
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/linkage/service"
	"rempart.eu/rempart/warehouse"
)

func (a *app) linkageCommand() *cobra.Command {
	return group("linkage", "Who is one person", a.linkageRunCommand(), a.linkageReportCommand(), a.linkageServeCommand(), a.linkageMatchCommand(), a.linkageCLKCommand())
}

func (a *app) linkageRunCommand() *cobra.Command {
	o := warehouse.LinkOptions{Filters: linkage.DefaultFilters}
	c := &cobra.Command{
		Use:   "run",
		Short: "Find out which records are one person",
		Long: `The linkage authority's step. It opens the tokens that deposits have sent it,
joins those of one person, and sends the warehouse which number of which
deposit is whom. It sees no identity and no health data.

Keyed and oblivious tokens never meet, nor do oblivious ones of two authorities'
keys. All deposits must have tokens of one kind, or --pseudonyms says which
kind is linked; deposits without it are then left out.

Where deposits have filters (deposit create --filters), records that neither a token nor a
stay linked are compared by these, one to one for each pair of deposits, and linked from
the threshold on; what is in the band below it, or has a rival, is counted and not linked.`,
		Example: "  rempart linkage run\n  rempart linkage run --pseudonyms oblivious\n  rempart linkage run --filter-threshold 0.92 --filter-band 0.1",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Filters.Check(); err != nil {
				return usage("--filter-threshold, --filter-band: %v", err)
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			progress, done := a.bar("linkage")
			o.Progress = progress
			made, err := w.Link(c.Context(), o)
			done()
			if err != nil {
				return err
			}
			return a.show(made, func() error { return a.printLinkage(made) })
		},
	}
	asFlag(c, &o.Authority, "the linkage authority")
	c.Flags().StringVar(&o.Pseudonyms, "pseudonyms", "", "which tokens to compare: keyed or oblivious (default what all deposits have)")
	c.Flags().StringVar(&o.Evaluator, "evaluator", "", "whose key made the oblivious tokens (default the authority that links)")
	c.Flags().Float64Var(&o.Filters.Threshold, "filter-threshold", o.Filters.Threshold, "the similarity of filters from which records are one person, to 1")
	c.Flags().Float64Var(&o.Filters.Band, "filter-band", o.Filters.Band, "how far below it a pair is for somebody to decide")
	return c
}

func (a *app) printLinkage(made *warehouse.Linked) error {
	a.say("Linkage %s of %d deposits by their %s tokens (statement %d)", made.Linkage, len(made.Deposits), made.Pseudonyms, made.Entry)
	a.say("  %s records are found to be %s persons; %s of them are known to two or more deposits.", count(made.Records), count(made.Persons), count(made.Shared))
	for _, method := range linkageMethods {
		if n := made.Methods[method]; n > 0 {
			a.say("  %-11s %s records%s", method, count(n), map[string]string{"stays": ", by their hospital stays alone", "probability": ", by the similarity of their filters"}[method])
		}
	}
	if f := made.Quality.Filters; f != nil && f.Clerical > 0 {
		a.say("  %s pairs are for somebody to decide, by their filters; none of them is linked.", counted(f.Clerical))
	}
	if len(made.LeftOut) > 0 {
		a.say("  Left out, without such tokens: %s", strings.Join(made.LeftOut, ", "))
	}
	return nil
}

func (a *app) linkageServeCommand() *cobra.Command {
	o := warehouse.ServeOptions{Limits: service.DefaultLimits}
	var listen string
	c := &cobra.Command{
		Use:   "serve --listen ADDRESS",
		Short: "Answer providers: oblivious evaluations, and pseudonyms that last",
		Long: `The linkage authority's service. Providers that the ledger knows ask it, each
request signed with their own key, for evaluations of its oblivious function
(deposit create --pseudonyms oblivious) and for pseudonyms in a domain. What is
answered to whom is on disk before the answer goes out, and summed up in the ledger
every hour and at the end (Ctrl-C, or SIGTERM).

Both sides show certificates that their own keys in the ledger vouch for; they are made
here and renewed without files (TLS 1.3, see docs/tls.md). With --plain it speaks plain
HTTP, on this machine alone, to a proxy that stands before it.`,
		Example: `  rempart linkage serve --as linkers --listen 127.0.0.1:8443
  rempart linkage serve --as linkers --listen :8443 --domain registry`,
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			w, err := a.open()
			if err != nil {
				return err
			}
			if o.Every < time.Second || o.Limits.Keyed <= 0 || o.Limits.Oblivious <= 0 {
				return usage("--state-every is a second at least, and limits are above 0")
			}
			var listening net.ListenConfig
			if o.Listener, err = listening.Listen(c.Context(), "tcp", listen); err != nil {
				return err
			}
			o.Log = slog.New(slog.NewTextHandler(a.err, nil))
			a.say("Listening on %s%s", o.Listener.Addr(), plainly(o.Plain))
			return w.Serve(c.Context(), o)
		},
	}
	asFlag(c, &o.Authority, "the linkage authority")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8443", "the `address` to answer at")
	plainFlag(c, &o.Plain)
	c.Flags().StringSliceVar(&o.Domains, "domain", []string{"linkage"}, "a `domain` in which pseudonyms are given; may be repeated")
	c.Flags().Float64Var(&o.Limits.Keyed, "keyed-rate", o.Limits.Keyed, "how many pseudonyms a second a party may ask for")
	c.Flags().Float64Var(&o.Limits.Oblivious, "oblivious-rate", o.Limits.Oblivious, "how many evaluations a second a party may ask for")
	c.Flags().DurationVar(&o.Every, "state-every", time.Hour, "how often the ledger gets a summary")
	return c
}
