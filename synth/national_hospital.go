package synth

import (
	"slices"
	"strconv"
	"time"
)

// hospital writes what one hospital keeps of a person, as FHIR R4: one line a
// resource, references by id, codes in the systems that French hospitals use.
func (n *nation) hospital(l *life, h int, born *stay) {
	s := newSource(l.seed, l.number-1, forHospital+purpose(h))
	keys := []string{personKey(h, l.person)}
	if s.chance(n.rates.DuplicateIPP) {
		n.truth.Errors["duplicate ipp"]++
		keys = append(keys, secondKey(h, l.person))
	}
	died := ""
	if born != nil && born.hospital == h {
		n.encounter(s, l, h, keys[0], birthOfPerson, born)
	}
	for k := range l.stays {
		st := &l.stays[k]
		if st.hospital != h {
			continue
		}
		if s.chance(n.rates.StayInsurerOnly) {
			n.truth.Errors["stay: insurer only"]++
			continue
		}
		n.encounter(s, l, h, pick(s, keys), k, st)
		if st.died {
			died = date(l.death)
		}
	}
	for _, key := range keys {
		id := n.identity(s, l.person, h)
		n.patient(h, key, &id, died)
		n.add(nationalTruth, hospitalName(h), key, strconv.Itoa(l.number))
	}
}

// resource begins a line of a type; done ends it.
func (n *nation) resource(h, r int, id string) []byte {
	o := n.out[resourceFile(h, r)]
	o = append(o, `{"resourceType":"`...)
	o = append(o, resources[r]...)
	o = append(o, `","id":"`...)
	return append(append(o, id...), '"')
}

func (n *nation) done(h, r int, line []byte) {
	file := resourceFile(h, r)
	n.out[file] = append(line, "}\n"...)
	n.rows[file]++
}

// say appends texts: those at odd places are values.
func say(o []byte, texts ...string) []byte {
	for _, t := range texts {
		o = append(o, t...)
	}
	return o
}

// The system of the NIR, by the agency for digital health. Its name is an object identifier.
const nirSystem = "urn:oid:1.2.250.1.213.1.4.8"

func (n *nation) patient(h int, key string, id *identity, died string) {
	o := n.resource(h, fhirPatient, key)
	o = say(o, `,"identifier":[{"system":"https://hopital-`, strconv.Itoa(h+1), `.example/ipp","value":"`, key, `"}`)
	if id.nir != "" {
		o = say(o, `,{"system":"`+nirSystem+`","value":"`, id.nir, `"}`)
	}
	o = say(o, `],"name":[{"use":"official","family":"`, id.lastName, `","given":["`, id.firstName, `"]}`)
	if id.birthName != "" {
		o = say(o, `,{"use":"maiden","family":"`, id.birthName, `"}`)
	}
	gender := "male"
	if id.sex == "F" {
		gender = "female"
	}
	o = say(o, `],"gender":"`, gender, `","birthDate":"`, date(id.birth), `","address":[{"use":"home","city":"`, id.home.city,
		`","postalCode":"`, id.home.postcode, `","country":"FR"}]`)
	if died != "" {
		o = say(o, `,"deceasedDateTime":"`, died, `"`)
	}
	n.done(h, fhirPatient, o)
}

// fhirMoment is a moment with the zone of Paris in winter.
func fhirMoment(t time.Time) string { return t.Format("2006-01-02T15:04:05+01:00") }

// encounter writes a stay and what was found, done, given and measured in it.
func (n *nation) encounter(s source, l *life, h int, person string, k int, st *stay) {
	id := finess[h] + "-" + key(h, int64(l.number)*eventsPerPerson+int64(k))
	class := "IMP"
	switch st.cause.ward {
	case "URG":
		class = "EMER"
	case "AMB":
		class = "SS"
	}
	out := "home"
	if st.died {
		out = "exp"
	}
	entry := fhirMoment(st.entry)
	subject := `,"subject":{"reference":"Patient/` + person + `"}`
	about := subject + `,"encounter":{"reference":"Encounter/` + id + `"}`
	o := n.resource(h, fhirEncounter, id)
	o = say(o, `,"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"`, class, `"}`, subject,
		`,"period":{"start":"`, entry, `","end":"`, fhirMoment(st.exit), `"},"hospitalization":{"dischargeDisposition":{"coding":[{"code":"`, out,
		`"}]}},"serviceProvider":{"reference":"Organization/`, finess[h], `-`, st.cause.ward, `"}`)
	n.done(h, fhirEncounter, o)
	n.add(nationalTruthStays, hospitalName(h), id, strconv.Itoa(l.number), strconv.FormatInt(trueStay(l.person, k), 10))

	found := []condition{st.cause}
	if k != birthOfPerson {
		found = l.diagnoses(s, *st)
	}
	for i := range found {
		o := n.resource(h, fhirCondition, id+"-d"+strconv.Itoa(i))
		category := `"encounter-diagnosis"`
		rank := "DP"
		if i > 0 {
			rank = "DAS"
		}
		o = say(o, `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":`, category,
			`}],"text":"`, rank, `"}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"`, found[i].code, `"}]}`, about,
			`,"onsetDateTime":"`, entry, `","recordedDate":"`, entry, `"`)
		n.done(h, fhirCondition, o)
	}
	for i, code := range st.cause.acts {
		if s.chance(0.8) {
			o := n.resource(h, fhirProcedure, id+"-a"+strconv.Itoa(i))
			o = say(o, `,"status":"completed","code":{"coding":[{"system":"https://smt.esante.gouv.fr/terminologie-ccam","code":"`, code, `"}]}`, about,
				`,"performedDateTime":"`, fhirMoment(st.during(s)), `"`)
			n.done(h, fhirProcedure, o)
		}
	}
	given := 0
	for i := range found {
		for _, atc := range found[i].drugs {
			if s.chance(0.7) {
				given++
				o := n.resource(h, fhirAdministration, id+"-m"+strconv.Itoa(given))
				o = say(o, `,"status":"completed","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"`, atc, `"}]}`, subject,
					`,"context":{"reference":"Encounter/`, id, `"},"effectivePeriod":{"start":"`, fhirMoment(st.during(s)), `","end":"`, fhirMoment(st.exit), `"}`)
				n.done(h, fhirAdministration, o)
			}
		}
	}
	n.measure(s, h, id, about, found, st)
}

// measure writes the vital signs and the tests of what was found.
func (n *nation) measure(s source, h int, id, about string, found []condition, st *stay) {
	codes := vitals
	for i := range found {
		codes = append(codes[:len(codes):len(codes)], found[i].tests...)
	}
	slices.Sort(codes[len(vitals):])
	for i, code := range slices.Compact(codes) {
		t := testRef[code]
		shifted := slices.ContainsFunc(found, func(c condition) bool { return c.code == t.shiftedBy })
		o := n.resource(h, fhirObservation, id+"-o"+strconv.Itoa(i))
		o = say(o, `,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"`, code, `"}]}`, about,
			`,"effectiveDateTime":"`, fhirMoment(st.during(s)), `"`)
		switch {
		case t.unit == "":
			o = say(o, `,"valueString":"`, s.finding(shifted), `"`)
		case s.chance(unreadable):
			n.truth.Unreadable++
			n.truth.Refused[hospitalName(h)+"/Observation.ndjson"]++
			o = say(o, `,"valueQuantity":{"value":"hémolysé","unit":"`, t.unit, `"}`)
		default:
			mean, sd := t.mean, t.sd
			if shifted {
				mean += t.shift
				sd += max(t.shift, -t.shift) * 0.3
			}
			o = append(o, `,"valueQuantity":{"value":`...)
			o = strconv.AppendFloat(o, s.normal(mean, sd, t.low, t.high), 'f', t.decimals, 64)
			o = say(o, `,"unit":"`, t.unit, `","system":"http://unitsofmeasure.org","code":"`, t.unit, `"}`)
		}
		n.done(h, fhirObservation, o)
	}
}

var testRef = func() map[string]*test {
	m := map[string]*test{}
	for i := range testList {
		m[testList[i].loinc] = &testList[i]
	}
	return m
}()

// organisations writes the wards of every hospital, once.
func (n *nation) organisations() {
	for h := range Hospitals {
		for _, w := range wardList {
			o := n.resource(h, fhirOrganization, finess[h]+"-"+w.code)
			o = say(o, `,"identifier":[{"system":"https://finess.esante.gouv.fr","value":"`, finess[h], `"}],"name":"`, hospitalNames[h], `, `, w.name, `"`)
			n.done(h, fhirOrganization, o)
		}
	}
}
