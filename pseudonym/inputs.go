package pseudonym

// Inputs are what the tokens of one identity are made of: its traits,
// normalised. They print as "[withheld]".
type Inputs struct {
	withheld

	identifier  [2]string // label and value, or empty
	provisional bool
	traits      [4]string // name, first name, birth date, sex; or empty
	phonetics   [4]string // the same with names as they sound; or empty
}

// Read normalises an identity. A malformed trait is left out, and reported as a
// *TraitError that does not quote it; the others still make tokens.
func Read(id Identity) (in Inputs, malformed []error) {
	check := func(trait string, err error) {
		if err != nil {
			malformed = append(malformed, &TraitError{trait, err})
		}
	}
	take := func(trait, raw string, form func(string) (string, error)) string {
		if raw == "" {
			return ""
		}
		s, err := form(raw)
		check(trait, err)
		return s
	}
	in.takeIdentifier(id, take, check)
	names := readNames(id)
	var birth BirthDate
	if id.BirthDate != "" {
		var err error
		birth, err = ParseBirthDate(id.BirthDate)
		check("birth_date", err)
	}
	sex := take("sex", id.Sex, NormaliseSex)
	take("postcode", id.Postcode, NormalisePostcode)
	if names.last == "" || names.first == "" || birth.Text == "" || sex == "" {
		return in, malformed
	}
	in.traits = [4]string{names.last, names.first, birth.Text, sex}
	if names.lastSound != "" && names.firstSound != "" && !birth.Weak {
		in.phonetics = [4]string{names.lastSound, names.firstSound, birth.Text, sex}
	}
	return in, malformed
}

// names are a person's in their normal forms and as they sound.
type names struct{ last, first, lastSound, firstSound string }

// readNames makes all forms in one piece of memory: there are many persons.
func readNames(id Identity) names {
	b := surname(make([]byte, 0, 128), id.BirthName)
	if len(b) == 0 {
		b = surname(b, id.LastName)
	}
	last := len(b)
	b = appendFirstName(b, id.FirstName)
	first := len(b)
	b = appendSoundex(b, string(b[:last]))
	lastSound := len(b)
	all := string(appendSoundex(b, string(b[last:first])))
	return names{all[:last], all[last:first], all[first:lastSound], all[lastSound:]}
}

// takeIdentifier finds the strongest identifier that there is.
func (in *Inputs) takeIdentifier(id Identity, take func(string, string, func(string) (string, error)) string, check func(string, error)) {
	var nir NIR
	if id.NIR != "" {
		var err error
		nir, err = ParseINS(id.NIR, id.INSOID)
		check("nir", err)
	}
	ssn, foin := take("ssn", id.SSN, NormaliseSSN), take("foin", id.FOIN, NormaliseFOIN)
	switch {
	case nir.Number != "":
		in.identifier, in.provisional = [2]string{"nir", nir.Number}, nir.Provisional
	case ssn != "":
		in.identifier = [2]string{"ssn", ssn}
	case foin != "":
		in.identifier = [2]string{"foin", foin}
	}
}
