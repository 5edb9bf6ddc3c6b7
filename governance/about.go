package governance

import (
	"reflect"
	"strings"
	"sync"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
)

// About says what a statement that was admitted is about: its project, and the
// parties and persons that it speaks of. A body's fields say so by their names in
// JSON: "project", "run", "output" and "mount" lead to a project, and those of
// partyFields name somebody.
func (s *State) About(body ledger.Body) (about register.About) {
	if p, ok := body.(*ledger.Proposed); ok {
		if said, err := p.Decode(); err == nil {
			body = said
		}
	}
	aboutOf(reflect.TypeOf(body))(reflect.ValueOf(body), func(field, text string) {
		switch field {
		case "project":
			about.Project = text
		case "run":
			if run, ok := s.Runs.Get(text); ok {
				about.Project = run.Project
			}
		case "output":
			if output, ok := s.Outputs.Get(text); ok {
				about.Project = output.Run.Project
			}
		case "mount":
			if mount, ok := s.Mounts.Get(text); ok && mount.Project != "" {
				about.Project = mount.Project
			}
		default:
			about.Names = append(about.Names, text)
		}
	})
	switch b := body.(type) {
	case *ledger.PartyAdded:
		about.Names = append(about.Names, b.Name)
	case *ledger.ProjectRequested:
		if p, ok := s.Projects.Get(b.Project); ok {
			about.Names = append(about.Names, p.Spec.Researchers...)
		}
	}
	return about
}

// partyFields are the fields of statements that name a party or a person.
var partyFields = []string{"party", "person", "authority", "evaluator", "provider", "researcher", "checker", "officer", "requester", "colleague"}

// look hands every text of a value that says what a statement is about to found.
type look func(v reflect.Value, found func(field, text string))

var looks sync.Map // reflect.Type → look

// aboutOf makes the look at the bodies of a type.
func aboutOf(t reflect.Type) look {
	if known, ok := looks.Load(t); ok {
		return known.(look)
	}
	made := lookAt(t, "", map[reflect.Type]bool{})
	if made == nil {
		made = func(reflect.Value, func(field, text string)) {}
	}
	looks.Store(t, made)
	return made
}

// lookAt is nil where nothing in a type says what a statement is about.
func lookAt(t reflect.Type, field string, inside map[reflect.Type]bool) look {
	switch t.Kind() {
	case reflect.String:
		for _, known := range append([]string{"project", "run", "output", "mount"}, partyFields...) {
			if field == known || field == known+"s" {
				return func(v reflect.Value, found func(field, text string)) {
					if text := v.String(); text != "" {
						found(known, text)
					}
				}
			}
		}
	case reflect.Pointer:
		if of := lookAt(t.Elem(), field, inside); of != nil {
			return func(v reflect.Value, found func(field, text string)) {
				if !v.IsNil() {
					of(v.Elem(), found)
				}
			}
		}
	case reflect.Slice:
		if of := lookAt(t.Elem(), field, inside); of != nil {
			return func(v reflect.Value, found func(field, text string)) {
				for i := range v.Len() {
					of(v.Index(i), found)
				}
			}
		}
	case reflect.Struct:
		if !inside[t] {
			inside[t] = true
			defer delete(inside, t)
			return lookInto(t, inside)
		}
	}
	return nil
}

// lookInto looks at the fields of a struct.
func lookInto(t reflect.Type, inside map[reflect.Type]bool) look {
	type part struct {
		index int
		look
	}
	var parts []part
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if of := lookAt(t.Field(i).Type, name, inside); of != nil {
			parts = append(parts, part{i, of})
		}
	}
	if parts == nil {
		return nil
	}
	return func(v reflect.Value, found func(field, text string)) {
		for _, p := range parts {
			p.look(v.Field(p.index), found)
		}
	}
}
