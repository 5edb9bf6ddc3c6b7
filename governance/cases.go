package governance

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
	"github.com/goccy/go-yaml"
)

// caseFiles are the tests of the policies, which lie beside them.
//
//go:embed policies/*_test.yaml
var caseFiles embed.FS

// Cases is one file of tests: facts that hold in each, and the cases.
type Cases struct {
	Facts yaml.MapSlice `yaml:"facts"`
	Cases []Case        `yaml:"cases"`
}

// Case says what the policies decide about something.
type Case struct {
	It      string        `yaml:"it"`
	Actor   string        `yaml:"actor"` // of Parties
	Does    []string      `yaml:"does"`  // each of these kinds of statements
	With    yaml.MapSlice `yaml:"with"`  // facts that are otherwise here
	Allowed string        `yaml:"allowed"`
	Refused string        `yaml:"refused"` // a rule, or "nothing permits it"
	Says    string        `yaml:"says"`    // part of the refusal
}

// NothingPermits is how a case says that no rule lets it happen.
const NothingPermits = "nothing permits it"

// CaseResult is what came of one question of a case.
type CaseResult struct {
	File   string `json:"file"`
	It     string `json:"it"`
	Does   string `json:"does"`
	Rule   string `json:"rule"` // that was to decide
	Passed bool   `json:"passed"`
	Got    string `json:"got,omitempty"` // where it did not pass
}

// people of the cases, and their roles.
var people = map[string]Role{
	"controller": Controller, "chu": Provider, "ttp": LinkageAuthority, "alice": Researcher, "carol": Researcher,
	"bob": OutputChecker, "diane": Officer, "denis": Officer,
}

// TestPolicies runs the cases that lie beside the policies.
func TestPolicies() ([]CaseResult, error) {
	names, err := fs.Glob(caseFiles, "policies/*_test.yaml")
	if err != nil {
		return nil, err
	}
	shape, err := readSchema()
	if err != nil {
		return nil, err
	}
	if err := keepToSchema(Policies, shape); err != nil {
		return nil, err
	}
	var all []CaseResult
	for _, name := range names {
		text, err := caseFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		results, err := RunCases(name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// RunCases runs the cases of one file, and holds every question against the schema.
func RunCases(file string, text []byte) (results []CaseResult, err error) {
	var cases Cases
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&cases); err != nil {
		return nil, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
	}
	shape, err := readSchema()
	if err != nil {
		return nil, err
	}
	validator := validate.New(shape)
	for _, c := range cases.Cases {
		for _, action := range c.Does {
			facts, err := cases.facts(c, action)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, c.It, err)
			}
			request, entities := facts.Cedar()
			if err := validator.Request(request); err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", file, c.It, action, err)
			}
			if err := validator.Entities(entities); err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", file, c.It, action, err)
			}
			decision, err := facts.Decide()
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", file, c.It, action, err)
			}
			results = append(results, c.judge(file, action, decision))
		}
	}
	return results, nil
}

// facts are those of the file with those of the case over them.
func (all Cases) facts(c Case, action string) (*Facts, error) {
	role, known := people[c.Actor]
	if !known {
		return nil, fmt.Errorf("there is no %q among the people of the cases", c.Actor)
	}
	f := &Facts{Actor: c.Actor, Role: role, Action: action}
	for _, layer := range []yaml.MapSlice{all.Facts, c.With} {
		text, err := yaml.Marshal(layer)
		if err != nil {
			return nil, err
		}
		if len(layer) == 0 {
			continue
		}
		if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(f); err != nil {
			return nil, fmt.Errorf("%s", yaml.FormatError(err, false, true))
		}
	}
	return f, nil
}

func (c Case) judge(file, action string, d Decision) CaseResult {
	r := CaseResult{File: file, It: c.It, Does: action, Rule: c.Allowed + c.Refused}
	switch {
	case c.Allowed != "":
		r.Passed = d.Allowed && slices.Contains(d.Rules, c.Allowed)
	case c.Refused == NothingPermits:
		r.Passed = !d.Allowed && len(d.Rules) == 0
	default:
		r.Passed = !d.Allowed && slices.Contains(d.Rules, c.Refused) && strings.Contains(d.Refusal.Reason, c.Says)
	}
	if !r.Passed {
		r.Got = "allowed by " + strings.Join(d.Rules, ", ")
		if !d.Allowed {
			r.Got = fmt.Sprintf("%v (%s)", d.Refusal, orNone(strings.Join(d.Rules, ", ")))
		}
	}
	return r
}
