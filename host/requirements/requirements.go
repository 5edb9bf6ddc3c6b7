// Package requirements is the catalogue of what a health data warehouse needs
// of its host: an OSCAL 1.1 catalog (catalog.json), read as data.
//
// A [Control] says one requirement in our own words, cites where it comes from
// by number, and carries three properties of ours: its weight (1 welcome … 5
// indispensable), the strongest proof that can be had (see [Proof]), and, where
// Rempart makes it unnecessary, why. Limits that are measured against, such as
// milliseconds, are the control's parameters: another catalogue may set others.
//
// Specification: https://pages.nist.gov/OSCAL, catalog model 1.1.
package requirements

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Namespace marks the properties that are Rempart's.
const Namespace = "https://rempart.eu/ns/oscal"

//go:embed catalog.json
var catalogue []byte

// Proof is how a requirement can be shown to hold, at best.
type Proof string

// The proofs, the strongest first.
const (
	Probe       Proof = "probe"       // measured by us
	Document    Proof = "document"    // a certificate, a contract: recorded with its digest and expiry
	Declaration Proof = "declaration" // the host says so
)

// Catalogue is a set of requirements, by area.
type Catalogue struct {
	UUID     string   `json:"uuid"`
	Metadata Metadata `json:"metadata"`
	Areas    []Area   `json:"groups"`
}

// Metadata names a catalogue.
type Metadata struct {
	Title   string `json:"title"`
	Version string `json:"version"`
	OSCAL   string `json:"oscal-version"`
}

// Area is a group of requirements.
type Area struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Parts    []Part    `json:"parts"`
	Controls []Control `json:"controls"`
}

// Control is one requirement.
type Control struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Params []Param `json:"params"`
	Props  []Prop  `json:"props"`
	Links  []Link  `json:"links"`
	Parts  []Part  `json:"parts"`
}

// Param is a limit.
type Param struct {
	ID     string   `json:"id"`
	Label  string   `json:"label"` // its unit
	Values []string `json:"values"`
}

// Prop is a property.
type Prop struct {
	Name    string `json:"name"`
	NS      string `json:"ns"`
	Value   string `json:"value"`
	Remarks string `json:"remarks,omitempty"`
}

// Link cites a source: Text is such as "SecNumCloud 3.2, 19.6.c".
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
	Text string `json:"text"`
}

// Part is a text.
type Part struct {
	Name  string `json:"name"`
	Prose string `json:"prose"`
}

// Load reads Rempart's own catalogue.
func Load() (*Catalogue, error) { return Parse(catalogue) }

// JSON is Rempart's own catalogue as it is written.
func JSON() []byte { return append([]byte(nil), catalogue...) }

// Parse reads a catalogue and refuses one whose weights, proofs or limits
// cannot be used.
func Parse(text []byte) (*Catalogue, error) {
	var document struct {
		Catalogue *Catalogue `json:"catalog"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("requirements: %w", err)
	}
	c := document.Catalogue
	if c == nil {
		return nil, errors.New(`requirements: want an OSCAL document with a "catalog"`)
	}
	seen := map[string]bool{}
	for _, area := range c.Areas {
		for _, control := range area.Controls {
			if err := control.check(); err != nil {
				return nil, err
			}
			if seen[control.ID] {
				return nil, fmt.Errorf("requirements: %s is there twice", control.ID)
			}
			seen[control.ID] = true
		}
	}
	return c, nil
}

func (c *Control) check() error {
	if w, err := strconv.Atoi(c.prop("weight").Value); err != nil || w < 1 || w > 5 {
		return fmt.Errorf("requirements: %s: weight: want 1 to 5, got %q", c.ID, c.prop("weight").Value)
	}
	switch c.Proof() {
	case Probe, Document, Declaration:
	default:
		return fmt.Errorf("requirements: %s: proof: want probe, document or declaration, got %q", c.ID, c.Proof())
	}
	for _, p := range c.Params {
		if len(p.Values) != 1 {
			return fmt.Errorf("requirements: %s: %s: want one value", c.ID, p.ID)
		}
		if _, err := strconv.ParseFloat(p.Values[0], 64); err != nil {
			return fmt.Errorf("requirements: %s: %s: want a number, got %q", c.ID, p.ID, p.Values[0])
		}
	}
	if c.Unnecessary() == "" && c.prop("unnecessary").Value != "" {
		return fmt.Errorf("requirements: %s is unnecessary without a reason", c.ID)
	}
	return nil
}

func (c *Control) prop(name string) Prop {
	for _, p := range c.Props {
		if p.Name == name && p.NS == Namespace {
			return p
		}
	}
	return Prop{}
}

// Weight is 1 (welcome) to 5 (indispensable).
func (c *Control) Weight() int {
	w, _ := strconv.Atoi(c.prop("weight").Value) // checked by Parse
	return w
}

// Proof is the strongest proof that can be had.
func (c *Control) Proof() Proof { return Proof(c.prop("proof").Value) }

// Unnecessary says why Rempart does not need it, or "".
func (c *Control) Unnecessary() string { return c.prop("unnecessary").Remarks }

// Statement is the requirement in a sentence.
func (c *Control) Statement() string {
	for _, p := range c.Parts {
		if p.Name == "statement" {
			return p.Prose
		}
	}
	return ""
}

// Limit is the value of the control's first parameter and its unit.
func (c *Control) Limit() (value float64, unit string, ok bool) {
	if len(c.Params) == 0 {
		return 0, "", false
	}
	value, _ = strconv.ParseFloat(c.Params[0].Values[0], 64) // checked by Parse
	return value, c.Params[0].Label, true
}

// Control finds a requirement by its identifier.
func (c *Catalogue) Control(id string) (*Control, bool) {
	for a := range c.Areas {
		for i := range c.Areas[a].Controls {
			if c.Areas[a].Controls[i].ID == id {
				return &c.Areas[a].Controls[i], true
			}
		}
	}
	return nil, false
}
