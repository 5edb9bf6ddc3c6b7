package synth

import (
	"math"
	"slices"
	"strings"
)

// generation is the first names given to one sex in a span of years, the most
// frequent first.
type generation struct {
	female   bool
	from, to int
	names    []string
}

// Endings and stems of the long tail of French surnames. Two persons in five
// carry one of the frequent surnames of data/surnames.txt; the others a composed one,
// so that namesakes meet about as often as in a large town.
var (
	stems = strings.Fields(`Aud Bar Bas Bau Bel Ber Bill Blond Bois Bon Bor Bouch Bour Brav Bri Brou Cad Cail Cal
		Cam Can Car Cast Cav Chab Cham Chan Chap Char Chat Chauv Clav Col Com Cor Cost Coul Cour Crou Dal Dan Dar Del Der
		Dor Doub Dov Dur Esc Fab Far Fav Fer Flam Flor Font Foug Fran Gab Gal Gar Gauv Ger Gil Gir God Gour Gran Grim Gros
		Guill Ham Her Hour Jac Jal Jam Jol Jour Lab Lac Laf Lag Lam Lan Lar Lat Lav Lef Lor Loub Mac Mag Mall Man Mar Mas
		Maub Mer Mir Mol Mon Mor Moul Nav Nog Ol Pag Pal Par Pas Pel Per Pich Pin Plan Poit Pom Pon Poul Pouj Pra Rab Ram
		Rav Reb Ren Rib Rich Riv Rob Roch Rom Ros Roub Rouv Sab Sal San Sauv Ser Sim Sol Sour Tal Tar Teil Ter Thib Til
		Tor Tour Tron Vail Val Vas Ver Vign Vil Vin Viv`)
	endings = strings.Fields(`ade aille ain aine ais ance ard at aud ault ay e eau el elin ent erie ès et eux ez
		ié ier ière ieu in ineau ion is iau ois on onneau ot oud oul our ouze ou oux ucci uel uet y`)
)

// surname draws a surname: one of the frequent ones by rank (Zipf), or a composed one.
func (s source) surname() string {
	if s.chance(0.4) {
		return surnames[s.rank(len(surnames))]
	}
	name := pick(s, stems) + pick(s, endings)
	if s.chance(0.03) {
		return "Le " + name
	}
	if s.chance(0.03) {
		return "De " + name
	}
	if s.chance(0.015) {
		return name + "-" + surnames[s.rank(len(surnames))]
	}
	return name
}

// forename draws a first name of the person's sex and generation that is not one of those given.
func (s source) forename(female bool, year int, given ...string) string {
	at := slices.IndexFunc(forenames, func(g generation) bool {
		return g.female == female && g.from <= year && year <= g.to
	})
	for {
		if name := forenames[at].names[s.rank(len(forenames[at].names))]; !slices.Contains(given, name) {
			return name
		}
	}
}

// rank draws a rank below n, the first ones more often: weight 1/(rank+8).
func (s source) rank(n int) int {
	const head = 8
	return int(head*math.Pow(float64(n+head)/head, s.Float64())) - head
}
