package project

import (
	"context"
	"errors"
	"io"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/steps"
)

// streamed reads what write writes, which begins with the first byte that is read and ends with ctx.
func streamed(ctx context.Context, write func(io.Writer) error) io.Reader {
	r, w := io.Pipe()
	started := false
	return readerFunc(func(p []byte) (int, error) {
		if !started {
			started = true
			go func() { w.CloseWithError(write(w)) }()
			context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// asCSV hands a table over as CSV (RFC 4180: a header, an empty field that is not quoted where there is no value, dates
// as 2026-11-28). The Parquet that it is made of is in memory and nowhere else, the rows go into the sandbox as they come.
func asCSV(ctx context.Context, table run.Input) run.Input {
	return run.Input{Name: strings.TrimSuffix(table.Name, ".parquet") + ".csv", Content: streamed(ctx, func(w io.Writer) (err error) {
		file, err := engine.LoadFile(table.Name, func(into io.Writer) error {
			_, err := io.Copy(into, table.Content)
			return err
		})
		if err != nil {
			return err
		}
		db, err := engine.Open(ctx)
		if err != nil {
			return errors.Join(err, file.Close())
		}
		db.Own(file)
		return errors.Join(db.CopyOut(ctx, "FROM "+engine.ReadParquet(file.Path()), engine.CSV, w), db.Close())
	})}
}

// tables are the inputs of a job as its step declares them.
func (s *stepOf) tables(ctx context.Context, inputs []run.Input) []run.Input {
	if s == nil || s.TablesAs != steps.CSV {
		return inputs
	}
	for i, in := range inputs {
		if strings.HasSuffix(in.Name, ".parquet") {
			inputs[i] = asCSV(ctx, in)
		}
	}
	return inputs
}
