package intake

import (
	"strconv"
	"testing"
)

func TestKeysHoldWhatWasAdded(t *testing.T) {
	var k keys
	const n = 300_000
	key := func(i int) uint64 { return hashKey([]byte(strconv.Itoa(i))) }
	for i := range n {
		if k.has(key(i)) {
			t.Fatalf("%d is there before it was added", i)
		}
		k.add(key(i))
		k.add(key(i))
	}
	used, slots := 0, 0
	for _, p := range k.parts {
		used, slots = used+p.used, slots+len(p.slots)
	}
	if used != n {
		t.Errorf("%d keys, added %d", used, n)
	}
	if perKey := float64(slots*8) / n; perKey > 24 {
		t.Errorf("%.1f bytes of memory for a key, want 24 or less", perKey)
	}
	for i := range n {
		if !k.has(key(i)) {
			t.Fatalf("%d was added and is not there", i)
		}
	}
}

func TestKeysOfSeveralValuesDiffer(t *testing.T) {
	if hashKey([]byte("a"), []byte("bc")) == hashKey([]byte("ab"), []byte("c")) {
		t.Error("the values run together")
	}
}

func TestMemo(t *testing.T) {
	calls := 0
	m := newMemo(func(s string) int { calls++; return len(s) })
	for range 3 {
		for _, s := range []string{"", "a", "bc"} {
			if got := m.get([]byte(s)); got != len(s) {
				t.Errorf("%q: got %d", s, got)
			}
		}
	}
	if calls < 3 || calls > 9 {
		t.Errorf("%d calls", calls)
	}
}
