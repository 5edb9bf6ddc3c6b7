package governance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Dates has every date of a person moved.
type Dates struct {
	// Shift is by how many days at most, 7 to 365, forward or back. Each person
	// has a shift of its own in each project, never 0, for all dates alike, so
	// that the time between two events of a person holds.
	Shift int `yaml:"shift"`
}

// Age has years of birth made coarser, and what is finer than a year left out.
type Age struct {
	// Band is of how many years, 2 to 20: the first year of the band stands for
	// each. Bands begin at years that Band divides. 0: each year by itself.
	Band int `yaml:"band"`
	// Top is the age, 60 to 120 at the end of the period, from which on all
	// persons are shown as of that age. 0: none.
	Top int `yaml:"top"`
}

// Geography has places made coarser. What may tell a commune goes in any case:
// addresses, cities, coordinates, names of care sites and providers.
type Geography struct {
	// Zip is how many leading characters of a postcode stay, 0 to 3. In France
	// two are the department.
	Zip int `yaml:"zip"`
	// Keep is the finest of county, state and country that stays; "" or none: no
	// place at all but what Zip leaves.
	Keep Place `yaml:"keep"`
}

// Place is how fine a place is told.
type Place string

// The places, from fine to coarse. In French sources a county is a department,
// and a state a region.
const (
	PlaceCounty  Place = "county"
	PlaceState   Place = "state"
	PlaceCountry Place = "country"
	PlaceNone    Place = "none"
)

var places = []Place{PlaceCounty, PlaceState, PlaceCountry, PlaceNone}

// Keeps says whether a place that fine stays.
func (g *Geography) Keeps(p Place) bool {
	return p != PlaceNone && g.Keep != "" && slices.Index(places, g.Keep) <= slices.Index(places, p)
}

// UnmarshalYAML reads one of the places.
func (p *Place) UnmarshalYAML(decode func(any) error) error {
	var word string
	if err := decode(&word); err != nil {
		return errors.New("geography.keep: want county, state, country or none")
	}
	if *p = Place(word); !slices.Contains(places, *p) {
		return fmt.Errorf("geography.keep: %q is no place: want county, state, country or none", word)
	}
	return nil
}

// Protection says in sentences how the request makes data coarser than the
// release holds it, for who decides on it.
func (s *Spec) Protection() (lines []string) {
	if s.Dates != nil {
		lines = append(lines, fmt.Sprintf("dates: all dates of a person are moved by the same number of days, at most %d; events of the first and last %d days of the period are left out", s.Dates.Shift, s.Dates.Shift))
	}
	if s.Age != nil {
		line := "age: the year of birth only"
		if s.Age.Band > 1 {
			line += fmt.Sprintf(", in bands of %d years", s.Age.Band)
		}
		if s.Age.Top > 0 {
			line += fmt.Sprintf(", %d years and older as one", s.Age.Top)
		}
		lines = append(lines, line)
	}
	if g := s.Geography; g != nil {
		var kept []string
		for _, p := range places {
			if g.Keeps(p) {
				kept = append(kept, string(p))
			}
		}
		if g.Zip > 0 {
			kept = append(kept, fmt.Sprintf("%d characters of the postcode", g.Zip))
		}
		if len(kept) == 0 {
			kept = []string{"nothing"}
		}
		lines = append(lines, "geography: of a place, "+strings.Join(kept, ", "))
	}
	if s.Identifying != "" {
		lines = append(lines, "identifying: "+strings.TrimSpace(s.Identifying))
	}
	return lines
}

// protectionFaults says what is wrong with dates, age and geography.
func (s *Spec) protectionFaults(fault func(wrong bool, format string, args ...any)) {
	if d := s.Dates; d != nil {
		fault(d.Shift < 7 || d.Shift > 365, "dates.shift: want 7 to 365 days, got %d", d.Shift)
		days := int(s.Period.To.Sub(s.Period.From.Time).Hours() / 24)
		fault(days < 3*d.Shift, "dates.shift: the period is too short for it: want %d days, since the first and last %d are left out", 3*d.Shift, d.Shift)
	}
	if a := s.Age; a != nil {
		fault(a.Band != 0 && (a.Band < 2 || a.Band > 20), "age.band: want 2 to 20 years, got %d", a.Band)
		fault(a.Top != 0 && (a.Top < 60 || a.Top > 120), "age.top: want an age of 60 to 120 years, got %d", a.Top)
		fault(a.Top != 0 && s.Period.To.Year()-a.Top >= s.Period.From.Year(),
			"age.top: the period is as long as a life: persons of %d years would be born after its first events", a.Top)
	}
	if g := s.Geography; g != nil {
		fault(g.Zip < 0 || g.Zip > 3, "geography.zip: want 0 to 3 characters, got %d", g.Zip)
	}
}
