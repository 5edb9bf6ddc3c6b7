package warehouse

import (
	"context"
	"fmt"
	"strings"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/pseudonym/scan"
)

// An output may tell, together with what its project was given before, what neither
// tells alone. So each release, whoever states it and however it is signed, is
// compared with what was released until then, and is recorded only if nothing
// else was released meanwhile: of two outputs that are released at the same time,
// the second is compared with the first.

// Look looks at an output that is to be released now, and says why it may not.
type Look func(ctx context.Context, w *Warehouse, output *governance.Output) error

var lookAtReleases Look

// GuardReleases says what looks at each output before its release is recorded. Package
// airlock calls it; without it nothing is released.
func GuardReleases(look Look) { lookAtReleases = look }

// compared is what an output that is to be released was compared with.
type compared struct {
	output   string
	releases int // how many of its project were
}

// errOvertaken says that something else was released since an output was compared.
var errOvertaken = &governance.Refusal{Reason: "another output of the project was released meanwhile", Remedy: "Try again"}

// mayRelease says whether statements of a kind can let an output out.
func mayRelease(kind string) bool {
	switch kind {
	case ledger.OutputReleased{}.Kind(), ledger.Proposed{}.Kind(), ledger.Countersigned{}.Kind():
		return true
	}
	return false
}

// releasing is the output that a statement would let out, if there is anything that
// could go out, and by which words: nil where it releases nothing, or where the gate
// refuses it anyway.
func releasing(state *governance.State, said ledger.Body) (*governance.Output, *ledger.OutputReleased, error) {
	body, err := effective(state, said)
	if err != nil {
		return nil, nil, err
	}
	release, ok := body.(*ledger.OutputReleased)
	if !ok {
		return nil, nil, nil
	}
	output, known := state.Outputs.Get(release.Output)
	if !known || output.Decision != nil || output.Refused || output.Bundle() == nil {
		return nil, nil, nil
	}
	return output, release, nil
}

// effective is what comes into force with a statement, or waits for a second person by it.
func effective(state *governance.State, said ledger.Body) (ledger.Body, error) {
	switch b := said.(type) {
	case *ledger.Proposed:
		return b.Decode()
	case *ledger.Countersigned:
		if w, waits := state.People.Waiting[b.Entry]; waits && !b.Refused {
			return w.Body, nil
		}
	}
	return said, nil
}

// compare looks at the output that a proposal would release. It is done before the ledger
// is locked, since it reads from the host.
func (w *Warehouse) compare(ctx context.Context, p *proposal) error {
	actor, body := p.said.Actor, asPointer(p.said.Body)
	if p.entry.Envelope != nil {
		decoded, err := p.entry.Statement.Decode()
		if err != nil {
			return err
		}
		actor, body = p.entry.Statement.Actor, decoded
	}
	if err := w.checkTexts(ctx, body); err != nil {
		return err
	}
	if !mayRelease(body.Kind()) {
		return nil
	}
	var output *governance.Output
	err := w.Read(ctx, func(m *Model) error {
		found, release, err := releasing(m.State, body)
		if found == nil || err != nil {
			return err
		}
		if body.Kind() == release.Kind() { // nothing is read for who may not release it
			if err := m.State.Authorise(ledger.Statement{Actor: actor, Kind: release.Kind(), Time: w.Now()}, release); err != nil {
				return err
			}
		}
		one := *found
		output, p.compared = &one, compared{found.Output.Output, m.State.ReleasedOf(found)}
		return nil
	})
	if err != nil || output == nil {
		return err
	}
	if lookAtReleases == nil {
		return fmt.Errorf("output %s: this program does not compare it with what was released before", output.Output.Output)
	}
	return lookAtReleases(ctx, w, output)
}

// stillCompared says, with the ledger locked, whether what an output was compared with
// is still all that its project was given.
func stillCompared(state *governance.State, s ledger.Statement, with compared) error {
	if !mayRelease(s.Kind) {
		return nil
	}
	body, err := s.Decode()
	if err != nil {
		return err
	}
	output, release, err := releasing(state, body)
	if err != nil || output == nil {
		return err
	}
	if with == (compared{output.Output.Output, state.ReleasedOf(output)}) {
		return nil
	}
	if body.Kind() == release.Kind() { // what the gate refuses was not compared: it says why
		if err := state.Authorise(s, release); err != nil {
			return err
		}
	}
	return errOvertaken
}

// checkTexts refuses words about an output that tell of persons: nothing of the data leaves
// in a comment or a reason. What is found changes with the scanner, so it is asked when a
// statement is made and not at the gate, which would then find fault with what ledgers hold.
func (w *Warehouse) checkTexts(ctx context.Context, said ledger.Body) error {
	var text, output string
	comment := false
	if p, ok := said.(*ledger.Proposed); ok {
		var err error
		if said, err = p.Decode(); err != nil {
			return err
		}
	}
	switch b := said.(type) {
	case *ledger.OutputCommented:
		text, output, comment = b.Text, b.Output, true
	case *ledger.OutputReleased:
		text, output = b.Reason, b.Output
	case *ledger.OutputRefused:
		text, output = b.Reason, b.Output
	case *ledger.DeliveryRenewed:
		text, output = b.Reason, b.Output
	default:
		return nil
	}
	remedy := "Say it without: where in the output it is, and by which rule"
	if kinds := scan.Find(text); len(kinds) > 0 {
		return &governance.Refusal{Reason: fmt.Sprintf("the text holds what looks like an identifier of a person (%s)", kinds[0]), Remedy: remedy}
	}
	if !comment {
		return nil
	}
	return w.Read(ctx, func(m *Model) error {
		minimum := governance.FloorCell
		if o, ok := m.State.Outputs.Get(output); ok {
			if p, ok := m.State.Projects.Get(o.Run.Project); ok {
				minimum = p.Spec.MinimumCell
			}
		}
		report, err := disclosure.Check("comment.txt", strings.NewReader(text), int64(len(text)), disclosure.Standard(minimum))
		if err != nil {
			return err
		}
		for _, f := range report.Findings {
			if f.Severity == disclosure.Refuse && f.Rule != "size" {
				return &governance.Refusal{Reason: "a comment holds no health data: " + f.Message, Remedy: remedy}
			}
		}
		return nil
	})
}

// asPointer is a body that is looked at here, as statements decode to it.
func asPointer(said ledger.Body) ledger.Body {
	switch b := said.(type) {
	case ledger.OutputCommented:
		return &b
	case ledger.OutputReleased:
		return &b
	case ledger.OutputRefused:
		return &b
	case ledger.DeliveryRenewed:
		return &b
	case ledger.Countersigned:
		return &b
	}
	return said
}
