// Package engine is the one door to DuckDB, the embedded SQL engine.
//
// A [DB] is a private in-memory database that can reach nothing of the machine
// but what it is handed: no extensions, no spill to a disk, no stored secrets.
// Rows enter as CSV streams or as memory files ([File]) and leave as Parquet or
// CSV streams, so that plaintext never becomes a file.
//
// A DB runs the warehouse's own SQL. A researcher's SQL never runs here: it
// runs in a sandboxed process of its own (see package run), because DuckDB does
// not defend itself against hostile SQL.
package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// DB is one private database on one connection. It is not safe for concurrent use.
type DB struct {
	pool  *sql.DB
	conn  *sql.Conn
	files []*File // its own
}

// DuckDB writes to our pipes with plain write(2): a reader that is gone must
// end the COPY with an error (EPIPE) and not the whole process.
func init() { signal.Ignore(syscall.SIGPIPE) }

// settings make a database private. temp_directory is emptied because a spill
// file is plaintext; what does not fit in memory is an error. A checkpoint of a database
// in memory writes nothing anywhere: it rewrites tables, a tenth of a build's time.
var settings = []string{
	"SET autoinstall_known_extensions = false",
	"SET autoload_known_extensions = false",
	"SET allow_community_extensions = false",
	"SET temp_directory = ''",
	"SET allow_persistent_secrets = false",
	"SET preserve_insertion_order = true",
	"SET enable_progress_bar = false",
	"SET TimeZone = 'UTC'",
	"SET checkpoint_threshold = '1TB'",
}

// alone is up to how many rows one thread works alone: DuckDB gives a thread a row group of
// 122,880 rows at a time, and one that has none spins until the others are done.
const alone = 122_880

// Open starts a private database that uses every core and at most 70 % of the memory.
func Open(ctx context.Context) (*DB, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	db := &DB{pool: sql.OpenDB(connector)}
	if db.conn, err = db.pool.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start DuckDB: %w", err), db.pool.Close())
	}
	for _, s := range append(settings, fmt.Sprintf("SET threads = %d", runtime.NumCPU())) {
		if err := db.Exec(ctx, s); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// Expect tells how many rows there will be to work on: where they are few, one thread does
// it, which is faster and leaves the other cores to others.
func (db *DB) Expect(ctx context.Context, rows int64) error {
	threads := runtime.NumCPU()
	if rows <= alone {
		threads = 1
	}
	return db.Exec(ctx, fmt.Sprintf("SET threads = %d", threads))
}

// Close ends the database and frees its memory.
func (db *DB) Close() error {
	err := errors.Join(db.conn.Close(), db.pool.Close())
	for _, f := range db.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Own has the database close a memory file when it is closed itself.
func (db *DB) Own(f *File) { db.files = append(db.files, f) }

// Exec runs one or several statements.
func (db *DB) Exec(ctx context.Context, query string, args ...any) error {
	if _, err := db.conn.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("run %s: %w", headline(query), err)
	}
	return nil
}

// Query runs one statement and returns its rows.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := db.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", headline(query), err)
	}
	return rows, nil
}

// Each scans every row of a query into dst, and calls scanned after each.
func (db *DB) Each(ctx context.Context, query string, args []any, scanned func() error, dst ...any) (err error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(dst...); err != nil {
			return err
		}
		if err := scanned(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Value scans the single value of a query into dst.
func (db *DB) Value(ctx context.Context, dst any, query string, args ...any) error {
	if err := db.conn.QueryRowContext(ctx, query, args...).Scan(dst); err != nil {
		return fmt.Errorf("run %s: %w", headline(query), err)
	}
	return nil
}

// Format is how rows leave the engine.
type Format string

// The formats of CopyOut, in DuckDB's own words.
const (
	Parquet Format = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880"
	CSV     Format = "FORMAT csv, HEADER true"
)

// pipeSize is what a pipe from DuckDB holds: as much as Linux lets anybody have.
const pipeSize = 1 << 20

// CopyOut streams the rows of a query into w. Where w fails, CopyOut returns w's error.
func (db *DB) CopyOut(ctx context.Context, query string, format Format, w io.Writer) error {
	r, pw, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	// A pipe that holds much lets DuckDB go on while w works. A kernel that
	// allows less leaves it as it is.
	_, _ = unix.FcntlInt(pw.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	group, ctx := errgroup.WithContext(ctx)
	var copied error
	group.Go(func() error {
		// The two wrappers keep io.CopyBuffer from choosing a smaller buffer.
		_, copied = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, pipeSize/4))
		return errors.Join(copied, r.Close())
	})
	group.Go(func() error {
		err := db.Exec(ctx, fmt.Sprintf("COPY (%s) TO '/dev/fd/%d' (%s)", query, pw.Fd(), format))
		return errors.Join(err, pw.Close())
	})
	err = group.Wait()
	if copied != nil { // DuckDB then only knows that its pipe broke
		return copied
	}
	return err
}

// Column is a column of a table to load.
type Column struct {
	Name     string
	Type     string // DuckDB's name of the type, such as BIGINT
	Required bool   // no row lacks a value
}

// LoadCSV creates a table from a CSV stream (RFC 4180, with a header line in
// the columns' order). An empty field that is not quoted is NULL. It reads r to
// its end or to the first error; an error of r comes before DuckDB's own.
func (db *DB) LoadCSV(ctx context.Context, table string, columns []Column, r io.Reader) error {
	return db.FromCSV(ctx, columns, r, func(rows string) error {
		return db.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS FROM %s", Quote(table), rows))
	})
}

// FromCSV hands use a table expression that reads the CSV stream r once, as
// [DB.LoadCSV] describes it, for statements that need no table in between.
func (db *DB) FromCSV(ctx context.Context, columns []Column, r io.Reader, use func(rows string) error) error {
	pr, pw, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	var group errgroup.Group
	var read error
	group.Go(func() error {
		_, read = io.Copy(pw, r)
		if errors.Is(read, syscall.EPIPE) { // DuckDB stopped reading and says why
			read = nil
		}
		return errors.Join(read, pw.Close())
	})
	group.Go(func() error {
		err := use(csvRows(columns, pr.Fd()))
		return errors.Join(err, pr.Close())
	})
	err = group.Wait()
	if read != nil {
		return read
	}
	return err
}

// csvRows is the table function that reads RFC 4180 from an open file.
func csvRows(columns []Column, fd uintptr) string {
	var typed strings.Builder
	for i, c := range columns {
		if i > 0 {
			typed.WriteString(", ")
		}
		fmt.Fprintf(&typed, "%s: %s", Literal(c.Name), Literal(c.Type))
	}
	return fmt.Sprintf(`read_csv('/dev/fd/%d', columns = {%s}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, parallel = false, max_line_size = 16777216, compression = 'none')`, fd, typed.String())
}

// Quote writes an identifier as SQL.
func Quote(identifier string) string {
	return `"` + strings.ReplaceAll(identifier, `"`, `""`) + `"`
}

// Literal writes a text as an SQL literal.
func Literal(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// ReadParquet is the rows of Parquet files of one shape as an SQL table expression.
func ReadParquet(paths ...string) string {
	literals := make([]string, len(paths))
	for i, path := range paths {
		literals[i] = Literal(path)
	}
	return "read_parquet([" + strings.Join(literals, ", ") + "])"
}

// headline names a statement in an error: its first words, without its data.
func headline(query string) string {
	words := strings.Fields(query)
	if len(words) > 6 {
		words = append(words[:6:6], "…")
	}
	return fmt.Sprintf("%q", strings.Join(words, " "))
}
