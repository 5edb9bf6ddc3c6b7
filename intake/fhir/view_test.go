package fhir_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/intake/fhir"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/views")

// A case of testdata/views holds resources.ndjson and pairs of a view
// (<what>.view) and what it gives: its rows as JSON (<what>.rows), a text a
// value, or the error (<what>.error).
func TestViews(t *testing.T) {
	cases, err := filepath.Glob("testdata/views/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		for i := 0; i < len(archive.Files); i++ {
			what, isView := strings.CutSuffix(archive.Files[i].Name, ".view")
			if !isView {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+what, func(t *testing.T) {
				expectation, got := rows(t, files[what+".view"], files["resources.ndjson"])
				if *update {
					if i+1 < len(archive.Files) && !strings.HasSuffix(archive.Files[i+1].Name, ".view") {
						archive.Files = append(archive.Files[:i+1], archive.Files[i+2:]...)
					}
					archive.Files = append(archive.Files[:i+1], append([]txtar.File{{Name: what + expectation, Data: []byte(got)}}, archive.Files[i+1:]...)...)
					return
				}
				if diff := cmp.Diff(files[what+expectation], got); diff != "" {
					t.Errorf("want -, got +:\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// rows is what a view gives of resources, and the ending of the file it belongs to.
func rows(t *testing.T, view, resources string) (ending, text string) {
	t.Helper()
	v, err := fhir.ParseView([]byte(view))
	if err != nil {
		return ".error", err.Error() + "\n"
	}
	e, err := v.Evaluator()
	if err != nil {
		t.Fatalf("it was compiled before: %v", err)
	}
	parser := fhir.NewParser(v)
	var out strings.Builder
	for line := range strings.Lines(resources) {
		doc, err := parser.Parse([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if doc.Type() != v.Resource {
			continue
		}
		err = e.Rows(doc, func(row [][]byte) {
			cells := make([]*string, len(row))
			for i, cell := range row {
				if cell != nil {
					text := string(cell)
					cells[i] = &text
				}
			}
			line, err := json.Marshal(cells)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(line, '\n'))
		})
		if err != nil {
			out.WriteString(err.Error() + "\n")
		}
	}
	return ".rows", out.String()
}
