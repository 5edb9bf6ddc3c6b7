package lake

import (
	"encoding/json"

	"rempart.eu/rempart/ledger"
)

// Manifest describes a release.
type Manifest struct {
	Release string          `json:"release"`
	CDM     string          `json:"cdm"` // version of the OMOP Common Data Model
	Tables  []Table         `json:"tables"`
	Report  json.RawMessage `json:"report"` // where every row of the sources went: see package omop
	Lineage *Lineage        `json:"lineage,omitempty"`
	Profile []Table         `json:"profile,omitempty"` // what is in the tables, by Achilles' own: see package omop/profile
	Basis   *Basis          `json:"basis,omitempty"`
}

// Basis is what a later release needs to go on from this one.
type Basis struct {
	By     json.RawMessage `json:"by"`             // what rows were mapped by: omop.Basis
	From   string          `json:"from,omitempty"` // the release that this one went on from itself
	Tables []Table         `json:"tables"`         // see omop.Kept
}

// Lineage is where every row of a release came from. Its object holds a row for each
// row of a table and each row of a source that it was made of: docs/formats.md.
type Lineage struct {
	Object   ledger.Object `json:"object"` // Parquet
	Rows     int64         `json:"rows"`
	Deposits []string      `json:"deposits"` // that the object numbers, from 0
	Mappings []LineageFile `json:"mappings"` // likewise
}

// LineageFile is a file that rows were made by.
type LineageFile struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// Table is one table: a Parquet file in one object.
type Table struct {
	Name   string        `json:"name"`
	Rows   int64         `json:"rows"`
	Object ledger.Object `json:"object"`
}
