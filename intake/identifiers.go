package intake

import (
	"bytes"

	"rempart.eu/rempart/pseudonym"
)

// leastDigits is the number of digits that the shortest identifier has.
const leastDigits = 9

// holdsIdentifier says whether a text that is meant for health data contains a
// national identifier of a person: a French NIR with its key (15 places, in
// groups or not) or a US social security number in its written form.
func holdsIdentifier(text []byte) bool {
	digits := 0
	for _, c := range text {
		if digit(c) {
			digits++
		}
	}
	if digits < leastDigits {
		return false
	}
	for i, c := range text {
		if digit(c) && (i == 0 || !wordByte(text[i-1])) && (startsNIR(text[i:]) || startsSSN(text[i:])) {
			return true
		}
	}
	return false
}

// nirGroups are the written groups of a NIR: sex, year, month, département,
// commune, order, key.
var nirGroups = [...]int{1, 2, 2, 2, 3, 3, 2}

// startsNIR says whether text starts with a NIR whose key is right and that no
// further letter or digit follows.
func startsNIR(text []byte) bool {
	var nir [15]byte
	n, at := 0, 0
	for _, size := range nirGroups {
		if n > 0 && at < len(text) && separator(text[at]) {
			at++
		}
		if at+size > len(text) {
			return false
		}
		at, n = at+size, n+copy(nir[n:], text[at:at+size])
	}
	if at < len(text) && wordByte(text[at]) || !bytes.ContainsRune([]byte("123478"), rune(nir[0])) {
		return false
	}
	for i, c := range nir {
		if !digit(c) && i != 6 { // where Corsica has a letter
			return false
		}
	}
	if month := int(nir[3]-'0')*10 + int(nir[4]-'0'); month < 1 || month > 12 && month < 20 || month > 42 && month < 50 {
		return false
	}
	_, err := pseudonym.NormaliseNIR(string(nir[:]))
	return err == nil && (at != len(nir) || !snomed(nir[:]))
}

// snomed says whether 15 digits are a SNOMED CT identifier
// of an extension, whose check digit is right: some of them look like a NIR.
// Source: SNOMED CT Release File Specifications, section 6 (SCTID).
func snomed(id []byte) bool {
	if id[12] != '0' && id[12] != '1' || id[13] > '2' { // the partition
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

// startsSSN says whether text starts with a number of the form 999-99-9999.
func startsSSN(text []byte) bool {
	if len(text) < 11 || len(text) > 11 && wordByte(text[11]) {
		return false
	}
	for i, c := range text[:11] {
		if dash := i == 3 || i == 6; dash != (c == '-') || !dash && !digit(c) {
			return false
		}
	}
	return true
}

func separator(c byte) bool { return c == ' ' || c == '.' || c == '-' }

func wordByte(c byte) bool {
	return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_'
}
