package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/assess"
	"rempart.eu/rempart/host/requirements"
)

// assessFlags say what to assess and by which papers.
type assessFlags struct {
	directory    string
	s3           host.S3Config
	machine      bool
	machineDir   string
	attestation  string
	vcek         string
	declarations string
	documents    []string
	controls     []string
	expires      []string
	out          string
}

func (a *app) hostAssessCommand() *cobra.Command {
	var f assessFlags
	c := &cobra.Command{
		Use:   "assess [NAME]",
		Short: "Measure whether a host can carry the warehouse",
		Long: `Holds a host against the catalogue of requirements (rempart host requirements).
What can be measured is measured: hundreds of calls write, read, list and delete
objects of random bytes beside whatever lies there, and remove them again. What
cannot comes from documents, which are recorded with their digest and expiry, and
from what the host declares of itself.

NAME is a host of the register (rempart host list); its qualifications and law
count as declared. A candidate that is in no register is reached with --directory
or --s3, and NAME is what to call it. With --machine, this machine is assessed as
one of the host's.

With --out the result is kept as OSCAL assessment results and as a page; rempart
host compare puts several side by side.`,
		Example: `  rempart host assess paris
  rempart host assess candidate-a --s3 https://s3.example.eu --bucket trial \
    --credentials-file trial.toml --declarations candidate-a.yaml \
    --document hds.pdf --for cert-hds --expires 2027-03-01 --out assessments
  rempart host assess our-cluster --directory /mnt/share --machine`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.assess(c.Context(), f, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.directory, "directory", "", "assess a `directory`")
	flags.StringVar(&f.s3.Endpoint, "s3", "", "assess an S3 `endpoint`, https://HOST[:PORT]")
	flags.StringVar(&f.s3.Bucket, "bucket", "", "the bucket, which exists already")
	flags.StringVar(&f.s3.Region, "region", "", "the bucket's region")
	flags.StringVar(&f.s3.CredentialsFile, "credentials-file", "", "the `file` with access_key_id and secret_access_key (TOML)")
	flags.StringVar(&f.s3.CAFile, "ca-file", "", "the authorities to trust (PEM `file`), in place of the system's")
	flags.BoolVar(&f.machine, "machine", false, "this machine is one of the host's: assess it too")
	flags.StringVar(&f.machineDir, "machine-dir", "", "where to measure the disk's speed (default a temporary folder)")
	flags.StringVar(&f.attestation, "attestation", "", "an SEV-SNP report or TDX quote of the machine (binary `file`)")
	flags.StringVar(&f.vcek, "vcek", "", "the VCEK certificate of an SEV-SNP report (DER `file`)")
	flags.StringVar(&f.declarations, "declarations", "", "what the host says of itself (YAML `file`)")
	flags.StringArrayVar(&f.documents, "document", nil, "a `file` that proves what --for says, until --expires; may be repeated with both")
	flags.StringArrayVar(&f.controls, "for", nil, "the requirement that the document proves")
	flags.StringArrayVar(&f.expires, "expires", nil, "the `date` until which it does, YYYY-MM-DD")
	flags.StringVar(&f.out, "out", "", "the `folder` for NAME.json and NAME.html")
	return c
}

func (a *app) assess(ctx context.Context, f assessFlags, args []string) error {
	name := ""
	if len(args) == 1 {
		name = args[0]
	}
	o := assess.Options{Host: name, Now: a.now}
	store, err := a.candidate(ctx, f, &o)
	if err != nil {
		return err
	}
	if err := f.papers(&o); err != nil {
		return err
	}
	if f.machine || f.attestation != "" {
		if o.Machine, err = f.theMachine(); err != nil {
			return err
		}
	}
	progress, done := a.bar("assessing")
	if progress != nil {
		o.Progress = func(probe string, n, total int) { progress(probe, int64(n), int64(total)) }
	}
	results, err := assess.Run(ctx, store, o)
	done()
	if err != nil {
		return err
	}
	catalogue, err := requirements.Load()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := a.keepAssessment(f.out, catalogue, results); err != nil {
			return err
		}
	}
	return a.show(results, func() error { return a.printAssessment(catalogue, results) })
}

// candidate opens what is to be assessed. It is nil where only papers and the
// machine are.
func (a *app) candidate(ctx context.Context, f assessFlags, o *assess.Options) (store host.Store, err error) {
	switch {
	case f.directory != "" && f.s3.Endpoint != "":
		return nil, usage("--directory or --s3, not both")
	case f.directory != "":
		if info, err := os.Stat(f.directory); err != nil || !info.IsDir() {
			return nil, usage("--directory %s: there is no such directory", f.directory)
		}
		if o.Host == "" {
			o.Host = filepath.Base(f.directory)
		}
		return host.Dir(f.directory), nil
	case f.s3.Endpoint != "":
		if o.Host == "" {
			o.Host = strings.TrimPrefix(strings.TrimPrefix(f.s3.Endpoint, "https://"), "http://")
		}
		if o.S3, err = assess.OpenS3(f.s3); err != nil {
			return nil, err
		}
		return host.OpenS3(f.s3)
	case o.Host == "":
		return nil, usage("which host? Give a NAME of the register, --directory or --s3")
	case a.home == "" && (f.machine || f.attestation != "" || f.declarations != "" || len(f.documents) > 0):
		return nil, nil
	}
	return a.registeredCandidate(ctx, o)
}

// registeredCandidate opens a host of the register, and takes what the register says of
// it as declared.
func (a *app) registeredCandidate(ctx context.Context, o *assess.Options) (host.Store, error) {
	w, state, err := a.state(ctx)
	if err != nil {
		return nil, err
	}
	store, err := w.Store(o.Host)
	if err != nil {
		return nil, err
	}
	if at, ok := w.HostConfig(o.Host); ok && at.Kind == "s3" {
		o.S3, err = assess.OpenS3(host.S3Config{
			Endpoint: at.Endpoint, Bucket: at.Bucket, Region: at.Region,
			CredentialsFile: inHome(w.Dir, at.CredentialsFile), CAFile: inHome(w.Dir, at.CAFile),
		})
		if err != nil {
			return nil, err
		}
	}
	if described, err := state.HostByName(o.Host); err == nil {
		o.Declarations = append(o.Declarations, registerSays(described)...)
	}
	return store, nil
}

// inHome is a path of the configuration, which is relative to the home.
func inHome(home, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(home, path)
}

// certificates are the requirements that qualifications of the register declare.
var certificates = map[string]string{"secnumcloud": "cert-secnumcloud", "hds": "cert-hds", "iso27001": "cert-iso27001"}

func registerSays(h *governance.Host) (all []assess.Declaration) {
	say := func(control string, holds bool, format string, args ...any) {
		all = append(all, assess.Declaration{Control: control, Holds: holds, Says: fmt.Sprintf(format, args...), By: "the register", Time: h.Time})
	}
	for _, q := range h.Qualifications {
		if control, ok := certificates[strings.ToLower(q.Scheme)]; ok {
			say(control, true, "%s %s until %s, says the register", q.Scheme, q.Version, q.Until)
		}
	}
	say("law-reach", !h.Foreign(), "reached by the law of %s, says the register", strings.Join(h.Reach(), ", "))
	return all
}

// papers reads declarations and documents.
func (f assessFlags) papers(o *assess.Options) (err error) {
	if len(f.documents) != len(f.controls) || len(f.documents) != len(f.expires) {
		return usage("each --document needs its --for and its --expires")
	}
	for i, path := range f.documents {
		expires, err := time.Parse(time.DateOnly, f.expires[i])
		if err != nil {
			return usage("--expires %s: want YYYY-MM-DD", f.expires[i])
		}
		document, err := assess.ReadDocument(path, f.controls[i], expires)
		if err != nil {
			return err
		}
		o.Documents = append(o.Documents, document)
	}
	if f.declarations == "" {
		return nil
	}
	file, err := os.Open(f.declarations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	said, err := assess.ReadDeclarations(file)
	o.Declarations = append(o.Declarations, said...)
	return err
}

func (f assessFlags) theMachine() (m *assess.Machine, err error) {
	m = &assess.Machine{Dir: f.machineDir}
	if f.attestation == "" {
		return m, nil
	}
	var report assess.Attestation
	if report.Report, err = os.ReadFile(f.attestation); err != nil {
		return nil, err
	}
	if f.vcek != "" {
		if report.VCEK, err = os.ReadFile(f.vcek); err != nil {
			return nil, err
		}
	}
	m.Attestation = append(m.Attestation, report)
	return m, nil
}

var unnamed = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// keepAssessment writes NAME.json and NAME.html.
func (a *app) keepAssessment(dir string, catalogue *requirements.Catalogue, r *assess.Results) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // to be read by everybody
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	base := filepath.Join(dir, strings.Trim(unnamed.ReplaceAllString(r.Host, "-"), ".-"))
	if err := os.WriteFile(base+".json", append(text, '\n'), 0o644); err != nil { //nolint:gosec // likewise
		return err
	}
	return writePage(base+".html", catalogue, r)
}

func writePage(path string, catalogue *requirements.Catalogue, all ...*assess.Results) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return assess.Page(f, catalogue, all...)
}

func (a *app) printAssessment(catalogue *requirements.Catalogue, r *assess.Results) error {
	areas, all := r.Scores()
	var rows [][]string
	for _, s := range append(areas, all) {
		if s.Weight == 0 {
			continue
		}
		row := []string{s.Title}
		for _, status := range []assess.Status{assess.Proven, assess.Declared, assess.Missing, assess.Failed} {
			row = append(row, fmt.Sprintf("%.0f %%", s.Share(status)))
		}
		rows = append(rows, row)
	}
	if err := a.table([]string{r.Host, "proven", "declared", "missing", "failed"}, rows); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if f.Status != assess.Failed {
			continue
		}
		control, _ := catalogue.Control(f.Control)
		a.say("%s %s: %s", paint(a.out, red, assess.Failed.Mark()), control.Title, f.Reason)
	}
	if len(r.Left) > 0 {
		a.say("%d objects of the probes could not be deleted: rempart lake repair removes them from a host of the register.", len(r.Left))
	}
	a.say("%s calls to its storage, %.0f s. Shares are of the requirements' weight.", count(r.Calls), r.End.Sub(r.Start).Seconds())
	return nil
}
