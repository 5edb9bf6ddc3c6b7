package scan

// snomed says whether digits are a SNOMED CT identifier whose check digit is
// right: some of those of extensions look like a NIR, some of the others like a FINESS.
// Source: SNOMED CT Release File Specifications, section 6 (SCTID).
func snomed(id []byte) bool {
	if n := len(id); id[n-3] != '0' && id[n-3] != '1' || id[n-2] > '2' { // the partition
		return false
	}
	check := byte(0)
	for i := range id {
		d := id[len(id)-1-i] - '0'
		if d > 9 {
			return false
		}
		check = dihedral[check][verhoeff(i, d)]
	}
	return check == 0
}

// dihedral is the multiplication table of the dihedral group of order 10.
var dihedral = func() (table [10][10]byte) {
	for a := range 10 {
		for b := range 10 {
			switch {
			case a < 5 && b < 5:
				table[a][b] = byte((a + b) % 5)
			case a < 5:
				table[a][b] = byte((a+b)%5 + 5)
			case b < 5:
				table[a][b] = byte((a-b)%5 + 5)
			default:
				table[a][b] = byte((a - b + 5) % 5)
			}
		}
	}
	return table
}()

// verhoeff permutes a digit by its place from the right.
func verhoeff(place int, d byte) byte {
	for range place % 8 {
		d = [10]byte{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}[d]
	}
	return d
}
