package ledger

import (
	"bytes"
	"time"
)

// readSimple reads a statement that is written as nearly all are: in plain ASCII,
// with short numbers, and in the canonical form of RFC 8785. ok is false where the
// text is anything else, which may be right all the same.
func readSimple(payload []byte) (s Statement, ok bool) {
	p := plain{rest: payload}
	actor := p.after(`{"actor":`).text()
	body := p.after(`,"body":`).value(0)
	kind := p.after(`,"kind":`).text()
	at := p.after(`,"time":`).text()
	version := p.after(`,"version":`).number()
	p.after(`}`)
	if p.wrong || len(p.rest) > 0 || len(version) != 1 {
		return s, false
	}
	var err error
	if s.Time, err = time.Parse(time.RFC3339, string(at)); err != nil || s.Time.UTC().Format(time.RFC3339) != string(at) {
		return s, false
	}
	s.Actor, s.Kind, s.Body, s.Version = string(actor), string(kind), body, int(version[0]-'0')
	return s, true
}

// plain reads plain canonical JSON from left to right. What it reads is a part of
// the text, and means nothing once something was wrong.
type plain struct {
	rest  []byte
	wrong bool
}

// maxDepth is how deep plain JSON nests at most.
const maxDepth = 32

// after skips a text that must be there.
func (p *plain) after(text string) *plain {
	rest, ok := bytes.CutPrefix(p.rest, []byte(text))
	p.rest, p.wrong = rest, p.wrong || !ok
	return p
}

// next says whether a byte comes, and skips it.
func (p *plain) next(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// take cuts off the first n bytes.
func (p *plain) take(n int) (taken []byte) {
	taken, p.rest = p.rest[:n:n], p.rest[n:]
	return taken
}

// text reads a string without escapes, and returns it without its quotes.
func (p *plain) text() []byte {
	p.wrong = !p.next('"') || p.wrong
	for i, c := range p.rest {
		switch {
		case c == '"':
			text := p.take(i)
			p.next('"')
			return text
		case c < ' ' || c == '\\' || c > '~':
			p.wrong = true
			return nil
		}
	}
	p.wrong = true
	return nil
}

// number reads a number of at most 15 digits that every program writes alike:
// those of that length are told from each other by the numbers of 64 bits that
// JSON means, so that none has a shorter form.
func (p *plain) number() []byte {
	n := 0
	if len(p.rest) > 1 && p.rest[0] == '-' && p.rest[1] != '0' {
		n = 1
	}
	whole := digits(p.rest[n:])
	n += len(whole)
	var part []byte
	if n < len(p.rest) && p.rest[n] == '.' {
		part = digits(p.rest[n+1:])
		n += 1 + len(part)
		if len(part) == 0 || part[len(part)-1] == '0' || bytes.HasPrefix(part, []byte("00000")) {
			p.wrong = true
		}
	}
	if len(whole) == 0 || len(whole)+len(part) > 15 || whole[0] == '0' && len(whole) > 1 || n < len(p.rest) && (p.rest[n] == 'e' || p.rest[n] == 'E') {
		p.wrong = true
	}
	return p.take(n)
}

// digits are those that a text begins with.
func digits(text []byte) []byte {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return text[:n]
}

// value reads any value.
func (p *plain) value(depth int) []byte {
	before := p.rest
	switch {
	case p.wrong || len(p.rest) == 0 || depth > maxDepth:
		p.wrong = true
	case p.rest[0] == '{':
		p.object(depth)
	case p.rest[0] == '[':
		p.array(depth)
	case p.rest[0] == '"':
		p.text()
	case p.rest[0] == 't':
		p.after("true")
	case p.rest[0] == 'f':
		p.after("false")
	case p.rest[0] == 'n':
		p.after("null")
	default:
		p.number()
	}
	if p.wrong {
		return nil
	}
	n := len(before) - len(p.rest)
	return before[:n:n]
}

// object reads an object whose names are in their order, each once.
func (p *plain) object(depth int) {
	p.after("{")
	if p.next('}') {
		return
	}
	var last []byte
	for first := true; !p.wrong; first = false {
		name := p.text()
		if !first && bytes.Compare(last, name) >= 0 {
			p.wrong = true
			return
		}
		last = name
		p.after(":").value(depth + 1)
		if p.next('}') {
			return
		}
		p.after(",")
	}
}

func (p *plain) array(depth int) {
	p.after("[")
	if p.next(']') {
		return
	}
	for !p.wrong {
		p.value(depth + 1)
		if p.next(']') {
			return
		}
		p.after(",")
	}
}
