package portal

import "strings"

// maxWords bounds what is compared word by word; longer texts are told as other texts.
const maxWords = 1500

// compare splits two texts into parts that both have and parts that only one has,
// word by word: the longest common subsequence of their words.
func compare(old, to string) (before, now []part) {
	a, b := strings.Fields(old), strings.Fields(to)
	if old == to || len(a) > maxWords || len(b) > maxWords {
		return []part{{old, old != to}}, []part{{to, old != to}}
	}
	longest := make([][]int16, len(a)+1) // of a[i:] and b[j:]
	for i := range longest {
		longest[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			before, now = say(before, a[i], false), say(now, b[j], false)
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			before = say(before, a[i], true)
			i++
		default:
			now = say(now, b[j], true)
			j++
		}
	}
	return before, now
}

// say adds a word to the last part, or begins another.
func say(parts []part, word string, marked bool) []part {
	if n := len(parts); n > 0 && parts[n-1].Marked == marked {
		parts[n-1].Text += " " + word
		return parts
	}
	return append(parts, part{word, marked})
}
