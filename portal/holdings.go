package portal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
)

// releaseLine is a release in a list.
type releaseLine struct {
	Release     string    `json:"release"`
	Published   time.Time `json:"published"`
	Persons     int64     `json:"persons"`
	Tables      int       `json:"tables"`
	Deposits    int       `json:"deposits"`
	RetainUntil time.Time `json:"retain_until"`
	Erased      time.Time `json:"erased,omitzero"`
}

func line1(r *governance.Release) releaseLine {
	l := releaseLine{r.Release, r.Time, r.Persons, len(r.Tables), len(r.Deposits), r.RetainUntil, time.Time{}}
	if r.Erased != nil {
		l.Erased = r.Erased.Time
	}
	return l
}

type releasesData struct {
	Releases []releaseLine `json:"releases"`
}

func (p *Portal) releases(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	data := releasesData{[]releaseLine{}}
	for _, r := range q.state.Releases.All() {
		data.Releases = append(data.Releases, line1(r))
	}
	slices.Reverse(data.Releases)
	return &answer{"releases", q.lang.Text("releases.title"), data}, nil
}

// releaseData is a release's page.
type releaseData struct {
	releaseLine
	By        string              `json:"by"`
	Statement uint64              `json:"statement"`
	Counts    []ledger.TableCount `json:"counts"`
	Linkage   *linkageData        `json:"linkage"`
	Quality   *checkedData        `json:"quality,omitempty"` // absent of releases that were published before releases were checked
	Sources   []source            `json:"sources"`
	Projects  []string            `json:"projects"` // that were given data of it, and that the person sees
	MayErase  bool                `json:"may_erase"`
}

// linkageData is how a release's persons were found.
type linkageData struct {
	Linkage   string           `json:"linkage"`
	By        string           `json:"by"`
	Time      time.Time        `json:"time"`
	Records   int64            `json:"records"`
	Persons   int64            `json:"persons"`
	Shared    int64            `json:"shared"`
	Methods   map[string]int64 `json:"methods"`
	Statement uint64           `json:"statement"`
	Report    *linkage.Report  `json:"report,omitempty"` // how well, as the linkage authority found
	Named     []methodLine     `json:"-"`
	Rates     []rateLine       `json:"-"`
	Estimates []estimateLine   `json:"-"`
}

// methodLine is how many records a rule placed.
type methodLine struct {
	Name    string
	Records string
}

// rateLine is how well the records of a deposit were linked.
type rateLine struct{ Deposit, Provider, Records, Rate string }

// estimateLine is an estimate of how right or whole the joined stays are.
type estimateLine struct{ Name, Value, Of, Method string }

// linked tells of a linkage. Its report is an attachment of the ledger.
func (q *request) linked(l *governance.Linkage) (*linkageData, error) {
	d := &linkageData{Linkage: l.Linkage, By: l.Actor, Time: l.Time, Records: l.Records, Persons: l.Persons, Shared: l.Shared, Methods: l.Methods, Statement: l.Index}
	for _, method := range slices.SortedFunc(maps.Keys(l.Methods), func(a, b string) int { return cmp.Compare(l.Methods[b], l.Methods[a]) }) {
		name := method
		if q.lang.Has("method." + method) {
			name = q.lang.Text("method." + method)
		}
		d.Named = append(d.Named, methodLine{name, q.lang.Number(l.Methods[method])})
	}
	if l.Report == "" {
		return d, nil
	}
	if err := q.log.Attached(l.Report, &d.Report); err != nil {
		return nil, fmt.Errorf("the report of linkage %s: %w", l.Linkage, err)
	}
	for _, r := range d.Report.Deposits {
		d.Rates = append(d.Rates, rateLine{r.Deposit, r.Provider, q.count(r.Records), q.lang.percent(r.Linked)})
	}
	if d.Report.Stays != nil {
		for _, e := range d.Report.Stays.Estimates {
			name := e.Measure
			if q.lang.Has("release." + e.Measure) {
				name = q.lang.Text("release." + e.Measure)
			}
			d.Estimates = append(d.Estimates, estimateLine{name, q.lang.percent(e.Value), q.lang.Text("release.of_stays", "n", q.count(e.Of)), e.Method})
		}
	}
	return d, nil
}

// count writes a count of a report, of which small ones are not known.
func (q *request) count(n linkage.Count) string {
	if n.Hidden() {
		return q.lang.Text("release.fewer")
	}
	return q.lang.Number(int64(n))
}

// percent writes a rate to a hundredth of a per cent.
func (l *language) percent(r linkage.Rate) string {
	if r == nil {
		return "–"
	}
	return l.Decimal(100**r, 2) + "\u00a0%"
}

// source is a deposit of a release, and how many of its rows were taken.
type source struct {
	Deposit  string `json:"deposit"`
	Provider string `json:"provider"`
	Feed     string `json:"feed"`
	Rows     int64  `json:"rows"`
	Refused  int64  `json:"refused"`
}

func (p *Portal) release(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	r, ok := q.state.Releases.Get(q.PathValue("release"))
	if !ok {
		return nil, errNotFound
	}
	data := releaseData{releaseLine: line1(r), By: r.Actor, Statement: r.Index, Counts: r.ReleasePublished.Tables, Projects: []string{}, MayErase: q.controls() && r.Erased == nil}
	if l, ok := q.state.Linkages.Get(r.Linkage); ok {
		told, err := q.linked(l)
		if err != nil {
			return nil, err
		}
		data.Linkage = told
	}
	if c := r.ReleasePublished.Quality; c != nil {
		data.Quality = &checkedData{c.Checks, c.Failed, len(c.Mandatory), q.everything() && r.Erased == nil}
	}
	for _, id := range r.ReleasePublished.Deposits {
		if d, ok := q.state.Deposits.Get(id); ok {
			s := source{Deposit: id, Provider: d.Actor, Feed: d.Feed}
			for _, f := range d.Files {
				s.Rows, s.Refused = s.Rows+f.Rows, s.Refused+f.Refused
			}
			data.Sources = append(data.Sources, s)
		}
	}
	for name, project := range q.state.Projects.All() {
		if project.Extraction != nil && project.Extraction.Release == r.Release && q.sees(project) {
			data.Projects = append(data.Projects, name)
		}
	}
	return &answer{"release", q.lang.Text("release.title", "release", r.Release), data}, nil
}

// hostLine is a host of the register.
type hostLine struct {
	Host         string    `json:"host"`
	Here         bool      `json:"here"` // the warehouse lies with it
	Kind         string    `json:"kind"`
	Jurisdiction string    `json:"jurisdiction"`
	Reach        []string  `json:"reach"`
	Foreign      bool      `json:"foreign"`
	Until        time.Time `json:"derogation_until,omitzero"`
	DaysLeft     int       `json:"days_left,omitempty"`
	Warned       bool      `json:"warned"` // the end is within 180 days
	Erased       bool      `json:"erased"`
}

func (q *request) hostLine(h *governance.Host) hostLine {
	l := hostLine{Host: h.Host, Here: h.Host == q.state.Host, Kind: h.HostKind, Jurisdiction: h.Jurisdiction, Reach: h.Reach(), Foreign: h.Foreign(), Erased: h.Erased != nil}
	if d := h.Derogation; d != nil {
		l.Until, l.DaysLeft = d.Until, days(q.now, d.Until)
		_, _, l.Warned = h.Warning(q.now)
	}
	return l
}

type hostsData struct {
	Hosts      []hostLine  `json:"hosts"`
	Migrations []migration `json:"migrations"`
}

type migration struct {
	From      string    `json:"from"`
	To        string    `json:"to"`
	Time      time.Time `json:"time"`
	Objects   int64     `json:"objects"`
	Bytes     int64     `json:"bytes"`
	Statement uint64    `json:"statement"`
}

func (p *Portal) hosts(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	data := hostsData{[]hostLine{}, []migration{}}
	for _, h := range q.state.Hosts.All() {
		data.Hosts = append(data.Hosts, q.hostLine(h))
	}
	for _, m := range slices.Backward(q.state.Migrations) {
		data.Migrations = append(data.Migrations, migration{m.From, m.To, m.Time, m.Objects, m.Bytes, m.Index})
	}
	return &answer{"hosts", q.lang.Text("hosts.title"), data}, nil
}

// hostData is a host's page.
type hostData struct {
	hostLine
	URL            string                 `json:"url"`
	Bucket         string                 `json:"bucket,omitempty"`
	Operator       string                 `json:"operator"`
	Owner          string                 `json:"owner"`
	Contact        string                 `json:"contact"`
	Laws           []ledger.Law           `json:"laws"`
	Qualifications []ledger.Qualification `json:"qualifications"`
	Derogation     *derogation            `json:"derogation,omitempty"`
	Statement      uint64                 `json:"statement"`
	MayDerogate    bool                   `json:"may_derogate"`
	Orders         []string               `json:"orders"` // that the person may give: move, leave, erase
}

type derogation struct {
	decision
	Until      time.Time `json:"until"`
	Conditions []string  `json:"conditions"`
	InForce    bool      `json:"in_force"`
}

func (p *Portal) host(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	h, ok := q.state.Hosts.Get(q.PathValue("host"))
	if !ok {
		return nil, errNotFound
	}
	data := hostData{
		hostLine: q.hostLine(h), URL: h.URL, Bucket: h.Bucket, Operator: h.Operator, Owner: h.Owner, Contact: h.Contact,
		Laws: h.Laws, Qualifications: h.Qualifications, Statement: h.Versions[len(h.Versions)-1].Index,
		MayDerogate: q.party.Role == governance.Officer && h.Foreign(), Orders: q.orders(h),
	}
	if d := h.Derogation; d != nil {
		data.Derogation = &derogation{decision{d.Actor, d.Time, d.Reason, d.Index}, d.Until, d.Conditions, h.InForce(q.now) != nil}
	}
	return &answer{"host", q.lang.Text("host.title", "host", h.Host), data}, nil
}

// partyLine is somebody who takes part.
type partyLine struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	RoleText  string    `json:"-"`
	Since     time.Time `json:"since"`
	Statement uint64    `json:"statement"`
	Key       string    `json:"signing"`
}

type partiesData struct {
	Parties   []partyLine `json:"parties"`
	MayReview bool        `json:"may_review"`
}

func (p *Portal) parties(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	data := partiesData{MayReview: q.party.Role == governance.Officer}
	for _, party := range q.state.Parties {
		data.Parties = append(data.Parties, partyLine{party.Name, string(party.Role), q.lang.Text("role." + string(party.Role)), party.Time, party.Index, party.Signing.String()})
	}
	slices.SortFunc(data.Parties, func(a, b partyLine) int { return int(a.Statement) - int(b.Statement) })
	return &answer{"parties", q.lang.Text("parties.title"), data}, nil
}
