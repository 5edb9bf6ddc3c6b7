package benchmarks

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the alternative that appends are measured against
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// ledgerParts are what the suite measures, one after the other, in one home.
var ledgerParts = []func(*ledgerRun, context.Context) error{
	(*ledgerRun).appends,
	(*ledgerRun).commits,
	(*ledgerRun).decisions,
	(*ledgerRun).growth,
	(*ledgerRun).million,
	(*ledgerRun).portalPages,
}

// ledgerBench measures what it costs to say something, and to check all that was said.
func ledgerBench(ctx context.Context, r *Run) error {
	b := &ledgerRun{Run: r}
	for _, part := range ledgerParts {
		if err := part(b, ctx); err != nil {
			return err
		}
	}
	return nil
}

// ledgerRun is the suite under way.
type ledgerRun struct{ *Run }

// ledgerArg is the process that verifies or rebuilds, whose memory is measured.
const ledgerArg = "ledger-read"

// lived is a warehouse with a long life.
type lived struct {
	w      *warehouse.Warehouse
	keys   map[string]ledger.Key
	signer note.Signer
	now    time.Time
}

const livedSpec = `project: %s
title: Influenza
purpose: To know how often
legal_basis: {text: GDPR 9(2)(j), reference: DR-1}
persons: SELECT person_id FROM person
tables: {person: all}
period: {from: 2020-01-01, to: 2024-12-31}
researchers: [alice]
ends: 2035-12-31
minimum_cell_count: 11
`

// livedSince is when the life begins.
var livedSince = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// live makes a warehouse with its parties, and projects that have their data.
func (b *ledgerRun) live(ctx context.Context, name string, projects int) (l *lived, err error) {
	dir := filepath.Join(b.Dir, name)
	l = &lived{keys: map[string]ledger.Key{}, now: livedSince}
	clock := func() time.Time { return l.now }
	if _, err := warehouse.Init(ctx, dir, warehouse.InitOptions{Name: "bench", Controller: "controller", Now: clock}); err != nil {
		return nil, err
	}
	if l.w, err = warehouse.Open(dir); err != nil {
		return nil, err
	}
	l.w.Now = clock
	roles := map[string]governance.Role{"chu": governance.Provider, "ttp": governance.LinkageAuthority, "alice": governance.Researcher, "bob": governance.OutputChecker, "diane": governance.Officer}
	for party, role := range roles {
		if _, err := l.w.AddParty(ctx, party, role); err != nil {
			return nil, err
		}
	}
	if err := l.readKeys(dir); err != nil {
		return nil, err
	}
	object := func(key string) ledger.Object {
		return ledger.Object{Name: strings.Repeat("0", 32), Size: 1 << 20, SHA256: ledger.Sum(nil), Key: key}
	}
	said := []warehouse.Said{
		{Actor: "chu", Body: ledger.DepositMade{Deposit: "d-1", Feed: "hospital", Authority: "ttp", Pseudonyms: "keyed", Objects: []ledger.Object{object("party-controller")}, Resources: []string{"patient"}}},
		{Actor: "ttp", Body: ledger.PersonsLinked{Linkage: "l-1", Pseudonyms: "keyed", Deposits: []string{"d-1"}, Object: object("party-controller")}},
		{Actor: "controller", Body: ledger.ReleasePublished{Release: "r-1", Linkage: "l-1", Deposits: []string{"d-1"}, Manifest: object("release-r-1"), RetainUntil: livedSince.AddDate(19, 0, 0)}},
	}
	for p := range projects {
		name := fmt.Sprintf("project-%d", p)
		spec := fmt.Sprintf(livedSpec, name)
		said = append(said,
			warehouse.Said{Actor: "alice", Body: ledger.ProjectRequested{Project: name, Spec: spec}},
			warehouse.Said{Actor: "diane", Body: ledger.ProjectApproved{Project: name, Spec: ledger.Sum([]byte(spec)), Reason: "opinion 12"}},
			warehouse.Said{Actor: "controller", Body: ledger.ProjectExtracted{Project: name, Release: "r-1", Persons: 1000, Tables: []ledger.TableCount{{Table: "person", Rows: 1000}}, Objects: []ledger.Object{object(name)}}})
	}
	_, err = l.w.CommitAll(ctx, said)
	return l, err
}

// readKeys reads what the parties sign with.
func (l *lived) readKeys(dir string) error {
	for _, party := range []string{"controller", "alice", "bob"} {
		path := filepath.Join(dir, "parties", party, "signing.key")
		if party == "controller" {
			path = filepath.Join(dir, "controller", "signing.key")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			return err
		}
		if l.keys[party], err = ledger.KeyFromSeed(seed); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "controller", "checkpoint.key"))
	if err == nil {
		l.signer, err = note.NewSigner(strings.TrimSpace(string(text)))
	}
	return err
}

// daily is the n-th statement of a warehouse's days: a study is run, and its
// output looked at and released.
func daily(n, projects int) (actor string, body ledger.Body) {
	run := fmt.Sprintf("s-%08x", n/4)
	output := run + "-1"
	digest := ledger.Sum([]byte(output))
	switch n % 4 {
	case 0:
		return "alice", ledger.RunRequested{Run: run, Project: fmt.Sprintf("project-%d", n/4%projects), Language: "sql", Name: "study.sql", Code: digest}
	case 1:
		bundle := ledger.Object{Name: string(digest[:32]), Size: 4096, SHA256: digest, Key: fmt.Sprintf("project-%d", n/4%projects)}
		return "controller", ledger.RunFinished{Run: run, Outcome: "done", Seconds: 12.5, Bundle: &bundle, Outputs: []ledger.Output{{Output: output, Name: "result.csv", Size: 1234, SHA256: digest}}}
	case 2:
		return "bob", ledger.OutputViewed{Output: output}
	}
	return "bob", ledger.OutputRefused{Output: output, Reason: "some cells are below 11"}
}

// sign makes the envelopes of the daily statements from one to another, on all cores.
func (l *lived) sign(ctx context.Context, from, to, projects int) ([][]byte, error) {
	envelopes := make([][]byte, to-from)
	group, ctx := errgroup.WithContext(ctx)
	cores := runtime.GOMAXPROCS(0)
	for c := range cores {
		group.Go(func() error {
			for n := from + c; n < to; n += cores {
				actor, body := daily(n, projects)
				s, err := ledger.New(actor, l.now.Add(time.Duration(n)*time.Second), body)
				if err != nil {
					return err
				}
				if envelopes[n-from], err = ledger.Seal(ctx, s, l.keys[actor]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return envelopes, group.Wait()
}

// appends measures the log alone: many statements in one batch, and one by one.
func (b *ledgerRun) appends(ctx context.Context) error {
	l, err := b.live(ctx, "appends", 10)
	if err != nil {
		return err
	}
	const many, few = 100_000, 1000
	var envelopes [][]byte
	signing, err := seconds(func() (err error) { envelopes, err = l.sign(ctx, 0, many+few, 10); return err })
	if err != nil {
		return err
	}
	took, err := seconds(func() error {
		for from := 0; from < many; from += 10_000 {
			if _, err := l.w.Log.AppendAll(ctx, envelopes[from:from+10_000], l.signer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.AtLeast("appended in batches of 10,000, durably", many/took, "/s", 20_000)
	b.AtLeast("signed on all cores and appended", many/(took+signing*many/(many+few)), "/s", 20_000)
	took, err = seconds(func() error {
		for _, e := range envelopes[many:] {
			if _, err := l.w.Log.Append(ctx, e, l.signer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	plain, err := b.sqlite(ctx, envelopes[many:])
	if err != nil {
		return err
	}
	b.AtLeast("appended one by one, durably", few/took, "/s", 500)
	b.Ratio("appended one by one, against rows of SQLite with fsync", few/took, few/plain, "/s")
	return nil
}

// sqlite inserts rows into the embedded database that many would use, each durably.
func (b *ledgerRun) sqlite(ctx context.Context, rows [][]byte) (took float64, err error) {
	db, err := sql.Open("sqlite3", filepath.Join(b.Dir, "rows.sqlite")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "CREATE TABLE statement (no INTEGER PRIMARY KEY, envelope BLOB)"); err != nil {
		return 0, err
	}
	return seconds(func() error {
		for _, row := range rows {
			if _, err := db.ExecContext(ctx, "INSERT INTO statement (envelope) VALUES (?)", row); err != nil {
				return err
			}
		}
		return nil
	})
}

// commits measures whole commits, through the gate: from one goroutine, and from many.
func (b *ledgerRun) commits(ctx context.Context) error {
	const projects, life = 200, 100_000
	l, err := b.live(ctx, "commits", projects)
	if err != nil {
		return err
	}
	if err := b.fill(ctx, l, life, projects); err != nil {
		return err
	}
	if _, err := l.w.Rebuild(ctx); err != nil {
		return err
	}
	l.now = l.now.Add(life * time.Second)
	started, err := medianOf(3, func() (float64, error) {
		return seconds(func() error {
			w, err := warehouse.Open(l.w.Dir)
			if err != nil {
				return err
			}
			w.Now = l.w.Now
			_, err = w.Commit(ctx, "controller", ledger.ConfigRecorded{SHA256: "a"})
			return err
		})
	})
	if err != nil {
		return err
	}
	if _, err := l.w.Commit(ctx, "controller", ledger.ConfigRecorded{SHA256: "a"}); err != nil {
		return err
	}
	const each = 500
	one, err := seconds(func() error { return commitMany(ctx, l.w, 1, each) })
	if err != nil {
		return err
	}
	many, err := seconds(func() error { return commitMany(ctx, l.w, 64, each/10) })
	if err != nil {
		return err
	}
	b.AtLeast("committed one by one, after 100,000", each/one, "/s", 500)
	b.Record("committed by 64 at a time, after 100,000", 64*each/10/many, "/s")
	const processes = 2
	together, err := seconds(func() error {
		var group errgroup.Group
		for range processes {
			group.Go(func() error { _, err := readLedger(ctx, l.w.Dir, "commit"); return err })
		}
		return group.Wait()
	})
	if err != nil {
		return err
	}
	b.Record("committed one by one by two processes at once, their start included", processes*commitsEach/together, "/s")
	b.Record("first commit of a process, after 100,000", started*1000, "ms")
	look, err := seconds(func() error {
		for range 1000 {
			if err := l.w.Read(ctx, func(*warehouse.Model) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.Record("a look at the state in memory", look*1000, "µs")
	return nil
}

// commitsEach is how many statements each of several processes commits.
const commitsEach = 500

func commitMany(ctx context.Context, w *warehouse.Warehouse, goroutines, each int) error {
	var group errgroup.Group
	for range goroutines {
		group.Go(func() error {
			for range each {
				if _, err := w.Commit(ctx, "controller", ledger.ConfigRecorded{SHA256: "a"}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// fill puts daily statements into the log, as their writers had been let.
func (b *ledgerRun) fill(ctx context.Context, l *lived, count, projects int) error {
	for from := 0; from < count; from += 20_000 {
		envelopes, err := l.sign(ctx, from, min(from+20_000, count), projects)
		if err != nil {
			return err
		}
		if _, err := l.w.Log.AppendAll(ctx, envelopes, l.signer); err != nil {
			return err
		}
	}
	return nil
}

// ledgerRead is what the process that reads a ledger has done.
type ledgerRead struct {
	Seconds float64
	Peak    int64 // bytes of memory, at most
	Faults  int
}

// million measures the verification and the state of a million statements.
func (b *ledgerRun) million(ctx context.Context) error {
	const count = 1_000_000
	l, err := b.live(ctx, "million", 200)
	if err != nil {
		return err
	}
	if err := b.fill(ctx, l, count, 200); err != nil {
		return err
	}
	verified, err := readLedger(ctx, l.w.Dir, "verify")
	if err != nil {
		return err
	}
	serial, err := serially(ctx, l, 20_000)
	if err != nil {
		return err
	}
	b.AtMost("audit verify of a million statements", verified.Seconds, "s", 30)
	b.AtMost("its memory", float64(verified.Peak)/(1<<20), "MiB", 512)
	b.Ratio("against signatures one by one, on one core", verified.Seconds, serial*count/20_000, "s")
	rebuilt, err := readLedger(ctx, l.w.Dir, "rebuild")
	if err != nil {
		return err
	}
	b.AtMost("state rebuild of a million statements", rebuilt.Seconds, "s", 60)
	b.Record("its memory", float64(rebuilt.Peak)/(1<<20), "MiB")
	info, err := os.Stat(l.w.ModelPath())
	if err != nil {
		return err
	}
	b.Record("state.model of a million statements", float64(info.Size())/(1<<20), "MiB")
	loaded, err := readLedger(ctx, l.w.Dir, "state")
	if err != nil {
		return err
	}
	b.Record("a process's first look at a million statements", loaded.Seconds, "s")
	return nil
}

// serially is what a plain verifier does: it parses each statement and verifies
// its signature with the standard library.
func serially(_ context.Context, l *lived, count int) (float64, error) {
	envelopes, err := l.sign(context.Background(), 0, count, 200)
	if err != nil {
		return 0, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range l.keys {
		id, err := key.KeyID()
		if err != nil {
			return 0, err
		}
		keys[id] = ed25519.NewKeyFromSeed(key.Seed()).Public().(ed25519.PublicKey)
	}
	return seconds(func() error {
		for _, text := range envelopes {
			var e struct {
				Payload    []byte
				Signatures []struct {
					KeyID string
					Sig   []byte
				}
			}
			if err := json.Unmarshal(text, &e); err != nil {
				return err
			}
			var s map[string]any
			if err := json.Unmarshal(e.Payload, &s); err != nil {
				return err
			}
			message := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(ledger.PayloadType), ledger.PayloadType, len(e.Payload), e.Payload)
			if !ed25519.Verify(keys[e.Signatures[0].KeyID], message, e.Signatures[0].Sig) {
				return errors.New("a signature does not fit")
			}
		}
		return nil
	})
}

// readLedger has another process read a ledger, or add to it.
func readLedger(ctx context.Context, home, what string) (r ledgerRead, err error) {
	program, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, program, ledgerArg, what, home)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	if err = json.Unmarshal(out, &r); err == nil && r.Faults > 0 {
		err = fmt.Errorf("%d faults in a good ledger", r.Faults)
	}
	return r, err
}

// ledgerProcess WHAT HOME reads a ledger and says what it took.
func ledgerProcess(ctx context.Context, args []string) error {
	w, err := warehouse.Open(args[1])
	if err != nil {
		return err
	}
	var r ledgerRead
	r.Seconds, err = seconds(func() error {
		switch args[0] {
		case "verify":
			w.Spare(ctx)
			var v warehouse.Verified
			w.VerifyLedger(ctx, &v)
			r.Faults = len(v.Faults)
			return errors.Join(v.Faults...)
		case "rebuild":
			_, err := w.Rebuild(ctx)
			return err
		case "commit":
			w.Now = func() time.Time { return livedSince.AddDate(1, 0, 0) } // after all that was filled in
			return commitMany(ctx, w, 1, commitsEach)
		}
		return w.Read(ctx, func(*warehouse.Model) error { return nil })
	})
	if err != nil {
		return err
	}
	if r.Peak, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
