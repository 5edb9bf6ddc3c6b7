// Package fhir reads FHIR resources (https://hl7.org/fhir/R4/) and flattens
// them into rows.
//
// A [Parser] turns one JSON text, a line of an NDJSON file, into a [Document].
// A [View] is a ViewDefinition of SQL on FHIR v2
// (https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html):
// which rows and columns a resource gives, as data. Its paths are the shareable
// subset of FHIRPath (https://hl7.org/fhirpath/), compiled once by
// [View.Evaluator]. [Bundle] reads a Bundle as if it were NDJSON.
//
// What is guaranteed: a text that is not RFC 8259 JSON in UTF-8, that names a
// property twice or that is nested deeper than [MaxDepth] is refused; numbers
// keep the digits that they were written with; what no path names is not
// looked at, so unknown extensions and free text stay where they are. What is
// not: resources are not validated against FHIR's own profiles; the checks on
// a view's columns are package intake's.
package fhir

import "errors"

// MaxDepth is how deep objects and lists may be nested. FHIR's own resources
// stay below 20.
const MaxDepth = 64

// What is wrong with a text. None of them quotes it: it may hold identities.
var (
	ErrJSON      = errors.New("json: the line is no JSON object")
	ErrEncoding  = errors.New("json: the text is not UTF-8")
	ErrDuplicate = errors.New("json: an object names a property twice")
	ErrDepth     = errors.New("json: nested deeper than 64 levels")
	ErrTrailing  = errors.New("json: text follows the object")
)
