package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// sentence is a text in which some words lead somewhere.
type sentence []words

type words struct {
	Text string
	Href string // "" for plain words
}

// String is the text alone.
func (s sentence) String() string {
	var b strings.Builder
	for _, w := range s {
		b.WriteString(w.Text)
	}
	return b.String()
}

// MarshalJSON writes the text alone.
func (s sentence) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// sentence fills a message's places; where words have an address, they lead there.
func (l *language) sentence(key string, places ...any) (s sentence) {
	links := map[string]words{}
	plain := make([]any, len(places))
	for i := 0; i+1 < len(places); i += 2 {
		plain[i], plain[i+1] = places[i], places[i+1]
		if w, ok := places[i+1].(words); ok {
			mark := fmt.Sprintf("\x00%d\x00", i)
			plain[i+1], links[mark] = mark, w
		}
	}
	rest := l.text(key, plain...)
	for rest != "" {
		at := strings.IndexByte(rest, 0)
		if at < 0 {
			return append(s, words{Text: rest})
		}
		end := at + 1 + strings.IndexByte(rest[at+1:], 0) + 1
		if at > 0 {
			s = append(s, words{Text: rest[:at]})
		}
		if w, ok := links[rest[at:end]]; ok {
			s = append(s, w)
		}
		rest = rest[end:]
	}
	return s
}

func toProject(name string) words { return words{name, "/projects/" + name} }
func toOutput(id string) words    { return words{id, "/outputs/" + id} }
func toRelease(id string) words   { return words{id, "/releases/" + id} }
func toStatement(l *language, index uint64) words {
	return words{l.text("frame.statement", "index", index), fmt.Sprintf("/ledger/%d", index)}
}
func toHost(name string) words { return words{name, "/hosts/" + name} }

// tell tells a statement: what its actor did, after the actor's name.
func (q *request) tell(s ledger.Statement) sentence {
	body, err := s.Decode()
	if err != nil {
		return q.lang.sentence("story.unknown", "kind", s.Kind)
	}
	say := func(places ...any) sentence { return q.lang.sentence("story."+s.Kind, places...) }
	switch b := body.(type) {
	case *ledger.WarehouseCreated:
		return say("name", b.Name, "host", b.Host)
	case *ledger.ConfigRecorded:
		return say("digest", string(b.SHA256)[:min(12, len(b.SHA256))])
	case *ledger.PartyAdded:
		return say("name", b.Name, "role", q.lang.text("role."+b.Role))
	case *ledger.DepositMade:
		var rows, refused int64
		for _, f := range b.Files {
			rows, refused = rows+f.Rows, refused+f.Refused
		}
		return say("deposit", b.Deposit, "feed", b.Feed, "rows", rows, "refused", refused, "persons", b.Persons)
	case *ledger.PersonsLinked:
		return say("n", len(b.Deposits), "linkage", b.Linkage, "records", b.Records, "persons", b.Persons)
	case *ledger.PseudonymsIssued:
		var n int64
		for _, i := range b.Issued {
			n += i.Count
		}
		return say("n", n, "parties", len(b.Issued))
	case *ledger.ReleasePublished:
		return say("release", toRelease(b.Release), "persons", b.Persons, "n", len(b.Tables))
	case *ledger.ReleaseErased:
		return say("release", toRelease(b.Release), "reason", b.Reason)
	case *ledger.ProjectRequested:
		return say("project", toProject(b.Project))
	case *ledger.ProjectApproved:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.ProjectRefused:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.ProjectAmended:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.ProjectSuspended:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.ProjectResumed:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.EmergencyOpened:
		return say("project", toProject(b.Project), "until", q.lang.moment(b.Until), "reason", b.Reason)
	case *ledger.EmergencyReviewed:
		if !b.Justified {
			return q.lang.sentence("story.emergency-reviewed_unjustified", "emergency", b.Emergency, "reason", b.Reason)
		}
		return say("emergency", b.Emergency, "reason", b.Reason)
	case *ledger.ProjectExtracted:
		return say("project", toProject(b.Project), "release", toRelease(b.Release), "persons", b.Persons, "n", len(b.Tables))
	case *ledger.ProjectClosed:
		return say("project", toProject(b.Project), "reason", b.Reason)
	case *ledger.RunRequested:
		return say("name", b.Name, "project", toProject(b.Project), "run", b.Run, "language", b.Language)
	case *ledger.RunFinished:
		return say("run", b.Run, "outcome", q.outcome(b.Outcome), "n", len(b.Outputs))
	case *ledger.OutputViewed:
		return say("output", toOutput(b.Output))
	case *ledger.OutputReleased:
		return say("output", toOutput(b.Output), "reason", b.Reason)
	case *ledger.OutputRefused:
		return say("output", toOutput(b.Output), "reason", b.Reason)
	case *ledger.SpaceMounted:
		what := toRelease(b.Release)
		if b.Project != "" {
			what = toProject(b.Project)
		}
		return say("what", what, "until", q.lang.moment(b.Until))
	case *ledger.SpaceUnmounted:
		return say("mount", b.Mount, "n", len(b.Opens), "size", q.lang.size(b.Bytes))
	case *ledger.KeysRotated:
		return say("root", b.Root, "n", b.Keys)
	case *ledger.KeyDestroyed:
		return say("key", b.Key, "reason", b.Reason)
	case *ledger.HostLeft:
		return say("host", toHost(b.Host), "n", b.Keys, "reason", b.Reason)
	case *ledger.HostRegistered:
		return say("host", toHost(b.Host), "country", b.Jurisdiction)
	case *ledger.DerogationGranted:
		return say("host", toHost(b.Host), "until", b.Until, "reason", b.Reason)
	case *ledger.HostMigrated:
		return say("from", toHost(b.From), "to", toHost(b.To), "n", b.Objects)
	case *ledger.MigrationStopped:
		return say("from", toHost(b.From), "to", toHost(b.To), "n", b.Failed)
	case *ledger.HostErased:
		return say("host", toHost(b.Host), "n", b.Objects, "reason", b.Reason)
	}
	if told := q.tellPeople(body); told != nil {
		return told
	}
	return q.lang.sentence("story.unknown", "kind", s.Kind)
}

// tellPeople tells a statement about how people come in and sign.
func (q *request) tellPeople(body ledger.Body) sentence {
	say := func(places ...any) sentence { return q.lang.sentence("story."+body.Kind(), places...) }
	switch b := body.(type) {
	case *ledger.PartyLeft:
		return say("name", b.Name, "reason", b.Reason)
	case *ledger.RolesReviewed:
		return say("n", len(b.Parties), "reason", b.Reason)
	case *ledger.EnrolmentOpened:
		return say("name", b.Party, "until", q.lang.moment(b.Until), "reason", b.Reason)
	case *ledger.PasskeyRegistered:
		return say("name", b.Name)
	case *ledger.PasskeyRemoved:
		return say("name", b.Party, "reason", b.Reason)
	case *ledger.LoginLinked:
		return say("name", b.Party, "issuer", b.Issuer)
	case *ledger.LoginUnlinked:
		return say("issuer", b.Issuer, "reason", b.Reason)
	case *ledger.SigningRulesSet:
		return say("reason", b.Reason)
	case *ledger.Proposed:
		return say("kind", q.lang.text("kind."+b.Statement))
	case *ledger.Countersigned:
		entry := toStatement(q.lang, b.Entry)
		if b.Refused {
			return q.lang.sentence("story.countersigned_refused", "entry", entry, "reason", b.Reason)
		}
		return say("entry", entry, "reason", b.Reason)
	case *ledger.StepOrdered:
		return say("step", q.lang.text("kind."+b.Step), "host", toHost(b.Host), "reason", b.Reason)
	case *ledger.TokenIssued:
		return say("name", b.Name, "until", q.lang.moment(b.Until))
	case *ledger.TokenRevoked:
		return say("token", b.Token, "reason", b.Reason)
	}
	return nil
}

// outcome is how a run ended, in words.
func (q *request) outcome(outcome string) string {
	if outcome == "done" {
		return q.lang.text("run.done")
	}
	return outcome
}

// days is how many days there are until a time; begun ones count.
func days(now, until time.Time) int {
	left := until.Sub(now)
	if left <= 0 {
		return 0
	}
	return int((left + 24*time.Hour - 1) / (24 * time.Hour))
}
