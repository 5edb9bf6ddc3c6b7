package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// Whatever a compressed file holds, reading it ends with its text, with an
// error that blames the file, or with the reader's own.
func FuzzDecompress(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xe3\x02\x00\xb6\x9f\xc5\x4f\x02\x00\x00\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00n\n\x9c\x6b\x5d\x4e"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, ending := range compressions {
			gone := errors.New("the disk failed")
			for _, in := range []io.Reader{bytes.NewReader(data), io.MultiReader(bytes.NewReader(data), iotest.ErrReader(gone))} {
				out, stop, err := decompress(ending, in)
				if err == nil {
					_, err = io.Copy(io.Discard, io.LimitReader(out, 16<<20))
					stop()
				}
				if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errCorrupt) && !errors.Is(err, gone) {
					t.Errorf("%s: %v", ending, err)
				}
			}
		}
	})
}

// Whatever a header holds, and however it is read, the same delimiter is found;
// where the declared one gives known names alone, it is that.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"id;v\n1;2", "\"id\"\t\"v\"\n", "id,v,w", "\n\nID|V\r\n", "\"i;d\";v\n", "\"a\nb\",id\n", "\"open", ""} {
		f.Add(s, byte(','))
	}
	names := []string{"id", "v", "i;d", "a\nb"}
	f.Fuzz(func(t *testing.T, text string, declared byte) {
		if !strings.ContainsRune(delimiters, rune(declared)) {
			return
		}
		read := func(in io.Reader) (*blocks, []string, error) {
			b := &blocks{in: in, size: 1, scan: scanner{}}
			fields, err := b.header(declared, names)
			return b, fields, err
		}
		whole, fields, err := read(strings.NewReader(text))
		byByte, again, errAgain := read(iotest.OneByteReader(strings.NewReader(text)))
		if (err == nil) != (errAgain == nil) || strings.Join(fields, "\x00") != strings.Join(again, "\x00") || whole.line != byByte.line ||
			err == nil && whole.scan.delimiter != byByte.scan.delimiter {
			t.Errorf("%q: %q by %q, and byte by byte %q by %q (%v, %v)", text, fields, whole.scan.delimiter, again, byByte.scan.delimiter, err, errAgain)
		}
		if h := (&blocks{text: []byte(text), eof: true}).tryHeader(declared, names); h != nil && h.err == nil && h.known == len(h.fields) && whole.scan.delimiter != declared {
			t.Errorf("%q: the declared delimiter fits, and %q was found", text, whole.scan.delimiter)
		}
	})
}

// What a format accepts is a day that time.Parse knows, and what it writes comes
// back as the same day.
func FuzzDates(f *testing.F) {
	for _, s := range []string{"01JAN2019", "1 févr. 2019", "31/12/99", "2019-02-29", "15 août 2019", "1 MAI 2019", "20190101"} {
		f.Add(s)
	}
	formats := []string{"%d%b%Y", "%d %b %Y", "%d/%m/%y", "%d/%m/%Y", "%Y%m%d", "default", "%d%b%Y:%H:%M:%S"}
	var parsers []parser
	for _, format := range formats {
		parse, _, err := momentParser("date", format)
		if err != nil {
			f.Fatal(err)
		}
		parsers = append(parsers, parse)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, parse := range parsers {
			out, ok := parse(nil, []byte(text))
			if !ok {
				if len(out) > 0 {
					t.Errorf("%q is no %s, and became %q", text, formats[i], out)
				}
				continue
			}
			day, err := time.Parse(time.DateOnly, string(out))
			if err != nil {
				t.Fatalf("%q as %s became %q: %v", text, formats[i], out, err)
			}
			m := moment{year: day.Year(), month: int(day.Month()), day: day.Day()}
			written := write(nil, written("date", formats[i]), &m, true)
			if again, ok := parse(nil, written); !ok || string(again) != string(out) {
				t.Errorf("%q as %s became %q, which is written %q and read as %q", text, formats[i], out, written, again)
			}
		}
	})
}

// The days that are tried find every pair of formats that can be mistaken for
// each other: no day of two centuries tells more.
func TestAmbiguousFormatsAreFound(t *testing.T) {
	formats := []string{"%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%Y/%m/%d", "%y/%m/%d", "%Y%m%d", "%d%m%Y", "%m%d%Y", "%d%m%y", "%y%m%d", "%d%b%Y", "%d%b%y", "%b%d%Y", "%y%b%d", "%Y-%m-%d", "%Y-%d-%m", "%d.%m.%Y"}
	for i, a := range formats {
		for _, b := range formats[:i] {
			text, _, _ := ambiguous("date", a, b)
			found := text != ""
			if differ := differ(t, a, b); differ != "" && !found {
				t.Errorf("%s and %s read %q as two days, which was not found", a, b, differ)
			}
		}
	}
	for _, pair := range [][2]string{{"%d/%m/%Y", "%m/%d/%Y"}, {"%d%b%y", "%y%b%d"}, {"%d/%m/%y", "%y/%m/%d"}} {
		if text, _, _ := ambiguous("date", pair[0], pair[1]); text == "" {
			t.Errorf("%v were not found", pair)
		}
	}
	for _, pair := range [][2]string{{"%d/%m/%Y", "%d/%m/%y"}, {"%d/%m/%Y", "%d-%m-%Y"}, {"%d%b%Y", "%d%b%Y:%H:%M:%S"}} {
		if text, _, _ := ambiguous("date", pair[0], pair[1]); text != "" {
			t.Errorf("%v are told from each other, and %q was found", pair, text)
		}
	}
}

// differ tries each day of some years: of each century, leap years, and those
// whose last digits are a day, a month or both.
func differ(t *testing.T, a, b string) string {
	parseA, _, errA := momentParser("date", a)
	parseB, _, errB := momentParser("date", b)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for _, format := range []string{a, b} {
		steps := written("date", format)
		for _, year := range []int{1900, 1912, 1931, 1968, 1969, 1999, 2000, 2001, 2012, 2024, 2031, 2068, 2069, 2099} {
			for month := 1; month <= 12; month++ {
				for day := 1; day <= days(year, month); day++ {
					m := moment{year: year, month: month, day: day}
					text := write(nil, steps, &m, day%2 == 0)
					x, okA := parseA(nil, text)
					y, okB := parseB(nil, text)
					if okA && okB && string(x) != string(y) {
						return string(text)
					}
				}
			}
		}
	}
	return ""
}
