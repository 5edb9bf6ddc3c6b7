package airlock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
)

// Receipt goes with a released output. Whoever holds the output, the receipt
// and the ledger's checkpoint key can check, without the warehouse, that this
// very output was released, by whom, of which run of which code, on which data.
type Receipt struct {
	Output     string         `json:"output"`
	File       string         `json:"file"`
	SHA256     ledger.Digest  `json:"sha256"`
	Project    string         `json:"project"`
	Release    string         `json:"release"`
	Run        string         `json:"run"`
	Code       ledger.Digest  `json:"code"`
	Researcher string         `json:"researcher"`
	Checker    string         `json:"checker"`
	Reason     string         `json:"reason"`
	Changes    []Step         `json:"changes,omitempty"` // what was made of what the run wrote, the first first
	Ledger     ledger.Receipt `json:"ledger"`            // the statements that say so
}

// Step is a method that was applied to an output.
type Step struct {
	Change string `json:"change"`
	Output string `json:"output"` // of which
	Method string `json:"method"`
	By     string `json:"by"` // who wanted it
}

// steps are what made an output of what its run wrote, and the statements that say so.
func steps(state *governance.State, output *governance.Output) (all []Step, said []governance.Made) {
	for output.Handled().From != "" {
		for id, c := range state.Changes.All() {
			if c.Output == output.Handled().From && c.Method == output.Handled().Method && c.Done != nil && c.Failed == "" {
				all = append([]Step{{id, c.Output, c.Method, c.Actor}}, all...)
				said = append(said, c.Made, *c.Done, state.Parties[c.Actor].Made)
			}
		}
		from, ok := state.Outputs.Get(output.Handled().From)
		if !ok {
			break
		}
		output = from
	}
	return all, said
}

// NewReceipt makes the receipt of a released output, at a checkpoint or, where
// that is nil, at the ledger's latest.
func NewReceipt(ctx context.Context, log *ledger.Log, state *governance.State, id string, checkpoint []byte) (*Receipt, error) {
	output, err := state.Output(id)
	if err != nil {
		return nil, err
	}
	if !output.Released {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("output %s was not released", id)}
	}
	project, err := state.Project(output.Run.Project)
	if err != nil {
		return nil, err
	}
	release, err := state.Release(project.Extraction.Release)
	if err != nil {
		return nil, err
	}
	needed := map[uint64]bool{0: true}
	changes, said := steps(state, output)
	for _, made := range append(said,
		state.Parties[output.Run.Actor].Made, state.Parties[output.Decision.Actor].Made, state.Parties[project.Decision.Actor].Made,
		state.Parties[project.Actor].Made, release.Made, project.Made, *project.Decision, *project.Extracted,
		output.Run.Made, *output.Run.End, *output.Decision,
	) {
		needed[made.Index] = true
	}
	if policy := state.Witnesses(output.Decision.Index, ledger.OutputReleased{}.Kind()); policy != nil {
		needed[policy.Index] = true
		if second, ok := state.People.Seconds[policy.Index]; ok {
			needed[second.Index], needed[state.Parties[second.Actor].Index] = true, true
		}
	}
	for _, made := range []*governance.Made{project.Decision, output.Decision} {
		if second, ok := state.People.Seconds[made.Index]; ok {
			needed[second.Index], needed[state.Parties[second.Actor].Index] = true, true
		}
	}
	if err := needPasskeys(ctx, log, state, needed); err != nil {
		return nil, err
	}
	var entries []ledger.Entry
	err = log.Entries(ctx, func(e ledger.Entry) error {
		if needed[e.Index] {
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	proof, err := log.Prove(ctx, checkpoint, entries)
	if err != nil {
		return nil, err
	}
	return &Receipt{
		Output: id, File: output.Name, SHA256: output.SHA256, Project: project.Name, Release: release.Release,
		Run: output.Run.Run, Code: output.Run.Code, Researcher: output.Run.Actor,
		Checker: output.Decision.Actor, Reason: output.Reason, Changes: changes, Ledger: *proof,
	}, nil
}

// needPasskeys adds the statements that introduce the passkeys which others are
// signed with, and who let them in.
func needPasskeys(ctx context.Context, log *ledger.Log, state *governance.State, needed map[uint64]bool) error {
	signedWith := map[uint64]string{}
	err := log.Entries(ctx, func(e ledger.Entry) error {
		id, err := ledger.PasskeyOf(e.Envelope)
		if id != "" {
			signedWith[e.Index] = id
		}
		return err
	})
	for more := true; more && err == nil; {
		more = false
		for index := range needed {
			passkey, ok := state.People.Passkeys[signedWith[index]]
			if !ok {
				continue
			}
			enrolment := state.People.Enrolments[ledger.Sum([]byte(passkey.Code))]
			wanted := []governance.Made{passkey.Made, enrolment.Made, state.Parties[enrolment.Actor].Made}
			if second, ok := state.People.Seconds[enrolment.Index]; ok {
				wanted = append(wanted, second, state.Parties[second.Actor].Made)
			}
			for _, made := range wanted {
				if !needed[made.Index] {
					needed[made.Index], more = true, true
				}
			}
		}
	}
	return err
}

// Encode writes the receipt as its file holds it.
func (r *Receipt) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// ReadReceipt reads a receipt's file.
func ReadReceipt(text []byte) (*Receipt, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var r Receipt
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("this is no receipt: %w", err)
	}
	return &r, nil
}

// Verify checks a receipt against the output's bytes and the ledger's key, and
// reads no file of the ledger: each statement is in the log that the
// checkpoint signs, is signed by its actor, and says what the receipt says.
func (r *Receipt) Verify(ctx context.Context, log *ledger.Log, data []byte) error {
	if ledger.Sum(data) != r.SHA256 {
		return errors.New("the file is not the one that the receipt is for")
	}
	entries, err := log.Check(&r.Ledger)
	if err != nil {
		return err
	}
	if err := r.witnessed(entries); err != nil {
		return err
	}
	known := signers{keys: map[string]ledger.PublicKey{}, passkeys: map[string]ledger.PasskeyRegistered{}, codes: map[ledger.Digest]string{}, owners: map[string]string{}}
	said := map[string]bool{}
	proposed := map[uint64]proposal{}
	for _, e := range entries {
		body, err := e.Statement.Decode()
		if err != nil {
			return err
		}
		if err := known.introduce(e, body); err != nil {
			return err
		}
		if err := known.signed(ctx, e); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		switch b := body.(type) {
		case *ledger.Proposed: // says nothing before it is countersigned
			inner, err := b.Decode()
			if err != nil {
				return err
			}
			proposed[e.Index] = proposal{e, inner}
		case *ledger.Countersigned:
			p, ok := proposed[b.Entry]
			if ok && !b.Refused && b.Envelope == ledger.Sum(p.Envelope) && e.Statement.Actor != p.Statement.Actor {
				known.let(p.Statement.Actor, p.body)
				said[r.confirms(p.Statement.Actor, p.body)] = true
			}
		default:
			said[r.confirms(e.Statement.Actor, body)] = true
		}
	}
	wanted := []string{"released", "ran", "finished", "extracted", "approved"}
	for i := range r.Changes {
		wanted = append(wanted, fmt.Sprintf("asked to be changed (%d)", i+1), fmt.Sprintf("changed (%d)", i+1))
	}
	for _, needed := range wanted {
		if !said[needed] {
			return fmt.Errorf("the statements do not say what the receipt says: nothing confirms that the output was %s", needed)
		}
	}
	return nil
}

// proposal is a statement that waited for a second person.
type proposal struct {
	ledger.Entry
	body ledger.Body
}

// signers are those whom the statements of a receipt introduce.
type signers struct {
	controller string
	keys       map[string]ledger.PublicKey
	passkeys   map[string]ledger.PasskeyRegistered // by keyid
	codes      map[ledger.Digest]string            // who may register a passkey
	owners     map[string]string                   // of passkeys, by keyid
}

// witnessed checks that the checkpoint is cosigned as the receipt's own statements
// ask for.
func (r *Receipt) witnessed(entries []ledger.Entry) error {
	for _, e := range entries {
		body, err := e.Statement.Decode()
		if err != nil {
			return err
		}
		if proposed, ok := body.(*ledger.Proposed); ok {
			if body, err = proposed.Decode(); err != nil {
				return err
			}
		}
		policy, ok := body.(*ledger.WitnessesSet)
		if !ok {
			continue
		}
		var keys []string
		for _, one := range policy.Witnesses {
			keys = append(keys, one.Key)
		}
		names, err := witness.Count([]byte(r.Ledger.Checkpoint), keys)
		if err != nil {
			return err
		}
		if len(names) < policy.Threshold {
			return fmt.Errorf("the receipt's checkpoint is cosigned by %d witnesses, and %d must have", len(names), policy.Threshold)
		}
	}
	return nil
}

// introduce learns the keys that statements bring: the controller's from the
// first entry, the others from the controller, and passkeys from their owners,
// who were let in.
func (s *signers) introduce(e ledger.Entry, body ledger.Body) error {
	var name, text string
	switch b := body.(type) {
	case *ledger.WarehouseCreated:
		if e.Index != 0 {
			return errors.New("a warehouse is created by the first entry of its ledger alone")
		}
		name, text = e.Statement.Actor, b.Signing
		s.controller = name
	case *ledger.PartyAdded:
		name, text = b.Name, b.Signing
	case *ledger.PasskeyRegistered:
		if s.codes[ledger.Sum([]byte(b.Code))] != e.Statement.Actor {
			return fmt.Errorf("entry %d registers a passkey with a code that the receipt does not introduce", e.Index)
		}
		s.passkeys[b.KeyID()], s.owners[b.KeyID()] = *b, e.Statement.Actor
		return nil
	default:
		s.let(e.Statement.Actor, body)
		return nil
	}
	key, err := ledger.ParsePublicKey(text)
	if err != nil {
		return err
	}
	s.keys[name] = key
	return nil
}

// let learns who may register a passkey: whom the controller lets in, or
// who lets in only themselves.
func (s *signers) let(actor string, body ledger.Body) {
	if b, ok := body.(*ledger.EnrolmentOpened); ok && (actor == s.controller || actor == b.Party) {
		s.codes[b.Code] = b.Party
	}
}

// signed verifies that a statement is signed by its actor.
func (s *signers) signed(ctx context.Context, e ledger.Entry) error {
	actor := e.Statement.Actor
	id, err := ledger.PasskeyOf(e.Envelope)
	if err != nil {
		return err
	}
	if id != "" {
		passkey, known := s.passkeys[id]
		if !known || s.owners[id] != actor {
			return fmt.Errorf("it is signed with a passkey of %q that the receipt does not introduce", actor)
		}
		_, err := ledger.VerifyByPasskey(ctx, e.Envelope, passkey.Passkey)
		return err
	}
	key, known := s.keys[actor]
	if !known {
		return fmt.Errorf("it is signed by %q, whom the receipt does not introduce", actor)
	}
	return ledger.VerifyBy(ctx, e.Envelope, key)
}

// confirms says which of the receipt's claims a statement confirms, if any.
func (r *Receipt) confirms(actor string, body ledger.Body) string {
	switch b := body.(type) {
	case *ledger.OutputReleased:
		if b.Output == r.Output && b.SHA256 == r.SHA256 && actor == r.Checker && b.Reason == r.Reason {
			return "released"
		}
	case *ledger.RunRequested:
		if b.Run == r.Run && b.Code == r.Code && b.Project == r.Project && actor == r.Researcher {
			return "ran"
		}
	case *ledger.RunFinished:
		for _, o := range b.Outputs {
			if b.Run != r.Run || o.Name != r.File {
				continue
			}
			if len(r.Changes) > 0 && o.Output == r.Changes[0].Output || len(r.Changes) == 0 && o.Output == r.Output && o.SHA256 == r.SHA256 {
				return "finished"
			}
		}
	case *ledger.OutputChangeRequested:
		for i, c := range r.Changes {
			if c == (Step{b.Change, b.Output, b.Method, actor}) {
				return fmt.Sprintf("asked to be changed (%d)", i+1)
			}
		}
	case *ledger.OutputChanged:
		for i, c := range r.Changes {
			last := i == len(r.Changes)-1
			if b.Result != nil && b.Change == c.Change && (last && b.Result.Output == r.Output && b.Result.SHA256 == r.SHA256 || !last && b.Result.Output == r.Changes[i+1].Output) {
				return fmt.Sprintf("changed (%d)", i+1)
			}
		}
	case *ledger.ProjectExtracted:
		if b.Project == r.Project && b.Release == r.Release {
			return "extracted"
		}
	case *ledger.ProjectApproved:
		if b.Project == r.Project {
			return "approved"
		}
	}
	return ""
}
