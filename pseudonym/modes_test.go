package pseudonym_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"

	circl "github.com/cloudflare/circl/oprf"

	"rempart.eu/rempart/pseudonym"
)

// TestObliviousTokensAreThoseOfCircl: the inputs are what docs/pseudonyms.md says,
// and a token is the first 16 bytes of what the other implementation makes of them.
func TestObliviousTokensAreThoseOfCircl(t *testing.T) {
	in, malformed := pseudonym.Read(pseudonym.Identity{
		NIR: "3850599212003", LastName: "d'Ornano", FirstName: "Maria", BirthDate: "01/07/1953", Sex: "Femme", Postcode: "75#13",
	})
	if len(malformed) != 1 {
		t.Errorf("malformed: %v", malformed)
	}
	want := []string{
		"identifier\x1fnir\x1f3850599212003",
		"traits\x1fORNANO\x1fMARIA\x1f1953-07-01\x1fF",
		"phonetics\x1fO655\x1fM600\x1f1953-07-01\x1fF",
	}
	asked := in.AppendOblivious(nil)
	for i := range want {
		if string(asked[i]) != want[i] {
			t.Errorf("input %d is %q, want %q", i, asked[i], want[i])
		}
	}
	key := must(pseudonym.ObliviousKey(secret(32)))
	blinding := must(key.Public().Blind(asked))
	evaluated, proof, err := key.Evaluate(blinding.Request())
	if err != nil {
		t.Fatal(err)
	}
	outputs := must(blinding.Finalize(evaluated, proof))
	tokens, left := in.TakeOblivious(outputs)
	if len(left) != 0 || !tokens.Provisional {
		t.Errorf("%d outputs are left of %v", len(left), tokens)
	}
	seed := must(hkdf.Key(sha256.New, secret(32), nil, "rempart/v1/pseudonym/oblivious", 32))
	theirs := must(circl.DeriveKey(circl.SuiteRistretto255, circl.VerifiableMode, seed, []byte("rempart/v1")))
	for i, token := range []pseudonym.ProviderToken{tokens.A, tokens.B, tokens.C} {
		output := must(circl.NewVerifiableServer(circl.SuiteRistretto255, theirs).FullEvaluate(asked[i]))
		if !bytes.Equal(token[:], output[:16]) {
			t.Errorf("token %d is %x, want %x", i, token, output[:16])
		}
	}
	keyed := provider.TokensOf(in)
	if keyed.A == tokens.A || keyed.B == tokens.B || keyed.C == tokens.C {
		t.Error("tokens of the two modes meet")
	}
}
