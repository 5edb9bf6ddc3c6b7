package ledger_test

import (
	"crypto/ed25519"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"rempart.eu/rempart/ledger"
)

// order is that of the base point of Ed25519.
var order, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// A batch is good where each of its signatures is, and only then: also where
// wrong ones would make up for each other.
func TestABatchIsGoodWhereEachSignatureIs(t *testing.T) {
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(key.Seed())
	payload := func(i int) []byte { return fmt.Appendf(nil, `{"n":%d}`, i) }
	sign := func(i int) []byte {
		p := payload(i)
		return ed25519.Sign(private, append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(ledger.PayloadType), ledger.PayloadType, len(p)), p...))
	}
	number := func(sig []byte) *big.Int {
		be := slices.Clone(sig[32:])
		slices.Reverse(be)
		return new(big.Int).SetBytes(be)
	}
	with := func(sig []byte, s *big.Int) []byte {
		le := s.FillBytes(make([]byte, 32))
		slices.Reverse(le)
		return append(slices.Clone(sig[:32]), le...)
	}
	moved := func(sig []byte, by int64) []byte {
		return with(sig, new(big.Int).Mod(new(big.Int).Add(number(sig), big.NewInt(by)), order))
	}
	for name, c := range map[string]struct {
		change func([][]byte)
		good   bool
	}{
		"as signed":                      {func([][]byte) {}, true},
		"one is another statement's":     {func(s [][]byte) { s[3] = s[4] }, false},
		"two are exchanged":              {func(s [][]byte) { s[3], s[4] = s[4], s[3] }, false},
		"errors that cancel out":         {func(s [][]byte) { s[3], s[4] = moved(s[3], 1), moved(s[4], -1) }, false},
		"s is larger than the order":     {func(s [][]byte) { s[3] = with(s[3], new(big.Int).Add(number(s[3]), order)) }, false},
		"R is no point":                  {func(s [][]byte) { s[3] = append([]byte{2: 0, 31: 0}, s[3][32:]...); s[3][0] = 2 }, false},
		"R is not in its canonical form": {func(s [][]byte) { s[3] = append(notCanonical(), s[3][32:]...) }, false},
		"too short":                      {func(s [][]byte) { s[3] = s[3][:63] }, false},
		"empty":                          {func(s [][]byte) { s[3] = nil }, false},
	} {
		var payloads, signatures [][]byte
		for i := range 10 {
			payloads, signatures = append(payloads, payload(i)), append(signatures, sign(i))
		}
		c.change(signatures)
		each := true
		for i := range payloads {
			each = each && ledger.VerifyOne(key.Public(), payloads[i], signatures[i])
		}
		if got := ledger.VerifyBatch(key.Public(), payloads, signatures); got != c.good || each != c.good {
			t.Errorf("%s: the batch is good: %v, each is: %v, want %v", name, got, each, c.good)
		}
	}
}

// notCanonical is the neutral point, with y = p + 1.
func notCanonical() []byte {
	y := make([]byte, 32)
	for i := range y {
		y[i] = 0xff
	}
	y[0], y[31] = 0xee, 0x7f
	return y
}

// A key of small order, under which anybody could sign, signs nothing.
func TestAKeyOfSmallOrderSignsNothing(t *testing.T) {
	key, err := ledger.ParsePublicKey("ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	if err != nil {
		t.Fatal(err)
	}
	// R = [s]B fits every message where [k]A is the neutral point.
	one := scalar.One()
	var r curve.EdwardsPoint
	r.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, one)
	var compressed curve.CompressedEdwardsY
	compressed.SetEdwardsPoint(&r)
	sig := make([]byte, 64)
	copy(sig, compressed[:])
	sig[32] = 1
	if ledger.VerifyBatch(key, [][]byte{[]byte("{}")}, [][]byte{sig}) || ledger.VerifyOne(key, []byte("{}"), sig) {
		t.Error("a key of small order has signed")
	}
}
