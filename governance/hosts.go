package governance

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// Host is a host as it was described last.
type Host struct {
	Made // of the first description
	ledger.HostRegistered
	Versions   []Made // of every description
	Derogation *Derogation
	Erased     *Erasure // of its objects, when the warehouse had left
}

// Derogation lets the warehouse stay with a host; a later one replaces it.
type Derogation struct {
	Made
	ledger.DerogationGranted
}

// Erasure says that a host's objects were deleted.
type Erasure struct {
	Made
	ledger.HostErased
}

// Migration is one move of the warehouse.
type Migration struct {
	Made
	ledger.HostMigrated
}

// Reach lists the countries whose law reaches a host: that of its seat, and
// those of the other laws. Which are foreign is in policies/hosts.cedar.
func (h *Host) Reach() []string {
	reach := []string{h.Jurisdiction}
	for _, law := range h.Laws {
		reach = append(reach, law.Country)
	}
	slices.Sort(reach)
	return slices.Compact(reach)
}

// InForce is the derogation that holds at a time, or nil.
func (h *Host) InForce(now time.Time) *Derogation {
	if h.Derogation == nil || !now.Before(h.Derogation.Until) {
		return nil
	}
	return h.Derogation
}

// warnings are the days before the end of a derogation from which on it is warned.
var warnings = []int{30, 90, 180}

// Warning says how near the end of a derogation is: the days that are left,
// begun ones counted, and which of the thresholds of 180, 90 and 30 days was
// passed last; ok is false where it is farther away, over, or there is none.
func (h *Host) Warning(now time.Time) (days, threshold int, ok bool) {
	d := h.InForce(now)
	if d == nil {
		return 0, 0, false
	}
	days = int(math.Ceil(d.Until.Sub(now).Hours() / 24))
	for _, threshold := range warnings {
		if days <= threshold {
			return days, threshold, true
		}
	}
	return days, 0, false
}

// HostByName finds a host of the register.
func (s *State) HostByName(name string) (*Host, error) { return s.Hosts.find("host", name) }

// Welcome says whether the policies let the warehouse put new data with a host
// at a time. The error is a *Refusal.
func (s *State) Welcome(host string, now time.Time) error {
	return s.Authorise(ledger.Statement{Actor: s.ControllerName(), Kind: ledger.HostMigrated{}.Kind(), Time: now}, &ledger.HostMigrated{From: s.Host, To: host})
}

// hostFacts is what the rules know of the host that a statement puts data with.
func (s *State) hostFacts(body ledger.Body, f *Facts) {
	f.Host = s.Host
	if b, ok := body.(*ledger.HostMigrated); ok {
		f.Host = b.To
	}
	host, registered := s.Hosts.Get(f.Host)
	if !registered {
		return
	}
	f.HostRegistered, f.HostReach = true, host.Reach()
	if host.Derogation != nil {
		f.DerogationEnds = host.Derogation.Until
	}
}

var country = regexp.MustCompile(`^[A-Z]{2}$`)

func (s *State) registerHost(made Made, b *ledger.HostRegistered) error {
	switch {
	case !validName.MatchString(b.Host):
		return refuse("", "%q is no name of a host: want lower-case letters, digits and hyphens", b.Host)
	case b.HostKind != "directory" && b.HostKind != "s3":
		return refuse("", "host %s: there is no kind %q: want directory or s3", b.Host, b.HostKind)
	case strings.TrimSpace(b.URL) == "":
		return refuse("", "host %s has no address", b.Host)
	case b.HostKind == "s3" && b.Bucket == "":
		return refuse("Give one: --bucket", "host %s has no bucket", b.Host)
	case !country.MatchString(b.Jurisdiction):
		return refuse("Give two letters, such as FR: --jurisdiction", "host %s: %q is no country", b.Host, b.Jurisdiction)
	}
	if address, err := url.Parse(b.URL); err == nil && address.User != nil {
		return refuse("", "host %s: the address holds credentials, and the ledger keeps no secret", b.Host)
	}
	for _, law := range b.Laws {
		if !country.MatchString(law.Country) || strings.TrimSpace(law.Law) == "" {
			return refuse(`Write it as "US: CLOUD Act"`, "host %s: the law %q of %q names no country, or no law", b.Host, law.Law, law.Country)
		}
	}
	for _, q := range b.Qualifications {
		if _, err := time.Parse(time.DateOnly, q.Until); err != nil || q.Scheme == "" {
			return refuse("Write it as secnumcloud:3.2:2026-01-31", "host %s: a qualification has a scheme, a version and the day until which it holds", b.Host)
		}
	}
	host, known := s.Hosts.Get(b.Host)
	if !known {
		host = &Host{Made: made}
		s.Hosts.add(b.Host, host)
	}
	host.HostRegistered = *b
	host.Versions = append(host.Versions, made)
	return nil
}

func (s *State) derogate(made Made, b *ledger.DerogationGranted) error {
	host, err := s.HostByName(b.Host)
	if err != nil {
		return err
	}
	if !b.Until.After(made.Time) {
		return refuse("Give a later day: --until", "the derogation would have ended on %s already", b.Until.Format(time.DateOnly))
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	if !slices.ContainsFunc(b.Conditions, func(c string) bool { return strings.TrimSpace(c) != "" }) {
		return refuse("Say what is asked for: --condition", "a derogation has conditions")
	}
	host.Derogation = &Derogation{made, *b}
	return nil
}

// movesTo says whether a warehouse can move so: from where it lies to another host.
func (s *State) movesTo(from, to string) (*Host, error) {
	host, err := s.HostByName(to)
	if err != nil {
		return nil, err
	}
	if from != s.Host || to == s.Host {
		return nil, refuse("See where it is: rempart host list", "the warehouse lies with host %s, and moves from there to another", s.Host)
	}
	return host, nil
}

// stays admits that a migration changed nothing.
func (s *State) stays(b *ledger.MigrationStopped) error {
	_, err := s.movesTo(b.From, b.To)
	return err
}

func (s *State) migrate(made Made, b *ledger.HostMigrated) error {
	host, err := s.movesTo(b.From, b.To)
	if err != nil {
		return err
	}
	s.Host, host.Erased = b.To, nil
	s.Migrations = append(s.Migrations, Migration{made, *b})
	return nil
}

// eraseHost takes in that a host's objects are deleted: never those of the host
// that the warehouse lies with.
func (s *State) eraseHost(made Made, b *ledger.HostErased) error {
	if err := s.Erasable(b.Host); err != nil {
		return err
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "to erase a host needs a reason")
	}
	host, _ := s.Hosts.Get(b.Host)
	host.Erased = &Erasure{made, *b}
	return nil
}

// Erasable says whether the objects of a host may be deleted: the warehouse has
// to have left it. The error is a *Refusal.
func (s *State) Erasable(name string) error {
	if name == s.Host {
		return refuse("Leave it first: rempart host migrate --to NAME", "the warehouse lies with host %s", name)
	}
	_, err := s.HostByName(name)
	return err
}

// Foreign says whether foreign law reaches the host, by the rule of
// policies/hosts.cedar, whether or not a derogation is in force.
func (h *Host) Foreign() bool {
	alone := &State{Parties: map[string]Party{"controller": {Name: "controller", Role: Controller}}, Host: h.Host}
	free := *h
	free.Derogation = nil
	alone.Hosts.add(h.Host, &free)
	return alone.Authorise(ledger.Statement{Actor: "controller", Kind: ledger.ReleasePublished{}.Kind(), Time: time.UnixMilli(0)}, &ledger.ReleasePublished{}) != nil
}
