package project

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/wheel"
	"rempart.eu/rempart/warehouse"
)

// ScanWheel looks at a Python package that a project wants to bring, beside the environment of the
// warehouse's studies and the packages that the project has. It asks no policy and records nothing.
func ScanWheel(ctx context.Context, w *warehouse.Warehouse, name, file string, data []byte, native bool) (report *wheel.Report, err error) {
	err = withProject(ctx, w, name, func(s *space, p *governance.Project, key *keyring.Key) error {
		report, err = s.scan(ctx, p, key, file, data, native)
		return err
	})
	return report, err
}

// RequestWheel asks that a project's studies may import a package: scanned once more, sealed under the project's
// key, and said in the ledger with what the scan found. What the scan refuses, nobody can ask for. Whoever may
// decide on it is somebody else (see governance).
func RequestWheel(ctx context.Context, w *warehouse.Warehouse, as, name, file string, data []byte, native bool, reason string) (e ledger.Entry, request string, report *wheel.Report, err error) {
	err = withProject(ctx, w, name, func(s *space, p *governance.Project, key *keyring.Key) error {
		asked := ledger.WheelRequested{Request: warehouse.NewID("w"), Project: p.Name, Name: file, SHA256: ledger.Sum(data), Reason: reason}
		if err := s.state.AuthoriseKey(as, w.Now(), &asked); err != nil {
			return err
		}
		if report, err = s.scan(ctx, p, key, file, data, native); err != nil {
			return err
		}
		if !report.OK() {
			return &governance.Refusal{Reason: "the package " + report.File + ": " + strings.Join(report.Refused, "; "), Remedy: "See all that was found: rempart environment wheel scan"}
		}
		asked.Modules, asked.Native, asked.Found = report.Modules, report.Native, found(report)
		if asked.Object, err = s.vault.Put(ctx, lake.Tar, key, func(w io.Writer) error {
			archive := tar.NewWriter(w)
			return errors.Join(addTo(archive, file, data), archive.Close())
		}); err != nil {
			return fmt.Errorf("seal the package: %w", err)
		}
		request = asked.Request
		e, err = w.CommitOr(ctx, as, asked, func() error {
			return s.deleteAll(context.WithoutCancel(ctx), []ledger.Object{asked.Object})
		})
		return err
	})
	return e, request, report, err
}

// Approval is the statement that grants a request for a package, as it was asked for.
func Approval(asked *governance.Brought, reason string) ledger.WheelApproved {
	return ledger.WheelApproved{Project: asked.Project, Name: asked.Name, SHA256: asked.SHA256, Object: asked.Object, Found: asked.Found, Reason: reason, Request: asked.Request}
}

// DecideWheel lets the package of a request in, or refuses it.
func DecideWheel(ctx context.Context, w *warehouse.Warehouse, as, project, request string, approve bool, reason string) (e ledger.Entry, asked *governance.Brought, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, nil, err
	}
	p, err := state.Project(project)
	if err != nil {
		return e, nil, err
	}
	if asked, err = p.Package(request); err != nil {
		return e, nil, err
	}
	var body ledger.Body = ledger.WheelRefused{Project: p.Name, Request: request, Reason: reason}
	if approve {
		body = Approval(asked, reason)
	}
	e, err = w.Commit(ctx, as, body)
	return e, asked, err
}

// WithdrawWheel takes a package, named by its file, from a project's studies.
func WithdrawWheel(ctx context.Context, w *warehouse.Warehouse, as, project, file, reason string) (e ledger.Entry, err error) {
	state, err := w.State(ctx)
	if err != nil {
		return e, err
	}
	p, err := state.Project(project)
	if err != nil {
		return e, err
	}
	at := slices.IndexFunc(p.Wheels, func(w ledger.WheelApproved) bool { return w.Name == file })
	if at < 0 {
		return e, &governance.Refusal{Reason: fmt.Sprintf("project %s has no package %s", project, file), Remedy: "See which it has: rempart environment wheel list " + project}
	}
	return w.Commit(ctx, as, ledger.WheelWithdrawn{Project: project, Name: file, SHA256: p.Wheels[at].SHA256, Reason: reason})
}

// withdrawn refuses a study that imports what was withdrawn from its project, and nothing else brings.
func withdrawn(p *governance.Project, study Study) error {
	if study.language != run.Python {
		return nil
	}
	there := study.Environment.TopLevel()
	for _, b := range p.Brings {
		if b.Approved && b.Withdrawn == nil {
			there = append(there, b.Modules...)
		}
	}
	sources := [][]byte{study.Code}
	if study.step != nil {
		for _, f := range study.step.Files {
			sources = append(sources, f.Content)
		}
	}
	for _, b := range p.Brings {
		if b.Withdrawn == nil {
			continue
		}
		for _, module := range b.Modules {
			if slices.Contains(there, module) {
				continue
			}
			imports := regexp.MustCompile(`(?m)^\s*(?:import|from)\s+(?:[\w.]+\s*,\s*)*` + regexp.QuoteMeta(module) + `\b`)
			if slices.ContainsFunc(sources, imports.Match) {
				return gone(b, "the study imports "+module+", of")
			}
		}
	}
	return nil
}

// gone says that a package was withdrawn.
func gone(b *governance.Brought, what string) error {
	return &governance.Refusal{
		Reason: fmt.Sprintf("%s the package %s, which %s withdrew on %s: %s", what, b.Name, b.Withdrawn.Actor, b.Withdrawn.Time.Format(time.DateOnly), b.WhyNot),
		Remedy: "Leave it out, or ask for another: rempart environment wheel request",
	}
}

// goneSince refuses a run that had a package which was withdrawn after a statement.
func goneSince(p *governance.Project, index uint64) error {
	for _, b := range p.Brings {
		if b.Withdrawn != nil && b.Withdrawn.Index > index && b.Decision.Index < index {
			return gone(b, "its environment had")
		}
	}
	return nil
}

// found are the words of a report that the ledger keeps.
func found(r *wheel.Report) []string {
	list := []string{"modules: " + strings.Join(r.Modules, ", "), "licence: " + orNone(r.Licence), fmt.Sprintf("%d files, %d bytes", r.Files, r.Unpacked)}
	if len(r.Needs) > 0 {
		list = append(list, "needs: "+strings.Join(r.Needs, ", "))
	}
	return append(list, r.Notes...)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// withProject opens a project that has its data, and its key.
func withProject(ctx context.Context, w *warehouse.Warehouse, name string, do func(*space, *governance.Project, *keyring.Key) error) (err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	p, err := s.state.Project(name)
	if err != nil {
		return err
	}
	if p.Extraction == nil {
		return &governance.Refusal{Reason: "project " + name + " has no data yet, and no key to seal a package with", Remedy: "Give it its data: rempart project extract " + name}
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return err
	}
	defer key.Wipe()
	return do(s, p, key)
}

// scan looks at a package beside what the project has already.
func (s *space) scan(ctx context.Context, p *governance.Project, key *keyring.Key, file string, data []byte, native bool) (*wheel.Report, error) {
	var taken []string
	if python := s.w.Config.Run.Python; python != "" {
		environment, err := run.FindEnvironment(python)
		if err != nil {
			return nil, err
		}
		taken = environment.TopLevel()
	}
	for _, other := range p.Wheels {
		if other.Name == file {
			return nil, &governance.Refusal{Reason: fmt.Sprintf("project %s has a package of the name %s already", p.Name, file)}
		}
		content, err := s.wheel(ctx, other, key)
		if err != nil {
			return nil, err
		}
		taken = append(taken, wheel.Scan(other.Name, content, wheel.Options{Native: true}).Modules...)
	}
	return wheel.Scan(file, data, wheel.Options{Taken: taken, Native: native}), nil
}

// wheel opens a package that was let in.
func (s *space) wheel(ctx context.Context, w ledger.WheelApproved, key *keyring.Key) ([]byte, error) {
	files, err := s.files(ctx, w.Object, key, "", "")
	if err != nil {
		return nil, fmt.Errorf("open the package %s: %w", w.Name, err)
	}
	if len(files) != 1 || ledger.Sum(files[0].Content) != w.SHA256 {
		return nil, fmt.Errorf("the package %s is not what was let in", w.Name)
	}
	return files[0].Content, nil
}

// wheels opens a project's packages for a run. The environment of the run may be another than
// that of the scan: a package that would take the place of one of its modules stops the run.
func (s *space) wheels(ctx context.Context, p *governance.Project, key *keyring.Key, environment run.Environment) (files []run.File, err error) {
	if len(p.Wheels) == 0 {
		return nil, nil
	}
	taken := environment.TopLevel()
	for _, w := range p.Wheels {
		content, err := s.wheel(ctx, w, key)
		if err != nil {
			return nil, err
		}
		if r := wheel.Scan(w.Name, content, wheel.Options{Taken: taken, Native: true}); !r.OK() {
			return nil, &governance.Refusal{Reason: fmt.Sprintf("the project's package %s does not go with this environment: %s", w.Name, r.Refused[0]), Remedy: "Run the study in another environment: --python"}
		}
		files = append(files, run.File{Name: w.Name, Content: content})
	}
	return files, nil
}

// withWheels is the digest of an environment with a project's packages.
func withWheels(environment ledger.Digest, wheels []ledger.WheelApproved) ledger.Digest {
	if len(wheels) == 0 {
		return environment
	}
	text := string(environment)
	for _, w := range wheels {
		text += "\n" + string(w.SHA256)
	}
	return ledger.Sum([]byte(text))
}
