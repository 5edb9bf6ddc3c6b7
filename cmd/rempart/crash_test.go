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
)

// step is a step that uploads something.
type step struct {
	name  string
	from  stage
	puts  []int // the uploads at which the power fails
	args  []string
	count func(a account) int // how often the step has been done, as the ledger tells it
}

func stepsOfTheWay(t *testing.T) []step {
	return []step{
		{
			"deposit", peopled, []int{1, 4, 6},
			[]string{"deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(population(t), "hospital-1")},
			func(a account) int { return a.Deposits.Len() },
		},
		{"linkage", deposited, []int{1}, []string{"linkage", "run"}, func(a account) int { return a.Linkages.Len() }},
		{"publish", linked, []int{1, 20}, []string{"release", "publish"}, func(a account) int { return a.Releases.Len() }},
		{
			"extract", approved, []int{1, 2},
			[]string{"project", "extract", "flu"},
			func(a account) int {
				if p, err := a.Project("flu"); err == nil && p.Extraction != nil {
					return 1
				}
				return 0
			},
		},
		{
			"run", extracted, []int{1},
			[]string{"run", "--project", "flu", write(t, "sexes.sql", study)},
			func(a account) int { return a.Outputs.Len() },
		},
	}
}

// TestPowerFails ends each step with kill -9 before, within and after an
// upload. Nothing is half done: verification names at most what can be removed,
// a repair removes it, and the step succeeds when it is repeated.
func TestPowerFails(t *testing.T) {
	t.Parallel()
	studies(t)
	for _, s := range stepsOfTheWay(t) {
		for _, n := range s.puts {
			for _, when := range []string{"before", "within", "after"} {
				t.Run(fmt.Sprintf("%s/%s upload %d", s.name, when, n), func(t *testing.T) {
					t.Parallel()
					home := homeAt(t, s.from)
					o := spawn(t, fmt.Sprintf("%s:%d", when, n), home, s.args...).end()
					if o.code != -1 {
						t.Fatalf("the fault did not come: %s", o)
					}
					if done := s.count(ledgerOf(t, home)); done != 0 {
						t.Errorf("an interrupted step counts %d times", done)
					}
					afterCrash(t, home)
					must(t, home, s.args...)
					if done := s.count(ledgerOf(t, home)); done != 1 {
						t.Errorf("a repeated step counts %d times", done)
					}
					sound(t, home)
				})
			}
		}
	}
}

// afterCrash wants every fault to be one that a repair ends, and lets it.
func afterCrash(t testing.TB, home string) {
	t.Helper()
	o := command(t, home, "audit", "verify")
	for line := range strings.Lines(o.stdout) {
		if strings.Contains(line, "✗") && !strings.Contains(line, "rempart lake repair") {
			t.Errorf("after a crash: %s", line)
		}
	}
	must(t, home, "lake", "repair")
	sound(t, home)
	if again := must(t, home, "lake", "repair"); !strings.Contains(again, "Removed 0 objects, 0 keys and 0 files") {
		t.Errorf("a second repair finds something: %s", again)
	}
}

// TestKilledAtAnyTime lets two publish at once, again and again, and kills each: at a
// step of the protocol that is drawn (docs/formats.md: a key, an upload, the manifest,
// what comes after it), or at a random time. Whenever it is, no release is half
// visible, and none is lost.
func TestKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	home := homeAt(t, linked)
	const uploads = 20 // of a release, the manifest last
	publisher := func() *process {
		if chance.IntN(2) == 0 {
			when := []string{"before", "within", "after"}[chance.IntN(3)]
			return spawn(t, fmt.Sprintf("%s:%d", when, 1+chance.IntN(uploads)), home, "release", "publish")
		}
		p := spawn(t, "", home, "release", "publish")
		time.AfterFunc(time.Duration(chance.Int64N(int64(1500*time.Millisecond))), func() { _ = p.kill() })
		return p
	}
	var kept []string // the releases that were told of
	for range 5 {
		first := publisher()
		second := publisher()
		for _, p := range []*process{first, second} {
			switch o := p.end(); o.code {
			case -1: // killed
			case exitOK:
				kept = append(kept, releaseIn(t, o.stdout))
			default:
				t.Errorf("a publisher that was not killed: %s", o)
			}
		}
		afterCrash(t, home)
		for id := range ledgerOf(t, home).Releases.All() {
			must(t, home, "release", "verify", id)
		}
	}
	kept = append(kept, releaseIn(t, must(t, home, "release", "publish")))
	known := releasesOf(t, home)
	for _, id := range kept {
		if !slices.Contains(known, id) {
			t.Errorf("release %s was published and is lost", id)
		}
	}
	sound(t, home)
}

// TestPublishersAtOnce lets three publish at the same time.
func TestPublishersAtOnce(t *testing.T) {
	t.Parallel()
	home := homeAt(t, linked)
	var all []*process
	for range 3 {
		all = append(all, spawn(t, "", home, "release", "publish"))
	}
	var told []string
	for _, p := range all {
		o := p.end()
		if o.code != exitOK {
			t.Fatalf("a publisher among others: %s", o)
		}
		told = append(told, releaseIn(t, o.stdout))
	}
	slices.Sort(told)
	if known := releasesOf(t, home); !slices.Equal(told, known) {
		t.Errorf("told of %v, recorded %v", told, known)
	}
	sound(t, home)
}

// TestRepairDuringPublishing repairs again and again while a release is
// published: an upload under way is no orphan.
func TestRepairDuringPublishing(t *testing.T) {
	t.Parallel()
	home := homeAt(t, linked)
	publisher := spawn(t, "", home, "release", "publish")
	for range 5 {
		must(t, home, "lake", "repair")
	}
	if o := publisher.end(); o.code != exitOK {
		t.Errorf("a publisher during repairs: %s", o)
	}
	sound(t, home)
}

func releaseIn(t testing.TB, text string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(text, "Release ")
	id, _, _ := strings.Cut(rest, " ")
	if !ok {
		t.Fatalf("no release is named: %s", text)
	}
	return id
}

func releasesOf(t testing.TB, home string) (ids []string) {
	t.Helper()
	for id := range ledgerOf(t, home).Releases.All() {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// TestFullDisk lets the host's disk run full in the middle of each step: it
// fails with one clear sentence, and leaves nothing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	studies(t)
	for _, s := range stepsOfTheWay(t) {
		for _, room := range []int{0, 3000, 40_000} {
			if s.name == "publish" && room == 3000 {
				continue // as with none
			}
			if s.name == "linkage" && room > 3000 || s.name == "run" && room > 0 || s.name == "extract" && room > 3000 {
				continue // all of it has room there
			}
			t.Run(fmt.Sprintf("%s/%d bytes left", s.name, room), func(t *testing.T) {
				t.Parallel()
				home := homeAt(t, s.from)
				o := spawn(t, fmt.Sprint("full:", room), home, s.args...).end()
				if o.code != exitError || !strings.Contains(o.stderr, "no space left on device") || !strings.Contains(o.stderr, "Make room") {
					t.Fatalf("%s on a full disk: %s", s.name, o)
				}
				sound(t, home)
				must(t, home, s.args...)
				sound(t, home)
			})
		}
	}
}

// TestFullTmpfs puts the whole home on a real disk that is too small: at every
// size a step succeeds, or fails and leaves what it found.
func TestFullTmpfs(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	home := homeAt(t, linked)
	var used int64
	for _, path := range filesOf(t, home) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		used += (info.Size()+4095)/4096*4096 + 4096
	}
	for _, more := range []int64{16 << 10, 260 << 10, 600 << 10} {
		mountTmpfs(t, small, used+more)
		onSmall := filepath.Join(small, "home")
		if err := os.CopyFS(onSmall, os.DirFS(home)); err != nil {
			t.Fatal(err)
		}
		o := command(t, onSmall, "release", "publish")
		switch o.code {
		case exitOK:
		case exitError:
			if !strings.Contains(o.stderr, "no space left on device") {
				t.Errorf("%d bytes more: %s", more, o)
			}
		default:
			t.Errorf("%d bytes more: %s", more, o)
		}
		resizeTmpfs(t, small, used+8<<20)
		afterCrash(t, onSmall)
		must(t, onSmall, "release", "publish")
		sound(t, onSmall)
		unmount(t, small)
	}
}
