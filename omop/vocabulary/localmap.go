package vocabulary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"rempart.eu/rempart/engine"
)

// Mapped is a row of a local map: what a code means.
type Mapped struct {
	Line             int64 // of the file
	Code             string
	Vocabulary       string
	Description      string
	Source           int32 // the code's own concept, or 0
	Target           int32
	TargetVocabulary string // "" is not told
	From, Until      string // 1970-01-01
	Invalid          string // "", D or U
}

// Map is a local map as it was read.
type Map struct {
	Rows   []Mapped
	Left   int64 // rows that a terminologist has not approved
	Loaded       // those that were approved, and how many were taken
}

// ReadMap reads a local map: the CDM's source_to_concept_map, or what Usagi saves, of
// which the approved rows count. The file is CSV (RFC 4180) in UTF-8, its columns in any
// order. refuse hears of each row that is not taken.
func ReadMap(name string, r io.Reader, refuse func(Refused) error) (*Map, error) {
	sum := sha256.New()
	rows := csv.NewReader(io.TeeReader(r, sum))
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: read the header: %w", name, err)
	}
	f := mapFile{name: name, at: map[string]int{}, seen: map[string]bool{}, refuse: refuse, made: &Map{}}
	for i, column := range header {
		f.at[strings.ToLower(strings.TrimPrefix(strings.TrimSpace(column), "\ufeff"))] = i
	}
	read := f.mapRow
	wanted := []string{"source_code", "source_vocabulary_id", "target_concept_id"}
	if _, usagi := f.at["mappingstatus"]; usagi {
		read, wanted = f.usagiRow, []string{"sourceCode", "ADD_INFO:vocabulary", "conceptId"}
	}
	for _, column := range wanted {
		if _, there := f.at[strings.ToLower(column)]; !there {
			return nil, fmt.Errorf("%s: column %s is missing: want source_to_concept_map of the CDM, or a file of rempart vocabulary unmapped --out that Usagi saved", name, column)
		}
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, csv.ErrFieldCount) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		if err := f.take(row, len(header), int64(line), read); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(sum, r); err != nil {
		return nil, err
	}
	f.made.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f.made, nil
}

// mapFile is a map that is being read.
type mapFile struct {
	name   string
	at     map[string]int // columns, in lower case
	seen   map[string]bool
	refuse func(Refused) error
	made   *Map
	row    []string
}

// take reads a row, or refuses it.
func (f *mapFile) take(row []string, columns int, line int64, read func(*Mapped) (field, fault string, counts bool)) error {
	f.row = row
	m := Mapped{Line: line}
	if len(row) != columns {
		f.made.Loaded.Rows++
		return f.no(line, "", fmt.Sprintf("has %d fields, the header has %d", len(row), columns))
	}
	field, fault, counts := read(&m)
	if !counts {
		f.made.Left++
		return nil
	}
	f.made.Loaded.Rows++
	if fault == "" {
		field, fault = f.check(&m)
	}
	if fault != "" {
		return f.no(line, field, fault)
	}
	f.made.Accepted++
	f.made.Rows = append(f.made.Rows, m)
	return nil
}

func (f *mapFile) no(line int64, field, fault string) error {
	f.made.Refused++
	return f.refuse(Refused{File: f.name, Line: line, Field: field, Rule: fault})
}

func (f *mapFile) get(column string) string {
	if at, there := f.at[strings.ToLower(column)]; there {
		return strings.TrimSpace(f.row[at])
	}
	return ""
}

// mapRow reads a row of source_to_concept_map.
func (f *mapFile) mapRow(m *Mapped) (field, fault string, counts bool) {
	m.Code, m.Vocabulary, m.Description = f.get("source_code"), f.get("source_vocabulary_id"), f.get("source_code_description")
	m.TargetVocabulary, m.Invalid = f.get("target_vocabulary_id"), f.get("invalid_reason")
	if m.Target, fault = concept(f.get("target_concept_id")); fault != "" {
		return "target_concept_id", fault, true
	}
	if text := f.get("source_concept_id"); text != "" && text != "0" {
		if m.Source, fault = concept(text); fault != "" {
			return "source_concept_id", fault, true
		}
	}
	for _, date := range []struct {
		column string
		to     *string
		or     string
	}{{"valid_start_date", &m.From, "1970-01-01"}, {"valid_end_date", &m.Until, "2099-12-31"}} {
		text := f.get(date.column)
		*date.to = date.or
		if text == "" {
			continue
		}
		normal, ok := day([]byte(text))
		if !ok {
			return date.column, fmt.Sprintf("want a date, 19700101 or 1970-01-01, got %q", text), true
		}
		*date.to = string(normal)
	}
	if m.Invalid != "" && m.Invalid != "D" && m.Invalid != "U" {
		return "invalid_reason", fmt.Sprintf("want nothing, D or U, got %q", m.Invalid), true
	}
	return "", "", true
}

// usagiRow reads a row that Usagi saved.
func (f *mapFile) usagiRow(m *Mapped) (field, fault string, counts bool) {
	if f.get("mappingStatus") != "APPROVED" {
		return "", "", false
	}
	m.Code, m.Vocabulary, m.Description = f.get("sourceCode"), f.get("ADD_INFO:vocabulary"), f.get("sourceName")
	m.From, m.Until = "1970-01-01", "2099-12-31"
	if kind := f.get("mappingType"); kind != "" && kind != "MAPS_TO" {
		return "mappingType", fmt.Sprintf("want MAPS_TO, got %q: values and units are mapped by the feed", kind), true
	}
	m.Target, fault = concept(f.get("conceptId"))
	return "conceptId", fault, true
}

// check finds what no row may be.
func (f *mapFile) check(m *Mapped) (field, fault string) {
	for _, text := range []struct {
		field, value string
		most         int
		needed       bool
	}{{"source_code", m.Code, 50, true}, {"source_vocabulary_id", m.Vocabulary, 20, true}, {"source_code_description", m.Description, 255, false}, {"target_vocabulary_id", m.TargetVocabulary, 20, false}} {
		switch {
		case text.value == "" && text.needed:
			return text.field, "a value is needed"
		case !utf8.ValidString(text.value):
			return text.field, "is not UTF-8: save the file as UTF-8"
		case utf8.RuneCountInString(text.value) > text.most:
			return text.field, fmt.Sprintf("has %d characters, at most %d are allowed", utf8.RuneCountInString(text.value), text.most)
		}
	}
	key := m.Vocabulary + "\x00" + m.Code + "\x00" + strconv.Itoa(int(m.Target))
	if f.seen[key] {
		return "", fmt.Sprintf("code %s leads to concept %d in a row before: remove one of both", m.Code, m.Target)
	}
	f.seen[key] = true
	return "", ""
}

func concept(text string) (int32, string) {
	n, err := strconv.ParseInt(text, 10, 32)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("want the number of a concept, got %q", text)
	case n <= 0:
		return 0, "names no concept: choose a standard concept, or leave the code unmapped"
	}
	return int32(n), ""
}

// CheckTargets refuses the rows whose target is no standard concept of a table expression.
func (m *Map) CheckTargets(ctx context.Context, db *engine.DB, name, concepts string, refuse func(Refused) error) error {
	if err := m.table(ctx, db); err != nil {
		return err
	}
	faults := map[int32]string{}
	vocabularies := map[int32]string{}
	var target int32
	var fault, vocabulary string
	err := db.Each(ctx, `SELECT DISTINCT m.target_concept_id, coalesce(c.vocabulary_id, ''), CASE
			WHEN c.concept_id IS NULL THEN 'the loaded vocabulary has no concept ' || m.target_concept_id || ': choose another, or load a vocabulary that has it'
			WHEN c.standard_concept IS DISTINCT FROM 'S' THEN 'concept ' || m.target_concept_id || ' is not standard: choose the concept that it maps to'
			ELSE '' END
		FROM local_map m LEFT JOIN `+concepts+` c ON c.concept_id = m.target_concept_id`, nil, func() error {
		faults[target], vocabularies[target] = fault, vocabulary
		return nil
	}, &target, &vocabulary, &fault)
	if err != nil {
		return err
	}
	kept := m.Rows[:0]
	for _, row := range m.Rows {
		if faults[row.Target] != "" && row.Invalid == "" {
			m.Accepted, m.Refused = m.Accepted-1, m.Refused+1
			if err := refuse(Refused{File: name, Line: row.Line, Field: "target_concept_id", Rule: faults[row.Target]}); err != nil {
				return err
			}
			continue
		}
		if known := vocabularies[row.Target]; known != "" {
			row.TargetVocabulary = known
		}
		kept = append(kept, row)
	}
	m.Rows = kept
	return nil
}

// WriteParquet writes the map as source_to_concept_map.
func (m *Map) WriteParquet(ctx context.Context, db *engine.DB, to io.Writer) error {
	if err := m.table(ctx, db); err != nil {
		return err
	}
	return db.CopyOut(ctx, "FROM local_map ORDER BY source_vocabulary_id, source_code, target_concept_id", engine.Parquet, to)
}

// table makes table local_map of the rows.
func (m *Map) table(ctx context.Context, db *engine.DB) error {
	var text bytes.Buffer
	columns := []engine.Column{
		{Name: "source_code", Type: "VARCHAR"}, {Name: "source_concept_id", Type: "INTEGER"}, {Name: "source_vocabulary_id", Type: "VARCHAR"}, {Name: "source_code_description", Type: "VARCHAR"},
		{Name: "target_concept_id", Type: "INTEGER"}, {Name: "target_vocabulary_id", Type: "VARCHAR"}, {Name: "valid_start_date", Type: "DATE"}, {Name: "valid_end_date", Type: "DATE"}, {Name: "invalid_reason", Type: "VARCHAR"},
	}
	to := csv.NewWriter(&text)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.Name
	}
	_ = to.Write(header) // to memory
	for _, r := range m.Rows {
		_ = to.Write([]string{r.Code, strconv.Itoa(int(r.Source)), r.Vocabulary, r.Description, strconv.Itoa(int(r.Target)), r.TargetVocabulary, r.From, r.Until, r.Invalid})
	}
	to.Flush()
	if err := db.Exec(ctx, "DROP TABLE IF EXISTS local_map"); err != nil {
		return err
	}
	return db.LoadCSV(ctx, "local_map", columns, &text)
}

// Summary counts the codes that the map speaks of, by their vocabulary.
func (m *Map) Summary(version string) Summary {
	s := Summary{Version: version, Vocabularies: map[string]*Counts{}}
	codes := map[[2]string]bool{}
	for _, r := range m.Rows {
		if codes[[2]string{r.Vocabulary, r.Code}] {
			continue
		}
		codes[[2]string{r.Vocabulary, r.Code}] = true
		c := s.Vocabularies[r.Vocabulary]
		if c == nil {
			c = &Counts{Version: version}
			s.Vocabularies[r.Vocabulary] = c
		}
		c.Concepts++
		if r.Invalid != "" {
			c.Invalid++
		}
	}
	return s
}
