package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// hostFlags are what can be said of a host.
type hostFlags struct {
	at             warehouse.HostConfig
	who            ledger.HostRegistered
	url            string
	laws           string
	qualifications []string
}

func (f *hostFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.at.Kind, "kind", "", "directory or s3")
	c.Flags().StringVar(&f.at.Path, "path", "", "of a directory: the `folder`")
	c.Flags().StringVar(&f.url, "url", "", "of an S3 store: its `endpoint`, https://HOST[:PORT]")
	c.Flags().StringVar(&f.at.Bucket, "bucket", "", "of an S3 store: the bucket, which exists already")
	c.Flags().StringVar(&f.at.Region, "region", "", "of an S3 store: its region")
	c.Flags().StringVar(&f.at.CredentialsFile, "credentials-file", "", "of an S3 store: the `file` with access_key_id and secret_access_key (TOML)")
	c.Flags().StringVar(&f.at.CAFile, "ca-file", "", "of an S3 store: the authorities to trust (PEM `file`), in place of the system's")
	c.Flags().StringVar(&f.who.Jurisdiction, "jurisdiction", "", "the `country` of its seat: two letters, such as FR")
	c.Flags().StringVar(&f.who.Operator, "operator", "", "who runs it")
	c.Flags().StringVar(&f.who.Owner, "owner", "", "who owns the operator")
	c.Flags().StringVar(&f.laws, "laws", "", `other laws that reach it, such as "EU: GDPR; US: CLOUD Act"`)
	c.Flags().StringArrayVar(&f.qualifications, "qualification", nil, "a certificate, `SCHEME:VERSION:UNTIL`, such as secnumcloud:3.2:2026-01-31; may be repeated")
	c.Flags().StringVar(&f.who.Contact, "contact", "", "whom to write to")
}

// absolute makes the paths that were given absolute: those of the configuration
// are relative to the home.
func (f *hostFlags) absolute() (err error) {
	for _, path := range []*string{&f.at.Path, &f.at.CredentialsFile, &f.at.CAFile} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete fills in what the flags say of the host of a name.
func (f *hostFlags) complete(name string) error {
	f.at.Name, f.at.Endpoint = name, f.url
	f.who.Host, f.who.HostKind, f.who.URL, f.who.Bucket = name, f.at.Kind, f.at.Address(), f.at.Bucket
	for text := range strings.SplitSeq(f.laws, ";") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		country, law, ok := strings.Cut(text, ":")
		if !ok {
			return usage(`--laws is written as "EU: GDPR; US: CLOUD Act", not %q`, text)
		}
		f.who.Laws = append(f.who.Laws, ledger.Law{Country: strings.TrimSpace(country), Law: strings.TrimSpace(law)})
	}
	for _, text := range f.qualifications {
		parts := strings.Split(text, ":")
		if len(parts) != 3 {
			return usage("--qualification is written as secnumcloud:3.2:2026-01-31, not %q", text)
		}
		f.who.Qualifications = append(f.who.Qualifications, ledger.Qualification{Scheme: parts[0], Version: parts[1], Until: parts[2]})
	}
	return nil
}

func (a *app) hostAddCommand() *cobra.Command {
	var f hostFlags
	c := &cobra.Command{
		Use:   "add NAME --kind KIND (--path DIR | --url URL --bucket NAME --credentials-file FILE) --jurisdiction FR",
		Short: "Describe a host: where it is, who runs it, which law reaches it",
		Long: `Adds a host to the register in the ledger, and to the configuration how it is
reached. Nothing is sent to it. A host that the law of a country outside the
European Economic Area reaches is refused new data, unless a data protection
officer derogates.`,
		Example: `  rempart host add regional --kind s3 --url https://s3.regional.example --bucket health \
    --credentials-file /run/secrets/regional.toml --jurisdiction FR --operator "Regional Cloud SAS" \
    --laws "EU: GDPR" --qualification secnumcloud:3.2:2027-01-31
  rempart host add archive --kind directory --path /mnt/archive --jurisdiction DE`,
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(f.absolute(), f.complete(args[0])); err != nil {
				return err
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if _, known := state.Hosts.Get(args[0]); known {
				return &governance.Refusal{Reason: fmt.Sprintf("host %s is in the register already", args[0]), Remedy: "Describe it anew: rempart host update " + args[0]}
			}
			return a.register(c, w, &f)
		},
	}
	f.add(c)
	return c
}

func (a *app) register(c *cobra.Command, w *warehouse.Warehouse, f *hostFlags) error {
	e, err := w.RegisterHost(c.Context(), f.at, f.who)
	if err != nil {
		return err
	}
	return a.show(e.Statement, func() error {
		a.say("Host %s is described (statement %d).", f.who.Host, e.Index)
		return nil
	})
}

func (a *app) hostUpdateCommand() *cobra.Command {
	var f hostFlags
	c := &cobra.Command{
		Use:   "update NAME",
		Short: "Describe a host anew: what is not given stays as it was",
		Long: `Records a new description of a host; the ones before stay in the ledger. What is
not given stays as it was. The laws, and the qualifications, are given all together.`,
		Example: `  rempart host update regional --owner "Example Inc., since May" --laws "EU: GDPR; US: CLOUD Act"`,
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			old, err := state.HostByName(args[0])
			if err != nil {
				return err
			}
			if err := f.absolute(); err != nil {
				return err
			}
			anew := f.over(old.HostRegistered, w, c.Flags().Changed)
			if err := anew.complete(args[0]); err != nil {
				return err
			}
			return a.register(c, w, anew)
		},
	}
	f.add(c)
	return c
}

// over is an older description with what the flags change of it.
func (f *hostFlags) over(old ledger.HostRegistered, w *warehouse.Warehouse, changed func(flag string) bool) *hostFlags {
	anew := &hostFlags{who: old, laws: f.laws, qualifications: f.qualifications}
	anew.at, _ = w.HostConfig(old.Host)
	anew.url = anew.at.Endpoint
	for flag, text := range map[string]struct{ old, new *string }{
		"kind": {&anew.at.Kind, &f.at.Kind}, "path": {&anew.at.Path, &f.at.Path}, "url": {&anew.url, &f.url},
		"bucket": {&anew.at.Bucket, &f.at.Bucket}, "region": {&anew.at.Region, &f.at.Region},
		"credentials-file": {&anew.at.CredentialsFile, &f.at.CredentialsFile}, "ca-file": {&anew.at.CAFile, &f.at.CAFile},
		"jurisdiction": {&anew.who.Jurisdiction, &f.who.Jurisdiction}, "operator": {&anew.who.Operator, &f.who.Operator},
		"owner": {&anew.who.Owner, &f.who.Owner}, "contact": {&anew.who.Contact, &f.who.Contact},
	} {
		if changed(flag) {
			*text.old = *text.new
		}
	}
	if changed("laws") {
		anew.who.Laws = nil
	}
	if changed("qualification") {
		anew.who.Qualifications = nil
	}
	return anew
}

func (a *app) hostDerogateCommand() *cobra.Command {
	var b ledger.DerogationGranted
	var as, until string
	c := &cobra.Command{
		Use:   "derogate NAME --until DATE --reason TEXT",
		Short: "Let the warehouse stay for a time with a host that foreign law reaches",
		Long: `A data protection officer's decision, with its conditions and its end. 180, 90
and 30 days before the end it is warned; from that day on nothing new is put
with the host. A later derogation for the same host replaces this one.`,
		Example: `  rempart host derogate global --until 2029-11-23 --condition "a European host is sought" --reason "no European host offers what is needed"`,
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			end, err := time.Parse(time.DateOnly, until)
			if err != nil {
				return usage("--until is a day: YYYY-MM-DD")
			}
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			actor, err := a.actor(state, as, governance.Officer)
			if err != nil {
				return err
			}
			b.Host, b.Until = args[0], end
			e, err := w.Commit(c.Context(), actor, b)
			if err != nil {
				return err
			}
			return a.show(e.Statement, func() error {
				a.say("The warehouse may stay with host %s until %s (statement %d).", b.Host, until, e.Index)
				return nil
			})
		},
	}
	asFlag(c, &as, "a data protection officer")
	c.Flags().StringVar(&until, "until", "", "the `day` on which it ends: from 00:00 UTC on, the host can be read only")
	c.Flags().StringArrayVar(&b.Conditions, "condition", nil, "what is asked for; may be repeated")
	c.Flags().StringVar(&b.Reason, "reason", "", "why")
	return c
}
