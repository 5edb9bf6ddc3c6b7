// Package tell tells statements in words, in English and French.
//
// A statement is a [words.Sentence] that follows its actor's name: what it says, and
// which project, release, output, host or other statement it is about. The texts
// are in messages.toml; docs/ledger.md says what each kind means.
package tell

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
)

// Catalogue is every text of it, for [words.Load].
//
//go:embed messages.toml
var Catalogue string

// Statement tells a statement: what its actor did, after the actor's name.
func Statement(l *words.Language, s ledger.Statement) words.Sentence {
	body, err := s.Decode()
	if err != nil {
		return l.Sentence("story.unknown", "kind", s.Kind)
	}
	say := func(places ...any) words.Sentence { return l.Sentence("story."+s.Kind, places...) }
	switch b := body.(type) {
	case *ledger.WarehouseCreated:
		return say("name", b.Name, "host", b.Host)
	case *ledger.ConfigRecorded:
		return say("digest", string(b.SHA256)[:min(12, len(b.SHA256))])
	case *ledger.PartyAdded:
		return say("name", b.Name, "role", l.Text("role."+b.Role))
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
	case *ledger.VocabularyLoaded:
		var rows, refused int64
		for _, f := range b.Files {
			rows, refused = rows+f.Rows, refused+f.Refused
		}
		if m := b.Map; m != nil {
			return l.Sentence("story.vocabulary-loaded_map", "map", b.Vocabulary, "rows", rows-refused, "from", m.From, "author", m.Author, "date", m.Date)
		}
		return say("vocabulary", b.Vocabulary, "version", b.Version, "rows", rows, "refused", refused)
	case *ledger.ReleasePublished:
		if q := b.Quality; q != nil {
			form := "story.release-published_quality"
			if len(q.Mandatory) > 0 {
				form = "story.release-published_waived"
			}
			return l.Sentence(form, "release", Release(b.Release), "persons", b.Persons, "n", len(b.Tables), "failed", q.Failed, "checks", q.Checks, "mandatory", len(q.Mandatory))
		}
		return say("release", Release(b.Release), "persons", b.Persons, "n", len(b.Tables))
	case *ledger.QualityWaived:
		return say("linkage", b.Linkage, "n", len(b.Checks), "reason", b.Reason)
	case *ledger.ReleaseErased:
		return say("release", Release(b.Release), "reason", b.Reason)
	case *ledger.ProjectRequested:
		return say("project", Project(b.Project))
	case *ledger.ProjectApproved:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.ProjectRefused:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.ProjectAmended:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.ProjectSuspended:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.ProjectResumed:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.EmergencyOpened:
		return say("project", Project(b.Project), "until", l.Moment(b.Until), "reason", b.Reason)
	case *ledger.EmergencyReviewed:
		if !b.Justified {
			return l.Sentence("story.emergency-reviewed_unjustified", "emergency", b.Emergency, "reason", b.Reason)
		}
		return say("emergency", b.Emergency, "reason", b.Reason)
	case *ledger.ProjectExtracted:
		return say("project", Project(b.Project), "release", Release(b.Release), "persons", b.Persons, "n", len(b.Tables))
	case *ledger.ProjectClosed:
		return say("project", Project(b.Project), "reason", b.Reason)
	case *ledger.RunRequested:
		return say("name", b.Name, "project", Project(b.Project), "run", b.Run, "language", b.Language)
	case *ledger.RunFinished:
		return say("run", b.Run, "outcome", Outcome(l, b.Outcome), "n", len(b.Outputs))
	case *ledger.WheelApproved:
		return say("name", b.Name, "project", Project(b.Project), "reason", b.Reason)
	case *ledger.WheelRequested:
		return say("name", b.Name, "project", Project(b.Project), "request", b.Request, "reason", b.Reason)
	case *ledger.WheelRefused:
		return say("request", b.Request, "project", Project(b.Project), "reason", b.Reason)
	case *ledger.WheelWithdrawn:
		return say("name", b.Name, "project", Project(b.Project), "reason", b.Reason)
	case *ledger.RenewalRequested:
		return say("project", Project(b.Project), "release", Release(b.Release), "reason", b.Reason)
	case *ledger.RenewalApproved:
		return say("project", Project(b.Project), "release", Release(b.Release), "reason", b.Reason)
	case *ledger.RenewalRefused:
		return say("project", Project(b.Project), "release", Release(b.Release), "reason", b.Reason)
	case *ledger.RunCancelled:
		return say("run", b.Run, "reason", b.Reason)
	case *ledger.QuestionsAnswered:
		var answered, refused int64
		var who []string
		for _, a := range b.Sessions {
			answered, refused, who = answered+a.Answered, refused+a.Refused, append(who, a.Researcher)
		}
		slices.Sort(who)
		return say("project", Project(b.Project), "n", answered, "refused", refused, "who", strings.Join(slices.Compact(who), ", "))
	case *ledger.OutputViewed:
		return say("output", Output(b.Output))
	case *ledger.OutputReleased:
		return say("output", Output(b.Output), "reason", b.Reason)
	case *ledger.OutputRefused:
		return say("output", Output(b.Output), "reason", b.Reason)
	case *ledger.OutputChangeRequested:
		return say("output", Output(b.Output), "method", l.Text("method."+b.Method))
	case *ledger.OutputChanged:
		if b.Result == nil {
			return l.Sentence("story.output-changed_failed", "change", b.Change, "reason", b.Failed)
		}
		return say("change", b.Change, "output", Output(b.Result.Output))
	case *ledger.OutputCommented:
		return say("output", Output(b.Output), "text", b.Text)
	case *ledger.OutputAssigned:
		return say("output", Output(b.Output), "name", b.Checker)
	case *ledger.OutputDelivered:
		return say("output", Output(b.Output), "name", b.Party, "means", l.Text("means."+b.Means))
	case *ledger.DeliveryRenewed:
		return say("output", Output(b.Output), "name", b.Party, "reason", b.Reason)
	case *ledger.SpaceMounted:
		what := Release(b.Release)
		if b.Project != "" {
			what = Project(b.Project)
		}
		if b.Worker != "" {
			return l.Sentence("story.space-mounted_worker", "what", what, "until", l.Moment(b.Until))
		}
		return say("what", what, "until", l.Moment(b.Until))
	case *ledger.SpaceUnmounted:
		if len(b.Opens) == 0 {
			return say("mount", b.Mount, "n", 0, "size", l.Size(b.Bytes))
		}
		files := strings.Join(slices.Sorted(maps.Keys(b.Opens)), ", ")
		return l.Sentence("story.space-unmounted_files", "mount", b.Mount, "n", len(b.Opens), "files", files, "size", l.Size(b.Bytes))
	case *ledger.KeysRotated:
		return say("root", b.Root, "n", b.Keys)
	case *ledger.KeyDestroyed:
		return say("key", b.Key, "reason", b.Reason)
	case *ledger.HostLeft:
		return say("host", Host(b.Host), "n", b.Keys, "reason", b.Reason)
	case *ledger.HostRegistered:
		return say("host", Host(b.Host), "country", b.Jurisdiction)
	case *ledger.WitnessesSet:
		return say("witnesses", len(b.Witnesses), "n", b.Threshold, "reason", b.Reason)
	case *ledger.DerogationGranted:
		return say("host", Host(b.Host), "until", b.Until, "reason", b.Reason)
	case *ledger.HostMigrated:
		return say("from", Host(b.From), "to", Host(b.To), "n", b.Objects)
	case *ledger.MigrationStopped:
		return say("from", Host(b.From), "to", Host(b.To), "n", b.Failed)
	case *ledger.HostErased:
		return say("host", Host(b.Host), "n", b.Objects, "reason", b.Reason)
	}
	if told := tellPeople(l, body); told != nil {
		return told
	}
	return l.Sentence("story.unknown", "kind", s.Kind)
}

// tellPeople tells a statement about how people come in and sign, and about their rights.
func tellPeople(l *words.Language, body ledger.Body) words.Sentence {
	say := func(places ...any) words.Sentence { return l.Sentence("story."+body.Kind(), places...) }
	switch b := body.(type) {
	case *ledger.PartyLeft:
		return say("name", b.Name, "reason", b.Reason)
	case *ledger.RolesReviewed:
		return say("n", len(b.Parties), "reason", b.Reason)
	case *ledger.EnrolmentOpened:
		return say("name", b.Party, "until", l.Moment(b.Until), "reason", b.Reason)
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
	case *ledger.OptOutStated:
		return say("id", b.OptOut)
	case *ledger.OptOutRevoked:
		return say("id", b.OptOut)
	case *ledger.OptOutsResolved:
		return say("n", len(b.Found), "linkage", b.Linkage)
	case *ledger.AccessRequested:
		return say("id", b.Access)
	case *ledger.AccessForwarded:
		return say("id", b.Access)
	case *ledger.AccessAnswered:
		return say("id", b.Access)
	case *ledger.Proposed:
		return append(say(), Statement(l, ledger.Statement{Kind: b.Statement, Body: b.Says})...)
	case *ledger.Countersigned:
		entry := Link(l, b.Entry)
		if b.Refused {
			return l.Sentence("story.countersigned_refused", "entry", entry, "reason", b.Reason)
		}
		return say("entry", entry, "reason", b.Reason)
	case *ledger.StepOrdered:
		return say("step", l.Text("kind."+b.Step), "host", Host(b.Host), "reason", b.Reason)
	case *ledger.TokenIssued:
		return say("name", b.Name, "until", l.Moment(b.Until))
	case *ledger.TokenRevoked:
		return say("token", b.Token, "reason", b.Reason)
	}
	return nil
}

// Outcome is how a run ended, in words.
func Outcome(l *words.Language, outcome string) string {
	for form, key := range outcomes {
		if rest, ok := strings.CutPrefix(outcome, form); ok && (rest == "" || strings.HasSuffix(form, " ")) {
			return l.Text(key, "what", rest)
		}
	}
	return outcome
}

// outcomes are how runs end, as the ledger has it; behind a form that ends in a blank stands what fills its place.
var outcomes = map[string]string{
	"done": "run.done", "could not be run": "run.impossible", "was ended by a signal": "run.signal", "was stopped: ": "run.stopped",
	"went over its limit of ": "run.limit", "failed with status ": "run.failed",
}

// Project names a project and leads to its page.
func Project(name string) words.Part { return words.Part{Text: name, Href: "/projects/" + name} }

// Output names an output and leads to its page.
func Output(id string) words.Part { return words.Part{Text: id, Href: "/outputs/" + id} }

// Release names a release and leads to its page.
func Release(id string) words.Part { return words.Part{Text: id, Href: "/releases/" + id} }

// Host names a host and leads to its page.
func Host(name string) words.Part { return words.Part{Text: name, Href: "/hosts/" + name} }

// Link names a statement and leads to it.
func Link(l *words.Language, index uint64) words.Part {
	return words.Part{Text: l.Text("story.statement", "index", index), Href: fmt.Sprintf("/ledger/%d", index)}
}
