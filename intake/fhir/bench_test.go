package fhir_test

import (
	"bytes"
	"os"
	"testing"

	"rempart.eu/rempart/intake/fhir"
)

// What parsing and flattening cost alone, of a real bulk export.
func BenchmarkRows(b *testing.B) {
	text, err := os.ReadFile("../../../shared/data/raw-fhir-bulk-ndjson-10/Encounter.000.ndjson")
	if err != nil {
		b.Skipf("the FHIR resources are not here: %v", err)
	}
	raw, err := os.ReadFile("../../feeds/fhir/views/encounters.json")
	if err != nil {
		b.Fatal(err)
	}
	view, err := fhir.ParseView(raw)
	if err != nil {
		b.Fatal(err)
	}
	e, err := view.Evaluator()
	if err != nil {
		b.Fatal(err)
	}
	parser := fhir.NewParser(view)
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			doc, err := parser.Parse(line)
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Rows(doc, func([][]byte) {}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
