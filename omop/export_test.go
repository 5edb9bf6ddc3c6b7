package omop

// TakeAtOnce sets how many rows are derived from at a time, and gives what it was.
func TakeAtOnce(rows int) (was int) {
	was, atOnce = atOnce, rows
	return was
}
