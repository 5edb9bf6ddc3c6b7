package disclosure

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// role is what a column holds, judged by its name.
type role int

const (
	unknown    role = iota
	count           // of persons or of what happened to them
	share           // a part of a count: per cent, proportion, rate
	extreme         // a minimum or maximum: the value of one person
	statistic       // a mean, a coefficient, an amount
	dimension       // what a row is about: year, age group, concept
	identifier      // of a person or of one record
)

// Words of names, in English and French, without accents.
var (
	countWords = set(`n nb num number nombre count counts counter cnt effectif effectifs freq frequency frequence frequences
		tally total totals obs observations records rows lignes size support
		persons people patients subjects individuals participants members beneficiaries
		personnes malades individus beneficiaires assures women men females males femmes hommes
		cases controls events deaths births visits admissions stays encounters consultations hospitalisations
		hospitalizations dropouts survivors cas temoins evenements deces naissances sejours exposed unexposed
		numerator denominator population confusion tp fp tn fn`)
	shareWords   = set(`pct percent percentage pourcentage proportion share part fraction rate taux prevalence incidence risk risque`)
	extremeWords = set(`min max minimum maximum first last earliest latest smallest largest range premier dernier
		youngest oldest lowest highest p0 p100`)
	statisticWords = set(`mean avg average moyenne median mediane sd std stddev ecart se sem var variance iqr quantile
		ci lower upper hr or rr p pvalue coef coefficient estimate beta auc score amount montant cost cout costs
		eur euros days jours duration los per py personyears ratio odds hazard effect needed weight accuracy precision
		recall f1 loss intercept importance exp`)
	dimensionWords = set(`year annee month mois quarter trimestre week semaine day jour age decile quintile quartile tertile
		percentile stage stade grade class classe group groupe category categorie code concept id level niveau rank rang
		index order ordre bin bucket band from to start end lag fold cluster version sex gender sexe genre type name nom
		label libelle status region department departement dose step epoch iteration hour heure period periode time
		stratum strata analysis variable model seed unnamed`)
	// modelWords follow n_ in the settings of models, which count no persons.
	modelWords = set(`estimators jobs components layers epochs iter iterations features splits leaves trees clusters
		neighbors classes folds variables columns parameters params steps bins knots bootstrap replicates draws chains`)
	totalWords       = set(`total totals all overall ensemble tous toutes tout`)
	denominatorWords = set(`total all overall ensemble denominator denominateur population eligible risk base`)

	countEdges = set(`n nb num number nombre count counts cnt effectif effectifs`)

	// identifiers are whole names, with underscores.
	identifiers = set(`person person_id patient patient_id subject subject_id pseudonym pseudonyme matching_number provider_id
		nir ssn mrn ipp iep ins nss ben_nir_psa ben_idt_ano num_enq first_name last_name birth_name surname prenom nom
		address adresse email phone telephone birth_date birth_datetime date_naissance date_of_birth
		visit_occurrence_id visit_detail_id condition_occurrence_id drug_exposure_id procedure_occurrence_id
		device_exposure_id measurement_id observation_id observation_period_id note_id specimen_id death_id episode_id
		payer_plan_period_id cost_id note_text value_as_string`)
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// wordsOf splits a name such as "nPatients2020", "count(DISTINCT person_id)" or
// "Décès (n)" into lower-case words without accents.
func wordsOf(name string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	var before rune
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsLower(before) && unicode.IsUpper(r), unicode.IsDigit(before) != unicode.IsDigit(r):
			end()
			word.WriteRune(r)
		default:
			word.WriteRune(r)
		}
		before = r
	}
	end()
	return out
}

// roleOf judges a column or a JSON key by its name. A word for a count at
// either end of the name decides, unless the last word says that it is a
// statistic of counts; in the middle it decides where nothing else does.
func roleOf(name string) role {
	w := wordsOf(name)
	if len(w) == 0 {
		if strings.Contains(name, "%") {
			return share
		}
		return unknown
	}
	has := func(set map[string]bool) bool { return slices.ContainsFunc(w, func(s string) bool { return set[s] }) }
	whole, last := strings.Join(w, "_"), w[len(w)-1]
	switch {
	case identifiers[whole], strings.HasSuffix(whole, "_source_value"):
		return identifier
	case countEdges[last]:
		return count
	case strings.Contains(name, "%"), shareWords[last]:
		return share
	case statisticWords[last]:
		return statistic
	case countEdges[w[0]] && modelWords[last]:
		return dimension
	case countEdges[w[0]]:
		return count
	case has(extremeWords):
		return extreme
	case has(shareWords):
		return share
	case has(statisticWords), strings.Contains(whole, "person_year"), strings.Contains(whole, "patient_year"):
		return statistic
	case has(countWords):
		return count
	case has(dimensionWords):
		return dimension
	}
	return unknown
}

// isTotal says whether a label or a column name stands for the sum of its neighbours.
func isTotal(label string) bool {
	w := wordsOf(label)
	return len(w) > 0 && len(w) <= 3 && slices.ContainsFunc(w, func(s string) bool { return totalWords[s] })
}

// isDenominator says whether a column's name says that shares are parts of it.
func isDenominator(name string) bool {
	return slices.ContainsFunc(wordsOf(name), func(s string) bool { return denominatorWords[s] })
}

// isCountLabel says whether a cell names its row a count, as in tables with one
// row per statistic.
func isCountLabel(label string) bool {
	w := wordsOf(label)
	return len(w) > 0 && len(w) <= 3 && (countEdges[w[0]] || countEdges[w[len(w)-1]])
}
