package pseudonym

import "rempart.eu/rempart/pseudonym/oblivious"

// Mode says how the first pass was made. Tokens of two modes, or of the
// oblivious mode under two keys, never meet.
type Mode string

// The modes.
const (
	Keyed     Mode = "keyed"     // with the secret that all providers share
	Oblivious Mode = "oblivious" // with an authority's key, which it used blindly
)

// AppendOblivious appends what the oblivious function is to be asked for: an
// input for each token that can be made, "identifier" US label US value,
// "traits" US name US first US birth-date US sex, or "phonetics" and the same by sound.
func (in Inputs) AppendOblivious(to [][]byte) [][]byte {
	add := func(use string, fields []string) {
		message := append(make([]byte, 0, 96), use...)
		for _, f := range fields {
			message = append(append(message, unitSeparator), f...)
		}
		to = append(to, message)
	}
	if in.identifier[1] != "" {
		add("identifier", in.identifier[:])
	}
	if in.traits[0] != "" {
		add("traits", in.traits[:])
	}
	if in.phonetics[0] != "" {
		add("phonetics", in.phonetics[:])
	}
	return to
}

// TakeOblivious makes the tokens of what AppendOblivious asked for, and returns
// the outputs that are left. A token is the first 16 bytes of its output.
func (in Inputs) TakeOblivious(outputs [][oblivious.OutputSize]byte) (Tokens, [][oblivious.OutputSize]byte) {
	t := Tokens{Provisional: in.provisional}
	for _, token := range []struct {
		to   *ProviderToken
		made bool
	}{{&t.A, in.identifier[1] != ""}, {&t.B, in.traits[0] != ""}, {&t.C, in.phonetics[0] != ""}} {
		if token.made {
			*token.to = ProviderToken(outputs[0][:])
			outputs = outputs[1:]
		}
	}
	return t, outputs
}

// ObliviousKey derives the authority's key of the oblivious function from its
// secret of SecretSize bytes: HKDF-SHA-256 with the info string
// "rempart/v1/pseudonym/oblivious" gives the seed of DeriveKeyPair (RFC 9497),
// whose own info is "rempart/v1".
func ObliviousKey(secret []byte) (*oblivious.Key, error) {
	seed, err := expand(secret, "oblivious")
	if err != nil {
		return nil, err
	}
	return oblivious.DeriveKey(seed, []byte("rempart/v1"))
}
