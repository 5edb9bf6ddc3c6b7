package synth

import "time"

// group is how many neighbouring numbers hold one person who is born between
// Start and End: 4.2 per cent of the population, as the yearly birth rate of
// France (10.9 per thousand in 2021, INSEE) makes in four years. The mother is
// one of the others of the group, so that a birth is the delivery of a woman who
// has a home, a name and a life of her own.
const group = 24

// vital is what a person's birth decides.
type vital struct {
	female, child, twin bool // child: born in the window; twin: the younger of two
	birth               time.Time
}

// twins says whether i is one of two twins; these are numbers 2k and 2k+1.
func (w world) twins(i int) bool {
	return newSource(w.seed, i|1, forTwins).chance(w.rates.Twins)
}

// elder is the number of the elder of two twins.
func elder(i int) int { return i &^ 1 }

// vital draws sex and birth. The last number of a group is a child of the window,
// and where that one is a twin, the number before is the other.
func (w world) vital(i int) vital {
	v := vital{twin: i%2 == 1 && w.twins(i)}
	v.child = i%group == group-1 || i%group == group-2 && w.twins(i)
	s := newSource(w.seed, i, forVital)
	switch {
	case v.child:
		v.birth = s.seasonal(Start, End, "births")
	default:
		age := 5 * s.weighted(pyramid)
		v.birth = s.day(Start.AddDate(-age-5, 0, 0), Start.AddDate(-age, 0, 0))
	}
	v.female = s.chance([]float64{0.488, 0.505, 0.51, 0.54, 0.65}[band((&person{birth: v.birth}).age(Start))])
	if v.twin {
		first := w.vital(elder(i))
		v.birth = first.birth
		if s.chance(0.65) { // one pair in three has one egg, half of the others one sex
			v.female = first.female
		}
	}
	return v
}

// fertility is the births per 1000 women of a year of age, by five years from 15.
// Source: INSEE, état civil, 2021, restated in round figures.
var fertility = []float64{4, 34, 93, 116, 65, 16, 1}

// mother gives the number of the mother of child i, -1 where no woman of the group can be.
func (w world) mother(i int) int {
	birth := w.vital(i).birth
	first := i - i%group
	var women []int
	var weights []float64
	for j := first; j < first+group; j++ {
		v := w.vital(j)
		if !v.female || v.child {
			continue
		}
		if age := (&person{birth: v.birth}).age(birth); age >= 15 && age < 50 {
			women, weights = append(women, j), append(weights, fertility[(age-15)/5])
		}
	}
	if women == nil {
		return -1
	}
	return women[newSource(w.seed, first+group-1, forMother).weighted(weights)]
}

// birthOf gives the child, counted from 0, that woman i bears in the window, -1 where there is none.
// Of twins it is the elder.
func (w world) birthOf(i int) int {
	child := i - i%group + group - 1
	if i == child || w.mother(child) != i {
		return -1
	}
	if w.twins(child) {
		return child - 1
	}
	return child
}
