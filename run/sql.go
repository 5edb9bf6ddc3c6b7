package run

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
	"rempart.eu/rempart/engine"
)

// lockdown is what a study's database may do. The sandbox is the boundary;
// this makes DuckDB say no in its own words before the kernel does in its own.
//
//go:embed lockdown.sql
var lockdown string

// reach is what a study's database may reach: /data to read and /outputs to write.
const reach = "SET allowed_directories = ['/data', '/outputs', 'data', 'outputs'];"

// sqlStudy runs the researcher's script in a database of its own: a view for
// each Parquet file of /data; each SELECT of the script becomes a CSV file of
// outputs/: result.csv, or result-1.csv, result-2.csv … where there are several.
// It is the sandbox's study process.
func sqlStudy(args []string) error {
	if len(args) != 2 {
		return errors.New(notForPeople)
	}
	script, memory, err := given(args[0], args[1])
	if err != nil {
		return err
	}
	ctx := context.Background() // the supervisor ends this process
	conn, closed, err := openData(ctx, memory, func([]view) string { return reach })
	if err != nil {
		return err
	}
	s := &sqlScript{name: filepath.Base(args[0]), conn: conn}
	return errors.Join(s.run(ctx, string(script)), closed())
}

// sqlScript is a script on its way through one connection.
type sqlScript struct {
	name    string
	conn    *sql.Conn
	results int
}

// view shows a file of /data to SQL.
type view struct{ name, path, reader string }

// file is where it lies.
func (v view) file() string { return dataDir + "/" + v.path }

// viewsOf names a view for each table of /data: person for person.parquet; for
// the results of a step before, in a folder of its name, cohort for
// cohort/result.csv and cohort_ages for cohort/ages.parquet.
func viewsOf(data fs.FS) (views []view, err error) {
	readers := map[string]string{".parquet": "read_parquet", ".csv": "read_csv"}
	err = fs.WalkDir(data, ".", func(name string, e fs.DirEntry, err error) error {
		reader := readers[path.Ext(name)]
		if err != nil || e.IsDir() || reader == "" {
			return err
		}
		words := strings.Split(strings.TrimSuffix(name, path.Ext(name)), "/")
		if len(words) > 1 && words[len(words)-1] == "result" {
			words = words[:len(words)-1]
		}
		if len(words) == 1 && !strings.Contains(name, "/") && reader != "read_parquet" {
			return nil // a table of the space is Parquet
		}
		views = append(views, view{strings.Join(words, "_"), name, reader})
		return nil
	})
	return views, err
}

func (s *sqlScript) exec(ctx context.Context, query string) error {
	_, err := s.conn.ExecContext(ctx, query)
	return err
}

// run runs the statements one by one, to the first that fails.
func (s *sqlScript) run(ctx context.Context, script string) error {
	for i, st := range split(script) {
		if before, err := s.statement(ctx, st.text); err != nil {
			return &sqlError{before: before, script: s.name, number: i + 1, statement: st, cause: err}
		}
	}
	switch s.results {
	case 0:
		fmt.Println("The script has no SELECT at its top level: there is no result.csv.")
	case 1:
		return os.Rename(s.result(1), filepath.Join(outputsDir, "result.csv"))
	}
	return nil
}

// statement runs one statement, and says how many lines it put before it.
func (s *sqlScript) statement(ctx context.Context, text string) (linesBefore int, err error) {
	kind, err := s.kind(ctx, text)
	if err != nil {
		return 0, err
	}
	if kind != duckdb.STATEMENT_TYPE_SELECT {
		return 0, s.exec(ctx, text)
	}
	s.results++
	open, shut := "COPY (\n", "\n)" // the line end closes a comment that the statement may end with
	if describes.MatchString(text) {
		open, shut = "COPY (FROM (\n", "\n))"
	}
	return 1, s.exec(ctx, open+text+shut+" TO "+engine.Literal(s.result(s.results))+" (FORMAT csv, HEADER true)")
}

// describes are the statements that DuckDB takes for a SELECT, but not in COPY.
var describes = regexp.MustCompile(`(?i)^(describe|desc|show|summarize)\b`)

// result is the file of the n-th result.
func (s *sqlScript) result(n int) string {
	return filepath.Join(outputsDir, fmt.Sprintf("result-%d.csv", n))
}

// kind asks DuckDB what a statement is. What cannot be prepared (several
// statements in one, such as PIVOT with its types) is executed as it is.
func (s *sqlScript) kind(ctx context.Context, text string) (kind duckdb.StmtType, err error) {
	err = s.conn.Raw(func(c any) error {
		prepared, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		kind, err = prepared.(*duckdb.Stmt).StatementType()
		return errors.Join(err, prepared.Close())
	})
	return kind, err
}
