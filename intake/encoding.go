package intake

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"rempart.eu/rempart/internal/nearest"
)

// Encoding is how the text of a file is written, by its IANA name in lower case.
type Encoding string

// UTF8 is the encoding of files where nothing else is said.
const UTF8 Encoding = "utf-8"

// charmaps are the other encodings that are read. Each byte is one character,
// so that nothing but a declaration can tell them apart: they are never guessed.
var charmaps = map[Encoding]*charmap.Charmap{
	"iso-8859-1": charmap.ISO8859_1, "iso-8859-15": charmap.ISO8859_15, "windows-1252": charmap.Windows1252,
}

// ParseEncoding knows an encoding by its name or a usual other one.
func ParseEncoding(name string) (Encoding, error) {
	known := slices.Sorted(maps.Keys(charmaps))
	known = append(known, UTF8)
	e := Encoding(strings.ToLower(name))
	if other, ok := map[Encoding]Encoding{"utf8": UTF8, "latin1": "iso-8859-1", "latin-1": "iso-8859-1", "latin9": "iso-8859-15", "latin-9": "iso-8859-15", "cp1252": "windows-1252"}[e]; ok {
		e = other
	}
	if slices.Contains(known, e) {
		return e, nil
	}
	var names []string
	for _, k := range known {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("encoding %q is not read: %s", name, nearest.Hint(name, names))
}

// utf8From returns the text in UTF-8.
func (e Encoding) utf8From(in io.Reader) io.Reader {
	if m := charmaps[e]; m != nil {
		return m.NewDecoder().Reader(in)
	}
	return in
}

// The marks that a text may start with. Source: The Unicode Standard, section 23.8.
const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
)
