package match

import (
	"fmt"
	"slices"
	"strings"
)

// trait is a column that a recipe knows, and how it is compared.
type trait struct {
	name   string
	as     Form
	known  []string // names of source columns, in the form of plain
	levels []Level
	terms  bool
}

// traits that a recipe looks for. Their levels are general: nothing in them comes
// from a labelled set.
var traits = []trait{
	{"number", Code, words("nir ins ssn soc_sec_id social_security_number national_id nhs_number insurance_number matricule"), []Level{{Exact, 0}, {Damerau, 1}, {Levenshtein, 2}}, true},
	{"first_name", Name, words("first_name firstname given_name givenname forename fname fname_c1 prenom prenoms first_names"), []Level{{Exact, 0}, {Swapped, 0}, {JaroWinkler, 0.92}, {JaroWinkler, 0.8}}, true},
	{"last_name", Name, words("last_name lastname surname family_name familyname lname lname_c1 nom nom_usage nom_usuel name"), []Level{{Exact, 0}, {Swapped, 0}, {JaroWinkler, 0.92}, {JaroWinkler, 0.8}}, true},
	{"birth_name", Name, words("birth_name maiden_name nom_naissance nom_de_naissance"), []Level{{Exact, 0}, {JaroWinkler, 0.92}, {JaroWinkler, 0.8}}, true},
	{"birth_date", Date, words("birth_date birthdate date_of_birth dob birthday date_naissance date_de_naissance ddn"), birthLevels, true},
	{"sex", Code, words("sex gender sexe"), []Level{{Exact, 0}}, false},
	{"postcode", Code, words("postcode postal_code post_code zip zip_code zipcode code_postal"), []Level{{Exact, 0}, {Damerau, 1}, {Prefix, 2}}, true},
	{"city", Text, words("city town suburb municipality commune ville locality"), []Level{{Exact, 0}, {JaroWinkler, 0.9}}, true},
	{"street", Text, words("street street_name address address_1 address1 adresse rue"), []Level{{Exact, 0}, {JaroWinkler, 0.92}, {JaroWinkler, 0.8}}, true},
	{"address_2", Text, words("address_2 address2 complement_adresse"), []Level{{Exact, 0}, {JaroWinkler, 0.9}}, true},
	{"house_number", Code, words("street_number house_number house_no numero_rue"), []Level{{Exact, 0}, {Damerau, 1}}, false},
	{"state", Code, words("state region county departement"), []Level{{Exact, 0}}, false},
	{"phone", Digits, words("phone phone_number telephone mobile tel"), []Level{{Exact, 0}, {Damerau, 1}, {Levenshtein, 2}}, true},
	{"email", Text, words("email e_mail mail courriel"), []Level{{Exact, 0}, {JaroWinkler, 0.92}}, true},
}

var birthLevels = []Level{{Exact, 0}, {DayMonth, 0}, {Damerau, 1}, {SameYear, 0}}

// Dates of birth in three columns.
var birthParts = [3][]string{words("birth_year by year_of_birth annee_naissance"), words("birth_month bm month_of_birth mois_naissance"), words("birth_day bd day_of_birth jour_naissance")}

// ids are columns that name a record.
var ids = words("rec_id record_id recid unique_id id")

func words(s string) []string { return strings.Fields(s) }

// plain is a column's name without case, spaces and accents of writing: "Rec ID" is rec_id.
func plain(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return strings.NewReplacer(" ", "_", "-", "_", ".", "_", "é", "e", "è", "e").Replace(name)
}

// Known finds the columns whose names are well known: the one that names a record, and those
// of each trait, such as last_name; a date of birth may be in three.
func Known(columns []string) (id string, traitColumns map[string][]string) {
	traitColumns = map[string][]string{}
	for _, t := range traits {
		if from := t.from(columns); from != nil {
			traitColumns[t.name] = from
		}
	}
	return find(columns, ids), traitColumns
}

// find is the column with one of some names, the first of these first.
func find(columns, known []string) string {
	for _, k := range known {
		for _, c := range columns {
			if plain(c) == k {
				return c
			}
		}
	}
	return ""
}

// from are the columns of a trait, or nil.
func (t trait) from(columns []string) []string {
	from := []string{find(columns, t.known)}
	if from[0] == "" && t.as == Date {
		from = []string{find(columns, birthParts[0]), find(columns, birthParts[1]), find(columns, birthParts[2])}
	}
	if slices.Contains(from, "") {
		return nil
	}
	return from
}

// large is how many records make a rule of one trait alone too broad.
const large = 200_000

// Recipe makes a spec of the columns that both files have, by their names, for
// files of about so many records. It is meant to do well on any register of
// persons; a spec made for the files at hand does better.
func Recipe(columns []string, records int64) (Spec, error) {
	s := Spec{ID: find(columns, ids), Thresholds: DefaultThresholds}
	has := map[string]bool{}
	for _, t := range traits {
		from := t.from(columns)
		if from == nil {
			continue
		}
		s.Columns = append(s.Columns, Column{t.name, from, t.as})
		has[t.name] = true
	}
	for _, t := range traits {
		if !has[t.name] {
			continue
		}
		c := Comparison{Column: t.name, Levels: t.levels, TermFrequency: t.terms}
		if other := map[string]string{"first_name": "last_name", "last_name": "first_name"}[t.name]; other != "" {
			if has[other] {
				c.SwappedWith = other
			} else {
				c.Levels = slices.DeleteFunc(slices.Clone(c.Levels), func(l Level) bool { return l.Kind == Swapped })
			}
		}
		s.Comparisons = append(s.Comparisons, c)
	}
	rules := smallRules
	if records > large {
		rules = largeRules
	}
	for _, r := range rules {
		if rule := strings.Split(r, " "); !slices.ContainsFunc(rule, func(t string) bool { return !has[traitOf(t)] }) {
			s.Blocking = append(s.Blocking, rule)
		}
	}
	if len(s.Comparisons) < 2 || len(s.Blocking) == 0 {
		return Spec{}, fmt.Errorf("the columns %s are not enough to tell persons apart: name the columns in a spec (--spec), or as first_name, last_name, birth_date, postcode, …", strings.Join(columns, ", "))
	}
	return s, s.check()
}

func traitOf(term string) string {
	term = strings.TrimSuffix(term, ")")
	if _, inner, ok := strings.Cut(term, "("); ok {
		term, _, _ = strings.Cut(inner, ",")
	}
	return term
}

// Rules of a recipe, by size of the files: two traits that typing errors do not
// often hit together.
var (
	smallRules = []string{
		"number", "first_name last_name", "birth_date", "phone", "email",
		"last_name postcode", "first_name postcode", "sound(first_name) sound(last_name)",
		"last_name year(birth_date)", "first_name year(birth_date)",
		"street house_number", "street city", "last_name city", "first_name city",
		"street postcode", "last_name street", "first_name street", "house_number postcode city",
	}
	largeRules = []string{
		"number", "phone", "email",
		"first_name last_name birth_date", "birth_date sound(last_name)", "birth_date sound(first_name)", "birth_date postcode",
		"first_name last_name postcode", "sound(first_name) sound(last_name) year(birth_date) month(birth_date)",
		"sound(first_name) sound(last_name) year(birth_date) day(birth_date)", "sound(first_name) sound(last_name) month(birth_date) day(birth_date)",
		"last_name street postcode", "first_name street postcode", "street house_number postcode",
	}
)
