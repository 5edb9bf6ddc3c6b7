package synth

import (
	"fmt"
	"strconv"
	"time"
)

// keyModulus is the largest prime below 10¹¹: multiplication by anything else
// shuffles the numbers below it without giving one twice.
const keyModulus = 99_999_999_977

// The local numbers of a party are the numbers of persons, stays or lines
// shuffled by the party's own factor: they say nothing about the person.
var keyFactors = [Hospitals + 1]int64{48_271_999, 69_621_137, 39_373_451, 62_089_911, 74_160_749}

// key gives the party's eleven-digit number for n, 0 ≤ n < keyModulus.
func key(party int, n int64) string {
	return fmt.Sprintf("%011d", (n*keyFactors[party]+int64(party)*12_345_678_901)%keyModulus)
}

// personKey is the number under which a party knows the person.
func personKey(party int, p *person) string { return key(party, int64(p.number)) }

// secondKey is the number under which a hospital knows the person a second time by mistake.
func secondKey(h int, p *person) string { return key(h, MaxPersons+int64(p.number)) }

// eventsPerPerson bounds the stays or lines of one person that get keys of their own.
const eventsPerPerson = 1024

// eventKey is the number of the person's n-th stay or line at a party.
func eventKey(party int, p *person, n int) string {
	return key(party, int64(p.number)*eventsPerPerson+int64(n%eventsPerPerson))
}

// stayKey is the number of a stay, which its hospital also puts on the bill to the insurer.
func stayKey(p *person, n int, st stay) string {
	return finess[st.hospital] + "-" + eventKey(st.hospital, p, n)
}

// The hospitals' numbers in the register of establishments, of its form, and names: invented.
var (
	finess        = [Hospitals]string{"759990011", "699990022", "339990033", "139990044"}
	hospitalNames = [Hospitals]string{"Hôpital du Nord", "Hôpital du Centre", "Hôpital de l'Ouest", "Hôpital du Sud"}
)

// professional gives the eleven-digit register number of a practitioner: invented, of its form.
func professional(place string, n int) string {
	var code uint64
	for _, c := range place {
		code = code*131 + uint64(c)
	}
	return fmt.Sprintf("10%09d", splitmix(code*1009+uint64(n))%1_000_000_000)
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func moment(t time.Time) string { return t.Format("2006-01-02T15:04:05") }

// euros writes an amount in cents as euros.
func euros(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
