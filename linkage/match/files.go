package match

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"rempart.eu/rempart/engine"
)

// Load reads a file of persons into a table of texts: Parquet where its name ends
// so, otherwise CSV with a header. It returns the columns and how many rows
// there are. An error names file, line and, where it is of one, the field.
func Load(ctx context.Context, db *engine.DB, table, name string) (columns []string, rows int64, err error) {
	if strings.HasSuffix(strings.ToLower(name), ".parquet") {
		if _, err := os.Stat(name); err != nil {
			return nil, 0, err
		}
		if err := db.Exec(ctx, "CREATE TABLE "+engine.Quote(table)+" AS FROM "+engine.ReadParquet(name)); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
	} else if err := loadCSV(ctx, db, table, name); err != nil {
		return nil, 0, err
	}
	if columns, err = columnsOf(ctx, db, table); err != nil {
		return nil, 0, err
	}
	return columns, rows, db.Value(ctx, &rows, "SELECT count(*) FROM "+engine.Quote(table))
}

func loadCSV(ctx context.Context, db *engine.DB, table, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.ReuseRecord, in.TrimLeadingSpace = true, true
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:1: the file is empty: want a header with the names of columns", name)
	}
	if err != nil {
		return csvError(name, err)
	}
	var columns []engine.Column
	seen := map[string]bool{}
	for i, h := range head {
		h = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
		if h == "" || seen[strings.ToLower(h)] {
			return fmt.Errorf("%s:1: column %d: the name %q is empty or stands twice", name, i+1, h)
		}
		seen[strings.ToLower(h)] = true
		columns = append(columns, engine.Column{Name: h, Type: "VARCHAR"})
	}
	r, w := io.Pipe()
	go func() {
		out := csv.NewWriter(w)
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.Name
		}
		err := out.Write(names)
		for err == nil {
			var row []string
			if row, err = in.Read(); err == nil {
				err = out.Write(row)
			}
		}
		out.Flush()
		if errors.Is(err, io.EOF) {
			err = out.Error()
		} else {
			err = csvError(name, err)
		}
		w.CloseWithError(err)
	}()
	err = db.LoadCSV(ctx, table, columns, r)
	r.CloseWithError(io.ErrClosedPipe)
	return err
}

// csvError names the file and the line, as an editor shows it.
func csvError(name string, err error) error {
	var at *csv.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("%s:%d: field at column %d: %w", name, at.Line, at.Column, at.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// LoadTruth reads which records are one person into the table truth: the ids of
// two records a row or, for one file, a record's id and its person, in
// columns of which the first is named as the spec's id.
func LoadTruth(ctx context.Context, db *engine.DB, spec Spec, one bool, name string) error {
	columns, _, err := Load(ctx, db, "said", name)
	if err != nil {
		return err
	}
	if len(columns) != 2 {
		return fmt.Errorf("%s:1: the truth has %d columns: want two, the ids of two records, or for one file a record's id and its person", name, len(columns))
	}
	a, b := engine.Quote(columns[0]), engine.Quote(columns[1])
	query := "SELECT " + a + " AS l, " + b + " AS r FROM said"
	if one && columns[0] == spec.ID {
		query = "SELECT x." + a + " AS l, y." + a + " AS r FROM said x JOIN said y ON x." + b + " = y." + b + " AND x." + a + " < y." + a
	}
	return db.Exec(ctx, "CREATE TABLE truth AS "+query+"; DROP TABLE said")
}

// WritePairs writes the pairs that a linkage of this database decided on as CSV: the ids, weight,
// probability and decision, what each comparison adds to the weight, and what the
// frequency of equal terms does.
func (r *Result) WritePairs(ctx context.Context, db *engine.DB, w io.Writer) error {
	lay := newLayout(r.Spec.Comparisons)
	var columns, sum strings.Builder
	for k, c := range r.Model.Comparisons {
		weights := make([]string, lay.sizes[k])
		for code := range weights {
			weights[code] = "0"
			if at := c.level(code); at != nil {
				weights[code] = fmt.Sprintf("%.4f", at.Weight)
			}
		}
		value := fmt.Sprintf("[%s][((pattern >> %d) & %d) + 1]::DOUBLE", strings.Join(weights, ", "), lay.shifts[k], nextPower(lay.sizes[k])-1)
		fmt.Fprintf(&columns, ", %s AS %s", value, engine.Quote("weight_"+c.Column))
		fmt.Fprintf(&sum, " - %s", value)
	}
	return db.CopyOut(ctx, "SELECT l_id AS \"left\", r_id AS \"right\", round(weight, 3) AS weight, round(probability, 6) AS probability, decision"+
		columns.String()+", round(weight"+sum.String()+", 3) AS weight_term_frequency FROM match.link ORDER BY weight DESC, l, r", engine.CSV, w)
}
