package ledger

import (
	"maps"
	"slices"
	"time"
)

// Body is what a statement of one kind says.
type Body interface{ Kind() string }

// Digest is a SHA-256 in hexadecimal.
type Digest string

// Object is a sealed object on the host.
type Object struct {
	Name   string `json:"name"`   // opaque
	Size   int64  `json:"size"`   // of the sealed object, in bytes
	SHA256 Digest `json:"sha256"` // of the sealed object
	Key    string `json:"key"`    // the key-encryption key that opens it
}

// FileCount accounts for the rows that one file of a deposit has for one
// resource: Rows = Accepted + Refused.
type FileCount struct {
	Resource string `json:"resource"`
	Rows     int64  `json:"rows"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
}

// TableCount is the length of one table.
type TableCount struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// The kinds of statements, in the order of a warehouse's life.
type (
	// WarehouseCreated is the first statement of every ledger. The actor is the controller.
	WarehouseCreated struct {
		Name       string `json:"name"`
		Signing    string `json:"signing"`    // the controller's public key
		Recipient  string `json:"recipient"`  // where the controller is sent sealed files
		Escrow     string `json:"escrow"`     // the escrow recipient of every object
		Checkpoint string `json:"checkpoint"` // verifier key of the log's checkpoints
		Host       string `json:"host"`       // the host, by the name of the configuration
		Policies   Digest `json:"policies"`   // the text of the policies, all files of them
	}
	// ConfigRecorded pins the configuration file.
	ConfigRecorded struct {
		SHA256 Digest `json:"sha256"`
	}
	// PartyAdded introduces a party and its public keys.
	PartyAdded struct {
		Name      string `json:"name"`
		Role      string `json:"role"`
		Signing   string `json:"signing"`
		Recipient string `json:"recipient"`
		Secret    Digest `json:"secret,omitempty"`    // commits to the party's pseudonym key
		Oblivious string `json:"oblivious,omitempty"` // of a linkage authority: public key of its oblivious function
	}
	// DepositMade says that a provider handed in files.
	DepositMade struct {
		Deposit    string      `json:"deposit"`
		Feed       string      `json:"feed"`
		FeedDigest Digest      `json:"feed_digest"`
		Files      []FileCount `json:"files"`               // one for each object or, with a list, for each resource
		Persons    int64       `json:"persons"`             // persons with an identity
		Objects    []Object    `json:"objects"`             // health data: one for each file and each resource that the file feeds
		Resources  []string    `json:"resources"`           // what each object holds; a resource may have several
		Identities Digest      `json:"identities"`          // the file sealed to the linkage authority
		Authority  string      `json:"authority"`           // that authority's name
		Pseudonyms string      `json:"pseudonyms"`          // how its tokens were made: "keyed", "oblivious" or "both"
		Evaluator  string      `json:"evaluator,omitempty"` // whose key made the oblivious ones
		Stays      Digest      `json:"stays,omitempty"`     // the tokens of stays, sealed to the linkage authority too
		Filters    string      `json:"filters,omitempty"`   // check value of the providers' key that made filters of names, which went with the identities
		Quarantine Digest      `json:"quarantine"`          // the refused rows, which the provider keeps
		List       Digest      `json:"list,omitempty"`      // attachment: files, objects and resources, where they are too long for a statement
	}
	// DepositList is the attachment of a deposit of many files: what its statement says of each otherwise.
	DepositList struct {
		Files     []FileCount `json:"files"`
		Objects   []Object    `json:"objects"`
		Resources []string    `json:"resources"`
	}
	// PersonsLinked says which deposits' persons were compared and what came of it.
	PersonsLinked struct {
		Linkage    string           `json:"linkage"`
		Pseudonyms string           `json:"pseudonyms"`          // the tokens that were compared: "keyed" or "oblivious"
		Evaluator  string           `json:"evaluator,omitempty"` // whose key made the oblivious ones
		Deposits   []string         `json:"deposits"`
		Records    int64            `json:"records"`
		Persons    int64            `json:"persons"`
		Shared     int64            `json:"shared"`           // persons known to two or more deposits
		Methods    map[string]int64 `json:"methods"`          // records by what linked them
		Object     Object           `json:"object"`           // matching number to person
		Stays      int64            `json:"stays,omitempty"`  // pairs of records of one stay
		Report     Digest           `json:"report,omitempty"` // attachment: how well they were compared
	}
	// VocabularyLoaded says that a bundle of standardised vocabularies was sealed, or a local
	// map, for releases to be mapped by.
	VocabularyLoaded struct {
		Vocabulary string      `json:"vocabulary"`
		Version    string      `json:"version"`           // as the bundle calls itself
		Source     Digest      `json:"source"`            // of the bundle's files: a line of table and SHA-256 each
		Files      []FileCount `json:"files"`             // one for each table, in the order of the objects
		Objects    []Object    `json:"objects"`           // the tables
		Manifest   Object      `json:"manifest"`          // which vocabularies, in which versions, with how many concepts
		Refused    Digest      `json:"refused,omitempty"` // the refused rows, which the controller keeps
		Map        *LocalMap   `json:"map,omitempty"`     // of a local map alone: it has one table, source_to_concept_map
	}
	// ReleasePublished makes a release exist.
	ReleasePublished struct {
		Release     string       `json:"release"`
		Linkage     string       `json:"linkage"`
		Deposits    []string     `json:"deposits"`
		Vocabulary  string       `json:"vocabulary,omitempty"` // the loaded one that it was mapped by; else each feed's own, or a folder
		Maps        []string     `json:"maps,omitempty"`       // the local maps that it was mapped by, the last to be imported last
		Persons     int64        `json:"persons"`
		Tables      []TableCount `json:"tables"`
		Manifest    Object       `json:"manifest"`
		Objects     Digest       `json:"objects"` // attachment: every object of the release
		RetainUntil time.Time    `json:"retain_until"`
		Quality     *Quality     `json:"quality,omitempty"` // what the checks found
	}
	// QualityWaived lets a release of a linkage be published although mandatory checks
	// of its quality fail.
	QualityWaived struct {
		Linkage string        `json:"linkage"`
		Checks  []FailedCheck `json:"checks"` // which, and up to which share of rows
		Reason  string        `json:"reason"`
	}
	// ReleaseErased says that a release's key was destroyed.
	ReleaseErased struct {
		Release string `json:"release"`
		Reason  string `json:"reason"`
	}
	// ProjectRequested asks for data. Spec is the request as it was written.
	ProjectRequested struct {
		Project string `json:"project"`
		Spec    string `json:"spec"`
	}
	// ProjectApproved grants what was requested, until the end date of the request.
	ProjectApproved struct {
		Project string `json:"project"`
		Spec    Digest `json:"spec"` // the text that is approved
		Reason  string `json:"reason"`
	}
	// ProjectRefused denies what was requested.
	ProjectRefused struct {
		Project string `json:"project"`
		Reason  string `json:"reason"`
	}
	// ProjectExtracted says what a project was given.
	ProjectExtracted struct {
		Project   string       `json:"project"`
		Release   string       `json:"release"`
		Persons   int64        `json:"persons"`
		Tables    []TableCount `json:"tables"`
		Objects   []Object     `json:"objects"`             // in the order of the tables
		Members   *Object      `json:"members,omitempty"`   // which persons of the release, sealed to the controller
		Catalogue *Object      `json:"catalogue,omitempty"` // what the space holds, in rounded counts
	}
	// ProjectClosed ends a project and destroys its key.
	ProjectClosed struct {
		Project string `json:"project"`
		Reason  string `json:"reason"`
	}
	// RunRequested is a researcher's order to run this very code.
	RunRequested struct {
		Run      string `json:"run"`
		Project  string `json:"project"`
		Language string `json:"language"`
		Name     string `json:"name"` // of the file that was handed in
		Code     Digest `json:"code"`
		Step     string `json:"step,omitempty"`    // of a study of several
		Commit   string `json:"commit,omitempty"`  // of the study, in git
		Decides  Digest `json:"decides,omitempty"` // of all that decides what the step makes

		Environment Digest   `json:"environment,omitempty"` // of what its language brings
		Study       *Object  `json:"study,omitempty"`       // of a run that waits in the queue: script, files and limits
		Needs       []string `json:"needs,omitempty"`       // runs before it in the queue whose outputs it reads
	}
	// WheelRequested asks that a project's studies may import a Python package of its own.
	WheelRequested struct {
		Request string   `json:"request"`
		Project string   `json:"project"`
		Name    string   `json:"name"` // of the file, such as lifelines-0.30.0-py3-none-any.whl
		SHA256  Digest   `json:"sha256"`
		Object  Object   `json:"object"`           // the file, sealed under the project's key
		Modules []string `json:"modules"`          // what can be imported
		Native  bool     `json:"native,omitempty"` // it has code that nobody can read
		Found   []string `json:"found,omitempty"`  // what the scan had to say
		Reason  string   `json:"reason"`
	}
	// WheelRefused says that a package that was asked for does not come in.
	WheelRefused struct {
		Project string `json:"project"`
		Request string `json:"request"`
		Reason  string `json:"reason"`
	}
	// WheelWithdrawn takes a package from a project's studies: none starts with it, and those that have it end.
	WheelWithdrawn struct {
		Project string `json:"project"`
		Name    string `json:"name"`
		SHA256  Digest `json:"sha256"`
		Reason  string `json:"reason"`
	}
	// WheelApproved lets a project's studies import a Python package of its own.
	WheelApproved struct {
		Project string   `json:"project"`
		Name    string   `json:"name"` // of the file, such as lifelines-0.30.0-py3-none-any.whl
		SHA256  Digest   `json:"sha256"`
		Object  Object   `json:"object"`          // the file, sealed under the project's key
		Found   []string `json:"found,omitempty"` // what the scan had to say
		Reason  string   `json:"reason"`
		Request string   `json:"request,omitempty"` // that it grants; of older statements there is none
	}
	// RenewalRequested asks that a project's space be made anew from a later release.
	RenewalRequested struct {
		Project string `json:"project"`
		Release string `json:"release"`
		Reason  string `json:"reason"`
	}
	// RenewalApproved lets a project have the data of the release that it asked for: the next extraction takes it.
	RenewalApproved struct {
		Project string `json:"project"`
		Release string `json:"release"`
		Reason  string `json:"reason"`
	}
	// RenewalRefused says that a project keeps the data that it has.
	RenewalRefused struct {
		Project string `json:"project"`
		Release string `json:"release"`
		Reason  string `json:"reason"`
	}
	// RunCancelled ends a run that waits or is under way.
	RunCancelled struct {
		Run    string `json:"run"`
		Reason string `json:"reason"`
	}
	// RunFinished says how a run ended and what waits at the airlock.
	RunFinished struct {
		Run     string           `json:"run"`
		Outcome string           `json:"outcome"` // "done", or why not
		Seconds float64          `json:"seconds"`
		Bundle  *Object          `json:"bundle,omitempty"` // outputs, code and log, as a tar
		Outputs []Output         `json:"outputs,omitempty"`
		Read    map[string]int64 `json:"read,omitempty"`    // bytes of each table that were decrypted for it
		Decides Digest           `json:"decides,omitempty"` // as in run-requested, of a run from the queue
		Same    string           `json:"same,omitempty"`    // the run before that made the same of the same: it was not run again
		Walls   []string         `json:"walls,omitempty"`   // what held the study
		Calls   []string         `json:"calls,omitempty"`   // system calls that it was refused
		Left    []string         `json:"left,omitempty"`    // why things in its outputs were left behind
		Log     *LogRead         `json:"log,omitempty"`     // what of its log its researcher sees
	}
	// OutputViewed says that a checker opened an output that waits.
	OutputViewed struct {
		Output string `json:"output"`
	}
	// OutputReleased lets one output out.
	OutputReleased struct {
		Output string `json:"output"`
		SHA256 Digest `json:"sha256"`
		Reason string `json:"reason"`
	}
	// OutputRefused keeps one output in.
	OutputRefused struct {
		Output string `json:"output"`
		Reason string `json:"reason"`
	}
	// SpaceMounted says that data is open for reading outside a run, from now on.
	SpaceMounted struct {
		Mount   string    `json:"mount"`
		Release string    `json:"release,omitempty"` // either a release
		Project string    `json:"project,omitempty"` // or a project's space
		Until   time.Time `json:"until"`             // at the latest
		Worker  string    `json:"worker,omitempty"`  // of a pass: the public key of the worker elsewhere
	}
	// SpaceUnmounted says what was read of a mount until its end.
	SpaceUnmounted struct {
		Mount string           `json:"mount"`
		Opens map[string]int64 `json:"opens,omitempty"` // of each file that was opened
		Bytes int64            `json:"bytes"`           // decrypted for readers
	}
	// KeysRotated says that the root key was replaced and every key wrapped anew.
	KeysRotated struct {
		Root string `json:"root"` // what kind of root holds them now
		Keys int64  `json:"keys"`
	}
	// KeyDestroyed says that a key-encryption key is gone for ever.
	KeyDestroyed struct {
		Key    string `json:"key"`
		Reason string `json:"reason"`
	}
	// HostLeft says that whatever opens the objects on a host was destroyed: their
	// keys, and the controller's identity, which is another one from now on.
	HostLeft struct {
		Host      string `json:"host"`
		Keys      int64  `json:"keys"`
		Reason    string `json:"reason"`
		Recipient string `json:"recipient"` // of the controller's new identity
	}
)

// LogRead says what a study printed, and what of it was withheld from its researcher.
type LogRead struct {
	Lines    int            `json:"lines"`
	Bytes    int64          `json:"bytes"`
	Withheld map[string]int `json:"withheld,omitempty"` // lines, by why
}

// Output is a file that asks to leave.
type Output struct {
	Output   string    `json:"output"` // the run and a number
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	SHA256   Digest    `json:"sha256"`
	Refused  bool      `json:"refused"` // found disclosive: no checker can release it
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is what the disclosure check says of an output, without any value of it.
type Finding struct {
	Rule     string            `json:"rule"`
	Code     string            `json:"code,omitempty"`   // what it says; the catalogue of package disclosure has its sentence in each language
	Values   map[string]string `json:"values,omitempty"` // what fills the places of that sentence
	Severity string            `json:"severity"`         // "review" or "refuse"
	Line     int               `json:"line,omitempty"`
	Field    string            `json:"field,omitempty"`
	Message  string            `json:"message"` // the same in English, with its place
}

// LocalMap says where a local map of codes comes from.
type LocalMap struct {
	From   string `json:"from"`           // what it was made from: a publication, a terminology, a review
	Author string `json:"author"`         // who answers for it
	Date   string `json:"date"`           // when it was made: 2026-03-01
	Left   int64  `json:"left,omitempty"` // rows that a terminologist has not approved
}

// Quality sums up what the checks of a release found; docs/quality.md tells which
// they are.
type Quality struct {
	Checks    int           `json:"checks"`              // that were made and had something to look at
	Failed    int           `json:"failed"`              // of those
	Mandatory []FailedCheck `json:"mandatory,omitempty"` // of those: a release with one needs a waiver
	Rules     Digest        `json:"rules"`               // of the settings: thresholds, and which checks are mandatory
	Results   Object        `json:"results"`             // sealed with the release
}

// FailedCheck is a check and the share of rows that violate it.
type FailedCheck struct {
	Check string `json:"check"`     // as the dashboard names it: field_isforeignkey_measurement_unit_concept_id
	Share int64  `json:"per_10000"` // of the rows that were looked at, rounded up
}

// Kind implements [Body] for every kind.
func (WarehouseCreated) Kind() string { return "warehouse-created" }
func (ConfigRecorded) Kind() string   { return "config-recorded" }
func (PartyAdded) Kind() string       { return "party-added" }
func (DepositMade) Kind() string      { return "deposit-made" }
func (PersonsLinked) Kind() string    { return "persons-linked" }
func (VocabularyLoaded) Kind() string { return "vocabulary-loaded" }
func (ReleasePublished) Kind() string { return "release-published" }
func (ReleaseErased) Kind() string    { return "release-erased" }
func (QualityWaived) Kind() string    { return "quality-waived" }
func (ProjectRequested) Kind() string { return "project-requested" }
func (ProjectApproved) Kind() string  { return "project-approved" }
func (ProjectRefused) Kind() string   { return "project-refused" }
func (ProjectExtracted) Kind() string { return "project-extracted" }
func (ProjectClosed) Kind() string    { return "project-closed" }
func (RunRequested) Kind() string     { return "run-requested" }
func (RunFinished) Kind() string      { return "run-finished" }
func (RunCancelled) Kind() string     { return "run-cancelled" }
func (WheelApproved) Kind() string    { return "wheel-approved" }
func (WheelRequested) Kind() string   { return "wheel-requested" }
func (WheelRefused) Kind() string     { return "wheel-refused" }
func (WheelWithdrawn) Kind() string   { return "wheel-withdrawn" }
func (RenewalRequested) Kind() string { return "renewal-requested" }
func (RenewalApproved) Kind() string  { return "renewal-approved" }
func (RenewalRefused) Kind() string   { return "renewal-refused" }
func (OutputViewed) Kind() string     { return "output-viewed" }
func (OutputReleased) Kind() string   { return "output-released" }
func (OutputRefused) Kind() string    { return "output-refused" }
func (SpaceMounted) Kind() string     { return "space-mounted" }
func (SpaceUnmounted) Kind() string   { return "space-unmounted" }
func (KeysRotated) Kind() string      { return "keys-rotated" }
func (KeyDestroyed) Kind() string     { return "key-destroyed" }
func (HostLeft) Kind() string         { return "host-left" }

// kinds makes an empty body of each kind.
var kinds = table(
	func() Body { return &WarehouseCreated{} },
	func() Body { return &ConfigRecorded{} },
	func() Body { return &PartyAdded{} },
	func() Body { return &DepositMade{} },
	func() Body { return &PersonsLinked{} },
	func() Body { return &VocabularyLoaded{} },
	func() Body { return &ReleasePublished{} },
	func() Body { return &ReleaseErased{} },
	func() Body { return &QualityWaived{} },
	func() Body { return &ProjectRequested{} },
	func() Body { return &ProjectApproved{} },
	func() Body { return &ProjectRefused{} },
	func() Body { return &ProjectExtracted{} },
	func() Body { return &ProjectClosed{} },
	func() Body { return &RunRequested{} },
	func() Body { return &RunFinished{} },
	func() Body { return &RunCancelled{} },
	func() Body { return &WheelApproved{} },
	func() Body { return &WheelRequested{} },
	func() Body { return &WheelRefused{} },
	func() Body { return &WheelWithdrawn{} },
	func() Body { return &RenewalRequested{} },
	func() Body { return &RenewalApproved{} },
	func() Body { return &RenewalRefused{} },
	func() Body { return &OutputViewed{} },
	func() Body { return &OutputReleased{} },
	func() Body { return &OutputRefused{} },
	func() Body { return &SpaceMounted{} },
	func() Body { return &SpaceUnmounted{} },
	func() Body { return &KeysRotated{} },
	func() Body { return &KeyDestroyed{} },
	func() Body { return &HostLeft{} },
	func() Body { return &HostRegistered{} },
	func() Body { return &DerogationGranted{} },
	func() Body { return &HostMigrated{} },
	func() Body { return &MigrationStopped{} },
	func() Body { return &HostErased{} },
	func() Body { return &PseudonymsIssued{} },
	func() Body { return &QuestionsAnswered{} },
	func() Body { return &WitnessesSet{} },
	func() Body { return &EnrolmentOpened{} },
	func() Body { return &PasskeyRegistered{} },
	func() Body { return &PasskeyRemoved{} },
	func() Body { return &LoginLinked{} },
	func() Body { return &LoginUnlinked{} },
	func() Body { return &SigningRulesSet{} },
	func() Body { return &Proposed{} },
	func() Body { return &Countersigned{} },
	func() Body { return &StepOrdered{} },
	func() Body { return &TokenIssued{} },
	func() Body { return &TokenRevoked{} },
	func() Body { return &ProjectAmended{} },
	func() Body { return &ProjectSuspended{} },
	func() Body { return &ProjectResumed{} },
	func() Body { return &PartyLeft{} },
	func() Body { return &RolesReviewed{} },
	func() Body { return &EmergencyOpened{} },
	func() Body { return &EmergencyReviewed{} },
	func() Body { return &OptOutStated{} },
	func() Body { return &OptOutRevoked{} },
	func() Body { return &OptOutsResolved{} },
	func() Body { return &AccessRequested{} },
	func() Body { return &AccessForwarded{} },
	func() Body { return &AccessAnswered{} },
	func() Body { return &OutputChangeRequested{} },
	func() Body { return &OutputChanged{} },
	func() Body { return &OutputCommented{} },
	func() Body { return &OutputAssigned{} },
	func() Body { return &OutputDelivered{} },
	func() Body { return &DeliveryRenewed{} },
)

func table(makers ...func() Body) map[string]func() Body {
	t := make(map[string]func() Body, len(makers))
	for _, m := range makers {
		t[m().Kind()] = m
	}
	return t
}

// Kinds lists every kind of statement, in alphabetical order.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// Empty is an empty body of a kind.
func Empty(kind string) Body { return kinds[kind]() }
