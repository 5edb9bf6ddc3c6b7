package airlock

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// Suggest says, for each method, what it would make of an output: which places it would
// change and what the disclosure check would say then, without any value. The error is a
// *governance.Refusal where the output is neither a table nor a figure that can be changed.
func Suggest(ctx context.Context, w *warehouse.Warehouse, id string, methods ...disclosure.Method) ([]*disclosure.Suggestion, error) {
	_, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	if len(methods) == 0 {
		methods = disclosure.MethodsFor(output.Name)
	}
	if len(methods) == 0 {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("output %s: %v", id, disclosure.ErrNoTable)}
	}
	all, err := project.Suggest(ctx, w, output, methods...)
	if errors.Is(err, disclosure.ErrNoTable) {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("output %s: %v", id, err)}
	}
	return all, err
}

// Change has an output changed by a method, as one of its project's researchers asks. What
// comes of it is another output, which is examined and waits by itself.
func Change(ctx context.Context, w *warehouse.Warehouse, researcher, id string, method disclosure.Method) (*ledger.OutputChanged, error) {
	if _, err := Suggest(ctx, w, id, method); err != nil { // nothing is asked for that cannot be done
		return nil, err
	}
	change := warehouse.NewID("c")
	if _, err := w.Commit(ctx, researcher, ledger.OutputChangeRequested{Change: change, Output: id, Method: string(method)}); err != nil {
		return nil, err
	}
	made, err := project.Change(ctx, w, change)
	if err != nil {
		return nil, fmt.Errorf("the change was asked for but not yet made: repeat that with rempart lake repair: %w", err)
	}
	if made.Failed != "" {
		return nil, &governance.Refusal{Reason: made.Failed}
	}
	return made, nil
}

// ChangeMissing makes the changes that were asked for elsewhere, or were interrupted.
func ChangeMissing(ctx context.Context, w *warehouse.Warehouse) (made []*ledger.OutputChanged, err error) {
	var missing []string
	err = w.Read(ctx, func(m *warehouse.Model) error {
		for id, c := range m.State.Changes.All() {
			if c.Done != nil {
				continue
			}
			output, err := m.State.Output(c.Output)
			if err != nil {
				return err
			}
			if p, err := m.State.Project(output.Run.Project); err == nil && m.State.Destroyed[p.Key()] == 0 {
				missing = append(missing, id)
			}
		}
		return nil
	})
	for _, id := range missing {
		one, failed := project.Change(ctx, w, id)
		if err = errors.Join(err, failed); failed == nil {
			made = append(made, one)
		}
	}
	return made, err
}

// Comment records a word about an output.
func Comment(ctx context.Context, w *warehouse.Warehouse, who, id, text string) (ledger.Entry, error) {
	return w.Commit(ctx, who, ledger.OutputCommented{Output: id, Text: text})
}

// Assign gives an output to a checker, who decides from then on.
func Assign(ctx context.Context, w *warehouse.Warehouse, who, id, checker string) (ledger.Entry, error) {
	return w.Commit(ctx, who, ledger.OutputAssigned{Output: id, Checker: checker})
}

// Compared is a file of a study's code beside the one of the last release.
type Compared struct {
	Name  string `json:"name"`
	Text  string `json:"text"`            // "" where the file is gone
	Diff  string `json:"diff,omitempty"`  // unified, "" where nothing has changed
	State string `json:"state,omitempty"` // "new", "changed", "same", "gone"; "" where nothing was released before
}

// Context is what a checker has to know of an output beside itself.
type Context struct {
	Code   []Compared `json:"code"`
	Since  string     `json:"since,omitempty"`  // the output that was released last, of the same study or else of the project
	Commit string     `json:"commit,omitempty"` // in git
}

// ContextOf reads the code that made an output, and compares it with the code of what was
// released last: of the study of the same name, or else of the project.
func ContextOf(ctx context.Context, w *warehouse.Warehouse, id string) (*Context, error) {
	state, output, err := stateOf(ctx, w, id)
	if err != nil {
		return nil, err
	}
	code, err := project.Code(ctx, w, output.Run)
	if err != nil {
		return nil, err
	}
	c := &Context{Commit: output.Run.Commit}
	var before map[string][]byte
	if last := lastReleased(state, output); last != nil {
		c.Since = last.Output.Output
		if before, err = project.Code(ctx, w, last.Run); err != nil {
			return nil, err
		}
	}
	c.Code = compare(before, code)
	return c, nil
}

// lastReleased is the output that was released last before another, of its project: best
// one of the same study, and of another run.
func lastReleased(state *governance.State, output *governance.Output) (last *governance.Output) {
	for _, o := range state.Outputs.All() {
		if !o.Released || o.Run == output.Run || o.Run.Project != output.Run.Project || o.Bundle() == nil {
			continue
		}
		same := o.Run.Name == output.Run.Name
		switch {
		case last == nil, same && last.Run.Name != output.Run.Name:
			last = o
		case same == (last.Run.Name == output.Run.Name) && o.Decision.Index > last.Decision.Index:
			last = o
		}
	}
	return last
}

func compare(before, now map[string][]byte) (all []Compared) {
	var names []string
	for name := range now {
		names = append(names, name)
	}
	for name := range before {
		if _, there := now[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		text, there := now[name]
		old, was := before[name]
		f := Compared{Name: name, Text: string(text)}
		switch {
		case before == nil:
		case !there:
			f.State = "gone"
		case !was:
			f.State = "new"
		case string(old) == string(text):
			f.State = "same"
		default:
			f.State, f.Diff = "changed", string(diff.Diff("before/"+name, old, "now/"+name, text))
		}
		all = append(all, f)
	}
	return all
}
