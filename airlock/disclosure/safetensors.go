package disclosure

import (
	"encoding/binary"
	"encoding/json"
	"strings"
)

// checkSafetensors examines the header of a file of weights: named arrays of
// numbers that cover the file to its end, and nothing else.
// Source: Hugging Face, "Safetensors", section Format.
func (c *checker) checkSafetensors(data []byte) {
	if len(data) < 8 || binary.LittleEndian.Uint64(data) > uint64(len(data)-8) {
		c.refuse(place{}, "broken_safetensors")
		return
	}
	n := int(binary.LittleEndian.Uint64(data))
	header, body := data[8:8+n], data[8+n:]
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		c.refuse(place{}, "broken_weights")
		return
	}
	covered := 0
	var w weights
	for name, entry := range entries {
		c.checkWords(place{}, name)
		if name == "__metadata__" {
			c.refuse(place{}, "metadata_weights")
			continue
		}
		var tensor struct {
			Type    string `json:"dtype"`
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(entry, &tensor); err != nil || tensor.Offsets[0] < 0 ||
			tensor.Offsets[1] < tensor.Offsets[0] || tensor.Offsets[1] > len(body) {
			c.refuse(place{}, "broken_array")
			return
		}
		part := body[tensor.Offsets[0]:tensor.Offsets[1]]
		w.parameters += len(part) / max(1, widths[strings.ToUpper(tensor.Type)])
		w.values = append(w.values, floats(tensor.Type, part)...)
		covered += tensor.Offsets[1] - tensor.Offsets[0]
	}
	if covered != len(body) {
		c.refuse(place{}, "trailing-data_weights")
	}
	c.checkModel(w)
	c.review(place{}, "model_weights")
}
