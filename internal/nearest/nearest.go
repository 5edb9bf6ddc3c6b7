// Package nearest finds the name that somebody most likely meant, for errors
// that say "did you mean …?".
package nearest

import (
	"fmt"
	"strings"
)

// Name returns the name in known that is nearest to got by edit distance,
// letter case aside, or "" where none is near: more than a third of the letters
// (and more than two) would have to change, and none begins with got. Of equals
// the first one wins.
func Name(got string, known []string) string {
	best, least := "", max(2, len([]rune(got))/3)+1
	for _, name := range known {
		if d := distance(fold(got), fold(name)); d < least && d < len([]rune(name)) {
			best, least = name, d
		}
	}
	for _, name := range known {
		if best == "" && len(got) >= 3 && strings.HasPrefix(strings.ToLower(name), strings.ToLower(got)) {
			best = name // an abbreviation
		}
	}
	return best
}

// Hint returns the end of an error about an unknown name: the nearest known
// name, or all of them where none is near.
func Hint(got string, known []string) string {
	if name := Name(got, known); name != "" {
		return fmt.Sprintf("did you mean %q?", name)
	}
	return "known are " + strings.Join(known, ", ")
}

func fold(s string) []rune { return []rune(strings.ToLower(s)) }

// distance is the optimal string alignment distance: insertions, deletions,
// replacements and swaps of neighbours that turn a into b.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
