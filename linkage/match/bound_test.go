package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rempart.eu/rempart/linkage/match"
)

// What a bound shows to be hopeless is hopeless: the pairs, their weights, what is decided on them and
// what is learnt are those of a comparison of every candidate in full. Sums are taken in any order.
func TestTheBoundChangesNothing(t *testing.T) {
	jw := func(v float64) match.Level { return match.Level{Kind: match.JaroWinkler, Value: v} }
	for name, edit := range map[string]func(*match.Spec){
		"as it is":  nil,
		"one rule":  func(s *match.Spec) { s.Blocking = []match.Rule{{"month(birth_date)"}} },
		"all pairs": func(s *match.Spec) { s.Blocking, s.Training = []match.Rule{{"prefix(birth_date, 2)"}}, s.Blocking },
		"levels of every cheap kind": func(s *match.Spec) {
			s.Blocking, s.Training = []match.Rule{{"prefix(birth_date, 2)"}, {"sound(last_name)"}}, s.Blocking
			s.Comparisons = []match.Comparison{
				{Column: "last_name", Levels: []match.Level{{Kind: match.Exact}, {Kind: match.Damerau, Value: 2}, jw(0.7), {Kind: match.Prefix, Value: 1}}, TermFrequency: true},
				{Column: "first_name", SwappedWith: "last_name", Levels: []match.Level{jw(0.95), {Kind: match.Swapped}, {Kind: match.Levenshtein, Value: 3}}},
				{Column: "birth_date", Levels: []match.Level{{Kind: match.DayMonth}, {Kind: match.Exact}, {Kind: match.SameYear}, {Kind: match.Days, Value: 40}}},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			left, right, _ := people(600, 6)
			var results [2]*match.Result
			var pairs [2][]string
			for i, full := range []bool{false, true} {
				result, links, db := linked(t, left, right, "", edit, match.Options{Full: full})
				results[i], pairs[i] = result, append(links, rowsOf(t, db, "SELECT concat_ws(' ', l, r, pattern, rules, weight, bits) FROM match.pair ORDER BY l, r")...)
			}
			t.Logf("%d candidates, %d compared in full, %d kept", results[0].Candidates, results[0].Compared, len(pairs[0]))
			if results[1].Compared != results[1].Candidates {
				t.Errorf("%d of %d are compared in full, want all", results[1].Compared, results[1].Candidates)
			}
			if name != "as it is" && results[0].Compared > results[0].Candidates*3/4 {
				t.Errorf("%d of %d are compared in full: the bound tells nothing", results[0].Compared, results[0].Candidates)
			}
			results[1].Compared = results[0].Compared
			if diff := cmp.Diff(pairs[1], pairs[0]); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(results[1], results[0], cmpopts.EquateApprox(1e-9, 0), cmpopts.IgnoreUnexported(match.Model{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
