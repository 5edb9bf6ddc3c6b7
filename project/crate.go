package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// The files of a crate.
const (
	crateMetadata = "ro-crate-metadata.json"
	crateStudy    = "study.json"
)

const (
	crateVersion = "https://w3id.org/ro/crate/1.2"
	fiveSafes    = "https://w3id.org/5s-crate/0.4"
)

// languages are where what runs a study is described. RO-Crate 1.2 wants it named, with its version.
var languages = map[run.Language]string{
	run.SQL:    "https://duckdb.org",
	run.Python: "https://www.python.org",
	run.R:      "https://www.r-project.org",
	run.Shell:  "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html",
	"dataset":  "https://rempart.eu",
}

// entity is one of a crate's graph.
type entity map[string]any

func ref(id string) entity { return entity{"@id": id} }

// Crate writes a run's record as a Five Safes RO-Crate 0.4 into a new folder: who ran
// which code for which project, over which release, in which environment, who agreed,
// what came out by digest, and what was decided. It holds the study's code and no
// data: outputs are named by their digests. [Rerun] takes it.
func Crate(ctx context.Context, w *warehouse.Warehouse, as, id, dir string) (err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	r, p, err := s.ranFor(as, id)
	if err != nil {
		return err
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return err
	}
	defer key.Wipe()
	all, err := s.files(ctx, *r.Finished.Bundle, key, "", "")
	if err != nil {
		return err
	}
	var document, code []run.File
	for _, f := range all {
		if f.Name == crateStudy {
			document = append(document, f)
		}
		if strings.HasPrefix(f.Name, codePart) {
			code = append(code, f)
		}
	}
	if len(document) == 0 {
		return &governance.Refusal{Reason: "run " + id + " was made before runs kept what is needed to make them again", Remedy: "Run the study again"}
	}
	text, err := json.MarshalIndent(entity{"@context": crateVersion + "/context", "@graph": s.graph(r, p, code)}, "", "  ")
	if err != nil {
		return err
	}
	if err := empty(dir); err != nil {
		return err
	}
	return unpack(slices.Concat(code, document, []run.File{{Name: crateMetadata, Content: append(text, '\n')}}), dir)
}

// ranFor finds a run that has ended well, for a researcher of its project.
func (s *space) ranFor(as, id string) (*governance.Run, *governance.Project, error) {
	r, err := s.state.Run(id)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.projectOf(as, r)
	if err != nil {
		return nil, nil, err
	}
	if r.Finished == nil || r.Finished.Outcome != "done" || r.Finished.Bundle == nil {
		return nil, nil, &governance.Refusal{Reason: "run " + id + " is not done, so that there is nothing to tell of it", Remedy: "See how far it is: rempart runs show " + id}
	}
	if r.Finished.Same != "" {
		return s.ranFor(as, r.Finished.Same)
	}
	return r, p, nil
}

// projectOf is the project of a run, for a researcher of it.
func (s *space) projectOf(as string, r *governance.Run) (*governance.Project, error) {
	p, err := s.state.Project(r.Project)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(p.Spec.Researchers, as) {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("%s is no researcher of project %s, whose run it is", as, r.Project)}
	}
	return p, nil
}

// graph is the run's record in the words of schema.org, as the profile asks for.
func (s *space) graph(r *governance.Run, p *governance.Project, code []run.File) []entity {
	moment := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	const completed = "http://schema.org/CompletedActionStatus"
	project, person, action := "#project-"+p.Name, "#person-"+r.Actor, "#run-"+r.Run
	controller, main := "#organization-"+s.state.ControllerName(), codePart+r.Name
	parts, mentions, objects, results := []entity{ref(crateStudy)}, []entity{ref(action)}, []entity{}, []entity{}
	var graph []entity
	add := func(e entity) { graph = append(graph, e) }

	for _, f := range code {
		e := entity{"@id": f.Name, "@type": "File", "name": path.Base(f.Name), "contentSize": fmt.Sprint(len(f.Content)), "sha256": string(ledger.Sum(f.Content)), "encodingFormat": encoding(f.Name)}
		if path.Base(f.Name) == r.Name {
			main = f.Name
			e["@type"], e["programmingLanguage"] = []string{"File", "SoftwareSourceCode", "ComputationalWorkflow"}, ref("#language-"+r.Language)
		}
		parts = append(parts, ref(f.Name))
		add(e)
	}
	add(entity{"@id": crateStudy, "@type": "File", "name": "Parameters, limits and files of the run", "encodingFormat": "application/json"})
	version := "as built into Rempart on " + r.Time.UTC().Format(time.DateOnly)
	if r.Environment != "" {
		version = "of environment " + string(r.Environment)
	}
	add(entity{"@id": "#language-" + r.Language, "@type": "ComputerLanguage", "name": r.Language, "url": languages[run.Language(r.Language)], "version": version})

	x := s.extractionOf(r, p)
	tables := map[string]ledger.Object{}
	for i, t := range x.Tables {
		tables[t.Table] = x.Objects[i]
	}
	for _, t := range slices.Sorted(maps.Keys(r.Finished.Read)) {
		id := "#table-" + t
		objects = append(objects, ref(id))
		add(entity{"@id": id, "@type": "DigitalDocument", "name": t + " of release " + x.Release, "identifier": x.Release, "sha256": string(tables[t].SHA256), "hasDigitalDocumentPermission": ref("#permission")})
	}
	add(entity{"@id": "#permission", "@type": "DigitalDocumentPermission", "permissionType": "http://schema.org/ReadPermission", "grantee": ref(project)})
	if r.Environment != "" {
		objects = append(objects, ref("#environment"))
		add(entity{"@id": "#environment", "@type": "PropertyValue", "name": "environment", "value": string(r.Environment)})
	}
	for _, need := range r.Needs {
		objects = append(objects, ref("#needs-"+need))
		add(entity{"@id": "#needs-" + need, "@type": "PropertyValue", "name": "needs", "value": need})
	}
	for _, o := range r.Finished.Outputs {
		id := "#output-" + o.Output
		results = append(results, ref(id))
		add(entity{"@id": id, "@type": "DigitalDocument", "name": o.Name, "contentSize": fmt.Sprint(o.Size), "sha256": string(o.SHA256), "encodingFormat": encoding(o.Name), "hasDigitalDocumentPermission": ref("#permission")})
		check := entity{"@id": "#disclosure-" + o.Output, "@type": "AssessAction", "additionalType": ref("https://w3id.org/shp#DisclosureCheck"), "name": "Disclosure check of " + o.Name + ": waits", "object": ref(id), "actionStatus": "http://schema.org/PotentialActionStatus"}
		if known, err := s.state.Output(o.Output); err == nil && known.Decision != nil {
			check["actionStatus"], check["agent"], check["endTime"] = completed, ref("#person-"+known.Decision.Actor), moment(known.Decision.Time)
			check["name"] = "Disclosure check of " + o.Name + ": approved"
			if !known.Released {
				check["actionStatus"], check["name"] = "http://schema.org/FailedActionStatus", "Disclosure check of "+o.Name+": refused"
			}
			if known.Decision.Actor != r.Actor {
				add(entity{"@id": "#person-" + known.Decision.Actor, "@type": "Person", "name": known.Decision.Actor, "affiliation": ref(controller)})
			}
		}
		mentions = append(mentions, ref("#disclosure-"+o.Output))
		add(check)
	}
	add(entity{"@id": action, "@type": "CreateAction", "name": "Run " + r.Run + " of " + r.Name, "identifier": r.Run, "actionStatus": completed, "agent": ref(person), "instrument": ref(main),
		"object": objects, "result": results, "startTime": moment(r.Time), "endTime": moment(r.End.Time)})
	if p.Granted != nil {
		mentions = append(mentions, ref("#signoff"))
		add(entity{"@id": "#signoff", "@type": "AssessAction", "additionalType": ref("https://w3id.org/shp#SignOff"), "name": "Authorisation of project " + p.Name + ": approved", "endTime": moment(p.Granted.Time),
			"object": []entity{ref("./"), ref(main), ref(project)}, "instrument": ref("#authorisation"), "agent": ref("#person-" + p.Granted.Actor), "actionStatus": completed})
		add(entity{"@id": "#authorisation", "@type": "CreativeWork", "name": "Authorisation of project " + p.Name, "identifier": string(ledger.Sum([]byte(p.Text)))})
		if !slices.ContainsFunc(graph, func(e entity) bool { return e["@id"] == "#person-"+p.Granted.Actor }) {
			add(entity{"@id": "#person-" + p.Granted.Actor, "@type": "Person", "name": p.Granted.Actor, "affiliation": ref(controller)})
		}
	}
	add(entity{"@id": person, "@type": "Person", "name": r.Actor, "affiliation": ref(controller), "memberOf": []entity{ref(project)}})
	add(entity{"@id": project, "@type": "Project", "name": p.Name, "identifier": []entity{ref("#localid")}, "member": []entity{ref(controller)}})
	add(entity{"@id": "#localid", "@type": "PropertyValue", "name": s.w.Config.Name, "value": p.Name})
	add(entity{"@id": controller, "@type": "Organization", "name": s.state.ControllerName()})
	add(entity{"@id": fiveSafes, "@type": []string{"CreativeWork", "Profile"}, "name": "Five Safes RO-Crate profile", "version": "0.4"})
	add(entity{"@id": "#license", "@type": "CreativeWork", "name": "Of the study's authors", "description": "The code is its authors'. The data are not in the crate."})
	root := entity{"@id": "./", "@type": "Dataset", "name": "Run " + r.Run + " of project " + p.Name, "description": "The record of a run in " + s.w.Config.Name + ": its code, its inputs and outputs by digest, and what was decided.",
		"datePublished": moment(r.End.Time), "license": ref("#license"), "conformsTo": ref(fiveSafes), "hasPart": parts, "mainEntity": ref(main), "mentions": mentions, "sourceOrganization": ref(project), "publisher": ref(controller)}
	descriptor := entity{"@id": crateMetadata, "@type": "CreativeWork", "about": ref("./"), "conformsTo": ref(crateVersion)}
	return append([]entity{descriptor, root}, graph...)
}

// extractionOf is what the project had been given when a run began.
func (s *space) extractionOf(r *governance.Run, p *governance.Project) *ledger.ProjectExtracted {
	if p.Extracted != nil && p.Extracted.Index < r.Index {
		return p.Extraction
	}
	return &ledger.ProjectExtracted{Release: "a release before that of today"}
}

func encoding(name string) string {
	switch path.Ext(name) {
	case ".sql":
		return "application/sql"
	case ".py":
		return "text/x-python"
	case ".R", ".r":
		return "text/x-r"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Reran is what came of a run that was made again.
type Reran struct {
	Of      string   `json:"of"` // the run that the crate tells of
	Differs []string `json:"differs"`
	*Ran
}

// Rerun makes the run of a crate again, as a run of its own, and says what differs from it: the
// code, the data, the environment, or an output. Nothing differs where the bytes are the
// same.
func Rerun(ctx context.Context, w *warehouse.Warehouse, as, dir, python string) (*Reran, error) {
	var document waiting
	id, err := readCrate(dir, &document)
	if err != nil {
		return nil, err
	}
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	r, p, study, err := s.again(ctx, as, id, document, python)
	if err := errors.Join(err, closed()); err != nil {
		return nil, err
	}
	again := &Reran{Of: r.Run, Differs: []string{}}
	differs := func(when bool, format string, args ...any) {
		if when {
			again.Differs = append(again.Differs, fmt.Sprintf(format, args...))
		}
	}
	differs(ledger.Sum(document.Step.Code) != r.Code, "code: the crate's is not what run %s ran", r.Run)
	differs(p.Extracted.Index > r.Index, "data: the project was given its data anew since, of release %s", p.Extraction.Release)
	differs(study.digest != r.Environment, "environment: it was %.16s, and is %.16s", r.Environment, study.digest)
	if again.Ran, err = Run(ctx, w, study); err != nil {
		return nil, err
	}
	differs(again.Outcome != r.Finished.Outcome, "outcome: it was %s, and is %s", r.Finished.Outcome, again.Outcome)
	is := map[string]ledger.Digest{}
	for _, o := range again.Outputs {
		is[o.Name] = o.SHA256
	}
	for _, o := range r.Finished.Outputs {
		differs(is[o.Name] == "", "output %s: it was not written", o.Name)
		differs(is[o.Name] != "" && is[o.Name] != o.SHA256, "output %s: it has other bytes", o.Name)
		delete(is, o.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		differs(true, "output %s: it was not there", name)
	}
	return again, nil
}

// again is the run of a crate, its project, and its study with all that it reads today.
func (s *space) again(ctx context.Context, as, id string, document waiting, python string) (r *governance.Run, p *governance.Project, study Study, err error) {
	if r, p, err = s.ranFor(as, id); err != nil {
		return nil, nil, study, err
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return nil, nil, study, err
	}
	defer key.Wipe()
	document.Python = python
	study, err = s.study(ctx, as, r.Project, document, key, func(id string) (*governance.Run, error) {
		need, _, err := s.ranFor(as, id)
		return need, err
	})
	return r, p, study, err
}

// readCrate reads which run a crate tells of, and its study.
func readCrate(dir string, document *waiting) (id string, err error) {
	bad := func(err error) error {
		return &governance.Refusal{Reason: fmt.Sprintf("%s is no crate of a run: %v", dir, err), Remedy: "Make one: rempart runs crate RUN DIR"}
	}
	text, err := os.ReadFile(filepath.Join(dir, crateMetadata)) //nolint:gosec // named by the researcher
	if err != nil {
		return "", bad(err)
	}
	var metadata struct {
		Graph []struct {
			Type       any    `json:"@type"`
			Identifier any    `json:"identifier"`
			Instrument entity `json:"instrument"`
		} `json:"@graph"`
	}
	if err := json.Unmarshal(text, &metadata); err != nil {
		return "", bad(err)
	}
	for _, e := range metadata.Graph {
		if e.Type == "CreateAction" {
			id, _ = e.Identifier.(string)
		}
	}
	study, err := os.ReadFile(filepath.Join(dir, crateStudy)) //nolint:gosec // named by the researcher
	if err != nil {
		return "", bad(err)
	}
	if err := json.Unmarshal(study, document); err != nil {
		return "", bad(err)
	}
	if id == "" || document.Step == nil {
		return "", bad(errors.New("it names no run"))
	}
	return id, nil
}
