package scan

import "bytes"

// phoneSeparators stand between the groups of a telephone number.
const phoneSeparators = " .-/"

// french looks for a number of the French plan at its 0: ten digits, in pairs
// or as freephone numbers are written; or 0033 and another country's after 00.
// Ten digits that are not grouped may be any number: a label that says so counts.
// Source: ARCEP, plan national de numérotation.
func french(text []byte, i int) int {
	if text[i] != '0' || i+1 >= len(text) {
		return 0
	}
	if text[i+1] == '0' {
		end := international(text, i+2)
		if end == 0 || bytes.HasPrefix(text[i:], []byte("0033")) {
			return end
		}
		if grouped := bytes.IndexFunc(text[i:end], func(r rune) bool { return r < '0' || r > '9' }) >= 0; grouped || labelled(text, i) == phoneLabel {
			return end
		}
		return 0
	}
	if end := i + 10; run(text, i, 11) == end {
		if text[i+1] == '0' || !ends(text, end) || labelled(text, i) == otherLabel || measured(text, i, end) {
			return 0
		}
		return end
	}
	for _, sizes := range [][]int{{2, 2, 2, 2, 2}, {2, 8}, {4, 3, 3}, {4, 2, 2, 2}, {1, 3, 3, 3}} {
		if d, end := groups(text, i, phoneSeparators, sizes...); end > 0 && d[1] != '0' {
			return end
		}
	}
	return 0
}

// international looks for a number at the first digit of its country code:
// nine to fifteen digits, in groups or not.
// Source: ITU-T E.164, section 6.
func international(text []byte, i int) int {
	if i >= len(text) || !digit(text[i]) || text[i] == '0' {
		return 0
	}
	if bytes.HasPrefix(text[i:], []byte("33")) {
		if end := afterFrance(text, i+2); end > 0 {
			return end
		}
	}
	digits, end := 0, 0
	for at, groups := i, 0; groups < 7; groups++ {
		stop := run(text, at, 16)
		if stop == at || digits+stop-at > 15 {
			break
		}
		digits += stop - at
		end, at = stop, stop
		for n := 0; n < 2 && at < len(text) && bytes.IndexByte([]byte(" .-()/"), text[at]) >= 0; n++ {
			at++
		}
		if at == stop {
			break
		}
	}
	if digits < 9 || !ends(text, end) {
		return 0
	}
	return end
}

// afterFrance reads what follows 33: an optional (0) and nine digits.
func afterFrance(text []byte, i int) int {
	separator := func() {
		if i < len(text) && bytes.IndexByte([]byte(phoneSeparators), text[i]) >= 0 {
			i++
		}
	}
	separator()
	if bytes.HasPrefix(text[i:], []byte("(0)")) {
		i += len("(0)")
		separator()
	}
	if end := i + 9; run(text, i, 10) == end && text[i] != '0' && ends(text, end) {
		return end
	}
	for _, sizes := range [][]int{{1, 2, 2, 2, 2}, {1, 8}, {3, 3, 3}, {3, 2, 2, 2}} {
		if d, end := groups(text, i, phoneSeparators, sizes...); end > 0 && d[0] != '0' {
			return end
		}
	}
	return 0
}

// american looks for a North American number: (555) 867-5309 or 555-867-5309.
// Source: North American Numbering Plan.
func american(text []byte, i int) int {
	if text[i] == '(' {
		if i+5 >= len(text) || run(text, i+1, 4) != i+4 || text[i+4] != ')' {
			return 0
		}
		area := text[i+1]
		i += 5
		if text[i] == ' ' {
			i++
		}
		d, end := groups(text, i, "-.", 3, 4)
		if end == 0 || area < '2' || d[0] < '2' {
			return 0
		}
		return end
	}
	d, end := groups(text, i, "-.", 3, 3, 4)
	if end == 0 || d[0] < '2' || d[3] < '2' {
		return 0
	}
	return end
}
