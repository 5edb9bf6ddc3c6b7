package benchmarks

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// growth measures by how much the ledger grows with use: what a run or a mount has
// read is summed up in the statement that ends it, so that it does not depend on
// how often something was opened.
func (b *ledgerRun) growth(ctx context.Context) error {
	const projects, rounds = 10, 1000
	l, err := b.live(ctx, "growth", projects)
	if err != nil {
		return err
	}
	before, err := folderSize(filepath.Join(l.w.Dir, "ledger"))
	if err != nil {
		return err
	}
	grown := func(what string, statements func(n int) []warehouse.Said) error {
		for n := 0; n < rounds; n += 100 {
			var said []warehouse.Said
			for i := range 100 {
				said = append(said, statements(n+i)...)
			}
			if _, err := l.w.CommitAll(ctx, said); err != nil {
				return err
			}
		}
		// What lies in the journal moves to tiles; measured is what stays.
		if _, err := l.w.Log.Sweep(ctx, nil); err != nil {
			return err
		}
		after, err := folderSize(filepath.Join(l.w.Dir, "ledger"))
		if err != nil {
			return err
		}
		b.Record(what, float64(after-before)/1024, "KiB")
		before = after
		return nil
	}
	tables := map[string]int64{}
	for _, name := range strings.Fields("person visit_occurrence condition_occurrence drug_exposure procedure_occurrence measurement observation death") {
		tables[name] = 12_345_678
	}
	err = grown("the ledger, by 1,000 runs of 8 tables, each output looked at and released", func(n int) (said []warehouse.Said) {
		for step := range 4 {
			actor, body := daily(4*n+step, projects)
			if finished, ok := body.(ledger.RunFinished); ok {
				finished.Read = tables
				body = finished
			}
			said = append(said, warehouse.Said{Actor: actor, Body: body})
		}
		return said
	})
	if err != nil {
		return err
	}
	opens := map[string]int64{}
	for name := range tables {
		opens[name+".parquet"] = 1000
	}
	return grown("the ledger, by 1,000 mounts, each of 8 files opened 1,000 times", func(n int) []warehouse.Said {
		mount := fmt.Sprintf("m-%08x", n)
		return []warehouse.Said{
			{Actor: "alice", Body: ledger.SpaceMounted{Mount: mount, Project: fmt.Sprintf("project-%d", n%projects), Until: l.now.Add(24 * time.Hour)}},
			{Actor: "alice", Body: ledger.SpaceUnmounted{Mount: mount, Opens: opens, Bytes: 1 << 30}},
		}
	})
}

// folderSize adds up the files of a folder.
func folderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
