package linkage

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
)

// Record is what a provider sends of one person.
type Record struct {
	Person int64              // the matching number
	Tokens []pseudonym.Tokens // in the order of the writer's modes
	Filter *clk.CLK           // nil: none, and so where the writer writes none
}

// kinds are those of tokens, in the order of their columns.
var kinds = [3]pseudonym.Kind{pseudonym.ByIdentifier, pseudonym.ByTraits, pseudonym.ByPhonetics}

// filterColumn is the column of filters, the last where a file has any.
const filterColumn = "filter"

// header names the columns of a file with tokens of some modes: person,
// provisional, then keyed_a, keyed_b, keyed_c or oblivious_a and so on.
func header(modes []pseudonym.Mode) []string {
	names := []string{"person", "provisional"}
	for _, m := range modes {
		for _, token := range []string{"a", "b", "c"} {
			names = append(names, string(m)+"_"+token)
		}
	}
	return names
}

// Writer writes records for [Linker.Add]: CSV with a header, tokens in hexadecimal, filters in
// base64.
type Writer struct {
	csv     *csv.Writer
	modes   int
	filters bool
	row     []string
}

// NewWriter writes the header of a file without filters.
func NewWriter(w io.Writer, modes ...pseudonym.Mode) (*Writer, error) {
	c := csv.NewWriter(w)
	return &Writer{csv: c, modes: len(modes)}, c.Write(header(modes))
}

// NewFilterWriter writes the header of a file with filters.
func NewFilterWriter(w io.Writer, modes ...pseudonym.Mode) (*Writer, error) {
	c := csv.NewWriter(w)
	return &Writer{csv: c, modes: len(modes), filters: true}, c.Write(append(header(modes), filterColumn))
}

// Write writes one record.
func (w *Writer) Write(r Record) error {
	if len(r.Tokens) != w.modes {
		return fmt.Errorf("a record with the tokens of %d modes, not %d", len(r.Tokens), w.modes)
	}
	w.row = append(w.row[:0], strconv.FormatInt(r.Person, 10), strconv.FormatBool(r.Tokens[0].Provisional))
	for _, t := range r.Tokens {
		w.row = append(w.row, text(t.A), text(t.B), text(t.C))
	}
	if w.filters {
		filter := ""
		if r.Filter != nil {
			text, _ := r.Filter.MarshalText() // it has no error
			filter = string(text)
		}
		w.row = append(w.row, filter)
	}
	return w.csv.Write(w.row)
}

func text(t pseudonym.ProviderToken) string {
	if t.Missing() {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// Flush ends the writing.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// second reads the columns of the linker's mode, and turns provider tokens into
// linkage tokens. Filters stay as they are: the key that made them is not the authority's.
func (l *Linker) second(records io.Reader, to io.Writer) error {
	reader, writer := csv.NewReader(records), csv.NewWriter(to)
	reader.ReuseRecord = true
	first, err := reader.Read()
	if err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	names := slices.Clone(first)
	var at []int
	for _, name := range header([]pseudonym.Mode{l.mode}) {
		i := slices.Index(names, name)
		if i < 0 {
			return fmt.Errorf("line 1: no column %s: the deposit has no tokens of the mode %q", name, l.mode)
		}
		at = append(at, i)
	}
	filter := slices.Index(names, filterColumn)
	row := []string{"person", "a", "b", "c", "provisional", "filter"}
	for line := 2; ; line++ {
		if err := writer.Write(row); err != nil {
			return err
		}
		in, err := reader.Read()
		if errors.Is(err, io.EOF) {
			writer.Flush()
			return writer.Error()
		}
		if err != nil {
			return err
		}
		row[0], row[4] = in[at[0]], in[at[1]]
		for i, kind := range kinds {
			if row[1+i], err = l.linked(in[at[2+i]], kind); err != nil {
				return fmt.Errorf("line %d: %s: %w", line, names[at[2+i]], err)
			}
		}
		if row[5] = ""; filter >= 0 && in[filter] != "" {
			var c clk.CLK
			if err := c.UnmarshalText([]byte(in[filter])); err != nil {
				return fmt.Errorf("line %d: %s: %w", line, filterColumn, err)
			}
			row[5] = in[filter]
		}
	}
}

// linked is the second pass over one token as text.
func (l *Linker) linked(text string, kind pseudonym.Kind) (string, error) {
	if text == "" {
		return "", nil
	}
	var token pseudonym.ProviderToken
	if len(text) != hex.EncodedLen(len(token)) {
		return "", errors.New("no token: want 32 hexadecimal digits")
	}
	if _, err := hex.Decode(token[:], []byte(text)); err != nil {
		return "", errors.New("no token: want 32 hexadecimal digits")
	}
	second := l.key.Second(token, kind)
	return hex.EncodeToString(second[:]), nil
}
