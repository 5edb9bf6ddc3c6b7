package synth

import (
	"embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// The catalogue is data: what there is to fall ill with, to be given, done and
// measured, and how often.
//
//go:embed data
var data embed.FS

// condition is a line of data/conditions.csv.
//
// Its rates are by age band (see band): for a chronic condition the prevalence
// per 1000 persons, for an acute one or a delivery the episodes per 1000
// person-years. admit is the stays per 1000 patient-years for a chronic
// condition, the percentage of episodes that end in a stay for an acute one.
type condition struct {
	code, kind, sex, season, ward string
	rate                          [5]float64
	admit, days, lethal           float64 // lethal: deaths per 1000 stays
	drugs, acts, tests            []string
}

type drug struct {
	atc, name, cip13, route string
	cents, days, units      int
	regular, demand         float64 // weights among what goes with a treatment, and among what is asked for
}

type act struct {
	code   string
	cents  int
	clinic float64 // weight among the acts done outside hospitals
}

type test struct {
	loinc, unit         string
	mean, sd, low, high float64
	decimals            int
	shiftedBy           string // the condition that shifts the mean
	shift               float64
}

type ward struct {
	code, name, specialty string
	cents                 int // per day
}

type place struct{ department, postcode, city, region string }

var (
	conditions = parse("conditions", func(f fields) condition {
		return condition{
			code: f["code"], kind: f["kind"], sex: f["sex"], season: f["season"], ward: f["ward"],
			rate:  [5]float64{f.number("p0"), f.number("p18"), f.number("p45"), f.number("p65"), f.number("p80")},
			admit: f.number("admit"), days: f.number("days"), lethal: f.number("lethal"),
			drugs: strings.Fields(f["drugs"]), acts: strings.Fields(f["acts"]), tests: strings.Fields(f["tests"]),
		}
	})
	drugList = parse("drugs", drugOfLine)
	// comedications are drugs that the pharmacies of the national layout hand out besides those of the illnesses.
	comedications = parse("comedication", drugOfLine)
	actList       = parse("acts", func(f fields) act {
		return act{f["code"], f.whole("price_cents"), f.number("clinic")}
	})
	testList = parse("tests", func(f fields) test {
		return test{f["loinc"], f["unit"], f.number("mean"), f.number("sd"), f.number("low"), f.number("high"),
			f.whole("decimals"), f["shifted_by"], f.number("shift")}
	})
	wardList = parse("wards", func(f fields) ward {
		return ward{f["ward"], f["name"], f["specialty"], f.whole("price_day_cents")}
	})
	places = parse("places", func(f fields) place {
		return place{f["department"], f["postcode"], f["city"], f["region"]}
	})
	placeWeights = parse("places", func(f fields) float64 { return f.number("weight") })
	forenames    = parse("forenames", func(f fields) generation {
		return generation{f["sex"] == "F", f.whole("from"), f.whole("to"), strings.Fields(f["names"])}
	})
	surnames = strings.Fields(read("surnames.txt"))

	drugOf      = index(drugList, func(d drug) string { return d.atc })
	actOf       = index(actList, func(a act) string { return a.code })
	testOf      = index(testList, func(t test) string { return t.loinc })
	wardOf      = index(wardList, func(w ward) string { return w.code })
	conditionOf = index(conditions, func(c condition) string { return c.code })
)

func drugOfLine(f fields) drug {
	return drug{f["atc"], f["name"], f["cip13"], f["route"], f.whole("price_cents"), f.whole("days"), f.whole("units"), f.number("regular"), f.number("demand")}
}

// fields is one line of a catalogue file by column name. An empty number is 0.
// The files are part of the program: a malformed one is a defect, and panics at start.
type fields map[string]string

func (f fields) number(name string) float64 {
	if f[name] == "" {
		return 0
	}
	v, err := strconv.ParseFloat(f[name], 64)
	if err != nil {
		panic(fmt.Sprintf("synth: catalogue: %s of %v: %v", name, f, err))
	}
	return v
}

func (f fields) whole(name string) int { return int(f.number(name)) }

func parse[T any](name string, build func(fields) T) []T {
	lines, err := csv.NewReader(strings.NewReader(read(name + ".csv"))).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("synth: catalogue %s: %v", name, err))
	}
	var all []T
	for _, line := range lines[1:] {
		f := fields{}
		for i, column := range lines[0] {
			f[column] = line[i]
		}
		all = append(all, build(f))
	}
	return all
}

func read(name string) string {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		panic(fmt.Sprintf("synth: catalogue: %v", err))
	}
	return string(text)
}

func index[T any](of []T, key func(T) string) map[string]T {
	m := make(map[string]T, len(of))
	for _, x := range of {
		m[key(x)] = x
	}
	return m
}
