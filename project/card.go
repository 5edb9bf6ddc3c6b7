package project

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project/catalogue"
	"rempart.eu/rempart/project/dataset"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

//go:embed card.md
var cardText string

var cardTemplate = template.Must(template.New("card").Parse(cardText))

// card is what a model card tells. Every word of it is of the ledger, of the study's own code, or of an
// output that has been released; counts of the training table are rounded as a space's catalogue rounds.
type card struct {
	Warehouse   string
	Run         *governance.Run
	Project     *governance.Project
	Release     string
	Environment ledger.Digest
	Models      []cardModel
	Tables      []cardTable // released ones of the run
	Withheld    int         // tables of the run that are not released
	Data        []cardData
	Limits      []string
	Made        string // the day
}

type cardModel struct {
	governance.Output
	Decision string
	Measured []string // what the membership test said
}

type cardTable struct {
	Name string
	Rows [][]string
}

// cardData is a training table.
type cardData struct {
	Step     string
	Run      string
	Spec     *dataset.Spec
	Made     dataset.Made
	Features []string
	Rounded  [][]string // split, rows, persons, with the outcome, censored
	Window   string
}

// Card writes the model card of a run that made a model, in Markdown, for a researcher of its project:
// after Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. It may leave, as a run's crate may.
func Card(ctx context.Context, w *warehouse.Warehouse, as, id string) (text string, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closed()) }()
	r, p, err := s.ranFor(as, id)
	if err != nil {
		return "", err
	}
	key, err := s.key(ctx, p)
	if err != nil {
		return "", err
	}
	defer key.Wipe()
	tables := map[string]bool{crateStudy: true} // what the card reads of what the run left: its record, and what was released
	for _, o := range r.Finished.Outputs {
		known, err := s.state.Output(o.Output)
		tables[outputsPart+o.Name] = err == nil && known.Released && path.Ext(o.Name) == ".csv"
	}
	all, err := s.filesWanted(ctx, *r.Finished.Bundle, key, func(name string) bool { return tables[name] })
	if err != nil {
		return "", err
	}
	c := &card{Warehouse: w.Config.Name, Run: r, Project: p, Release: s.extractionOf(r, p).Release, Environment: r.Environment, Made: r.End.Time.UTC().Format(time.DateOnly)}
	s.outputsOf(c, all)
	if len(c.Models) == 0 {
		return "", &governance.Refusal{Reason: "run " + id + " wrote no model that asks to leave (*.onnx, *.safetensors)"}
	}
	if err := s.dataOf(ctx, c, all, key); err != nil {
		return "", err
	}
	c.Limits = append(c.Limits, fmt.Sprintf("fitted to persons of one warehouse (%s), release %s, from %s to %s: elsewhere and later it has to be tested anew", w.Config.Name, c.Release, p.Spec.Period.From, p.Spec.Period.To),
		"for research under the purpose above; it is no medical device, and nobody has agreed to its use in care")
	var b bytes.Buffer
	err = cardTemplate.Execute(&b, c)
	return b.String(), err
}

// outputsOf takes in the models of a run, and those of its tables that have been released.
func (s *space) outputsOf(c *card, all []run.File) {
	for _, o := range c.Run.Finished.Outputs {
		content, _ := named(all, outputsPart+o.Name)
		known, err := s.state.Output(o.Output)
		released := err == nil && known.Released
		switch {
		case disclosure.IsModel(o.Name) && err == nil:
			m := cardModel{Output: *known, Decision: "waits for an output checker"}
			switch {
			case released:
				m.Decision = "released on " + known.Decision.Time.UTC().Format(time.DateOnly)
			case known.Decision != nil:
				m.Decision = "refused on " + known.Decision.Time.UTC().Format(time.DateOnly)
			case o.Refused:
				m.Decision = "refused by the disclosure check"
			}
			for _, f := range o.Findings {
				if f.Rule == "membership" || f.Rule == "model-record" || f.Rule == "model-size" {
					m.Measured = append(m.Measured, f.Message)
				}
			}
			c.Models = append(c.Models, m)
		case path.Ext(o.Name) == ".csv" && released:
			c.Tables = append(c.Tables, cardTable{Name: o.Name, Rows: csvRows(content)})
		case path.Ext(o.Name) == ".csv":
			c.Withheld++
		}
	}
}

// dataOf takes in the training tables that the run needed.
func (s *space) dataOf(ctx context.Context, c *card, all []run.File, key *keyring.Key) error {
	var document waiting
	text, _ := named(all, crateStudy)
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("the record of run %s: %w", c.Run.Run, err)
	}
	rounding := catalogue.RoundingOf(int64(c.Project.Spec.MinimumCell))
	for _, step := range slices.Sorted(maps.Keys(document.Needs)) {
		needed, err := s.state.Run(document.Needs[step])
		if err != nil || needed.Finished == nil || needed.Finished.Bundle == nil || needed.Language != string(dataset.Language) {
			continue
		}
		isSpec := func(name string) bool {
			return strings.HasPrefix(name, codePart) && path.Base(name) == needed.Name
		}
		files, err := s.filesWanted(ctx, *needed.Finished.Bundle, key, func(name string) bool {
			return name == outputsPart+dataset.Description || isSpec(name)
		})
		if err != nil {
			return err
		}
		d := cardData{Step: step, Run: needed.Run}
		for _, f := range files {
			if f.Name == outputsPart+dataset.Description {
				err = errors.Join(err, json.Unmarshal(f.Content, &d.Made))
			}
			if isSpec(f.Name) {
				d.Spec, err = dataset.Parse(f.Content)
			}
		}
		if err != nil || d.Spec == nil {
			return errors.Join(err, fmt.Errorf("run %s has no specification of its training table", needed.Run))
		}
		d.Features = featuresOf(d.Spec)
		for _, split := range dataset.Splits {
			row := []string{split}
			for _, n := range []int{d.Made.Rows[split], d.Made.Persons[split], d.Made.Labels[split], d.Made.Censored[split]} {
				row = append(row, roughly(n, rounding))
			}
			d.Rounded = append(d.Rounded, row)
		}
		d.Window = fmt.Sprintf("%s: an event in %s between day %d and day %d after the index date", d.Spec.Outcome.Name, d.Spec.Outcome.Table, d.Spec.Outcome.Window[0], d.Spec.Outcome.Window[1])
		c.Data = append(c.Data, d)
	}
	return nil
}

// featuresOf tells each feature in a line.
func featuresOf(spec *dataset.Spec) (lines []string) {
	for _, f := range spec.Features {
		line := fmt.Sprintf("`%s`: %s", f.Name, f.Kind)
		if f.Table != "" {
			line += " of " + f.Table
		}
		if len(f.Window) == 2 {
			line += fmt.Sprintf(", day %d to %d", f.Window[0], f.Window[1])
		}
		lines = append(lines, line)
	}
	return lines
}

func roughly(n int, rounding int64) string {
	if int64(n) < rounding {
		return "fewer than " + strconv.FormatInt(rounding, 10)
	}
	return "about " + strconv.FormatInt(catalogue.Rounded(int64(n), rounding), 10)
}

// csvRows reads a table that was released; nil where it cannot be read.
func csvRows(content []byte) [][]string {
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil
	}
	return rows
}
