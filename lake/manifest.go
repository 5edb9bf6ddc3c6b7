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
}

// Table is one table: a Parquet file in one object.
type Table struct {
	Name   string        `json:"name"`
	Rows   int64         `json:"rows"`
	Object ledger.Object `json:"object"`
}
