package intake

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"rempart.eu/rempart/intake/fhir"
	"rempart.eu/rempart/internal/nearest"
)

// view reads views/<name>.json, the ViewDefinition that makes the rows of a
// resource of the format ndjson.
func (l *loader) view(r *Resource) bool {
	file := path.Join("views", r.Name+".json")
	raw, err := fs.ReadFile(l.folder, file)
	if errors.Is(err, fs.ErrNotExist) {
		l.wrong("%s is missing: a resource of the format ndjson is flattened by a ViewDefinition of its name", file)
		return false
	}
	if !l.check(err) {
		return false
	}
	if r.view, err = fhir.ParseView(raw); err != nil {
		l.wrong("%s: %w", file, err)
		return false
	}
	return true
}

// bulkNames are the names of a type's files in a bulk export: Patient.ndjson,
// Patient.000.ndjson, 1.Patient.ndjson, Patient-2.ndjson. The specification
// leaves them open (https://hl7.org/fhir/uv/bulkdata/).
func bulkNames(kind string) string { return `([0-9]+\.)?` + kind + `([.-][0-9]+)?\.ndjson` }

// viewFields compares the fields of a resource with the columns of its view.
func (l *loader) viewFields(r *Resource) {
	var fields []string
	for i := range r.Fields {
		if r.Fields[i].From == "" {
			fields = append(fields, r.Fields[i].Name)
		}
	}
	for _, name := range r.view.Columns {
		if !slices.Contains(fields, name) {
			l.wrong("the view has a column %q that the schema lacks: %s", name, nearest.Hint(name, fields))
		}
	}
	for _, name := range fields {
		if !slices.Contains(r.view.Columns, name) {
			l.wrong("the schema has a field %q that the view lacks: %s", name, nearest.Hint(name, r.view.Columns))
		}
	}
}
