package snapshot_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/internal/snapshot"
)

type leaf struct {
	name  string
	score float64
	at    time.Time
	cache func() `snapshot:"-"`
}

type tree struct {
	byName map[string]*leaf
	last   *leaf
	all    []*leaf
	codes  []uint32
	raw    []byte
	parent *tree
	days   map[int]bool
	none   []string
	empty  []string
	fixed  [2]int16
	any    animal
	nobody animal
	pairs  map[pair]int
}

type animal interface{ sound() string }

type pair struct {
	A string
	B int
}

func (l *leaf) sound() string { return l.name }

func init() { snapshot.Register[animal](&leaf{}) }

func example() *tree {
	a := &leaf{name: "ada", score: 1.5, at: time.Date(2026, 11, 27, 1, 2, 3, 4, time.UTC)}
	b := &leaf{name: "ada", at: time.Date(2026, 11, 27, 1, 2, 3, 0, time.FixedZone("", 3600))}
	t := &tree{byName: map[string]*leaf{"a": a, "b": b}, last: b, all: []*leaf{a, b, nil, a}, codes: []uint32{1, 1 << 30}, raw: []byte{7}, days: map[int]bool{-3: true, 9: false}, empty: []string{}, fixed: [2]int16{-1, 2}, any: b, pairs: map[pair]int{{"x", 2}: 1, {"x", 1}: 2}}
	t.parent = t
	return t
}

func TestWhatWasWrittenIsReadBackWithItsPointers(t *testing.T) {
	in := example()
	in.last.cache = func() {}
	data, err := snapshot.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	var out tree
	if err := snapshot.Decode(data, &out); err != nil {
		t.Fatal(err)
	}
	if out.any != animal(out.last) || out.nobody != nil || out.pairs[pair{"x", 1}] != 2 {
		t.Errorf("%+v", out)
	}
	if out.last != out.byName["b"] || out.all[0] != out.all[3] || out.all[0] == out.all[1] {
		t.Error("pointers that met in one value do not any more")
	}
	if out.none != nil || out.empty == nil || !out.last.at.Equal(in.last.at) || out.all[0].at != in.all[0].at {
		t.Errorf("%+v", out)
	}
	again, err := snapshot.Encode(&out)
	if err != nil {
		t.Fatal(err)
	}
	// The root is in no pointer's table, so the second copy of it is out.parent.
	if out.parent.parent != out.parent || !reflect.DeepEqual(out.days, in.days) || out.fixed != in.fixed {
		t.Errorf("%+v", out)
	}
	third, err := snapshot.Encode(example())
	if err != nil || !bytes.Equal(third, data) || !bytes.Equal(again, data) {
		t.Errorf("the same graph gives other bytes: %v", err)
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	held := struct{ a any }{7}
	if _, err := snapshot.Encode(&held); err == nil || !strings.Contains(err.Error(), "register it") {
		t.Error(err)
	}
	var v struct{ f func() }
	if _, err := snapshot.Encode(&v); err == nil || !strings.Contains(err.Error(), "func()") {
		t.Error(err)
	}
}

func TestAShapeIsThatOfTheTypes(t *testing.T) {
	type one struct{ A int }
	type two struct{ B int }
	if snapshot.Shape(&one{}) == snapshot.Shape(&two{}) || snapshot.Shape(&one{}) != snapshot.Shape(&one{A: 1}) {
		t.Error("shapes do not tell types apart, or tell values apart")
	}
}

// Damage ends in an error or another value, never in a crash.
func TestDamageIsSurvived(t *testing.T) {
	data, err := snapshot.Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		damaged := bytes.Clone(data)[:chance.IntN(len(data)+1)]
		for range chance.IntN(4) {
			if len(damaged) > 0 {
				damaged[chance.IntN(len(damaged))] = byte(chance.Uint32())
			}
		}
		var out tree
		_ = snapshot.Decode(damaged, &out)
	}
}
