package lake

import "rempart.eu/rempart/ledger"

// Manifest describes a release, or what a project was given of one.
type Manifest struct {
	Release string  `json:"release"`
	CDM     string  `json:"cdm"` // version of the OMOP Common Data Model
	Tables  []Table `json:"tables"`
	Report  any     `json:"report,omitempty"` // where every row of the sources went
}

// Table is one table: a Parquet file in one object.
type Table struct {
	Name   string        `json:"name"`
	Rows   int64         `json:"rows"`
	Object ledger.Object `json:"object"`
}
