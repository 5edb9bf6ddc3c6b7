// Package clk links persons by their names and traits without anybody but their
// providers seeing these: each record becomes a cryptographic long-term key (CLK),
// a Bloom filter of 1024 bits over the record's bigrams, of which similar records
// have similar ones.
//
//	traits ─ pseudonym's normal forms ─ bigrams ─ HMAC under the providers' key ─► CLK ─► Dice ─► pairs
//	                          at the provider                                   at the linkage authority
//
// A provider makes CLKs with a Key and writes them with a Writer, or has Encode do it of a
// file of persons; the authority reads them, and Link pairs those of two files, or
// reports ties and what lies near the threshold for people to decide.
//
// The filters are hardened against what is published against plain ones: positions
// are drawn at random from the HMAC and not by double hashing, all traits go into one filter
// with weights of their own, the filter is folded once with XOR, and the tokens may be
// salted with the year of birth. None of this makes a CLK a pseudonym: whoever holds many of
// them, and knows the population, can learn about frequent names (docs/clk-attacks.md says
// what, and measures it). CLKs go to the linkage authority alone, sealed, and
// tokens of package pseudonym are to be preferred wherever traits are good enough.
//
// Sources: Schnell, Bachteler and Reiher, "Privacy-preserving record linkage using
// Bloom filters", BMC Medical Informatics and Decision Making 9 (2009); the same,
// "A novel error-tolerant anonymous linking code", 2011 (CLK); Schnell and Borgs,
// "Randomized response and balanced Bloom filters for privacy preserving record
// linkage" and "XOR-folding for Bloom filter-based encryptions", 2016; Niedermeyer, Steinmetzer,
// Kroll and Schnell, "Cryptanalysis of basic Bloom filters", 2014 (why no double
// hashing); Durham et al., "Composite Bloom filters for secure record linkage", 2014 (weights).
package clk

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	"rempart.eu/rempart/pseudonym"
)

// Bits is the length of a CLK.
const Bits = 1024

// CLK is a filter. The zero value is that of a record without a trait.
type CLK [Bits / 64]uint64

// Record is what a CLK is made of: an identity, and where a person lives. Only
// names, date of birth, sex, postcode, city and street are used.
type Record struct {
	pseudonym.Identity
	City, Street string
}

// Scheme says how filters are made. Two providers must use one scheme.
type Scheme struct {
	DoubleHashing bool // positions h1 + i·h2, as first published; for comparison only
	NoFolding     bool // filters of 1024 bits as they are, and not of 2048 bits folded once
	SaltByYear    bool // records of two years of birth are as strangers; errors in the year are then not forgiven
}

// Traits are what a CLK may be made of, in the order in which they are named. The last
// name is that of birth where there is one.
var Traits = func() (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}()

// field is a trait with its weight: how many positions each of its bigrams sets.
type field struct {
	name   string
	weight int
	tokens func(r Record) []string
}

// The weights make each trait's share of the filter follow from how much it tells
// persons apart and how long it is.
var fields = []field{
	{"last_name", 14, func(r Record) []string {
		name := pseudonym.NormaliseSurname(r.BirthName)
		if name == "" {
			name = pseudonym.NormaliseSurname(r.LastName)
		}
		return bigrams(name)
	}},
	{"first_name", 14, func(r Record) []string { return bigrams(pseudonym.NormaliseFirstName(r.FirstName)) }},
	{"birth_date", 12, func(r Record) []string { return places(birthDate(r)) }},
	{"sex", 8, func(r Record) []string {
		if sex, err := pseudonym.NormaliseSex(r.Sex); err == nil && sex != "" {
			return []string{sex}
		}
		return nil
	}},
	{"postcode", 10, func(r Record) []string {
		code, err := pseudonym.NormalisePostcode(r.Postcode)
		if err != nil {
			return nil
		}
		return places(code)
	}},
	{"city", 6, func(r Record) []string { return bigrams(pseudonym.NormaliseName(r.City)) }},
	{"street", 6, func(r Record) []string { return bigrams(pseudonym.NormaliseName(r.Street)) }},
}

func birthDate(r Record) string {
	d, err := pseudonym.ParseBirthDate(r.BirthDate)
	if err != nil || r.BirthDate == "" {
		return ""
	}
	return strings.ReplaceAll(d.Text, "-", "")
}

// bigrams are the pairs of neighbours of a word, its ends included.
func bigrams(word string) []string {
	if word == "" {
		return nil
	}
	padded := "_" + word + "_"
	var out []string
	for i := 0; i < len(padded)-1; {
		_, first := utf8.DecodeRuneInString(padded[i:])
		if i+first >= len(padded) {
			break
		}
		_, second := utf8.DecodeRuneInString(padded[i+first:])
		out = append(out, padded[i:i+first+second])
		i += first
	}
	return out
}

// places are the digits of a number, each with its place and the one after it.
func places(digits string) []string {
	out := make([]string, 0, 2*len(digits))
	for i := range len(digits) {
		out = append(out, fmt.Sprintf("%d%c", i, digits[i]))
		if i+1 < len(digits) {
			out = append(out, fmt.Sprintf("%d%s", i, digits[i:i+2]))
		}
	}
	return out
}

// Key makes CLKs. All providers of a linkage share its secret, and nobody else
// holds it: with it, guesses can be tested. It never prints. It is not safe for
// concurrent use: see Clone.
type Key struct {
	scheme Scheme
	check  string
	raw    [][]byte
	macs   []hash.Hash
	sum    []byte
	text   []byte
}

const unitSeparator = 0x1F

// NewKey derives a key for each trait from the providers' secret of
// pseudonym.SecretSize random bytes, as pseudonym.NewProviderKey does: HKDF-SHA-256, no salt,
// and the info string "rempart/v1/linkage/clk/" and the trait's name.
func NewKey(secret []byte, scheme Scheme) (*Key, error) {
	if len(secret) != pseudonym.SecretSize {
		return nil, fmt.Errorf("CLK key: want a secret of %d bytes, got %d", pseudonym.SecretSize, len(secret))
	}
	k := &Key{scheme: scheme}
	for _, f := range fields {
		key, err := hkdf.Key(sha256.New, secret, nil, "rempart/v1/linkage/clk/"+f.name, sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("derive the CLK key of %s: %w", f.name, err)
		}
		k.raw = append(k.raw, key)
		k.macs = append(k.macs, hmac.New(sha256.New, key))
	}
	check, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("rempart/v1/linkage/clk/check/%+v", scheme), checkSize)
	if err != nil {
		return nil, fmt.Errorf("derive the check value of a CLK key: %w", err)
	}
	k.check = hex.EncodeToString(check)
	return k, nil
}

// checkSize is the length in bytes of a check value.
const checkSize = 8

// Check is a value that two keys have in common if they are of one secret and scheme: 16
// hexadecimal digits, derived from both, which help nobody to make or test a CLK.
func (k *Key) Check() string { return k.check }

// Clone is the same key for another goroutine.
func (k *Key) Clone() *Key {
	c := &Key{scheme: k.scheme, check: k.check, raw: k.raw}
	for _, key := range k.raw {
		c.macs = append(c.macs, hmac.New(sha256.New, key))
	}
	return c
}

// Format keeps the key out of logs.
func (k *Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[withheld]")) }

// Make makes the CLK of a record. A trait that is missing or malformed sets nothing.
func (k *Key) Make(r Record) CLK {
	length := 2 * Bits
	if k.scheme.NoFolding {
		length = Bits
	}
	salt := ""
	if k.scheme.SaltByYear {
		if d := birthDate(r); len(d) >= 4 {
			salt = d[:4]
		}
	}
	var filter [2 * Bits / 64]uint64
	for i, f := range fields {
		for _, token := range f.tokens(r) {
			k.set(&filter, length, k.macs[i], f.weight, salt, token)
		}
	}
	clk := CLK(filter[:Bits/64])
	if !k.scheme.NoFolding {
		for i := range clk {
			clk[i] ^= filter[Bits/64+i]
		}
	}
	return clk
}

// set sets the positions of a token: 16-bit parts of its HMAC, one for each.
func (k *Key) set(filter *[2 * Bits / 64]uint64, length int, mac hash.Hash, weight int, salt, token string) {
	k.text = append(append(append(k.text[:0], salt...), unitSeparator), token...)
	mac.Reset()
	mac.Write(k.text)
	k.sum = mac.Sum(k.sum[:0])
	for i := range weight {
		at := int(binary.BigEndian.Uint16(k.sum[2*i:])) % length
		if k.scheme.DoubleHashing {
			h1, h2 := binary.BigEndian.Uint64(k.sum), binary.BigEndian.Uint64(k.sum[8:])
			at = int((h1%uint64(length) + uint64(i)*(h2%uint64(length))) % uint64(length))
		}
		filter[at/64] |= 1 << (at % 64)
	}
}

// MakeAll makes the CLKs of records on every core, in their order.
func (k *Key) MakeAll(records []Record) []CLK {
	out := make([]CLK, len(records))
	share := (len(records) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	var making sync.WaitGroup
	for from := 0; from < len(records); from += share {
		making.Go(func() {
			k := k.Clone()
			for i := from; i < min(from+share, len(records)); i++ {
				out[i] = k.Make(records[i])
			}
		})
	}
	making.Wait()
	return out
}

// Count is how many bits are set.
func (c *CLK) Count() int {
	n := 0
	for _, w := range c {
		n += bits.OnesCount64(w)
	}
	return n
}

// Dice is how similar two filters are, 0 to 1: twice the bits in common by the
// bits of both. Two empty filters are not similar.
func Dice(a, b *CLK) float64 {
	both := a.Count() + b.Count()
	if both == 0 {
		return 0
	}
	return 2 * float64(common(a, b)) / float64(both)
}

func common(a, b *CLK) int {
	n := 0
	for i := range a {
		n += bits.OnesCount64(a[i] & b[i])
	}
	return n
}

// MarshalText writes the filter in base64, its first bit the lowest of the first byte.
func (c CLK) MarshalText() ([]byte, error) {
	var b [Bits / 8]byte
	for i, w := range c {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return base64.StdEncoding.AppendEncode(nil, b[:]), nil
}

// ErrForm is a text that is no CLK.
var ErrForm = errors.New("no CLK: want 1024 bits in base64, 172 characters")

// UnmarshalText reads what MarshalText writes.
func (c *CLK) UnmarshalText(text []byte) error {
	var b [Bits/8 + 3]byte
	if len(text) != base64.StdEncoding.EncodedLen(Bits/8) {
		return ErrForm
	}
	n, err := base64.StdEncoding.Strict().Decode(b[:], text)
	if err != nil {
		return ErrForm
	}
	return c.UnmarshalBinary(b[:n])
}

// UnmarshalBinary reads the bytes that the text of MarshalText stands for.
func (c *CLK) UnmarshalBinary(b []byte) error {
	if len(b) != Bits/8 {
		return ErrForm
	}
	for i := range c {
		c[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return nil
}
