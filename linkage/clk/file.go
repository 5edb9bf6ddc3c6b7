package clk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

var header = []string{"record", "clk"}

// Writer writes CLKs for the linkage authority: CSV with a header, record and clk.
type Writer struct{ csv *csv.Writer }

// NewWriter writes the header.
func NewWriter(w io.Writer) (*Writer, error) {
	out := csv.NewWriter(w)
	return &Writer{out}, out.Write(header)
}

// Write writes one record: its number or name at the provider, and its filter.
func (w *Writer) Write(record string, c CLK) error {
	text, _ := c.MarshalText() // it has no error
	return w.csv.Write([]string{record, string(text)})
}

// Flush ends the writing.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// File is a file of CLKs.
type File struct {
	Records []string
	CLKs    []CLK
}

// Read reads a file as a Writer wrote it. Errors name the line.
func Read(r io.Reader) (*File, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	in.FieldsPerRecord = len(header)
	head, err := in.Read()
	if err != nil || !slices.Equal(head, header) {
		return nil, errors.Join(errors.New("a file of CLKs begins with the line record,clk"), err)
	}
	f := &File{}
	seen := map[string]int{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read CLKs: %w", err)
		}
		line, _ := in.FieldPos(1)
		if before, twice := seen[row[0]]; twice || row[0] == "" {
			if row[0] == "" {
				return nil, fmt.Errorf("line %d: record: it is empty", line)
			}
			return nil, fmt.Errorf("line %d: record: the same as in line %d", line, before)
		}
		var c CLK
		if err := c.UnmarshalText([]byte(row[1])); err != nil {
			return nil, fmt.Errorf("line %d: clk: %w", line, err)
		}
		seen[row[0]] = line
		f.Records = append(f.Records, row[0])
		f.CLKs = append(f.CLKs, c)
	}
}
