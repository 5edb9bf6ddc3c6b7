package synth_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/synth"
)

// Rates lie where the package's documentation says. The seed is fixed: the
// bounds are four standard errors or wider, and hold for other seeds too.
func TestRates(t *testing.T) {
	p := generate(t)
	count := func(suffix string, when func(map[string]string) bool) float64 {
		n := 0
		for name, rows := range p.tables {
			if strings.HasSuffix(name, suffix) && !(strings.HasPrefix(suffix, "/") && !strings.HasPrefix(name, "hospital")) {
				for _, row := range rows {
					if when(row) {
						n++
					}
				}
			}
		}
		return float64(n)
	}
	all := func(map[string]string) bool { return true }
	is := func(column, value string) func(map[string]string) bool {
		return func(row map[string]string) bool { return row[column] == value }
	}
	inMonths := func(months ...time.Month) func(map[string]string) bool {
		return func(row map[string]string) bool {
			d, err := time.Parse(time.DateOnly, row["date"][:10])
			for _, m := range months {
				if err == nil && d.Month() == m {
					return true
				}
			}
			return false
		}
	}
	and := func(a, b func(map[string]string) bool) func(map[string]string) bool {
		return func(row map[string]string) bool { return a(row) && b(row) }
	}
	hospitalPersons := float64(p.truth.InHospital)
	patients := count("/patients.csv", all)
	stays := count("/stays.csv", all)
	diagnoses := count("/diagnoses.csv", all)
	insurerLines := 0.0
	for name, rows := range p.tables {
		if strings.HasPrefix(name, "insurer/") {
			insurerLines += float64(len(rows))
		}
	}
	beneficiaries := count("insurer/beneficiaries.csv", all)
	infections := and(is("atc", "J01CA04"), inMonths(12, 1, 2))
	for _, c := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"persons with a hospital record", hospitalPersons / persons, 0.57, 0.64},
		{"of these at several hospitals", float64(p.truth.InSeveral) / hospitalPersons, 0.04, 0.14},
		{"persons insured", float64(p.truth.Insured) / persons, 0.975, 0.995},
		{"stays a hospital person", stays / hospitalPersons, 1.6, 2.4},
		{"diagnoses a stay", diagnoses / stays, 2.2, 3.5},
		{"insurer rows a person", insurerLines / persons, 10, 14},
		{"hospital records without a NIR", count("/patients.csv", is("nir", "")) / patients, 0.055, 0.105},
		{"insurer records without a NIR", count("insurer/beneficiaries.csv", is("nir", "")) / beneficiaries, 0.004, 0.018},
		{"women among beneficiaries", count("insurer/beneficiaries.csv", is("sex", "F")) / beneficiaries, 0.48, 0.55},
		{"deaths in four years", count("insurer/beneficiaries.csv", func(r map[string]string) bool { return r["death_date"] != "" }) / beneficiaries, 0.022, 0.055},
		{"winter share of amoxicillin", count("insurer/dispensations.csv", infections) / count("insurer/dispensations.csv", is("atc", "J01CA04")), 0.4, 0.7},
		{"vaccines in October to December", count("insurer/dispensations.csv", and(is("atc", "J07BB02"), inMonths(10, 11, 12))) / count("insurer/dispensations.csv", is("atc", "J07BB02")), 1, 1},
		{"deliveries a thousand persons", 1000 * count("/diagnoses.csv", func(r map[string]string) bool { return strings.HasPrefix(r["code"], "O8") }) / persons, 25, 60},
		{"deaths of stays", count("/stays.csv", is("exit_mode", "death")) / stays, 0.005, 0.04},
		{"identity errors a record", float64(sum(p.truth.Errors)) / (patients + beneficiaries), 0.05, 0.25},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %.4f, want %.4f to %.4f", c.what, c.got, c.low, c.high)
		}
	}
	for kind, n := range p.truth.Errors {
		if n == 0 {
			t.Errorf("no %q", kind)
		}
	}
}

func sum(of map[string]int) int {
	n := 0
	for _, v := range of {
		n += v
	}
	return n
}

// Every identity number is of the right form; its key fits unless it was mistyped;
// the right ones belong to one person each.
func TestIdentityNumbers(t *testing.T) {
	p := generate(t)
	truth := map[string]string{}
	for _, row := range p.tables["truth/persons.csv"] {
		truth[row["party"]+row["local_key"]] = row["person"]
	}
	owner := map[string]string{}
	wrong, corsican := 0, 0
	check := func(party, nir, localKey string) {
		if nir == "" {
			return
		}
		if len(nir) != 15 {
			t.Fatalf("%s: identity number %q", party, nir)
		}
		if strings.ContainsAny(nir, "AB") {
			corsican++
		}
		if !fits(nir) {
			wrong++
			return
		}
		person := truth[party+localKey]
		if other := owner[nir]; other != "" && other != person {
			t.Errorf("%s is the number of persons %s and %s", nir, other, person)
		}
		owner[nir] = person
	}
	records := 0
	for _, party := range synth.Parties()[:synth.Hospitals] {
		for _, row := range p.tables[party+"/patients.csv"] {
			check(party, row["nir"], row["patient_id"])
			records++
		}
	}
	for _, row := range p.tables["insurer/beneficiaries.csv"] {
		check("insurer", row["nir"], row["beneficiary_id"])
		records++
	}
	if wrong != p.truth.Errors["nir typo"] || wrong == 0 {
		t.Errorf("%d numbers do not fit their key, the truth counts %d typing errors", wrong, p.truth.Errors["nir typo"])
	}
	if corsican == 0 {
		t.Error("nobody was born in Corsica")
	}
}

// fits is the rule of the key, written apart from the generator's.
func fits(nir string) bool {
	body := strings.Replace(strings.Replace(nir[:13], "2A", "19", 1), "2B", "18", 1)
	n, err := strconv.Atoi(body + nir[13:])
	key, err2 := strconv.Atoi(nir[13:])
	return err == nil && err2 == nil && (n/100+key)%97 == 0 && key >= 1 && key <= 97
}
