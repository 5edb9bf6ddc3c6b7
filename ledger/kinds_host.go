package ledger

import "time"

// The statements about hosts: who they are, which law reaches them, and how a
// warehouse moves from one to another.
type (
	// HostRegistered describes a host, or describes it anew: the last one counts.
	HostRegistered struct {
		Host           string          `json:"host"` // its name in the configuration
		HostKind       string          `json:"kind"` // "directory" or "s3"
		URL            string          `json:"url"`  // of the endpoint, or the directory
		Bucket         string          `json:"bucket,omitempty"`
		Jurisdiction   string          `json:"jurisdiction"` // ISO 3166-1 alpha-2 of its seat
		Operator       string          `json:"operator,omitempty"`
		Owner          string          `json:"owner,omitempty"`
		Laws           []Law           `json:"laws,omitempty"` // that reach it beside those of its seat
		Qualifications []Qualification `json:"qualifications,omitempty"`
		Contact        string          `json:"contact,omitempty"`
	}
	// DerogationGranted lets a warehouse stay for a time with a host that foreign law reaches.
	DerogationGranted struct {
		Host       string    `json:"host"`
		Conditions []string  `json:"conditions,omitempty"`
		Until      time.Time `json:"until"`
		Reason     string    `json:"reason"`
	}
	// HostMigrated says that every object lies with another host, which is the
	// warehouse's from now on.
	HostMigrated struct {
		From    string  `json:"from"`
		To      string  `json:"to"`
		Objects int64   `json:"objects"`
		Bytes   int64   `json:"bytes"`
		List    Digest  `json:"list"`    // of all objects, as docs/hosts.md writes them
		Copied  int64   `json:"copied"`  // the others were there already
		Seconds float64 `json:"seconds"` // of the last run, if there were several
	}
	// MigrationStopped says that a warehouse stays where it is, since objects could
	// not be proven at the new host.
	MigrationStopped struct {
		From     string     `json:"from"`
		To       string     `json:"to"`
		Objects  int64      `json:"objects"` // that were proven there
		Bytes    int64      `json:"bytes"`
		Failed   int64      `json:"failed"`
		Unproven []Unproven `json:"unproven"` // the first of those that failed
		Seconds  float64    `json:"seconds"`
	}
	// HostErased says that every object of a host that is not the warehouse's was deleted there.
	HostErased struct {
		Host    string `json:"host"`
		Objects int64  `json:"objects"`
		Bytes   int64  `json:"bytes"`
		Reason  string `json:"reason"`
	}
)

// Unproven is an object that could not be moved, and why.
type Unproven struct {
	Object string `json:"object"`
	Reason string `json:"reason"`
}

// Law is a law that reaches a host, and whose it is.
type Law struct {
	Country string `json:"country"` // ISO 3166-1 alpha-2, or EU
	Law     string `json:"law"`
}

// Qualification is a certificate that a host has shown.
type Qualification struct {
	Scheme  string `json:"scheme"` // such as secnumcloud
	Version string `json:"version"`
	Until   string `json:"until"` // YYYY-MM-DD
}

// Kind implements [Body] for every kind.
func (HostRegistered) Kind() string    { return "host-registered" }
func (DerogationGranted) Kind() string { return "derogation-granted" }
func (HostMigrated) Kind() string      { return "host-migrated" }
func (MigrationStopped) Kind() string  { return "migration-stopped" }
func (HostErased) Kind() string        { return "host-erased" }
