package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rempart.eu/rempart/host/hosttest"
)

// elsewhere registers a host that is a directory outside the home.
func elsewhere(t testing.TB, home, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, home, "host", "add", name, "--kind", "directory", "--path", dir, "--jurisdiction", "FR", "--laws", "EU: GDPR")
	return dir
}

// at runs a command that has to succeed at a time, and returns all that it printed.
func at(t testing.TB, clock, home string, args ...string) string {
	t.Helper()
	o := commandAt(t, clock, home, args...)
	if o.code != exitOK {
		t.Fatalf("rempart %s at %s: %s", strings.Join(args, " "), clock, o)
	}
	return o.stdout + o.stderr
}

func names(t testing.TB, dir string) (list []string) {
	t.Helper()
	for _, path := range filesOf(t, dir) {
		list = append(list, filepath.Base(path))
	}
	return list
}

// TestThreeYearsInAMinute plays what happened, and how it ends: a host that
// foreign law reaches is allowed with regret, warned of, read only, left, erased,
// and all of it is proven from the ledger.
func TestThreeYearsInAMinute(t *testing.T) {
	t.Parallel()
	home := homeAt(t, linked)
	const foreign = "foreign law reaches the host"
	must(t, home, "host", "update", "local", "--owner", "Example Inc.", "--laws", "EU: GDPR; US: CLOUD Act")
	deposit := []string{"deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(population(t), "hospital-1")}
	for _, args := range [][]string{{"release", "publish"}, {"linkage", "run"}, deposit} {
		refused(t, exitRefused, foreign, home, args...)
		refused(t, exitRefused, "rempart host migrate --to NAME", home, args...)
	}
	refused(t, exitRefused, "may not make", home, "host", "derogate", "local", "--as", "controller", "--until", "2029-06-01", "--reason", "it is cheap")

	must(t, home, "host", "derogate", "local", "--until", "2029-06-01", "--condition", "a European host is sought", "--reason", "with regret: no European host has the layers")
	if out := at(t, today, home, "release", "publish"); strings.Contains(out, "derogation") {
		t.Errorf("three years before the end: %s", out)
	}
	for clock, want := range map[string]string{
		"2028-12-02T00:00:00Z": "",
		"2028-12-03T00:00:00Z": "Warning: the derogation for host local ends in 180 days, on 2029-06-01",
		"2029-03-03T00:00:00Z": "Warning: the derogation for host local ends in 90 days",
		"2029-05-02T00:00:00Z": "LAST WARNING: the derogation for host local ends in 30 days",
		"2029-05-31T23:59:59Z": "LAST WARNING: the derogation for host local ends in 1 days",
		"2029-06-01T00:00:00Z": "it can be read only",
	} {
		out := at(t, clock, home, "host", "list")
		if !strings.Contains(out, want) || want == "" && strings.Contains(out, "arning") {
			t.Errorf("at %s: want %q, got:\n%s", clock, want, out)
		}
	}
	if out := at(t, "2029-05-31T23:00:00Z", home, "release", "publish"); !strings.Contains(out, "LAST WARNING") {
		t.Errorf("the last release there: %s", out)
	}

	const end = "2029-06-01T00:00:00Z"
	refusedAt(t, end, exitRefused, foreign, home, "release", "publish")
	at(t, end, home, "release", "show")
	refusedAt(t, end, exitRefused, "there is no host", home, "host", "migrate", "--to", "regional")
	dir := t.TempDir()
	at(t, end, home, "host", "add", "global", "--kind", "directory", "--path", t.TempDir(), "--jurisdiction", "US")
	refusedAt(t, end, exitRefused, foreign, home, "host", "migrate", "--to", "global")
	at(t, end, home, "host", "add", "regional", "--kind", "directory", "--path", dir, "--jurisdiction", "FR")
	if out := at(t, end, home, "host", "migrate", "--to", "regional", "--dry-run"); !strings.Contains(out, "Nothing was moved") || len(filesOf(t, dir)) > 0 {
		t.Errorf("a dry run: %s", out)
	}
	refusedAt(t, end, exitRefused, "lies with host local", home, "host", "erase", "local", "--reason", "too early")
	if out := at(t, end, home, "host", "migrate", "--to", "regional"); !strings.Contains(out, "The warehouse lies with host regional now") {
		t.Error(out)
	}
	at(t, end, home, "release", "publish")
	old := filepath.Join(home, "host")
	if len(filesOf(t, old)) == 0 {
		t.Error("the old host was erased without a decision")
	}
	at(t, end, home, "host", "erase", "local", "--reason", "the contract has ended")
	if left := filesOf(t, old); len(left) > 0 {
		t.Errorf("%d objects are left", len(left))
	}
	at(t, end, home, "audit", "verify")
	log := at(t, end, home, "audit", "log")
	for _, text := range []string{"granted a derogation for host local until 1 June 2029", "moved the warehouse from local to regional", "objects of host local"} {
		if !strings.Contains(log, text) {
			t.Errorf("the ledger does not tell %q:\n%s", text, log)
		}
	}
}

// TestMigrationKilled ends a migration with kill -9 at some objects and at any
// time: the warehouse stays whole where it is, and the migration is repeated.
func TestMigrationKilled(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	want := names(t, filepath.Join(home, "host"))
	dir := elsewhere(t, home, "regional")
	for _, n := range []int{1, 7, 20} {
		if o := spawn(t, fmt.Sprintf("open:%d", n), home, "host", "migrate", "--to", "regional").end(); o.code != -1 {
			t.Fatalf("the fault did not come: %s", o)
		}
		sound(t, home)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		p := spawn(t, "", home, "host", "migrate", "--to", "regional")
		time.AfterFunc(time.Duration(chance.Int64N(int64(500*time.Millisecond))), func() { _ = p.kill() })
		p.end()
	}
	o := command(t, home, "host", "migrate", "--to", "regional")
	if o.code != exitOK && !strings.Contains(o.stderr, "lies with host regional") {
		t.Fatal(o)
	}
	must(t, home, "lake", "repair")
	sound(t, home)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d objects at the new host, %d at the old", len(got), len(want))
	}
}

// TestMigrationKilledAtTheSwitch has the statement made and the configuration as
// it was: everybody follows the ledger, and a repetition ends what was begun.
func TestMigrationKilledAtTheSwitch(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	dir := elsewhere(t, home, "regional")
	file := filepath.Join(home, "rempart.toml")
	before := read(t, file)
	must(t, home, "host", "migrate", "--to", "regional")
	overwrite(t, file, before)
	if err := os.RemoveAll(filepath.Join(home, "host")); err != nil {
		t.Fatal(err)
	}
	refused(t, exitDamaged, "", home, "audit", "verify")
	if o := command(t, home, "audit", "verify"); !strings.Contains(o.stdout+o.stderr, "end that with rempart host migrate --to regional") {
		t.Error(o)
	}
	objects := len(names(t, dir))
	must(t, home, "release", "publish")
	if len(names(t, dir)) <= objects {
		t.Error("a release went to the host that was left")
	}
	must(t, home, "host", "migrate", "--to", "regional")
	sound(t, home)
}

// TestMigrationMeanwhile publishes while the warehouse moves: both come to a good end.
func TestMigrationMeanwhile(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	elsewhere(t, home, "regional")
	publish := spawn(t, "", home, "release", "publish")
	migrate := spawn(t, "", home, "host", "migrate", "--to", "regional", "--parallel", "1")
	if o := migrate.end(); o.code != exitOK {
		t.Error(o)
	}
	if o := publish.end(); o.code != exitOK && !strings.Contains(o.stderr, "Repeat the command") {
		t.Error(o)
	}
	sound(t, home)
}

// TestMigrationOfDamage stays where it is while one object cannot be proven.
func TestMigrationOfDamage(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	elsewhere(t, home, "regional")
	victim := filesOf(t, filepath.Join(home, "host"))[0]
	whole := read(t, victim)
	damaged := slices.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	overwrite(t, victim, damaged)
	o := command(t, home, "host", "migrate", "--to", "regional")
	if o.code != exitDamaged || !strings.Contains(o.stdout, filepath.Base(victim)) || !strings.Contains(o.stdout, "stays with host local") {
		t.Error(o)
	}
	statements := ledgerOf(t, home).Size
	if signed := must(t, home, "audit", "show", fmt.Sprint(statements-1), "--raw"); !strings.Contains(signed, "migration-stopped") || !strings.Contains(signed, filepath.Base(victim)) || !strings.Contains(signed, "SHA-256") {
		t.Errorf("what could not be moved, and why, is not in the ledger: %s", signed)
	}
	overwrite(t, victim, whole)
	sound(t, home)
	must(t, home, "host", "migrate", "--to", "regional")
	sound(t, home)
}

// TestS3Hosts takes the main job over two real S3 servers and from one to the
// other, and lets the second one lie.
func TestS3Hosts(t *testing.T) {
	t.Parallel()
	studies(t)
	one, other := hosttest.Start(t, "versitygw"), hosttest.Start(t, "minio")
	home := homeAt(t, deposited)
	for name, server := range map[string]*hosttest.Server{"one": one, "other": other} {
		must(t, home, "host", "add", name, "--kind", "s3", "--url", server.Config.Endpoint, "--bucket", server.Config.Bucket,
			"--credentials-file", server.Config.CredentialsFile, "--jurisdiction", "FR", "--operator", name)
	}
	must(t, home, "host", "migrate", "--to", "one", "--dry-run")
	must(t, home, "host", "migrate", "--to", "one")
	must(t, home, "host", "erase", "local", "--reason", "the disk is sold")
	must(t, home, "linkage", "run")
	must(t, home, "release", "publish")
	must(t, home, "project", "request", write(t, "flu.yaml", request("flu", nil)), "--as", "alice")
	must(t, home, "project", "approve", "flu", "--reason", "lawful")
	must(t, home, "project", "extract", "flu")
	must(t, home, "run", "--project", "flu", write(t, "sexes.sql", study))
	sound(t, home)
	must(t, home, "host", "migrate", "--to", "other")
	must(t, home, "host", "erase", "one", "--reason", "the contract has ended")
	if n := one.Versions(t); n != 0 {
		t.Errorf("%d versions can be brought back", n)
	}
	must(t, home, "airlock", "release", outputOf(t, home), "--reason", "all counts are large")
	if text := must(t, home, "host", "show"); !strings.Contains(text, "Host other (s3, "+other.Config.Endpoint) {
		t.Error(text)
	}
	sound(t, home)

	victim := objectsOf(t, home, func(key string) bool { return strings.HasPrefix(key, "release-") })[0]
	_, err := other.Client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &other.Config.Bucket, Key: &victim})
	if err != nil {
		t.Fatal(err)
	}
	if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout, victim+" on the host: is missing") {
		t.Errorf("a host that shows an older state: %s", o)
	}
}
