package omop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// File is a file of a resource's rows. It is open only while they are read.
type File struct {
	Rows int64
	Open func(context.Context) (*engine.File, error) // Parquet in memory; the build closes it
}

// closed is what stands in Tables for a resource whose files are not open.
const closed = ""

// open lets the wanted resources of a deposit be read until close is called.
func (b *builder) open(ctx context.Context, d *loaded, wanted func(resource string) bool) (closeAll func() error, err error) {
	var names []string
	var files []*engine.File
	closeAll = func() (err error) {
		for _, name := range names {
			d.Tables[name] = closed
		}
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	for name, all := range d.Files {
		if d.Tables[name] != closed || !wanted(name) {
			continue
		}
		var opened []*engine.File
		for _, file := range all {
			f, err := file.Open(ctx)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), closeAll())
			}
			files, opened = append(files, f), append(opened, f)
		}
		d.Tables[name] = readParquet(opened...)
		names = append(names, name)
	}
	return closeAll, nil
}

// openAll lets all that is wanted be read until the build ends.
func (b *builder) openAll(ctx context.Context, wanted func(d *loaded, resource string) bool) error {
	for i := range b.deposits {
		d := &b.deposits[i]
		closeAll, err := b.open(ctx, d, func(resource string) bool { return wanted(d, resource) })
		if err != nil {
			return fmt.Errorf("deposit %s: %w", d.Name, err)
		}
		b.atEnd = append(b.atEnd, closeAll)
	}
	return nil
}

// each hands over the rows of a resource, a file at a time where they come in files, and
// what tells the order of such rows.
func (b *builder) each(ctx context.Context, d *loaded, resource string, use func(rows, order string) error) error {
	if d.Tables[resource] != closed {
		return use(d.Tables[resource], "row_number() OVER ()")
	}
	for _, file := range d.Files[resource] {
		f, err := file.Open(ctx)
		if err != nil {
			return err
		}
		rows := fmt.Sprintf("read_parquet(%s, file_row_number = true)", engine.Literal(f.Path()))
		if err := errors.Join(use(rows, "file_row_number"), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// readParquet is the rows of open files of one shape as SQL.
func readParquet(files ...*engine.File) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path()
	}
	return engine.ReadParquet(paths...)
}

// readBy says which resources some mappings of the feed may read: those that their SQL
// names, or that of the views that it names.
func (f *feed) readBy(mappings ...mapping) func(resource string) bool {
	read := slices.Concat(mappings, f.viewsOf(mappings))
	return func(resource string) bool {
		return slices.ContainsFunc(read, func(m mapping) bool { return m.names(resource) })
	}
}

// viewsOf are the views of the feed that some mappings, or these views, may read.
func (f *feed) viewsOf(mappings []mapping) []mapping {
	views := those(f.mappings, func(m mapping) bool { return m.target == targetView })
	read := slices.Clone(mappings)
	for i := 0; i < len(read); i++ {
		for _, v := range views {
			if !slices.Contains(read, v) && read[i].names(v.what) {
				read = append(read, v)
			}
		}
	}
	return read[len(mappings):]
}

// names says whether a mapping's SQL holds a name, be it within a longer one.
func (m mapping) names(name string) bool {
	return strings.Contains(m.lower, strings.ToLower(name))
}
