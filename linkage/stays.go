package linkage

import (
	"bufio"
	"context"
	"database/sql"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/pseudonym"
)

//go:embed facts.sql
var facts string

//go:embed facts_of_stays.sql
var factsOfStays string

// FactWriter writes what a provider's rows tell of stays and of the persons whose
// stays they are, for [SendStays]. It holds health data: it is the provider's own.
type FactWriter struct {
	csv *csv.Writer
	row []string
}

var factColumns = []engine.Column{
	{Name: "person", Type: "BIGINT"}, {Name: "stay", Type: "UBIGINT"}, {Name: "place", Type: "UBIGINT"}, {Name: "finess", Type: "VARCHAR"},
	{Name: "entry", Type: "VARCHAR"}, {Name: "exit", Type: "VARCHAR"}, {Name: "diagnosis", Type: "VARCHAR"},
	{Name: "commune", Type: "VARCHAR"}, {Name: "sex", Type: "VARCHAR"}, {Name: "birth_date", Type: "VARCHAR"},
	{Name: "birth_year", Type: "VARCHAR"}, {Name: "birth_month", Type: "VARCHAR"},
}

// NewFactWriter writes the header.
func NewFactWriter(w io.Writer) (*FactWriter, error) {
	f := &FactWriter{csv: csv.NewWriter(w)}
	for _, c := range factColumns {
		f.row = append(f.row, c.Name)
	}
	return f, f.csv.Write(f.row)
}

// Write writes one fact. stay and place are keyed hashes in base64url, or empty: a fact
// without a stay is about the place, or else about the person. person is 0 where the row
// does not say whose stay it is.
func (w *FactWriter) Write(person int64, stay, place string, s pseudonym.Stay) error {
	number, err := hashNumber(stay)
	if err != nil {
		return err
	}
	at, err := hashNumber(place)
	if err != nil {
		return err
	}
	w.row = append(w.row[:0], strconv.FormatInt(person, 10), number, at, s.FINESS, day(s.Entry), day(s.Exit), s.Diagnosis, s.Commune, s.Sex,
		s.BirthDate, s.BirthYear, s.BirthMonth)
	return w.csv.Write(w.row)
}

// hashNumber is the first 64 bits of a keyed hash, or empty.
func hashNumber(hash string) (string, error) {
	if hash == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(hash)
	if err != nil || len(b) < 8 {
		return "", errors.New("a stay or place is told by a keyed hash of 8 bytes or more")
	}
	return strconv.FormatUint(binary.BigEndian.Uint64(b), 10), nil
}

// day drops the time of a date, which may be anything.
func day(s string) string { return s[:min(len(s), len("2006-01-02"))] }

// Flush ends the writing.
func (w *FactWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

// StayMaker makes the tokens of stays, as a [Maker] those of persons.
type StayMaker interface {
	Mode() pseudonym.Mode
	StayTokens(ctx context.Context, batch []pseudonym.StayInputs) ([]pseudonym.StayTokens, error)
}

// StaysSent counts what SendStays has sent.
type StaysSent struct {
	Stays     int64
	Malformed int64 // traits that are no such thing: left out
}

// stayBatchSize fits the inputs of a batch in one batch of the oblivious function.
const stayBatchSize = 512

// stayBatch are some stays on their way.
type stayBatch struct {
	person []int64
	stay   []uint64
	raw    []pseudonym.Stay
	inputs []pseudonym.StayInputs
	made   [][]pseudonym.StayTokens // by maker
	wrong  int64
}

// SendStays joins what a provider's rows tell of each stay (texts of a [FactWriter], their
// headers once), makes the tokens of all keys, and writes them for the linkage authority:
//
//	person, stay, year, then keyed_fexsbcd and so on for each mode and key
//
// person is the matching number, stay a keyed hash that is the same in all
// deposits of the provider, year that of the entry. Stays that no row gives to a
// person are left out. Rows come in the order of the hash, which says nothing.
func SendStays(ctx context.Context, facts io.Reader, w io.Writer, makers ...StayMaker) (sent StaysSent, err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return sent, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := loadFacts(ctx, db, facts); err != nil {
		return sent, err
	}
	rows, err := db.Query(ctx, factsOfStays) //nolint:rowserrcheck // readFacts does
	if err != nil {
		return sent, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := bufio.NewWriterSize(w, 1<<16)
	if err := writeStayHeader(out, makers); err != nil {
		return sent, err
	}
	err = inOrder(ctx, func(ctx context.Context, send func(*stayBatch) error) error {
		return readFacts(ctx, rows, send)
	}, func(ctx context.Context, b *stayBatch) error {
		return b.make(ctx, makers)
	}, func(b *stayBatch) error {
		sent.Stays += int64(len(b.stay))
		sent.Malformed += b.wrong
		return b.write(out)
	})
	if err != nil {
		return sent, err
	}
	return sent, out.Flush()
}

// loadFacts reads a text of facts into the tables that the query joins.
func loadFacts(ctx context.Context, db *engine.DB, text io.Reader) error {
	if err := db.LoadCSV(ctx, "fact", factColumns, text); err != nil {
		return fmt.Errorf("read what rows tell of stays: %w", err)
	}
	return db.Exec(ctx, facts)
}

// readFacts hands the rows of a query on in batches.
func readFacts(ctx context.Context, rows *sql.Rows, send func(*stayBatch) error) error {
	b := &stayBatch{}
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var person int64
		var stay uint64
		var s pseudonym.Stay
		if err := rows.Scan(&person, &stay, &s.FINESS, &s.Entry, &s.Exit, &s.Diagnosis, &s.Commune, &s.Sex, &s.BirthDate, &s.BirthYear, &s.BirthMonth); err != nil {
			return err
		}
		b.person, b.stay, b.raw = append(b.person, person), append(b.stay, stay), append(b.raw, s)
		if len(b.raw) == stayBatchSize {
			if err := send(b); err != nil {
				return err
			}
			b = &stayBatch{}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return send(b)
}

// make makes the tokens of a batch.
func (b *stayBatch) make(ctx context.Context, makers []StayMaker) error {
	b.inputs = make([]pseudonym.StayInputs, len(b.raw))
	for i, s := range b.raw {
		var wrong int
		b.inputs[i], wrong = pseudonym.ReadStay(s)
		b.wrong += int64(wrong)
	}
	for _, m := range makers {
		tokens, err := m.StayTokens(ctx, b.inputs)
		if err != nil {
			return fmt.Errorf("make %s tokens of stays: %w", m.Mode(), err)
		}
		b.made = append(b.made, tokens)
	}
	return nil
}

func writeStayHeader(w io.Writer, makers []StayMaker) error {
	names := "person,stay,year"
	for _, m := range makers {
		for _, k := range pseudonym.StayKeys {
			names += "," + stayColumn(m.Mode(), k)
		}
	}
	_, err := io.WriteString(w, names+"\n")
	return err
}

func stayColumn(mode pseudonym.Mode, k pseudonym.StayKey) string { return string(mode) + "_" + k.Code }

// write writes rows; numbers and hexadecimal digits need no quotes.
func (b *stayBatch) write(w *bufio.Writer) error {
	line := make([]byte, 0, 1024)
	for i := range b.stay {
		line = strconv.AppendInt(line[:0], b.person[i], 10)
		line = append(line, ',')
		line = strconv.AppendUint(line, b.stay[i], 10)
		line = append(line, ',')
		if year := b.inputs[i].Year(); year != 0 {
			line = strconv.AppendInt(line, int64(year), 10)
		}
		for _, made := range b.made {
			for _, t := range made[i] {
				line = append(line, ',')
				if !t.Missing() {
					line = hex.AppendEncode(line, t[:])
				}
			}
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}
