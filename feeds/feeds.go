// Package feeds holds the sources that a warehouse knows out of the box, as
// data: one folder a feed.
//
//	<name>/datapackage.json   the files, their fields and what each field may be used for
//	<name>/map/*.sql          how its rows become OMOP CDM tables (see package omop)
//	<name>/views/*.json       how FHIR resources become rows (see package intake/fhir)
//	<name>/lookup/*.csv       lists that the SQL joins
//	<name>/vocabulary/*.csv   the OMOP concepts it needs, where the feed brings its own
//
// The package is a Frictionless Tabular Data Package
// (https://datapackage.org/standard/data-package/). A new source is a new
// folder: it needs no Go code.
package feeds

import (
	"embed"
	"io/fs"
)

//go:embed */datapackage.json */map/*.sql */vocabulary/*.csv */views/*.json */lookup/*.csv
var embedded embed.FS

// FS is the folder of feeds.
func FS() fs.FS { return embedded }

// Names lists the feeds, sorted.
func Names() []string {
	packages, err := fs.Glob(embedded, "*/datapackage.json")
	if err != nil { // only a malformed pattern
		panic(err)
	}
	names := make([]string, 0, len(packages))
	for _, p := range packages {
		names = append(names, p[:len(p)-len("/datapackage.json")])
	}
	return names
}
