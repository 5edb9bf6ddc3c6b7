package oblivious

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/gtank/ristretto255"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// list reads the hexadecimal parts that the RFC separates by commas.
func list(t *testing.T, s string) (parts [][]byte) {
	for part := range strings.SplitSeq(s, ",") {
		parts = append(parts, unhex(t, part))
	}
	return parts
}

// TestVectorsOfTheRFC holds RFC 9497, appendix A.1.2, in every step: key, blinded
// and evaluated elements, proof and output.
func TestVectorsOfTheRFC(t *testing.T) {
	var file struct {
		Seed, KeyInfo, SkSm, PkSm, GroupDST string
		Vectors                             []struct {
			Batch                                                   int
			Blind, BlindedElement, EvaluationElement, Input, Output string
			Proof                                                   struct{ Proof, R string }
		}
	}
	raw, err := os.ReadFile("testdata/rfc9497-voprf-ristretto255-sha512.json")
	must(t, err)
	must(t, json.Unmarshal(raw, &file))
	if got := dstGroup[:len(dstGroup)-1]; !bytes.Equal(got, unhex(t, file.GroupDST)) {
		t.Errorf("tag %q", got)
	}
	key, err := DeriveKey(unhex(t, file.Seed), unhex(t, file.KeyInfo))
	must(t, err)
	if !bytes.Equal(key.k.Bytes(), unhex(t, file.SkSm)) || !bytes.Equal(key.public.encoded[:], unhex(t, file.PkSm)) {
		t.Fatalf("the key is another one: public %x", key.public.encoded)
	}
	if len(file.Vectors) != 3 {
		t.Fatalf("%d vectors, want 3", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		var blinds []*ristretto255.Scalar
		for _, b := range list(t, v.Blind) {
			blinds = append(blinds, scalar(t, b))
		}
		blinding, err := key.Public().blind(list(t, v.Input), blinds)
		must(t, err)
		if want := bytes.Join(list(t, v.BlindedElement), nil); !bytes.Equal(blinding.Request(), want) {
			t.Errorf("blinded %x, want %x", blinding.Request(), want)
		}
		evaluated, proof, err := key.evaluate(blinding.Request(), scalar(t, unhex(t, v.Proof.R)))
		must(t, err)
		if want := bytes.Join(list(t, v.EvaluationElement), nil); !bytes.Equal(evaluated, want) {
			t.Errorf("evaluated %x, want %x", evaluated, want)
		}
		if !bytes.Equal(proof, unhex(t, v.Proof.Proof)) {
			t.Errorf("proof %x, want %s", proof, v.Proof.Proof)
		}
		outputs, err := blinding.Finalize(evaluated, proof)
		must(t, err)
		for i, want := range list(t, v.Output) {
			if !bytes.Equal(outputs[i][:], want) {
				t.Errorf("output %x, want %x", outputs[i], want)
			}
		}
	}
}

func scalar(t *testing.T, raw []byte) *ristretto255.Scalar {
	t.Helper()
	s, err := ristretto255.NewScalar().SetCanonicalBytes(raw)
	must(t, err)
	return s
}
