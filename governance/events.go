package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unique"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// Project finds a project by its name.
func (s *State) Project(name string) (*Project, error) { return s.Projects.find("project", name) }

// Release finds a release by its id; "" and "latest" are the last one that is not erased.
func (s *State) Release(id string) (*Release, error) {
	if id == "" || id == "latest" {
		for _, r := range s.Releases.All() {
			if r.Erased == nil {
				id = r.Release
			}
		}
		if id == "" || id == "latest" {
			return nil, refuse("Publish one: rempart release publish", "there is no release that can be read")
		}
	}
	return s.Releases.find("release", id)
}

// Run finds a run by its id.
func (s *State) Run(id string) (*Run, error) { return s.Runs.find("run", id) }

// Output finds an output by its id.
func (s *State) Output(id string) (*Output, error) { return s.Outputs.find("airlock", id) }

func (s *State) addParty(made Made, b *ledger.PartyAdded) error {
	if _, taken := s.Parties[b.Name]; taken {
		return refuse("Choose another name", "there is a party %q already", b.Name)
	}
	if !validName.MatchString(b.Name) {
		return refuse("", "%q is no name of a party: want lower-case letters, digits and hyphens", b.Name)
	}
	if !slices.Contains(Roles(), Role(b.Role)) {
		return refuse("", "there is no role %q: want one of %s", b.Role, fmt.Sprint(Roles()))
	}
	key, err := ledger.ParsePublicKey(b.Signing)
	if err != nil {
		return err
	}
	for _, other := range s.Parties {
		if other.Signing.String() == b.Signing || other.Recipient == b.Recipient {
			return refuse("Make keys of its own", "%q would have the keys of %q", b.Name, other.Name)
		}
	}
	if b.Oblivious != "" {
		if Role(b.Role) != LinkageAuthority {
			return refuse("", "%q is no linkage authority, and has no oblivious function", b.Name)
		}
		if _, err := oblivious.ParsePublicKey(b.Oblivious); err != nil {
			return err
		}
	}
	s.Parties[b.Name] = Party{Made: made, Name: b.Name, Role: Role(b.Role), Signing: key, Recipient: b.Recipient, Secret: b.Secret, Oblivious: b.Oblivious}
	return nil
}

func (s *State) deposit(made Made, said *ledger.DepositMade) error {
	b, err := s.listed(said)
	if err != nil {
		return err
	}
	for _, f := range b.Files {
		if f.Rows != f.Accepted+f.Refused {
			return fmt.Errorf("deposit %s: %s has %d rows, but %d were accepted and %d refused", b.Deposit, f.Resource, f.Rows, f.Accepted, f.Refused)
		}
	}
	if len(b.Objects) != len(b.Resources) {
		return fmt.Errorf("deposit %s: %d objects for %d resources", b.Deposit, len(b.Objects), len(b.Resources))
	}
	if party := s.Parties[b.Authority]; party.Role != LinkageAuthority {
		return refuse("", "%q is no linkage authority", b.Authority)
	}
	if err := s.checkPseudonyms(b.Pseudonyms, b.Evaluator, "keyed", "oblivious", "both"); err != nil {
		return fmt.Errorf("deposit %s: %w", b.Deposit, err)
	}
	return fresh(&s.Deposits, "deposit", b.Deposit, &Deposit{Made: made, DepositMade: *b})
}

// listed is what a deposit's statement says, with what its list says in its place.
func (s *State) listed(b *ledger.DepositMade) (*ledger.DepositMade, error) {
	if b.List == "" {
		return b, nil
	}
	if len(b.Objects) > 0 || len(b.Resources) > 0 {
		return nil, fmt.Errorf("deposit %s names objects in its statement and in a list", b.Deposit)
	}
	if s.attached == nil {
		return nil, fmt.Errorf("deposit %s: its list of files lies beside the ledger, which is not at hand", b.Deposit)
	}
	var list ledger.DepositList
	if err := s.attached(b.List, &list); err != nil {
		return nil, fmt.Errorf("deposit %s: its list of files, without which the ledger cannot be followed: %w", b.Deposit, err)
	}
	if len(list.Files) != len(list.Objects) {
		return nil, fmt.Errorf("deposit %s: its list counts the rows of %d files for %d objects", b.Deposit, len(list.Files), len(list.Objects))
	}
	if !slices.Equal(b.Files, ByResource(list.Files)) {
		return nil, fmt.Errorf("deposit %s: its list has other rows than its statement", b.Deposit)
	}
	whole := *b
	whole.Files, whole.Objects, whole.Resources = list.Files, list.Objects, list.Resources
	return &whole, nil
}

// ByResource adds up what files have for each resource, in the order in which they name it first.
func ByResource(files []ledger.FileCount) (sums []ledger.FileCount) {
	at := map[string]int{}
	for _, f := range files {
		i, known := at[f.Resource]
		if !known {
			i = len(sums)
			at[f.Resource] = i
			sums = append(sums, ledger.FileCount{Resource: f.Resource})
		}
		sums[i].Rows, sums[i].Accepted, sums[i].Refused = sums[i].Rows+f.Rows, sums[i].Accepted+f.Accepted, sums[i].Refused+f.Refused
	}
	return sums
}

func (s *State) link(made Made, b *ledger.PersonsLinked) error {
	if err := s.checkPseudonyms(b.Pseudonyms, b.Evaluator, "keyed", "oblivious"); err != nil {
		return fmt.Errorf("linkage %s: %w", b.Linkage, err)
	}
	for _, id := range b.Deposits {
		deposit, err := s.Deposits.find("deposit", id)
		if err != nil {
			return err
		}
		if deposit.Erased != nil {
			return goneWithHost("deposit", id, deposit.Erased)
		}
		if !deposit.Has(pseudonym.Mode(b.Pseudonyms), b.Evaluator) {
			return refuse("", "linkage %s compares tokens %s, which deposit %s does not have", b.Linkage, b.Pseudonyms, id)
		}
	}
	return fresh(&s.Linkages, "linkage", b.Linkage, &Linkage{Made: made, PersonsLinked: *b})
}

func (s *State) loadVocabulary(made Made, b *ledger.VocabularyLoaded) error {
	if len(b.Objects) != len(b.Files) {
		return refuse("", "vocabulary %s has %d objects for %d tables", b.Vocabulary, len(b.Objects), len(b.Files))
	}
	for _, f := range b.Files {
		if f.Rows != f.Accepted+f.Refused {
			return refuse("", "vocabulary %s does not account for every row of %s", b.Vocabulary, f.Resource)
		}
	}
	if m := b.Map; m != nil {
		if _, err := time.Parse(time.DateOnly, m.Date); err != nil || m.From == "" || m.Author == "" {
			return refuse("Say all three: rempart vocabulary import FILE --from TEXT --author NAME --date 2026-03-01", "local map %s lacks its source, author or date", b.Vocabulary)
		}
		if len(b.Files) != 1 || b.Files[0].Resource != "source_to_concept_map" {
			return refuse("", "local map %s has other tables than source_to_concept_map", b.Vocabulary)
		}
	}
	return fresh(&s.Vocabularies, "vocabulary", b.Vocabulary, &Vocabulary{Made: made, VocabularyLoaded: *b})
}

// Vocabulary is the one to map by: of that name, or for "" the last that can be read, nil
// where there is none.
func (s *State) Vocabulary(name string) (*Vocabulary, error) {
	if name == "" {
		var last *Vocabulary
		for _, v := range s.Vocabularies.All() {
			if v.Erased == nil && v.Map == nil {
				last = v
			}
		}
		return last, nil
	}
	v, err := s.Vocabularies.find("vocabulary", name)
	if err != nil {
		return nil, err
	}
	if v.Erased != nil {
		return nil, refuse("See which there are: rempart vocabulary list", "vocabulary %s was erased on %s", name, v.Erased.Time.Format("2006-01-02"))
	}
	return v, nil
}

// LocalMaps are the local maps that can be read, the last to be imported last.
func (s *State) LocalMaps() (maps []*Vocabulary) {
	for _, v := range s.Vocabularies.All() {
		if v.Map != nil && v.Erased == nil {
			maps = append(maps, v)
		}
	}
	return maps
}

func (s *State) publish(made Made, b *ledger.ReleasePublished) error {
	linkage, err := s.Linkages.find("linkage", b.Linkage)
	if err != nil {
		return err
	}
	if err := linkage.Readable(); err != nil {
		return err
	}
	for _, id := range b.Deposits {
		if !slices.Contains(linkage.Deposits, id) {
			return refuse("Link it first: rempart linkage run", "deposit %s is not part of linkage %s", id, b.Linkage)
		}
	}
	if b.Vocabulary != "" {
		if v, err := s.Vocabulary(b.Vocabulary); err != nil {
			return err
		} else if v.Map != nil {
			return refuse("See which are none: rempart vocabulary list", "%s is a local map, no vocabulary", b.Vocabulary)
		}
	}
	for _, id := range b.Maps {
		if v, err := s.Vocabulary(id); err != nil {
			return err
		} else if v.Map == nil {
			return refuse("", "%s is a vocabulary, no local map", id)
		}
	}
	return fresh(&s.Releases, "release", b.Release, &Release{Made: made, ReleasePublished: *b})
}

// fresh adds a thing under an id that is not taken.
func fresh[T any](to *Ordered[T], what, id string, thing *T) error {
	if _, taken := to.Get(id); taken {
		return refuse("", "there is a %s %q already", what, id)
	}
	to.add(id, thing)
	return nil
}

func (s *State) erase(made Made, b *ledger.ReleaseErased) error {
	release, err := s.Releases.find("release", b.Release)
	if err != nil {
		return err
	}
	if release.Erased != nil {
		return refuse("", "release %s was erased on %s", b.Release, release.Erased.Time.Format("2006-01-02"))
	}
	release.Erased = &made
	s.Destroyed[release.Manifest.Key] = made.Index
	return nil
}

// destroy notes that a key is gone, and what becomes unreadable with it.
func (s *State) destroy(made Made, key string) {
	s.Destroyed[key] = made.Index
	for _, release := range s.Releases.All() {
		if release.Manifest.Key == key && release.Erased == nil {
			release.Erased = &made
		}
	}
	for _, v := range s.Vocabularies.All() {
		if v.Manifest.Key == key && v.Erased == nil {
			v.Erased = &made
		}
	}
}

// leave notes that nothing on the host opens any more: keys and the
// controller's identity are gone, projects end.
func (s *State) leave(made Made, b *ledger.HostLeft) error {
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "to leave a host needs a reason")
	}
	if b.Recipient == "" {
		return refuse("", "the controller would have no new identity")
	}
	for _, party := range s.Parties {
		if party.Recipient == b.Recipient {
			return refuse("", "the controller would have the identity of %q", party.Name)
		}
	}
	for _, d := range s.Deposits.All() {
		if d.Erased == nil {
			d.Erased = &made
		}
	}
	for _, l := range s.Linkages.All() {
		if l.Erased == nil {
			l.Erased = &made
		}
	}
	for _, object := range s.Objects() {
		if _, gone := s.Destroyed[object.Key]; !gone && !strings.HasPrefix(object.Key, partyKey) {
			s.destroy(made, object.Key)
		}
	}
	for _, o := range s.OptOuts.All() {
		o.Resolved, o.Found = nil, false // who it is was sealed to what is gone
	}
	s.Excluded = nil
	for _, project := range s.Projects.All() {
		if project.Status == Approved || project.Status == Suspended {
			project.Status, project.Suspended, project.Reason = Closed, nil, b.Reason
		}
	}
	controller := s.Parties[s.ControllerName()]
	controller.Recipient = b.Recipient
	s.Parties[controller.Name] = controller
	s.Left = &made
	return nil
}

// partyKey begins the name of the key of objects that are sealed to a party's
// identity and not to a key of the keyring.
const partyKey = "party-"

// Readable refuses a linkage that was erased.
func (l *Linkage) Readable() error {
	if l.Erased == nil {
		return nil
	}
	return goneWithHost("linkage", l.Linkage, l.Erased)
}

func goneWithHost(what, id string, erased *Made) *Refusal {
	return refuse("Deposit again and link again: rempart deposit create, then rempart linkage run",
		"%s %s was erased when the host was left on %s", what, id, erased.Time.Format("2006-01-02"))
}

// Objects lists the objects that statements name themselves; a release's and
// their tables are in its attachment.
func (s *State) Objects() (objects []ledger.Object) {
	for _, d := range s.Deposits.All() {
		objects = append(objects, d.Objects...)
	}
	for _, l := range s.Linkages.All() {
		objects = append(objects, l.Object)
	}
	for _, v := range s.Vocabularies.All() {
		objects = append(append(objects, v.Objects...), v.Manifest)
	}
	for _, r := range s.Releases.All() {
		objects = append(objects, r.Manifest)
	}
	for _, p := range s.Projects.All() {
		if p.Extraction != nil {
			objects = append(objects, p.Extraction.Objects...)
		}
		for _, w := range p.Wheels {
			objects = append(objects, w.Object)
		}
		for _, b := range p.Brings {
			if b.Waits() || b.Withdrawn != nil {
				objects = append(objects, b.Object)
			}
		}
		for _, g := range p.Given {
			if g.Members.Name != "" {
				objects = append(objects, g.Members)
			}
			if g.Catalogue.Name != "" {
				objects = append(objects, g.Catalogue)
			}
		}
	}
	if s.Excluded != nil {
		objects = append(objects, s.Excluded.Object)
	}
	for _, r := range s.Runs.All() {
		if r.Study != nil {
			objects = append(objects, *r.Study)
		}
		if r.Finished != nil && r.Finished.Bundle != nil && r.Finished.Same == "" {
			objects = append(objects, *r.Finished.Bundle)
		}
	}
	for _, o := range s.Outputs.All() {
		if sealed := o.Handled().Sealed; sealed != nil {
			objects = append(objects, *sealed)
		}
	}
	return objects
}

// once is a text that is often the same, kept once.
func once(text string) string { return unique.Make(text).Value() }

func (s *State) run(made Made, b *ledger.RunRequested) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Extraction == nil {
		return refuse("Give it its data: rempart project extract "+b.Project, "project %s has no data yet", b.Project)
	}
	run := &Run{Made: made, RunRequested: *b}
	run.Project, run.Language, run.Name = project.Name, once(b.Language), once(b.Name)
	return fresh(&s.Runs, "run", b.Run, run)
}

func (s *State) cancel(made Made, b *ledger.RunCancelled) error {
	run, err := s.Run(b.Run)
	if err != nil {
		return err
	}
	if run.Finished != nil || run.Cancelled != nil {
		return refuse("See how it ended: rempart runs show "+b.Run, "run %s has ended already", b.Run)
	}
	run.Cancelled, run.Why = &made, b.Reason
	return nil
}

func (s *State) finish(made Made, b *ledger.RunFinished) error {
	run, err := s.Run(b.Run)
	if err != nil {
		return err
	}
	if run.Finished != nil {
		return refuse("", "run %s has finished already", b.Run)
	}
	b.Run, b.Outcome = run.Run, once(b.Outcome)
	if b.Bundle != nil {
		b.Bundle.Key = once(b.Bundle.Key)
	}
	run.Finished, run.End = b, &made
	for i := range b.Outputs {
		output := &b.Outputs[i]
		output.Name = once(output.Name)
		if err := fresh(&s.Outputs, "output", output.Output, &Output{Made: made, Output: output, Run: run}); err != nil {
			return err
		}
	}
	return nil
}

// mount takes in that data is open for reading until its authorisation ends.
func (s *State) mount(made Made, b *ledger.SpaceMounted) error {
	until, err := s.ReadableUntil(made.Actor, b.Release, b.Project, made.Time)
	if err != nil {
		return err
	}
	if b.Until.After(until) {
		return refuse("", "reading would go on until %s, but may only until %s", b.Until.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	return fresh(&s.Mounts, "mount", b.Mount, &Mount{Made: made, SpaceMounted: *b})
}

// ReadableUntil says until when a party can read a release, or else the space of
// a project. The error says why it cannot now: the policies are asked as they are
// when something is mounted, so that whatever would refuse a new mount ends one
// that is open.
func (s *State) ReadableUntil(reader, release, project string, now time.Time) (time.Time, error) {
	body := &ledger.SpaceMounted{Release: release, Project: project}
	if err := s.Authorise(ledger.Statement{Actor: reader, Kind: body.Kind(), Time: now}, body); err != nil {
		return time.Time{}, err
	}
	if project != "" {
		p, err := s.Project(project)
		if err != nil {
			return time.Time{}, err
		}
		if p.Extraction == nil {
			return time.Time{}, refuse("Give it its data: rempart project extract "+project, "project %s has no data yet", project)
		}
		until := p.Spec.Ends.End()
		if e := s.emergency(reader, project, now); e != nil && e.Until.Before(until) && !slices.Contains(p.Spec.Researchers, reader) {
			until = e.Until
		}
		return until, nil
	}
	r, err := s.Releases.find("release", release)
	if err != nil {
		return time.Time{}, err
	}
	switch {
	case r.Erased != nil:
		return time.Time{}, refuse("", "release %s was erased", release)
	case !now.Before(r.RetainUntil):
		return time.Time{}, refuse("", "release %s was to be kept until %s", release, r.RetainUntil.Format(time.DateOnly))
	}
	return r.RetainUntil, nil
}

func (s *State) unmount(made Made, b *ledger.SpaceUnmounted) error {
	mount, err := s.Mounts.find("mount", b.Mount)
	if err != nil {
		return err
	}
	if mount.End != nil || mount.Actor != made.Actor && made.Actor != s.ControllerName() {
		return refuse("", "mount %s is not open, or is another's", b.Mount)
	}
	mount.Unmounted, mount.End = b, &made
	return nil
}

func (s *State) settle(made Made, id string, released bool, reason string, digest ledger.Digest) error {
	output, err := s.Output(id)
	if err != nil {
		return err
	}
	if output.Decision != nil {
		return refuse("", "output %s was decided by %s already", id, output.Decision.Actor)
	}
	if released && digest != output.SHA256 {
		return refuse("", "what was released is not what the run wrote")
	}
	if strings.TrimSpace(reason) == "" {
		return refuse("Give one: --reason", "a decision needs a reason")
	}
	output.Decision, output.Released, output.Reason = &made, released, once(reason)
	if project, ok := s.Projects.Get(output.Run.Project); ok && released {
		project.Released++
	}
	return nil
}
