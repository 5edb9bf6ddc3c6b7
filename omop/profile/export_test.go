package profile

// SetAtOnce has fewer rows counted at once.
func SetAtOnce(n int64) (undo func()) {
	before := atOnce
	atOnce = n
	return func() { atOnce = before }
}

// Hidden says which of the counts a page does not show.
func Hidden(counts ...int64) []bool {
	all := make([]count, len(counts))
	for i, n := range counts {
		all[i].n = n
	}
	return hide(all)
}

// Messages is the page's catalogue.
func Messages() string { return messages }
