package synth_test

import (
	"bytes"
	"strings"
	"testing"

	"rempart.eu/rempart/synth"
)

func TestTwoRegistersOfTheSamePersons(t *testing.T) {
	write := func() [3]string {
		var out [3]bytes.Buffer
		if err := (synth.Registers{Persons: 1000, Others: 200, Seed: 3}).Write(t.Context(), &out[0], &out[1], &out[2]); err != nil {
			t.Fatal(err)
		}
		return [3]string{out[0].String(), out[1].String(), out[2].String()}
	}
	first := write()
	if first != write() {
		t.Error("the same seed gives other bytes")
	}
	numbers := [2]map[string]bool{{}, {}}
	for side, text := range first[:2] {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if len(lines) != 1201 || lines[0] != "record_id,last_name,birth_name,first_name,birth_date,sex,postcode" {
			t.Fatalf("register %d has %d lines and begins with %s", side, len(lines), lines[0])
		}
		for _, l := range lines[1:] {
			number, _, _ := strings.Cut(l, ",")
			numbers[side][number] = true
		}
		if len(numbers[side]) != 1200 {
			t.Errorf("register %d has %d numbers", side, len(numbers[side]))
		}
	}
	lines := strings.Split(strings.TrimSpace(first[2]), "\n")
	if len(lines) != 1001 {
		t.Errorf("the truth has %d lines", len(lines))
	}
	for _, l := range lines[1:] {
		if a, b, _ := strings.Cut(l, ","); !numbers[0][a] || !numbers[1][b] {
			t.Errorf("the truth names %s, which the registers do not have", l)
		}
	}
	if err := (synth.Registers{}).Write(t.Context(), nil, nil, nil); err == nil {
		t.Error("registers of nobody are made")
	}
}
