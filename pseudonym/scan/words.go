package scan

import (
	_ "embed"
	"strings"
	"sync"

	"rempart.eu/rempart/pseudonym"
)

// title is what a word before a name says.
type title int

const (
	noTitle  title = iota
	civility       // only a name follows: Mme, Dr
	role           // a name often follows: patient, née, nom
)

var titles = map[string]title{}

func init() {
	for of, words := range map[title]string{
		civility: "M MM MR MRS MS MME MMES MLLE MLLES MONSIEUR MESSIEURS MADAME MESDAMES MADEMOISELLE DR DRS DOCTEUR DOCTEURE PR PROFESSEUR PROFESSEURE VEUVE",
		role:     "NOM NOMS NEE NE PRENOM PRENOMS PATIENT PATIENTE EPOUSE EPOUX ENFANT BEBE ASSURE ASSUREE IDENTITÉ CONCERNANT",
	} {
		for word := range strings.FieldsSeq(words) {
			titles[pseudonym.NormaliseName(word)] = of
		}
	}
}

// title returns what the atom is as a title. M is one in capitals only, and né, unlike
// ne, with its accent or in capitals.
func (s *Scanner) title(a *atom) title {
	letters := s.letters[a.from:a.to]
	of := titles[string(letters)]
	switch {
	case of == noTitle || a.mixed:
		return noTitle
	case len(letters) == 1 && (!a.cap || a.apostrophe),
		string(letters) == "NE" && !a.caps && a.end-a.start == len("ne"),
		string(letters) == "MS" && !a.cap:
		return noTitle
	}
	return of
}

// words are the words of a text in their normal form.
func words(text string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		m[pseudonym.NormaliseName(word)] = true
	}
	return m
}

// Words between the parts of a name.
var roles = words(`NEE NE NOM PRENOM PRENOMS NAISSANCE USAGE JEUNE FILLE FAMILLE MARITAL PATRONYMIQUE USUEL VEUVE
	EPOUSE EPOUX DITE DIT ALIAS ET OU PATIENT PATIENTE PREMIER DEUXIEME`)

func isRole(letters []byte) bool { return roles[string(letters)] }

// isParticle says whether a word is one that surnames begin with or have inside.
func isParticle(letters []byte) bool {
	if len(letters) > 6 {
		return false
	}
	switch string(letters) {
	case "D", "L", "O", "DE", "DU", "DES", "LA", "LE", "LES", "VAN", "VON", "DER", "DEN", "TEN", "TER", "BEN", "BOU", "ABD", "ABDEL",
		"EL", "AL", "AIT", "OULD", "DI", "DA", "DO", "DOS", "DEL", "DELLA", "MAC", "MC", "SAN", "ST", "STE", "SAINT", "SAINTE":
		return true
	}
	return false
}

// Words after which a name is that of a place, a thing or a disease.
var things = words(`RUE RUES AVENUE AV BOULEVARD BD PLACE SQUARE QUAI CHEMIN ALLEE ALLEES IMPASSE ROUTE COURS PASSAGE PONT VILLA
	RESIDENCE LOTISSEMENT HAMEAU FAUBOURG CITE STADE PARC JARDIN HOPITAL HOPITAUX CLINIQUE CHU CHR CHRU CH EHPAD HOSPICE CENTRE
	INSTITUT FONDATION FACULTÉ UNIVERSITÉ ECOLE COLLEGE LYCEE PAVILLON BATIMENT SALLE UNITE LABORATOIRE LABORATOIRES
	MALADIE MALADIES SYNDROME SYNDROMES SIGNE SIGNES TEST TESTS SCORE ECHELLE CLASSIFICATION STADE GRADE INDICE INDEX CRITERES
	CRITERE TRIADE TETRADE REFLEXE MANOEUVRE EPREUVE LOI FORMULE EQUATION METHODE TECHNIQUE OPERATION INTERVENTION PROCEDURE
	COLORATION MILIEU GELOSE BACILLE VIRUS CORPS CELLULE CELLULES CANAL TUBE TROMPE TROMPES GLANDE GLANDES LIGAMENT POINT LIGNE
	ANGLE TRIANGLE ESPACE FOSSETTE MEMBRANE FRACTURE LUXATION PARALYSIE CHOREE ATAXIE ANEMIE LYMPHOME SARCOME TUMEUR CARCINOME
	NEVRALGIE THYROIDITE GOITRE ULCERE OEDEME ERYTHEME PURPURA PHENOMENE SONDE DRAIN CATHETER AIGUILLE PINCE PROTHESE VALVE
	BANDAGE ATTELLE ANNEAU KYSTE HERNIE DIVERTICULE OESOPHAGE CONTRACTURE DERMATITE TACHES ONDE RYTHME BLOC PERIODE FAISCEAU
	NOYAU AIRE ANASTOMOSE BIOPSIE INCISION REGIME ARTERE VEINE NERF`)

func isThing(letters []byte) bool { return things[string(letters)] }

//go:embed words.txt
var wordList string

// common holds the frequent words of words.txt in their normal form.
var common = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, 8192)
	for line := range strings.Lines(wordList) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for word := range strings.FieldsSeq(line) {
			m[pseudonym.NormaliseName(word)] = true
		}
	}
	return m
})

// isCommon says whether a name is also a frequent word of French or of medicine, a
// town, or a name that stands for a disease.
func isCommon(letters []byte) bool { return common()[string(letters)] }
