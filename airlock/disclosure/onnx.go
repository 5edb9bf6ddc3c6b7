package disclosure

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of ONNX's messages that are let through, by number; every other could
// carry what nobody looks at. Source: onnx.proto3, ONNX 1.17.
const (
	onnxGraph       = 7  // of ModelProto
	onnxNode        = 1  // of GraphProto
	onnxInitializer = 5  // of GraphProto
	onnxAttribute   = 5  // of NodeProto
	onnxTensor      = 5  // of AttributeProto
	onnxSubgraph    = 6  // of AttributeProto
	onnxDims        = 1  // of TensorProto
	onnxType        = 2  // of TensorProto
	onnxFloats      = 4  // of TensorProto
	onnxRaw         = 9  // of TensorProto
	onnxDoubles     = 10 // of TensorProto
)

// deepestGraph is how far graphs may stand in graphs.
const deepestGraph = 8

// checkONNX reads a model as the protocol buffer that it is: nothing but a graph and
// its parameters may be in it.
func (c *checker) checkONNX(data []byte) {
	o := onnx{checker: c}
	o.model(data)
	switch {
	case o.broken || !o.graphs:
		c.refuse(place{}, "broken_onnx")
	default:
		c.checkModel(o.weights)
		c.review(place{}, "model")
	}
}

type onnx struct {
	*checker
	weights
	broken, graphs bool
}

// each goes over the fields of a message; value is of a field with a length.
func (o *onnx) each(data []byte, do func(field protowire.Number, value []byte, number uint64)) {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			o.broken = true
			return
		}
		data = data[n:]
		var value []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(data)
		default:
			n = protowire.ConsumeFieldValue(field, kind, data)
			if n >= 0 {
				value = data[:n]
			}
		}
		if n < 0 {
			o.broken = true
			return
		}
		data = data[n:]
		do(field, value, number)
	}
}

// silent refuses a text that is for people to read, where there is one.
func (o *onnx) silent(text []byte, code string) {
	if len(text) > 0 {
		o.refuse(place{}, code)
	}
}

func (o *onnx) model(data []byte) {
	o.each(data, func(field protowire.Number, value []byte, _ uint64) {
		switch field {
		case 1, 5, 8: // versions of the format, the model, the operators
		case 2, 3, 4: // who made it
			o.checkWords(place{}, string(value))
		case onnxGraph:
			o.graphs = true
			o.graph(value, 0)
		case 6:
			o.silent(value, "metadata_model-text")
		case 14:
			o.refuse(place{}, "metadata_model")
		default:
			o.refuse(place{}, "metadata_model-parts")
		}
	})
}

func (o *onnx) graph(data []byte, depth int) {
	if depth > deepestGraph {
		o.broken = true
		return
	}
	o.each(data, func(field protowire.Number, value []byte, _ uint64) {
		switch field {
		case onnxNode:
			o.node(value, depth)
		case onnxInitializer:
			o.tensor(value)
		case 2:
			o.checkWords(place{}, string(value))
		case 11, 12, 13: // inputs, outputs and what lies between: names and shapes
		case 10:
			o.silent(value, "metadata_graph-text")
		default:
			o.refuse(place{}, "metadata_graph-parts")
		}
	})
}

func (o *onnx) node(data []byte, depth int) {
	o.each(data, func(field protowire.Number, value []byte, _ uint64) {
		switch field {
		case 1, 2, 3, 4, 7: // inputs, outputs, its name, the operator, its domain
			o.checkWords(place{}, string(value))
		case onnxAttribute:
			o.attribute(value, depth)
		case 6:
			o.silent(value, "metadata_step-text")
		default:
			o.refuse(place{}, "metadata_step-parts")
		}
	})
}

func (o *onnx) attribute(data []byte, depth int) {
	o.each(data, func(field protowire.Number, value []byte, _ uint64) {
		switch field {
		case onnxTensor:
			o.tensor(value)
		case onnxSubgraph:
			o.graph(value, depth+1)
		case 4, 9: // texts: class labels, modes
			o.checkWords(place{}, string(value))
		case 7: // numbers: trees keep their thresholds so
			o.parameters += len(value) / 4
			o.values = append(o.values, floats("F32", value)...)
		case 8:
			o.parameters++
		}
	})
}

func (o *onnx) tensor(data []byte) {
	var raw []byte
	kind, size := uint64(0), 1
	o.each(data, func(field protowire.Number, value []byte, number uint64) {
		switch field {
		case onnxDims:
			dims := []uint64{number}
			if value != nil {
				dims = nil
				for len(value) > 0 {
					v, n := protowire.ConsumeVarint(value)
					if n < 0 {
						o.broken = true
						return
					}
					dims, value = append(dims, v), value[n:]
				}
			}
			for _, d := range dims {
				size *= int(min(d, 1<<24))
				size = min(size, 1<<40)
			}
		case onnxType:
			kind = number
		case onnxFloats:
			o.values = append(o.values, floats("F32", value)...)
		case onnxRaw:
			raw = value
		case onnxDoubles:
			o.values = append(o.values, floats("F64", value)...)
		case 6: // texts
			o.checkWords(place{}, string(value))
		case 12:
			o.silent(value, "metadata_parameters-text")
		case 13, 14:
			o.refuse(place{}, "external_parameters")
		}
	})
	o.parameters += size
	switch kind {
	case 1:
		o.values = append(o.values, floats("F32", raw)...)
	case 11:
		o.values = append(o.values, floats("F64", raw)...)
	}
}
