package synth

import (
	_ "embed"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Note is a clinical text in French of which it is known what in it identifies persons.
type Note struct {
	Text     string
	Mentions []Mention // in the order of their places
}

// Mention is one identifier: Text[Start:End] of its note.
type Mention struct {
	// Kind is NIR, INS, phone, e-mail, IBAN, RPPS, FINESS, name (of a patient)
	// or professional (a name that is not a patient's).
	Kind       string
	Form       string // how it is written, such as "in groups"
	Start, End int
}

// Names are a patient's, as the file of identities has them.
type Names struct{ Forename, LastName, BirthName string }

// Patients gives the names of the persons that [Notes] of the same options is about.
func Patients(seed uint64, persons int) iter.Seq[Names] {
	return func(yield func(Names) bool) {
		for i := range persons {
			if p := newPerson(seed, i); !yield(Names{p.forenames[0], p.usedName, p.birthName}) {
				return
			}
		}
	}
}

// Notes writes count clinical notes about persons of a population: letters,
// ward notes, drug orders and laboratory comments, with identifiers in many
// forms and with what only looks like one. The same arguments give the same notes.
//
// About one mention in fifty is written in a way that nobody promises to find: a
// misspelt name, a number broken over two lines.
func Notes(seed uint64, persons, count int) iter.Seq[Note] {
	return func(yield func(Note) bool) {
		for i := range count {
			s := newSource(seed, i, forNotes)
			w := &noteWriter{source: s, patient: newPerson(seed, s.IntN(persons))}
			if !yield(w.note()) {
				return
			}
		}
	}
}

//go:embed data/notes.txt
var noteLines string

// sentences are those of data/notes.txt by the kind of note.
var sentences = func() map[byte][]string {
	m := map[byte][]string{}
	for line := range strings.Lines(noteLines) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		kinds, sentence, _ := strings.Cut(strings.TrimSpace(line), " ")
		for i := range len(kinds) {
			m[kinds[i]] = append(m[kinds[i]], sentence)
		}
	}
	return m
}()

// noteWriter writes one note.
type noteWriter struct {
	source
	patient  *person
	text     strings.Builder
	mentions []Mention
}

func (w *noteWriter) note() Note {
	pool := sentences["lnob"[w.IntN(4)]]
	between := pick(w.source, []string{"\n", " ", "\n", "\r\n"})
	for range 3 + w.IntN(6) {
		w.sentence(pick(w.source, pool))
		w.text.WriteString(between)
	}
	return Note{w.text.String(), w.mentions}
}

// sentence writes a sentence and fills its slots.
func (w *noteWriter) sentence(s string) {
	for {
		before, rest, slot := strings.Cut(s, "{")
		w.text.WriteString(before)
		if !slot {
			return
		}
		var name string
		name, s, _ = strings.Cut(rest, "}")
		w.fill(name)
	}
}

// mention writes an identifier and notes where it stands.
func (w *noteWriter) mention(kind, form, text string) {
	start := w.text.Len()
	w.text.WriteString(text)
	w.mentions = append(w.mentions, Mention{kind, form, start, w.text.Len()})
}

func (w *noteWriter) fill(slot string) {
	if identify := identifiers[slot]; identify != nil {
		kind, form, text := identify(w)
		w.mention(kind, form, text)
		return
	}
	trap := traps[slot]
	if trap == nil {
		panic("synth: data/notes.txt has an unknown slot " + slot)
	}
	w.text.WriteString(trap(w))
}

// digits draws n digits, the first of which is not 0.
func (s source) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + s.IntN(10))
	}
	b[0] = byte('1' + s.IntN(9))
	return string(b)
}

// traps write what is no identifier of a person, by slot.
var traps = map[string]func(*noteWriter) string{
	"age":   func(w *noteWriter) string { return fmt.Sprint(1 + w.IntN(99)) },
	"small": func(w *noteWriter) string { return fmt.Sprint(w.IntN(10)) },
	"dose":  func(w *noteWriter) string { return fmt.Sprint(5 * (1 + w.IntN(200))) },
	"ml":    func(w *noteWriter) string { return fmt.Sprint(10 * w.IntN(200)) },
	"lab":   func(w *noteWriter) string { return fmt.Sprintf("%d,%d", w.IntN(400), w.IntN(100)) },
	"time": func(w *noteWriter) string {
		return fmt.Sprintf(pick(w.source, []string{"%02dh%02d", "%02d:%02d", "%02d h %02d"}), w.IntN(24), w.IntN(60))
	},
	"date": (*noteWriter).date,
	"big": func(w *noteWriter) string {
		return pick(w.source, []string{w.digits(9), "1 250 000", "100 000 000", w.digits(7), "10000000", "> 10 000 000"})
	},
	"loinc": func(w *noteWriter) string { return fmt.Sprintf("%d-%d", 100+w.IntN(99000), w.IntN(10)) },
	"lot": func(w *noteWriter) string {
		return pick(w.source, []string{"A" + w.digits(6), w.digits(9), "0" + w.digits(9), "2A" + w.digits(7), w.digits(11)})
	},
	"cip":  func(w *noteWriter) string { return "34009" + w.digits(8) },
	"gtin": func(w *noteWriter) string { return "0" + w.digits(13) },
	"snomed": func(w *noteWriter) string {
		return pick(w.source, []string{"195662009", "232353008", "38341003", "104101000119105", "162864005"})
	},
	"reason": func(w *noteWriter) string {
		return pick(w.source, []string{"dyspnée", "une douleur thoracique", "bilan de chute", "altération de l'état général", "une toux fébrile"})
	},
	"drug": func(w *noteWriter) string {
		return pick(w.source, []string{"Doliprane", "PARACETAMOL", "Lovenox", "amoxicilline", "KARDEGIC", "Lasilix", "Ramipril", "Xarelto", "bisoprolol", "Metformine", "Augmentin"})
	},
	"eponym": func(w *noteWriter) string {
		return pick(w.source, []string{"maladie de Parkinson", "maladie de Crohn", "syndrome de Guillain-Barré", "maladie de Basedow", "syndrome de Raynaud",
			"lymphome de Hodgkin", "fracture de Pouteau-Colles", "maladie de Horton", "thyroïdite de Hashimoto", "purpura de Henoch", "maladie de Dupuytren", "hernie de Bochdalek"})
	},
	"eponym-sign": func(w *noteWriter) string {
		return pick(w.source, []string{"Signe de Babinski bilatéral", "Signe de Lasègue à 30°", "Manœuvre de Lachman négative", "Signe de Murphy", "Point de Mac Burney douloureux", "Signe de Froment présent"})
	},
	"street": func(w *noteWriter) string {
		return fmt.Sprintf("%d %s %s", 1+w.IntN(200), pick(w.source, []string{"rue", "avenue", "bd", "rue du Docteur", "place", "rue du Général", "impasse"}), w.streetName())
	},
	"street-name":    (*noteWriter).streetName,
	"other-forename": func(w *noteWriter) string { return w.forename(w.chance(0.5), 1975) },
	"number8":        func(w *noteWriter) string { return w.digits(8) },
	"number9":        func(w *noteWriter) string { return w.digits(9) },
	"number9-bare": func(w *noteWriter) string {
		return pick(w.source, []string{w.digits(7), w.digits(8), w.digits(9), "B" + w.digits(9)})
	},
	"number10": func(w *noteWriter) string { return pick(w.source, []string{w.digits(10), "0" + w.digits(9)}) },
	"number11": func(w *noteWriter) string { return w.digits(11) },
}

func (w *noteWriter) date() string {
	d := w.day(Start, End)
	return d.Format(pick(w.source, []string{"02/01/2006", "02.01.2006", "02-01-2006", time.DateOnly, "02/01/06", "02 01 2006", "2/1/2006", "02/01"}))
}

func (w *noteWriter) streetName() string {
	name := w.surname()
	if w.chance(0.5) {
		name = w.forename(false, 1930) + " " + name
	}
	return name
}
