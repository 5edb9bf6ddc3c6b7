// Package pseudonym turns identities into tokens that can be compared and not
// read back.
//
// Two parties pass over an identity, each with a key of its own, as the French
// national system does (FOIN): neither can do the work of the other.
//
//	identity ──ProviderKey.Tokens──► ProviderToken ──AuthorityKey.Second──► LinkageToken
//	          (at each provider, one                (at the linkage authority,
//	           key shared by all of them)            a key nobody else holds)
//
// A provider makes up to three tokens of a person: over the national
// identifier, over the exact traits, and over the traits as they sound. The
// authority links on its own tokens, so that what it stores is worth nothing to
// whoever holds the providers' key, and the reverse.
//
// The guarantees: equal normalised traits give equal tokens under one key; two
// kinds of token never meet, because each has a derived key; without the key
// nobody can test a guess. What it does not guarantee: a provider, who has both
// the key and the right to make tokens, can test guesses of identities. That is
// why its tokens go to the linkage authority alone, sealed.
//
// The first pass can be made obliviously instead, with an authority's key that it
// uses without seeing what on ([Mode], package oblivious): then a provider can
// test no guess without being counted. docs/pseudonyms.md says who learns what.
//
// A [LocalKey] does the lesser work of hiding a source's record numbers while
// joins between its files still hold.
//
// Identities and keys never print: see [Identity].
package pseudonym

import (
	"errors"
	"fmt"
)

// Identity is what a source says of a person, as it was delivered. An empty
// string is a trait that the source does not have. It prints as "[withheld]"
// under every verb, in logs and in JSON.
type Identity struct {
	withheld

	NIR       string // French national identifier, 13 characters or 15 with its key
	INSOID    string // who gave the NIR: an OID of the French national health identity
	SSN       string // United States social security number
	FOIN      string // pseudonym that the French national insurance gave
	LastName  string // the name in use
	BirthName string // the name at birth; preferred to LastName where there is one
	FirstName string
	BirthDate string
	Sex       string
	Postcode  string // checked, but in no token: people move
}

// Kind says what a token was made from. Its byte is part of the second pass.
type Kind byte

// What a token is made from.
const (
	ByIdentifier Kind = 'A' // the NIR or, where there is none, the SSN, or the FOIN
	ByTraits     Kind = 'B' // name, first name, birth date and sex, normalised
	ByPhonetics  Kind = 'C' // the same, with names as they sound
	ByStay       Kind = 'S' // traits of a hospital stay: see [StayKeys]
)

// ProviderToken is a token after the first pass, 128 bits wide. The zero value
// stands for a token that could not be made, because a trait is missing.
type ProviderToken [16]byte

// LinkageToken is a token after both passes, 128 bits wide. Only the linkage
// authority holds any. The zero value is the second pass of a missing token.
type LinkageToken [16]byte

// Missing says whether a trait was lacking for this token.
func (t ProviderToken) Missing() bool { return t == ProviderToken{} }

// Missing says whether a trait was lacking for this token.
func (t LinkageToken) Missing() bool { return t == LinkageToken{} }

// Tokens are the three tokens of one identity. A is of kind ByIdentifier, B of
// kind ByTraits, C of kind ByPhonetics; each may be missing. Provisional says that
// A is of a number that will change, see [NIR]: it tells nobody apart.
type Tokens struct {
	A, B, C     ProviderToken
	Provisional bool
}

// TraitError says which trait of an identity is malformed. It never quotes it.
type TraitError struct {
	Trait string // as in a feed: nir, ssn, foin, last_name, birth_name, first_name, birth_date, sex, postcode
	Err   error  // one of the Err... values of this package
}

func (e *TraitError) Error() string { return e.Trait + ": " + e.Err.Error() }
func (e *TraitError) Unwrap() error { return e.Err }

// Tokens makes the tokens of one identity:
//
//	A = MAC(identifier key, "nir" US nir13), or "ssn" US ssn9, or "foin" US foin
//	B = MAC(traits key,    name US first US birth-date US sex)
//	C = MAC(phonetics key, soundex(name) US soundex(first) US birth-date US sex)
//
// MAC is HMAC-SHA-256 cut to its first 16 bytes, US the byte 0x1F, which no
// normalised trait contains; name is the birth name or, without one, the last
// name. A token whose traits are not all present is missing, and C also where the
// birth date is weak: a sound and a year would fit too many.
//
// The error is a *TraitError for each malformed trait, joined; then no token is
// made. [Read] leaves malformed traits out instead.
func (k *ProviderKey) Tokens(id Identity) (Tokens, error) {
	in, malformed := Read(id)
	if len(malformed) > 0 {
		return Tokens{}, fmt.Errorf("normalise identity: %w", errors.Join(malformed...))
	}
	return k.TokensOf(in), nil
}

// TokensOf makes the tokens of traits that are normalised already.
func (k *ProviderKey) TokensOf(in Inputs) Tokens {
	t := Tokens{Provisional: in.provisional}
	if in.identifier[1] != "" {
		t.A = k.identifier.token(in.identifier[:]...)
	}
	if in.traits[0] != "" {
		t.B = k.traits.token(in.traits[:]...)
	}
	if in.phonetics[0] != "" {
		t.C = k.phonetics.token(in.phonetics[:]...)
	}
	return t
}

// Second is the linkage authority's pass over a provider's token:
// MAC(second key, kind US token). A missing token stays missing.
func (k *AuthorityKey) Second(t ProviderToken, kind Kind) LinkageToken {
	if t.Missing() {
		return LinkageToken{}
	}
	h := k.second.keyed.Get().(*keyedHash)
	h.message = append(append(h.message[:0], byte(kind), unitSeparator), t[:]...)
	return LinkageToken(k.second.mac(h))
}
