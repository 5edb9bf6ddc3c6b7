package audit

import (
	"time"

	"rempart.eu/rempart/ledger/register"
)

// Report is what happened in a period, in one project or in the whole warehouse, as
// a data protection officer has to report it. Everything is from the ledger.
type Report struct {
	Warehouse  string          `json:"warehouse"`
	Project    string          `json:"project,omitempty"` // "" is the whole warehouse
	Period     register.Period `json:"period"`
	Now        time.Time       `json:"now"`    // when it was made; what is to come is counted from then
	Ledger     uint64          `json:"ledger"` // statements of the ledger then
	Statements int             `json:"statements"`

	Authorisations []Authorisation `json:"authorisations"` // that were in force, asked for or ended
	Extractions    []Extraction    `json:"extractions"`
	Access         []Access        `json:"access"` // who had access, and whether they used it
	Runs           []Run           `json:"runs"`
	Mounts         []Mount         `json:"mounts"`
	Outputs        []Output        `json:"outputs"` // asked for or decided
	Rights         Rights          `json:"rights"`
	Derogations    []Derogation    `json:"derogations"` // in force
	Emergencies    []Emergency     `json:"emergencies"`
	Incidents      []Line          `json:"incidents"` // refusals, stops and failures
	Ahead          []End           `json:"ahead"`     // what ends within a year
	Months         []Month         `json:"months"`
	Service        []Service       `json:"service"` // times
}

// Service is how long people waited for something that was decided in the period.
type Service struct {
	What    string  `json:"what"` // "decision" on an authorisation, "output" or "access"
	Count   int     `json:"count"`
	Median  float64 `json:"median_hours"`
	Longest float64 `json:"longest_hours"`
	Late    int     `json:"late"` // took longer than their projects' authorisations promise
}

// Decision is what somebody decided, and when; nil where nobody has.
type Decision struct {
	Verdict string    `json:"verdict"`
	Actor   string    `json:"actor"`
	Time    time.Time `json:"time"`
	Reason  string    `json:"reason,omitempty"`
	Hours   float64   `json:"hours"` // since it was asked for
}

// Authorisation is a project's.
type Authorisation struct {
	Project     string     `json:"project"`
	Title       string     `json:"title"`
	Purpose     string     `json:"purpose"`
	LegalBasis  string     `json:"legal_basis"`
	Reference   string     `json:"reference"`
	Controller  string     `json:"controller"`
	Researchers []string   `json:"researchers"`
	Status      string     `json:"status"` // when the report was made
	Starts      *time.Time `json:"starts,omitempty"`
	Ends        time.Time  `json:"ends"`
	Versions    []Version  `json:"versions"`
}

// Version is one text of an authorisation.
type Version struct {
	Number   int       `json:"number"`
	Actor    string    `json:"actor"`
	Time     time.Time `json:"time"`
	Why      string    `json:"why,omitempty"`
	Decision *Decision `json:"decision,omitempty"`
}

// Extraction is data that a project was given.
type Extraction struct {
	Statement uint64    `json:"statement"`
	Time      time.Time `json:"time"`
	Project   string    `json:"project"`
	Release   string    `json:"release"`
	Persons   int64     `json:"persons"`
	Tables    int       `json:"tables"`
	Rows      int64     `json:"rows"`
}

// Access is a person who could reach a project's data in the period.
type Access struct {
	Project  string `json:"project"`
	Person   string `json:"person"`
	Runs     int    `json:"runs"`
	Mounts   int    `json:"mounts"`
	Bytes    int64  `json:"bytes"` // read by runs and of mounts
	Released int    `json:"released"`
}

// Run is a study.
type Run struct {
	Run      string    `json:"run"`
	Project  string    `json:"project"`
	Actor    string    `json:"actor"`
	Name     string    `json:"name"`
	Language string    `json:"language"`
	Time     time.Time `json:"time"`
	Outcome  string    `json:"outcome"` // "" where it goes on
	Seconds  float64   `json:"seconds"`
	Outputs  int       `json:"outputs"`
	Tables   int       `json:"tables"` // that were read
	Bytes    int64     `json:"bytes"`
}

// Mount is data that was open for reading.
type Mount struct {
	Mount string     `json:"mount"`
	What  string     `json:"what"` // the project or the release
	Actor string     `json:"actor"`
	Time  time.Time  `json:"time"`
	End   *time.Time `json:"end,omitempty"` // nil where it goes on
	Files int        `json:"files"`
	Bytes int64      `json:"bytes"`
	Away  bool       `json:"away"` // on a worker elsewhere
}

// Output is a file that asked to leave.
type Output struct {
	Output   string    `json:"output"`
	Name     string    `json:"name"`
	Project  string    `json:"project"`
	Actor    string    `json:"actor"`
	Time     time.Time `json:"time"`
	Refused  bool      `json:"disclosive"` // by the program: no checker could release it
	Decision *Decision `json:"decision,omitempty"`
	Late     bool      `json:"late"` // it waited, or waits, longer than its project was promised
}

// Rights is what persons asked for.
type Rights struct {
	Stated   int       `json:"stated"` // opt-outs
	Revoked  int       `json:"revoked"`
	InForce  int       `json:"in_force"` // at the end of the period
	Waiting  int       `json:"waiting"`  // that the authority has not looked at
	Asked    int       `json:"access_asked"`
	Answered int       `json:"access_answered"`
	Hours    []float64 `json:"-"` // from the question to the answer
}

// Derogation let the warehouse stay with a host.
type Derogation struct {
	Host       string    `json:"host"`
	Actor      string    `json:"actor"`
	Time       time.Time `json:"time"`
	Until      time.Time `json:"until"`
	Conditions []string  `json:"conditions,omitempty"`
	Reason     string    `json:"reason"`
}

// Emergency is data that was opened before anybody had agreed.
type Emergency struct {
	Emergency string    `json:"emergency"`
	Project   string    `json:"project"`
	Actor     string    `json:"actor"`
	Time      time.Time `json:"time"`
	Until     time.Time `json:"until"`
	Reason    string    `json:"reason"`
	Review    *Decision `json:"review,omitempty"`
}

// End is what ends, and when.
type End struct {
	What string    `json:"what"` // "project", "derogation", "release" or "roles"
	Name string    `json:"name,omitempty"`
	Time time.Time `json:"time"`
}

// Month counts what began in a month.
type Month struct {
	Month      time.Time `json:"month"` // its first moment
	Statements int       `json:"statements"`
	Runs       int       `json:"runs"`
	Mounts     int       `json:"mounts"`
	Asked      int       `json:"outputs_asked"`
	Released   int       `json:"outputs_released"`
	Refused    int       `json:"outputs_refused"`
}
