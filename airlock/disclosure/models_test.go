package disclosure_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rempart.eu/rempart/airlock/disclosure"
)

// message is an ONNX message: field numbers and their bytes.
func message(fields ...any) (b []byte) {
	for i := 0; i < len(fields); i += 2 {
		n := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
		}
	}
	return b
}

func numbers(values ...float32) (raw []byte) {
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// linear is a model of one step with these weights.
func linear(values ...float32) []byte {
	tensor := message(1, len(values), 2, 1, 8, "w", 9, numbers(values...))
	node := message(1, "x", 1, "w", 2, "y", 4, "MatMul")
	return message(1, 8, 2, "pytorch", 7, message(1, node, 2, "g", 5, tensor), 8, message(2, 17))
}

func TestModels(t *testing.T) {
	training := []byte("age,weight,pulse,label\n41.5,70.25,61.5,1\n52.5,81.25,66.5,0\n" + strings.Repeat("30.5,60.5,70.5,0\n", 98))
	good := []byte(`{"auc": 0.52, "shadows": 8, "persons": 100}`)
	for name, c := range map[string]struct {
		output disclosure.Output
		want   []string
	}{
		"a small model of many persons": {disclosure.Output{Data: linear(0.5, 0.25, 0.125), Training: training, Attack: good}, []string{"model"}},
		"no test, no size":              {disclosure.Output{Data: linear(0.5, 0.25, 0.125)}, []string{"membership", "model", "model-size"}},
		"more parameters than persons":  {disclosure.Output{Data: linear(make([]float32, 200)...), Training: training, Attack: good}, []string{"model", "model-size"}},
		"few persons a parameter":       {disclosure.Output{Data: linear(make([]float32, 20)...), Training: training, Attack: good}, []string{"model", "model-size"}},
		"a record among the parameters": {disclosure.Output{Data: linear(1, 52.5, 81.25, 66.5), Training: training, Attack: good}, []string{"model", "model-record!"}},
		"persons can be told apart":     {disclosure.Output{Data: linear(1, 2, 3), Training: training, Attack: []byte(`{"auc": 0.7, "shadows": 8}`)}, []string{"membership!", "model"}},
		"told apart the other way":      {disclosure.Output{Data: linear(1, 2, 3), Training: training, Attack: []byte(`{"auc": 0.3, "shadows": 8}`)}, []string{"membership!", "model"}},
		"few shadows":                   {disclosure.Output{Data: linear(1, 2, 3), Training: training, Attack: []byte(`{"auc": 0.5, "shadows": 1}`)}, []string{"membership", "model"}},
		"no test that can be read":      {disclosure.Output{Data: linear(1, 2, 3), Training: training, Attack: []byte(`0.5`)}, []string{"membership!", "model"}},
		"metadata":                      {disclosure.Output{Data: append(linear(1, 2, 3), message(14, message(1, "k", 2, "v"))...), Training: training, Attack: good}, []string{"metadata!", "model"}},
		"unknown parts":                 {disclosure.Output{Data: append(linear(1, 2, 3), message(99, "hidden")...), Training: training, Attack: good}, []string{"metadata!", "model"}},
		"parameters elsewhere":          {disclosure.Output{Data: message(7, message(5, message(13, message(1, "location", 2, "/etc/passwd")))), Training: training, Attack: good}, []string{"external!", "model"}},
		"cut off":                       {disclosure.Output{Data: linear(1, 2, 3)[:20]}, []string{"broken!"}},
		"graphs without end":            {disclosure.Output{Data: nested(20)}, []string{"broken!"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.output.Name, c.output.Size = "model.onnx", int64(len(c.output.Data))
			report, err := disclosure.Examine(c.output, disclosure.Standard(11))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range report.Findings {
				mark := ""
				if f.Severity == disclosure.Refuse {
					mark = "!"
				}
				got = append(got, f.Rule+mark)
			}
			slices.Sort(got)
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func nested(depth int) []byte {
	graph := message(2, "g")
	for range depth {
		graph = message(1, message(5, message(6, graph)))
	}
	return message(7, graph)
}

// What the check takes for a model is one to whoever tests models, however its name is written.
func TestAModelIsKnownByItsName(t *testing.T) {
	for name, want := range map[string]bool{"m.onnx": true, "M.ONNX": true, "of/m.Safetensors": true, "m.csv": false, "onnx": false, "m.onnx.json": false} {
		if got := disclosure.IsModel(name); got != want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
