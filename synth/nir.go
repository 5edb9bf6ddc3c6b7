package synth

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// orders is how many births a commune's month can number (001 to 999).
const orders = 999

// nir gives a number of registration (numéro d'inscription au
// répertoire): 13 characters and the two digits of the key. The place is a
// department (2A and 2B for Corsica, 971 to 976 overseas, 99 abroad).
//
// Commune and order are taken from the person's number (nirSlot), so that numbers are distinct up to
// 998,001 persons; beyond, or overseas, two persons share a number where they
// also share sex, month and department: less than six pairs in a million persons.
func nir(female bool, birth time.Time, department string, slot int) string {
	sex := 1
	if female {
		sex = 2
	}
	place := "%03d"
	if len(department) == 3 {
		place = "%02d"
	}
	body := fmt.Sprintf("%d%02d%02d%s"+place+"%03d", sex, birth.Year()%100, birth.Month(), department, slot/orders+1, slot%orders+1)
	return body + nirKey(body)
}

// nirSlot is person i's place among the communes and orders of a department.
func nirSlot(department string, i int) int {
	communes := 999
	if len(department) == 3 {
		communes = 99
	}
	return i * 7919 % (communes * orders) // 7919 is prime to 3, 11 and 37: each slot once
}

// nextSlot is the neighbouring order in the same commune.
func nextSlot(slot int) int {
	if slot%orders == orders-1 {
		return slot - 1
	}
	return slot + 1
}

// nirKey gives the key of a body of 13 characters: 97 less the remainder of the
// body by 97, where 2A counts as 19 and 2B as 18. The body must be well formed.
// Source: INSEE, décret n° 82-103 du 22 janvier 1982, and the Corsican rule of 1976.
func nirKey(body string) string {
	digits := strings.NewReplacer("2A", "19", "2B", "18").Replace(body[5:7])
	n, err := strconv.ParseInt(body[:5]+digits+body[7:], 10, 64)
	if err != nil {
		panic("synth: identity number " + body + " is not well formed") // only nir builds bodies
	}
	return fmt.Sprintf("%02d", 97-n%97)
}
