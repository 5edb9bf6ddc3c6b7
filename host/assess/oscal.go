package assess

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"rempart.eu/rempart/host/requirements"
)

// An OSCAL 1.1 assessment-results document, as far as it is written here. The
// status and the evidence's kind are properties in our namespace, beside
// OSCAL's own words: findings are "satisfied" where they are proven,
// declared or unnecessary.
// Specification: https://pages.nist.gov/OSCAL, assessment results model.
type (
	oscalDocument struct {
		Results *oscalResults `json:"assessment-results"`
	}
	oscalResults struct {
		UUID     string        `json:"uuid"`
		Metadata oscalMetadata `json:"metadata"`
		Plan     oscalHref     `json:"import-ap"`
		Results  []oscalResult `json:"results"`
	}
	oscalMetadata struct {
		Title    string    `json:"title"`
		Modified time.Time `json:"last-modified"`
		Version  string    `json:"version"`
		OSCAL    string    `json:"oscal-version"`
	}
	oscalHref struct {
		Href    string `json:"href"`
		Remarks string `json:"remarks,omitempty"`
	}
	oscalResult struct {
		UUID         string             `json:"uuid"`
		Title        string             `json:"title"`
		Description  string             `json:"description"`
		Start        time.Time          `json:"start"`
		End          time.Time          `json:"end"`
		Props        []oscalProp        `json:"props"`
		Reviewed     oscalReviewed      `json:"reviewed-controls"`
		Observations []oscalObservation `json:"observations,omitempty"`
		Findings     []oscalFinding     `json:"findings,omitempty"`
	}
	oscalProp struct {
		Name    string `json:"name"`
		NS      string `json:"ns,omitempty"`
		Value   string `json:"value"`
		Class   string `json:"class,omitempty"`
		Remarks string `json:"remarks,omitempty"`
	}
	oscalReviewed struct {
		Selections []oscalSelection `json:"control-selections"`
	}
	oscalSelection struct {
		Controls []oscalControlID `json:"include-controls"`
	}
	oscalControlID struct {
		ID string `json:"control-id"`
	}
	oscalObservation struct {
		UUID        string        `json:"uuid"`
		Title       string        `json:"title,omitempty"`
		Description string        `json:"description"`
		Props       []oscalProp   `json:"props,omitempty"`
		Methods     []string      `json:"methods"`
		Evidence    []oscalSource `json:"relevant-evidence,omitempty"`
		Collected   time.Time     `json:"collected"`
		Expires     *time.Time    `json:"expires,omitempty"`
		Remarks     string        `json:"remarks,omitempty"`
	}
	oscalSource struct {
		Href        string `json:"href"`
		Description string `json:"description"`
	}
	oscalFinding struct {
		UUID        string         `json:"uuid"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Props       []oscalProp    `json:"props"`
		Target      oscalTarget    `json:"target"`
		Related     []oscalRelated `json:"related-observations,omitempty"`
	}
	oscalTarget struct {
		Type   string      `json:"type"`
		ID     string      `json:"target-id"`
		Status oscalStatus `json:"status"`
	}
	oscalStatus struct {
		State string `json:"state"`
	}
	oscalRelated struct {
		UUID string `json:"observation-uuid"`
	}
)

// methods are OSCAL's words for our proofs.
var methods = map[requirements.Proof]string{
	requirements.Probe: "TEST", requirements.Document: "EXAMINE", requirements.Declaration: "INTERVIEW",
}

func ours(name, value string) oscalProp {
	return oscalProp{Name: name, NS: requirements.Namespace, Value: value}
}

// MarshalJSON writes the results as OSCAL assessment-results.
func (r *Results) MarshalJSON() ([]byte, error) {
	if r.catalogue == nil {
		return nil, errors.New("assess: results without a catalogue")
	}
	result := oscalResult{
		UUID: r.ID, Title: r.Host, Description: "What is proven, declared and missing of the host " + r.Host + ".", Start: r.Start, End: r.End,
		Props: []oscalProp{ours("host", r.Host), ours("calls", strconv.Itoa(r.Calls))},
	}
	_, all := r.Scores()
	for _, status := range Statuses() {
		result.Props = append(result.Props, ours("weight-"+string(status), strconv.Itoa(all.Weights[status])))
	}
	for _, name := range r.Left {
		result.Props = append(result.Props, ours("left", name))
	}
	var selection oscalSelection
	for _, f := range r.Findings {
		control, ok := r.catalogue.Control(f.Control)
		if !ok {
			return nil, fmt.Errorf("assess: a finding on %q, which the catalogue does not have", f.Control)
		}
		selection.Controls = append(selection.Controls, oscalControlID{f.Control})
		state := "satisfied"
		if f.Status == Failed || f.Status == Missing {
			state = "not-satisfied"
		}
		finding := oscalFinding{
			UUID: uuid.NewString(), Title: control.Title, Description: orElse(f.Reason, string(f.Status)), Props: []oscalProp{ours("status", string(f.Status))},
			Target: oscalTarget{Type: "statement-id", ID: f.Control + "_smt", Status: oscalStatus{state}},
		}
		for _, e := range f.Evidence {
			o := observation(e)
			result.Observations = append(result.Observations, o)
			finding.Related = append(finding.Related, oscalRelated{o.UUID})
		}
		result.Findings = append(result.Findings, finding)
	}
	result.Reviewed.Selections = []oscalSelection{selection}
	if len(r.Measures) > 0 {
		o, err := measured(r.Measures, r.End)
		if err != nil {
			return nil, err
		}
		result.Observations = append(result.Observations, o)
	}
	return json.Marshal(oscalDocument{&oscalResults{
		UUID:     uuid.NewString(),
		Metadata: oscalMetadata{Title: "Assessment of the host " + r.Host, Modified: r.End, Version: "1.0.0", OSCAL: r.catalogue.Metadata.OSCAL},
		Plan:     oscalHref{Href: "urn:uuid:" + r.catalogue.UUID, Remarks: "Every control of the catalogue " + r.catalogue.Metadata.Title + ", version " + r.catalogue.Metadata.Version},
		Results:  []oscalResult{result},
	}})
}

func observation(e Evidence) oscalObservation {
	o := oscalObservation{
		UUID: uuid.NewString(), Title: orElse(e.What, string(e.Kind)), Description: orElse(e.Reason, "as expected"),
		Props:   []oscalProp{ours("proof", string(e.Kind)), ours("holds", strconv.FormatBool(e.Holds))},
		Methods: []string{methods[e.Kind]}, Collected: e.Time,
	}
	if e.Kind == requirements.Document {
		o.Props = append(o.Props, ours("sha256", e.SHA256))
		o.Evidence = []oscalSource{{Href: "urn:sha256:" + e.SHA256, Description: e.File}}
		o.Expires = &e.Expires
	}
	return o
}

// measured is an observation with one property for each measure: its name says
// what was measured, its value is JSON.
func measured(all []Measure, at time.Time) (oscalObservation, error) {
	o := oscalObservation{UUID: uuid.NewString(), Title: "measures", Description: "Latencies in milliseconds, rates in 10^6 bytes a second.", Methods: []string{"TEST"}, Collected: at}
	for _, m := range all {
		value, err := json.Marshal(m)
		if err != nil {
			return o, err
		}
		o.Props = append(o.Props, ours("measure", string(value)))
	}
	return o, nil
}

// Read reads what MarshalJSON has written, against a catalogue.
func Read(text []byte, catalogue *requirements.Catalogue) (*Results, error) {
	var document oscalDocument
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("assessment: %w", err)
	}
	if document.Results == nil || len(document.Results.Results) != 1 {
		return nil, errors.New(`assessment: want OSCAL "assessment-results" with one result, as rempart host assess writes it`)
	}
	in := document.Results.Results[0]
	r := &Results{ID: in.UUID, Start: in.Start, End: in.End, catalogue: catalogue}
	for _, p := range in.Props {
		switch p.Name {
		case "host":
			r.Host = p.Value
		case "calls":
			r.Calls, _ = strconv.Atoi(p.Value) // for information
		case "left":
			r.Left = append(r.Left, p.Value)
		}
	}
	observations := map[string]oscalObservation{}
	for _, o := range in.Observations {
		observations[o.UUID] = o
		for _, p := range o.Props {
			if p.Name != "measure" {
				continue
			}
			var m Measure
			if err := json.Unmarshal([]byte(p.Value), &m); err != nil {
				return nil, fmt.Errorf("assessment: measure: %w", err)
			}
			r.Measures = append(r.Measures, m)
		}
	}
	for _, f := range in.Findings {
		finding := Finding{Control: f.Target.ID, Reason: f.Description}
		if n := len(finding.Control) - len("_smt"); n > 0 && finding.Control[n:] == "_smt" {
			finding.Control = finding.Control[:n]
		}
		for _, p := range f.Props {
			if p.Name == "status" {
				finding.Status = Status(p.Value)
			}
		}
		if !known(finding.Status) {
			return nil, fmt.Errorf("assessment: %s: %q is no status", finding.Control, finding.Status)
		}
		for _, related := range f.Related {
			finding.Evidence = append(finding.Evidence, evidence(observations[related.UUID]))
		}
		r.Findings = append(r.Findings, finding)
	}
	return r, nil
}

func known(s Status) bool {
	for _, status := range Statuses() {
		if s == status {
			return true
		}
	}
	return false
}

func evidence(o oscalObservation) Evidence {
	e := Evidence{What: o.Title, Reason: o.Description, Time: o.Collected}
	for _, p := range o.Props {
		switch p.Name {
		case "proof":
			e.Kind = requirements.Proof(p.Value)
		case "holds":
			e.Holds = p.Value == "true"
		case "sha256":
			e.SHA256 = p.Value
		}
	}
	if len(o.Evidence) > 0 {
		e.File = o.Evidence[0].Description
	}
	if o.Expires != nil {
		e.Expires = *o.Expires
	}
	return e
}
