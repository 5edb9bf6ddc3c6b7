package synth

import "testing"

// Twins, mothers and children are of one family, and a birth is one woman's delivery.
func TestFamilies(t *testing.T) {
	w := world{seed: 7, rates: DefaultRates()}
	const persons = 500 * group
	children, mothers, twins, delivered := 0, 0, 0, 0
	for i := range persons {
		p := w.person(i)
		if !p.birth.Before(Start) {
			children++
		}
		if i%2 == 1 && w.twins(i) {
			twins++
			first := w.person(elder(i))
			if p.birth != first.birth || p.birthName != first.birthName || p.home != first.home || p.birthplace != first.birthplace ||
				p.forenames[0] == first.forenames[0] || p.nir == first.nir || p.mother != first.mother {
				t.Errorf("twins %+v and %+v", first, p)
			}
		}
		if p.mother > 0 {
			mothers++
			m := w.person(p.mother - 1)
			if age := m.age(p.birth); !m.female || age < 15 || age > 49 || p.home != m.home || p.birthName != m.usedName {
				t.Errorf("mother %+v of %+v", m, p)
			}
			if b := w.birthOf(p.mother - 1); b != i && b != elder(i) {
				t.Errorf("the mother of %d bore %d", i, b)
			}
		}
		if w.birthOf(i) >= 0 {
			delivered++
		}
	}
	if share := float64(mothers) / float64(children); share < 0.9 {
		t.Errorf("%.3f of %d children have a mother in the population", share, children)
	}
	if delivered < mothers*9/10 || delivered > mothers {
		t.Errorf("%d deliveries of %d children with a mother", delivered, mothers)
	}
	if share := float64(twins) / (persons / 2); share < 0.01 || share > 0.022 {
		t.Errorf("%.4f of the pairs are twins", share)
	}
}
