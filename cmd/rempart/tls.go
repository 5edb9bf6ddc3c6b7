package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/internal/mutual"
	"rempart.eu/rempart/warehouse"
)

func (a *app) tlsCommand() *cobra.Command {
	return group("tls", "Certificates by which programs are known", a.tlsIssueCommand(), a.tlsRenewCommand(), a.tlsListCommand(), a.tlsRootCommand())
}

// forPrograms is how long a certificate for another program lasts.
const forPrograms = 30 * 24 * time.Hour

func (a *app) tlsIssueCommand() *cobra.Command {
	var dir string
	var lasts time.Duration
	c := &cobra.Command{
		Use: "issue PARTY", Short: "Make a certificate of a party for another program", Args: exactly(1),
		Long: `Rempart's own processes make their certificates by themselves, a new one every twelve
hours. This is for other programs that ask in a party's name, at the door that rempart
serve --programs opens: certificate.pem and key.pem, vouched for by the party's key in the
ledger. It is of no use without a token, and ends when the party leaves.`,
		Example: "  rempart tls issue alice\n  rempart tls issue alice --for 24h --out /etc/nightly/tls",
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if lasts <= 0 || lasts > mutual.Longest {
				return usage("--for is %s at most", mutual.Longest)
			}
			made, err := w.IssueCertificate(c.Context(), args[0], dir, lasts)
			if err != nil {
				return err
			}
			return a.show(made, func() error {
				a.say("%s and %s are in %s, good until %s.", mutual.CertificateFile, mutual.KeyFile, made.Dir, moment(made.Ends))
				return nil
			})
		},
	}
	c.Flags().StringVar(&dir, "out", "", "a `directory` (default tls, beside the party's keys)")
	c.Flags().DurationVar(&lasts, "for", forPrograms, "how long it is good")
	return c
}

func (a *app) tlsRenewCommand() *cobra.Command {
	return &cobra.Command{
		Use: "renew", Short: "Make certificates anew that end soon", Args: exactly(0),
		Long: `Looks at the certificates beside the parties' keys and makes those anew of whose time a
third or less is left, with a new key, in the same files. For a timer, daily. What cannot
be renewed, since the party has left, is an error.`,
		Example: "  rempart tls renew    # daily, by a timer",
		RunE: func(c *cobra.Command, _ []string) error {
			w, all, err := a.certificates(c.Context())
			if err != nil {
				return err
			}
			var faults error
			for _, one := range all {
				if !one.Soon {
					continue
				}
				made, err := w.IssueCertificate(c.Context(), one.Party, one.Dir, forPrograms)
				if err != nil {
					faults = errors.Join(faults, fmt.Errorf("%s: %w", one.Dir, err))
					continue
				}
				a.say("%s: good until %s.", made.Dir, moment(made.Ends))
			}
			return faults
		},
	}
}

// certificates are those that lie beside the parties' keys.
func (a *app) certificates(ctx context.Context) (w *warehouse.Warehouse, all []warehouse.Certificate, err error) {
	if w, err = a.open(); err != nil {
		return nil, nil, err
	}
	all, err = w.Certificates(ctx)
	return w, all, err
}

func (a *app) tlsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Certificates beside the parties' keys, and until when they are good", Args: exactly(0),
		Example: "  rempart tls list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, all, err := a.certificates(c.Context())
			if err != nil {
				return err
			}
			if all == nil {
				all = []warehouse.Certificate{}
			}
			return a.show(all, func() error {
				var rows [][]string
				for _, one := range all {
					says := "good"
					switch {
					case one.Fault != "":
						says = one.Fault
					case one.Soon:
						says = "ends soon: rempart tls renew"
					}
					ends := ""
					if !one.Ends.IsZero() {
						ends = moment(one.Ends)
					}
					rows = append(rows, []string{one.Party, ends, says})
				}
				return a.table([]string{"party", "until", ""}, rows)
			})
		},
	}
}

func (a *app) tlsRootCommand() *cobra.Command {
	return &cobra.Command{
		Use: "root", Short: "Print the certificate by which other programs know this warehouse", Args: exactly(0),
		Long: `Prints in PEM what vouches for the warehouse's own certificates, which the door for programs
shows (rempart serve --programs): its key is that of the ledger's checkpoints. For curl
--cacert and its like.`,
		Example: "  rempart tls root > warehouse.pem",
		RunE: func(_ *cobra.Command, _ []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			issuer, err := w.Issuer("")
			if err != nil {
				return err
			}
			root, err := issuer.Root(10 * 365 * 24 * time.Hour)
			if err != nil {
				return err
			}
			return pem.Encode(a.out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
		},
	}
}

// plainFlag adds --plain.
func plainFlag(c *cobra.Command, plain *bool) {
	c.Flags().BoolVar(plain, "plain", false, "speak plain HTTP, to a proxy on this machine")
}

// plainly says that a door has no TLS.
func plainly(plain bool) string {
	if plain {
		return ", in plain HTTP: for this machine alone"
	}
	return ""
}
