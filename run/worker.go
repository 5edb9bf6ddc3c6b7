package run

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"rempart.eu/rempart/engine"
)

// Worker is a program of the product's own that runs in the sandbox in place of
// a researcher's: it reads what the job has for a script, the tables of /data, and
// writes to /outputs. What it prints is the log; its error is that of the study.
type Worker func(ctx context.Context, script []byte, memory int64) error

type registered struct {
	extension string
	work      Worker
}

var workers = map[Language]registered{}

// Register makes a language whose scripts one of our own programs reads, in the
// sandbox as any other. extension, such as ".yaml", is that of its scripts, or "" where it
// has none. It is called while the program starts, by an init at the end of what work needs: in the
// sandbox the worker begins there, and the program's other packages are not made ready.
func Register(language Language, extension string, work Worker) {
	workers[language] = registered{extension, work}
	if len(os.Args) > 2 && os.Args[1] == workerCommand && Language(os.Args[2]) == language {
		takeOver()
	}
}

// languageByExtension finds a registered language.
func languageByExtension(name string) (Language, bool) {
	for language, w := range workers {
		if w.extension != "" && strings.EqualFold(path.Ext(name), w.extension) {
			return language, true
		}
	}
	return "", false
}

// work is the sandbox's study process of a registered language.
func work(args []string) error {
	if len(args) != 3 {
		return errors.New(notForPeople)
	}
	w, ok := workers[Language(args[0])]
	if !ok {
		return errors.New(notForPeople)
	}
	script, memory, err := given(args[1], args[2])
	if err != nil {
		return err
	}
	return w.work(context.Background(), script, memory) // the supervisor ends this process
}

// given reads what the study process of one of our own programs is given: the study, and how much
// memory it may take.
func given(path, limit string) (script []byte, memory int64, err error) {
	if script, err = os.ReadFile(path); err != nil {
		return nil, 0, fmt.Errorf("read the study: %w", err)
	}
	if memory, err = strconv.ParseInt(limit, 10, 64); err != nil {
		return nil, 0, fmt.Errorf("read the memory limit: %w", err)
	}
	return script, memory, nil
}

// OutputPath is where a worker writes an output of that name.
func OutputPath(name string) string { return outputsDir + "/" + name }

// OpenData is a worker's database: a view for each table of /data, and nothing else
// of the machine. The files that it may read, and those among the outputs that it may
// write, are named one by one; no directory is open to it. Its settings are locked.
func OpenData(ctx context.Context, memory int64, writes ...string) (conn *sql.Conn, closed func() error, err error) {
	return openData(ctx, memory, func(views []view) string {
		var paths []string
		for _, name := range writes {
			paths = append(paths, engine.Literal(OutputPath(name)))
		}
		for _, v := range views {
			paths = append(paths, engine.Literal(v.file()))
		}
		slices.Sort(paths)
		return "SET allowed_paths = [" + strings.Join(paths, ", ") + "];"
	})
}

// openData opens a database with a view for each table of /data, and locks its settings. reach is
// the setting that says what it may reach.
func openData(ctx context.Context, memory int64, reach func([]view) string) (conn *sql.Conn, closed func() error, err error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, nil, fmt.Errorf("start DuckDB: %w", err)
	}
	pool := sql.OpenDB(connector)
	if conn, err = pool.Conn(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start DuckDB: %w", err), pool.Close())
	}
	closed = func() error { return errors.Join(conn.Close(), pool.Close()) }
	if err := lockData(ctx, conn, memory, reach); err != nil {
		return nil, nil, errors.Join(err, closed())
	}
	return conn, closed, nil
}

func lockData(ctx context.Context, conn *sql.Conn, memory int64, reach func([]view) string) error {
	views, err := viewsOf(os.DirFS(dataDir))
	if err != nil {
		return err
	}
	for _, v := range views {
		if _, err := conn.ExecContext(ctx, "CREATE VIEW "+engine.Quote(v.name)+" AS FROM "+v.reader+"("+engine.Literal(v.file())+")"); err != nil {
			return fmt.Errorf("open the table %s: %w", v.name, err)
		}
	}
	settings := fmt.Sprintf("SET memory_limit = '%dMiB'; SET threads = %d;", memory>>20*3/4, runtime.NumCPU())
	if _, err := conn.ExecContext(ctx, settings+reach(views)+lockdown); err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	return nil
}
