package words

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Sentence is a text in which some words lead somewhere.
type Sentence []Part

// Part is words of a sentence.
type Part struct {
	Text string
	Href string // the portal's page about it; "" for plain words
}

// String is the text alone.
func (s Sentence) String() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Text)
	}
	return b.String()
}

// MarshalJSON writes the text alone.
func (s Sentence) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Sentence fills a message's places; where a place is a [Part] with an address, it leads there.
func (l *Language) Sentence(key string, places ...any) (s Sentence) {
	links := map[string]Part{}
	plain := make([]any, len(places))
	for i := 0; i+1 < len(places); i += 2 {
		plain[i], plain[i+1] = places[i], places[i+1]
		if p, ok := places[i+1].(Part); ok {
			mark := fmt.Sprintf("\x00%d\x00", i)
			plain[i+1], links[mark] = mark, p
		}
		if text, ok := places[i+1].(string); ok { // nobody else's text holds a mark
			plain[i+1] = strings.ReplaceAll(text, "\x00", "\ufffd")
		}
	}
	rest := l.Text(key, plain...)
	for rest != "" {
		at := strings.IndexByte(rest, 0)
		if at < 0 {
			return append(s, Part{Text: rest})
		}
		end := at + 1 + strings.IndexByte(rest[at+1:], 0) + 1
		if at > 0 {
			s = append(s, Part{Text: rest[:at]})
		}
		s = append(s, links[rest[at:end]])
		rest = rest[end:]
	}
	return s
}
