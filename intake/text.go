package intake

import (
	"rempart.eu/rempart/pseudonym/scan"
)

// textScan looks for identifiers in the texts of one field.
type textScan struct {
	*scan.Scanner
	remember bool             // what was found in labels, which come again and again
	labels   *memo[scan.Kind] // made for the first
}

// leastLabel is the length in bytes from which a label is worth remembering.
const leastLabel = 12

// kind returns the kind of an identifier that the text holds, or "".
func (s *textScan) kind(text []byte) scan.Kind {
	if !s.remember || len(text) < leastLabel {
		found, _ := s.First(text)
		return found.Kind
	}
	if s.labels == nil {
		s.labels = newMemo(func(text string) scan.Kind {
			found, _ := s.First([]byte(text))
			return found.Kind
		})
	}
	return s.labels.get(text)
}

// scanner returns what looks for identifiers in the field's texts on their way
// to health data, or nil where there is no need: the field is not a text, or
// its constraints let no identifier in. Where steady is set, people do not
// change from row to row.
func (f *Field) scanner(people *scan.People, steady bool) *textScan {
	if f.Role != Health || f.Type != "string" || f.parse != nil || f.fixed {
		return nil
	}
	rules := scan.Code
	if f.Text {
		rules = scan.Text
	}
	s := scan.New(rules, people, f.without...)
	if s.Idle() {
		return nil
	}
	return &textScan{Scanner: s, remember: steady && !f.Text}
}

// identifier refuses a row whose text in field i holds an identifier.
func (w *worker) identifier(i int, text []byte) *RowError {
	kind := w.texts[i].kind(text)
	if kind == "" {
		return nil
	}
	return &RowError{Field: w.resource.Fields[i].Name,
		Rule: "text: looks like an identifier of a person (" + string(kind) + "): take it out, or give the field the role drop"}
}

// named says whether rows of the resource tell persons' names.
func (r *Resource) named() bool {
	for i := range r.Fields {
		if r.Fields[i].tellsName() {
			return true
		}
	}
	return false
}

func (f *Field) tellsName() bool {
	return f.Trait == "last_name" || f.Trait == "birth_name" || f.Trait == "first_name"
}

// personNames are the names of one person as a row has them.
type personNames struct{ forename, last, birth string }

func (n *personNames) addTo(people *scan.People) { people.Add(n.forename, n.last, n.birth) }

// names gathers the names in the row as it was delivered.
func (w *worker) names() *personNames {
	n := &personNames{}
	for i := range w.resource.Fields {
		f := &w.resource.Fields[i]
		if w.at[i] < 0 || !f.tellsName() || w.fields[w.at[i]] == nil || f.isMissing(w.fields[w.at[i]]) {
			continue
		}
		switch v := string(w.fields[w.at[i]]); f.Trait {
		case "first_name":
			n.forename = v
		case "last_name":
			n.last = v
		case "birth_name":
			n.birth = v
		}
	}
	return n
}
