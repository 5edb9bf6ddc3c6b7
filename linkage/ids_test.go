package linkage_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

// crowd are records of two deposits, in the order of their matching numbers: some
// with an identifier, some with names alone, some with nothing.
func crowd(n int) (records []known) {
	for i := range n {
		var id pseudonym.Identity
		switch i % 3 {
		case 0:
			id = identity(fmt.Sprintf("%d850578%03d%03d", 1+i%2, 1+i/900, 1+i%900), "", "", "", "")
		case 1:
			id = identity("", fmt.Sprintf("Name%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26), "Anne", "1985-05-03", "F")
		}
		records = append(records, known{fmt.Sprintf("d-%08d", i%2), int64(i), id, ""})
	}
	return records
}

// TestPersonNumbersShowNeitherOrderNorProvider: over a fixed key the statistics
// are fixed too. The rank correlation of number and order is within what chance
// gives (4 standard deviations), and each half of the numbers has as many persons
// of one provider.
func TestPersonNumbersShowNeitherOrderNorProvider(t *testing.T) {
	const n = 6000
	persons, _ := link(t, crowd(n))
	if len(persons) != n {
		t.Fatalf("%d persons", len(persons))
	}
	above, provider := 0, [2]int{}
	var mean, product float64
	for i := range n {
		id := persons[fmt.Sprintf("d-%08d/%d", i%2, i)]
		if id < 0 || id >= 1<<60 {
			t.Fatalf("%d is no number of 60 bits", id)
		}
		x := float64(id)/(1<<60) - 0.5 // uniform: variance 1/12
		mean += x
		product += x * (float64(i)/n - 0.5)
		if x > 0 {
			above++
			provider[i%2]++
		}
	}
	// Sum of n products of two uniform variables of variance 1/12.
	if sigma := math.Sqrt(n) / 12; math.Abs(product) > 4*sigma {
		t.Errorf("numbers follow the order: %f, of chance %f", product, sigma)
	}
	if sigma := math.Sqrt(n / 12.0); math.Abs(mean) > 4*sigma {
		t.Errorf("numbers are not uniform: %f, of chance %f", mean, sigma)
	}
	if sigma := math.Sqrt(float64(above)) / 2; math.Abs(float64(provider[0])-float64(above)/2) > 4*sigma {
		t.Errorf("of %d large numbers one provider has %d", above, provider[0])
	}
}

// TestPersonNumbersAreKeyed: the number is the HMAC of the record under the
// authority's own key, so nobody without it can recompute one.
func TestPersonNumbersAreKeyed(t *testing.T) {
	persons, _ := link(t, []known{{"d-1", 42, pseudonym.Identity{}, ""}})
	key := authorityKey(t).PersonKey()
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte("d-1:42"))
	want := int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 4)
	if got := persons["d-1/42"]; got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	bare := sha256.Sum256([]byte("d-1:42"))
	if got := persons["d-1/42"]; got == int64(binary.BigEndian.Uint64(bare[:])>>4) {
		t.Error("the number is a hash that anybody can make")
	}
}
