// Package membership asks of a model whether those whom it was fitted to can be told from others.
//
// [Measure] runs attack.py in the sandbox, with the model, the training table that a dataset step made
// (package dataset) and the rows of it that the model has not seen. It is the warehouse's own test, in the
// warehouse's own environment: nothing of the study runs in it but the model's graph, and
// nothing that the study wrote about itself counts.
//
//	model.onnx, train.parquet, valid or test.parquet ─► sandbox: attack.py ─► [Report] ─► package disclosure
//
// Two attacks are made. One holds the model's confidence in each row's true outcome against one threshold
// (Yeom). The other holds it against what shadow models say, which were fitted to random halves of all rows
// and have not seen the row (Shokri; the offline likelihood ratio of Carlini): so rows that are easy for every model
// are not taken for members. Shadows are of a kind that the study states, logistic regressions
// otherwise. Of each, two figures, with the interval in which 95 of 100 samples lie: the area under the curve, of which 0.5 is
// guessing, and the share of members that are caught where one in a hundred others is caught falsely. Beside them: how much more
// often it is right of members than of others (which bounds Yeom's attack), the share of members of which it says what no shadow
// would (Feldman's estimate of memorisation), and whether parameters are the numbers of a record.
//
// What it cannot show: that no better attack exists. A small model of many persons passes, an overfit one does not.
//
// Sources: Shokri et al., "Membership Inference Attacks Against Machine Learning Models", IEEE S&P 2017;
// Yeom et al., "Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting", CSF 2018;
// Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022;
// Feldman, "Does Learning Require Memorization?", STOC 2020.
package membership

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/run"
)

//go:embed attack.py
var attack []byte

// Kinds are those of shadow models.
var Kinds = []string{"logistic", "forest", "boosting", "network"}

// Test is what a model is tested with.
type Test struct {
	Name        string          // of the model's file: *.onnx or *.safetensors
	Model       []byte          //
	Description []byte          // dataset.json
	Members     []byte          // train.parquet
	Others      []byte          // valid.parquet or test.parquet
	Kind        string          // of shadow models, one of Kinds; "" is logistic
	Environment run.Environment // of Python, with numpy, pyarrow, scikit-learn, onnx and onnxruntime
}

// limits of the test: models are small, and rows are drawn.
var limits = run.Limits{Memory: 4 << 30, Time: 15 * time.Minute, OutputBytes: 1 << 20, OutputFiles: 1}

// Settings of the test.
const (
	seed    = 1
	shadows = 16
	most    = 5000 // rows of members, and of others
	fewest  = 50
)

// Measure tests a model. What cannot be tested has a report that says why; the error is of the sandbox.
func Measure(ctx context.Context, t Test) ([]byte, error) {
	if t.Kind == "" {
		t.Kind = Kinds[0]
	}
	if !slices.Contains(Kinds, t.Kind) {
		return Untestable("shadow"), nil
	}
	settings, err := json.Marshal(map[string]any{"seed": seed, "shadows": shadows, "most": most, "fewest": fewest, "kind": t.Kind, "missing": 0})
	if err != nil {
		return nil, err
	}
	name := "model.onnx"
	if strings.EqualFold(path.Ext(t.Name), ".safetensors") {
		name = "model.safetensors"
	}
	job := run.Job{Name: "attack.py", Code: attack, Language: run.Python, Environment: t.Environment, Limits: limits}
	for name, content := range map[string][]byte{name: t.Model, "train.parquet": t.Members, "held.parquet": t.Others, "dataset.json": t.Description, "settings.json": settings} {
		job.Inputs = append(job.Inputs, run.Input{Name: name, Content: bytes.NewReader(content)})
	}
	var outputs bytes.Buffer
	_, err = run.Execute(ctx, job, &outputs, io.Discard)
	var limit *run.LimitError
	var failed *run.StudyError
	switch {
	case errors.As(err, &limit):
		return Untestable("limit", "limit", limit.Limit), nil
	case errors.As(err, &failed):
		return Untestable("end"), nil
	case err != nil:
		return nil, fmt.Errorf("test the model %s: %w", t.Name, err)
	}
	for r := tar.NewReader(&outputs); ; {
		header, err := r.Next()
		if err != nil {
			return Untestable("silent"), nil //nolint:nilerr // what the sandbox wrote has no report
		}
		if header.Name == "report.json" {
			return io.ReadAll(io.LimitReader(r, 1<<20))
		}
	}
}

// Untestable is the report of a model that was not tested, with the reason: a code of package
// disclosure's catalogue (group untestable), and what fills the places of its sentence, names and
// values in turn.
func Untestable(why string, pairs ...string) []byte {
	report := struct {
		Untestable string            `json:"untestable"`
		Values     map[string]string `json:"values,omitempty"`
	}{why, map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		report.Values[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(report)
	if err != nil {
		panic(err) // texts
	}
	return text
}
