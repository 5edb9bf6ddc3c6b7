package benchmarks

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/warehouse"
)

//go:embed claims
var claims embed.FS

//go:embed claims.sql
var claimsSQL string

// depositArg is the process that deposits, whose memory is measured.
const depositArg = "intake-deposit"

// intakeBench measures what a provider waits for: its files checked,
// pseudonymised and sealed, against DuckDB's bare copy of the same files.
func intakeBench(ctx context.Context, r *Run) error {
	b := &intakeRun{Run: r, home: filepath.Join(r.Dir, "home")}
	if err := b.init(ctx); err != nil {
		return err
	}
	return errors.Join(b.csv(ctx), b.fhir(ctx), b.pseudonyms(ctx))
}

// intakeRun is the suite under way.
type intakeRun struct {
	*Run
	home string
}

func (b *intakeRun) init(ctx context.Context) error {
	w, err := warehouse.Init(ctx, b.home, warehouse.InitOptions{Name: "bench", Controller: "controller", Now: time.Now})
	if err != nil {
		return err
	}
	for name, role := range map[string]governance.Role{"insurer": governance.Provider, "ttp": governance.LinkageAuthority} {
		if _, err := w.AddParty(ctx, name, role); err != nil {
			return err
		}
	}
	feed := filepath.Join(b.Dir, "claims")
	folder, err := fs.Sub(claims, "claims")
	if err == nil {
		err = os.CopyFS(feed, folder)
	}
	if err == nil {
		_, err = w.AddFeed(feed)
	}
	return err
}

// sizes are the numbers of rows of the largest file, to show that time grows
// with them and memory does not.
var sizes = []int64{1_000_000, 10_000_000, 50_000_000}

func (b *intakeRun) csv(ctx context.Context) error {
	var rate []float64
	for _, rows := range sizes {
		delivery := filepath.Join(b.Dir, fmt.Sprint("delivery-", rows))
		if err := b.makeClaims(ctx, delivery, rows); err != nil {
			return err
		}
		times := 3
		if rows > 5_000_000 { // takes long enough to be steady
			times = 1
		}
		bare, err := medianOf(times, func() (float64, error) { return b.bareCopy(ctx, delivery) })
		if err != nil {
			return err
		}
		var made depositedIn
		made.Seconds, err = medianOf(times, func() (s float64, err error) {
			made, err = b.deposit(ctx, delivery, "claims")
			return made.Seconds, err
		})
		if err != nil {
			return err
		}
		million := float64(rows) / 1e6
		rate = append(rate, million/made.Seconds)
		b.RatioAtLeast(fmt.Sprintf("%.0f million rows of CSV, checked to sealed; DuckDB's COPY to Parquet", million), million/made.Seconds, million/bare, "M rows/s", 0.5)
		b.AtMost(fmt.Sprintf("memory of the process, %.0f million rows", million), float64(made.Peak)/(1<<20), "MiB", 2048)
		if err := os.RemoveAll(delivery); err != nil {
			return err
		}
	}
	last := len(sizes) - 1
	b.RatioAtLeast(fmt.Sprintf("rows a second at %d million, against 1 million", sizes[last]/1e6), rate[last], rate[0], "M rows/s", 0.9)
	return nil
}

// makeClaims writes the files of a delivery.
func (b *intakeRun) makeClaims(ctx context.Context, dir string, rows int64) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Exec(ctx, fmt.Sprintf("SET preserve_insertion_order = true; SET VARIABLE rows = %d; SET VARIABLE dir = %s; %s", rows, engine.Literal(dir), claimsSQL))
}

// bareCopy is the obvious alternative: the same files as Parquet, unchecked, in clear.
func (b *intakeRun) bareCopy(ctx context.Context, dir string) (s float64, err error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return seconds(func() error {
		for _, name := range []string{"persons", "acts"} {
			file := filepath.Join(dir, name)
			if err := db.Exec(ctx, fmt.Sprintf("COPY (FROM read_csv(%s)) TO %s (FORMAT parquet)", engine.Literal(file+".csv"), engine.Literal(file+".parquet"))); err != nil {
				return err
			}
			if err := os.Remove(file + ".parquet"); err != nil {
				return err
			}
		}
		return nil
	})
}

// depositedIn is what the process that deposits has done.
type depositedIn struct {
	Seconds float64
	Rows    int64
	Peak    int64 // bytes of memory, at most
}

// deposit has another process deposit, so that its memory is its own.
func (b *intakeRun) deposit(ctx context.Context, dir, feed string) (done depositedIn, err error) {
	c, err := startChild(ctx, depositArg, b.home, dir, feed)
	if err != nil {
		return done, err
	}
	return done, c.end(&done)
}

// intakeDeposit HOME DIR FEED deposits as the command does, with its memory settings.
func intakeDeposit(ctx context.Context, args []string) error {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1536 << 20)
	w, err := warehouse.Open(args[0])
	if err != nil {
		return err
	}
	var made *warehouse.Deposited
	s, err := seconds(func() (err error) {
		made, err = w.Deposit(ctx, warehouse.DepositOptions{Provider: "insurer", Feed: args[2], Dir: args[1]})
		return err
	})
	if err != nil {
		return err
	}
	done := depositedIn{Seconds: s}
	for _, f := range made.Files {
		if f.Refused > 0 {
			return fmt.Errorf("%d rows of %s were refused: the benchmark's files are wrong", f.Refused, f.Resource)
		}
		done.Rows += f.Rows
	}
	done.Peak, err = peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(done))
}
