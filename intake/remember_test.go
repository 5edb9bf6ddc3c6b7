package intake

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"rempart.eu/rempart/intake/intaketest"
)

const rememberFeed = `{"name": "r", "rempart": {"kind": "insurer", "threshold": 1}, "resources": [
	{"name": "persons", "path": "persons.csv", "rempart": {"purpose": "identity", "aliases": [["psa"], ["old"]]}, "schema": {"fields": [{"name": "id", "rempart": {"role": "person"}}, {"name": "psa"}, {"name": "old"}]}},
	{"name": "care", "rempart": {"files": "care\\d\\.csv", "person": {"fields": ["psa"], "alias": ["psa"]}, "keys": [{"name": "k", "fields": ["d", "n"]}]},
		"schema": {"fields": [{"name": "psa", "rempart": {"role": "alias"}}, {"name": "d"}, {"name": "n"}]}},
	{"name": "drugs", "path": "drugs.csv", "rempart": {"optional": true, "keys": [{"name": "k", "fields": ["d", "n"]}]},
		"schema": {"fields": [{"name": "d"}, {"name": "n"}], "foreignKeys": [{"fields": "k", "reference": {"resource": "care", "fields": "k"}}]}}]}`

// Keys and aliases are in memory while a later file needs them, and no longer.
func TestKeysAreRememberedWhileTheyAreNeeded(t *testing.T) {
	for _, c := range []struct {
		files string
		want  []string // after each file: the sets that are remembered
	}{
		{"persons.csv care1.csv care2.csv", []string{"alias 0", "alias 0", ""}},
		{"persons.csv care1.csv drugs.csv", []string{"alias 0", "care 0", ""}},
	} {
		t.Run(c.files, func(t *testing.T) {
			checker := newChecker(t, rememberFeed, c.files)
			for i, s := range checker.delivery.Sources {
				checkText(t, checker, s, map[string]string{"persons": "id,psa,old\n1,a,b\n", "care": "psa,d,n\na,x,1\n", "drugs": "d,n\nx,1\n"}[s.Feeds[0].Resource.Name])
				if got := checker.remembers(); got != c.want[i] {
					t.Errorf("after %s it remembers %q, want %q", s.Name, got, c.want[i])
				}
			}
		})
	}
}

// What is skipped in a resumed deposit must not be needed by what follows.
func TestSkip(t *testing.T) {
	checker := newChecker(t, rememberFeed, "persons.csv care1.csv care2.csv drugs.csv")
	text := map[string]string{"persons": "id,psa,old\n1,a,b\n", "care": "psa,d,n\na,x,1\n", "drugs": "d,n\nx,1\nx,2\n"}
	for i, skips := range []bool{false, false, false, true} {
		s := checker.delivery.Sources[i]
		if got := checker.Skip(); got != skips {
			t.Fatalf("%s may be skipped: %v", s.Name, got)
		}
		if !skips {
			checkText(t, checker, s, text[s.Feeds[0].Resource.Name])
		}
	}
}

func newChecker(t testing.TB, descriptor, files string) *Checker {
	t.Helper()
	feed, err := LoadFeed(fstest.MapFS{Descriptor: {Data: []byte(descriptor)}})
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := feed.Deliver(strings.Fields(files))
	if err != nil {
		t.Fatal(err)
	}
	return NewChecker(delivery, nobody{}, Options{})
}

func checkText(t testing.TB, c *Checker, s Source, text string) []Counts {
	t.Helper()
	sinks := Sinks{Refused: func(RowError) error { return nil }}
	for range s.Feeds {
		sinks.Health = append(sinks.Health, intaketest.Discard{})
	}
	counts, err := c.Check(t.Context(), s, s.Name, strings.NewReader(text), sinks)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func (c *Checker) remembers() string {
	var sets []string
	for _, r := range c.delivery.Feed.Resources {
		for i, k := range c.seen[r.Name] {
			if k != nil {
				sets = append(sets, fmt.Sprintf("%s %d", r.Name, i))
			}
		}
	}
	for i, a := range c.aliases {
		if a != nil {
			sets = append(sets, fmt.Sprintf("alias %d", i))
		}
	}
	return strings.Join(sets, ", ")
}

func TestAliasesHoldWhatWasAdded(t *testing.T) {
	var a aliases
	const n = 300_000
	hash := func(i int) uint64 { return hashKey(fmt.Append(nil, i)) }
	for i := range n {
		if _, found := a.get(hash(i)); found {
			t.Fatalf("%d is there before it was added", i)
		}
		a.add(hash(i), int64(i))
		a.add(hash(i), int64(i))
		if i%3 == 0 {
			a.add(hash(i), int64(i+1))
		}
	}
	slots := 0
	for _, p := range a.parts {
		slots += len(p.slots)
	}
	if per := float64(slots*16) / n; per > 44 {
		t.Errorf("%.1f bytes of memory for an alias, want 44 or less", per)
	}
	for i := range n {
		want := int64(i)
		if i%3 == 0 {
			want = several
		}
		if got, found := a.get(hash(i)); !found || got != want {
			t.Fatalf("alias %d: got %d, %v, want %d", i, got, found, want)
		}
	}
}
