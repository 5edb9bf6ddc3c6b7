package assess

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"rempart.eu/rempart/host/requirements"
)

// Status is what is known of one requirement.
type Status string

// The statuses, from the best to the worst. Package comment: what each means.
const (
	Proven      Status = "proven"
	Declared    Status = "declared"
	Unnecessary Status = "unnecessary"
	Missing     Status = "missing"
	Failed      Status = "failed"
)

// Statuses are all of them, in that order.
func Statuses() []Status { return []Status{Proven, Declared, Unnecessary, Missing, Failed} }

// Evidence is one thing that is known of a requirement.
type Evidence struct {
	Kind   requirements.Proof
	What   string // was tried, or is said
	Holds  bool
	Reason string // why it does not hold, or what was seen
	Time   time.Time

	// Of documents:
	File    string
	SHA256  string
	Expires time.Time
}

// Finding is the verdict on one requirement.
type Finding struct {
	Control  string
	Status   Status
	Reason   string // one sentence
	Evidence []Evidence
}

// Results are an assessment of one host.
type Results struct {
	ID         string // UUID
	Host       string
	Start, End time.Time
	Calls      int      // that were made to its storage
	Left       []string // objects of the probes that the store did not delete
	Findings   []Finding
	Measures   []Measure

	catalogue *requirements.Catalogue
	evidence  map[string][]Evidence
	untested  map[string]string // controls that could not be probed, and why
	spare     map[string]string // controls that do not concern such a host, and why
}

// Declaration is what a host says of itself.
type Declaration struct {
	Control string    `yaml:"control"`
	Holds   bool      `yaml:"holds"`
	Says    string    `yaml:"says"`
	By      string    `yaml:"by"`
	Time    time.Time `yaml:"on"`
}

// ReadDeclarations reads a YAML list of declarations, strictly.
func ReadDeclarations(r io.Reader) ([]Declaration, error) {
	var list []Declaration
	if err := yaml.NewDecoder(r, yaml.Strict()).Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("declarations: %w", err)
	}
	for i, d := range list {
		if d.Control == "" || d.By == "" {
			return nil, fmt.Errorf("declarations: number %d: control and by must be given", i+1)
		}
	}
	return list, nil
}

// Document is a certificate, a contract, an opinion.
type Document struct {
	Control string
	File    string // its name, without folders
	SHA256  string // of its bytes, hexadecimal
	Expires time.Time
}

// ReadDocument takes the digest of a file that proves a requirement until a date.
func ReadDocument(path, control string, expires time.Time) (d Document, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, fmt.Errorf("document for %s: %w", control, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return d, fmt.Errorf("document for %s: %w", control, err)
	}
	return Document{control, filepath.Base(path), hex.EncodeToString(sum.Sum(nil)), expires}, nil
}

// take records what came of a probe.
func (r *Results) take(p probe, out outcome, now time.Time) {
	r.Measures = append(r.Measures, out.measures...)
	var not *untested
	if errors.As(out.err, &not) {
		if r.untested == nil {
			r.untested = map[string]string{}
		}
		r.untested[p.control] = not.reason
		return
	}
	e := Evidence{Kind: requirements.Probe, What: p.what, Holds: out.err == nil, Time: now}
	if out.err != nil {
		e.Reason = out.err.Error()
	} else {
		e.Reason = join(out.notes)
	}
	r.add(p.control, e)
}

func (r *Results) add(control string, e Evidence) {
	if r.evidence == nil {
		r.evidence = map[string][]Evidence{}
	}
	r.evidence[control] = append(r.evidence[control], e)
}

func (r *Results) declare(declarations []Declaration, documents []Document, now time.Time) {
	for _, d := range documents {
		e := Evidence{Kind: requirements.Document, What: d.File, Holds: now.Before(d.Expires), Time: now, File: d.File, SHA256: d.SHA256, Expires: d.Expires}
		e.Reason = "valid until " + d.Expires.Format(time.DateOnly)
		if !e.Holds {
			e.Reason = "expired on " + d.Expires.Format(time.DateOnly)
		}
		r.add(d.Control, e)
	}
	for _, d := range declarations {
		e := Evidence{Kind: requirements.Declaration, What: d.By, Holds: d.Holds, Time: d.Time, Reason: d.Says}
		if e.Time.IsZero() {
			e.Time = now
		}
		r.add(d.Control, e)
	}
}

// judge weighs the evidence of every requirement.
func (r *Results) judge() {
	for _, area := range r.catalogue.Areas {
		for i := range area.Controls {
			c := &area.Controls[i]
			f := Finding{Control: c.ID, Evidence: r.evidence[c.ID]}
			f.Status, f.Reason = verdict(c, f.Evidence, r.untested[c.ID])
			if why := r.spare[c.ID]; why != "" && f.Status == Missing {
				f.Status, f.Reason = Unnecessary, why
			}
			r.Findings = append(r.Findings, f)
		}
	}
}

// verdict is the status of a requirement. What a probe says outweighs
// documents, what they say outweighs declarations; and of one kind, what does
// not hold outweighs what holds. A document that has expired says nothing.
func verdict(c *requirements.Control, all []Evidence, untested string) (Status, string) {
	expired := ""
	for _, kind := range []requirements.Proof{requirements.Probe, requirements.Document, requirements.Declaration} {
		var holds, fails *Evidence
		for i := range all {
			e := &all[i]
			switch {
			case e.Kind != kind:
			case kind == requirements.Document && !e.Holds:
				expired = e.File + " has " + e.Reason
			case e.Holds:
				holds = e
			default:
				fails = e
			}
		}
		if fails != nil {
			if c.Unnecessary() != "" {
				return Unnecessary, c.Unnecessary()
			}
			return Failed, orElse(fails.Reason, "declared not to hold by "+fails.What)
		}
		if holds == nil {
			continue
		}
		reason := holds.Reason
		switch kind {
		case requirements.Document:
			reason = holds.File + ", " + reason
		case requirements.Declaration:
			reason = orElse(reason, "declared by "+holds.What)
		}
		if kind != requirements.Declaration && strength(kind) >= strength(c.Proof()) {
			return Proven, reason
		}
		return Declared, reason
	}
	if c.Unnecessary() != "" {
		return Unnecessary, c.Unnecessary()
	}
	return Missing, orElse(expired, orElse(untested, lacking[c.Proof()]))
}

// lacking says what would prove a requirement.
var lacking = map[requirements.Proof]string{
	requirements.Probe:       "not probed",
	requirements.Document:    "no document",
	requirements.Declaration: "no declaration",
}

func strength(p requirements.Proof) int {
	return map[requirements.Proof]int{requirements.Declaration: 1, requirements.Document: 2, requirements.Probe: 3}[p]
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

func join(notes []string) string {
	text := ""
	for i, n := range notes {
		if i > 0 {
			text += "; "
		}
		text += n
	}
	return text
}

// Score is how much of an area's weight has each status.
type Score struct {
	Area    string // identifier
	Title   string
	Weight  int // all, without what is unnecessary
	Weights map[Status]int
}

// Percent is the share of the weight that is proven, 0 to 100.
func (s Score) Percent() float64 { return s.Share(Proven) }

// Share is the share of a status, 0 to 100.
func (s Score) Share(status Status) float64 {
	if s.Weight == 0 {
		return 0
	}
	return 100 * float64(s.Weights[status]) / float64(s.Weight)
}

// Scores are the scores by area, in the catalogue's order, and that of all.
func (r *Results) Scores() (areas []Score, all Score) {
	all = Score{Title: "All", Weights: map[Status]int{}}
	for _, area := range r.catalogue.Areas {
		s := Score{Area: area.ID, Title: area.Title, Weights: map[Status]int{}}
		for i := range area.Controls {
			c := &area.Controls[i]
			f, ok := r.Finding(c.ID)
			if !ok {
				f.Status = Missing
			}
			s.Weights[f.Status] += c.Weight()
			all.Weights[f.Status] += c.Weight()
			if f.Status != Unnecessary {
				s.Weight += c.Weight()
				all.Weight += c.Weight()
			}
		}
		areas = append(areas, s)
	}
	return areas, all
}

// Finding is the verdict on a control.
func (r *Results) Finding(control string) (Finding, bool) {
	for _, f := range r.Findings {
		if f.Control == control {
			return f, true
		}
	}
	return Finding{}, false
}
