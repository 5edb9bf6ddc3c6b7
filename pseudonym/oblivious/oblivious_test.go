package oblivious

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cloudflare/circl/group"
	circl "github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"
	"github.com/gtank/ristretto255"
)

func newKey(t testing.TB, first byte) *Key {
	t.Helper()
	key, err := DeriveKey(bytes.Repeat([]byte{first}, SeedSize), []byte("test"))
	must(t, err)
	return key
}

func inputs(n int) (in [][]byte) {
	for i := range n {
		in = append(in, fmt.Appendf(nil, "nir\x1f%013d", i))
	}
	return in
}

// TestCirclAgrees runs a batch with each side by the other implementation.
func TestCirclAgrees(t *testing.T) {
	suite := circl.SuiteRistretto255
	seed, info := bytes.Repeat([]byte{7}, SeedSize), []byte("test")
	theirs, err := circl.DeriveKey(suite, circl.VerifiableMode, seed, info)
	must(t, err)
	ours := newKey(t, 7)
	public, err := theirs.Public().MarshalBinary()
	must(t, err)
	if !bytes.Equal(public, ours.public.encoded[:]) {
		t.Fatalf("our key %x, theirs %x", ours.public.encoded, public)
	}
	in := inputs(50)
	var want [][]byte
	for _, i := range in {
		output, err := circl.NewVerifiableServer(suite, theirs).FullEvaluate(i)
		must(t, err)
		want = append(want, output)
	}

	// our client, their server
	blinding, err := ours.Public().Blind(in)
	must(t, err)
	evaluation, err := circl.NewVerifiableServer(suite, theirs).Evaluate(&circl.EvaluationRequest{Elements: points(t, blinding.Request())})
	must(t, err)
	proof, err := evaluation.Proof.MarshalBinary()
	must(t, err)
	outputs, err := blinding.Finalize(flat(t, evaluation.Elements), proof)
	must(t, err)
	for i := range want {
		if !bytes.Equal(outputs[i][:], want[i]) {
			t.Fatalf("output %d of our client is another one", i)
		}
	}

	// their client, our server
	client := circl.NewVerifiableClient(suite, theirs.Public())
	finalize, request, err := client.Blind(in)
	must(t, err)
	evaluated, proof, err := ours.Evaluate(flat(t, request.Elements))
	must(t, err)
	theirProof := new(dleq.Proof)
	must(t, theirProof.UnmarshalBinary(group.Ristretto255, proof))
	got, err := client.Finalize(finalize, &circl.Evaluation{Elements: points(t, evaluated), Proof: theirProof})
	must(t, err)
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("output %d of their client is another one", i)
		}
	}
}

func points(t *testing.T, raw []byte) (elements []group.Element) {
	for i := 0; i < len(raw); i += ElementSize {
		e := group.Ristretto255.NewElement()
		must(t, e.UnmarshalBinary(raw[i:i+ElementSize]))
		elements = append(elements, e)
	}
	return elements
}

func flat(t *testing.T, elements []group.Element) (raw []byte) {
	for _, e := range elements {
		b, err := e.MarshalBinaryCompress()
		must(t, err)
		raw = append(raw, b...)
	}
	return raw
}

// TestOutputsDependOnKeyAndInputAlone: not on blinds, nor on the batch.
func TestOutputsDependOnKeyAndInputAlone(t *testing.T) {
	key := newKey(t, 1)
	run := func(in [][]byte) [][OutputSize]byte {
		blinding, err := key.Public().Blind(in)
		must(t, err)
		evaluated, proof, err := key.Evaluate(blinding.Request())
		must(t, err)
		outputs, err := blinding.Finalize(evaluated, proof)
		must(t, err)
		return outputs
	}
	all := run(inputs(20))
	seen := map[[OutputSize]byte]bool{}
	for i, in := range inputs(20) {
		if alone := run([][]byte{in}); alone[0] != all[i] {
			t.Errorf("input %d: another output alone", i)
		}
		if seen[all[i]] {
			t.Errorf("input %d: the output of another", i)
		}
		seen[all[i]] = true
	}
	first, err := key.Public().Blind(inputs(1))
	must(t, err)
	second, err := key.Public().Blind(inputs(1))
	must(t, err)
	if bytes.Equal(first.Request(), second.Request()) {
		t.Error("the server can see that an input came twice")
	}
}

// TestALyingServerIsFoundOut: another key, and every single change to an answer.
func TestALyingServerIsFoundOut(t *testing.T) {
	key, other := newKey(t, 1), newKey(t, 2)
	blinding, err := key.Public().Blind(inputs(3))
	must(t, err)
	if evaluated, proof, err := other.Evaluate(blinding.Request()); err != nil {
		t.Fatal(err)
	} else if _, err := blinding.Finalize(evaluated, proof); !errors.Is(err, ErrProof) {
		t.Errorf("another key: got %v", err)
	}
	evaluated, proof, err := key.Evaluate(blinding.Request())
	must(t, err)
	if _, err := blinding.Finalize(evaluated, proof); err != nil {
		t.Fatal(err)
	}
	for at := range proof {
		bad := bytes.Clone(proof)
		bad[at] ^= 1
		if _, err := blinding.Finalize(evaluated, bad); !errors.Is(err, ErrProof) {
			t.Errorf("byte %d of the proof: got %v", at, err)
		}
	}
	for at := range evaluated {
		bad := bytes.Clone(evaluated)
		bad[at] ^= 2
		if _, err := blinding.Finalize(bad, proof); !errors.Is(err, ErrProof) && !errors.Is(err, ErrElement) {
			t.Errorf("byte %d of the elements: got %v", at, err)
		}
	}
	swapped := bytes.Join([][]byte{evaluated[32:64], evaluated[:32], evaluated[64:]}, nil)
	if _, err := blinding.Finalize(swapped, proof); !errors.Is(err, ErrProof) {
		t.Errorf("two elements in each other's place: got %v", err)
	}
	for name, bad := range map[string][]byte{"short": evaluated[:64], "none": nil, "long": append(bytes.Clone(evaluated), evaluated[:32]...)} {
		if _, err := blinding.Finalize(bad, proof); !errors.Is(err, ErrBatch) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, bad := range [][]byte{nil, proof[:63], append(bytes.Clone(proof), 0)} {
		if _, err := blinding.Finalize(evaluated, bad); !errors.Is(err, ErrProof) {
			t.Errorf("a proof of %d bytes: got %v", len(bad), err)
		}
	}
}

// TestAHostileClientGetsNothing: the key meets no element that is no point.
func TestAHostileClientGetsNothing(t *testing.T) {
	key := newKey(t, 1)
	good := ristretto255.NewGeneratorElement().Bytes()
	negative := bytes.Clone(good)
	negative[0] ^= 1
	for name, c := range map[string]struct {
		blinded []byte
		want    error
	}{
		"nothing":          {nil, ErrBatch},
		"a part":           {good[:31], ErrBatch},
		"one and a part":   {append(bytes.Clone(good), 1), ErrBatch},
		"too many":         {bytes.Repeat(good, MaxBatch+1), ErrBatch},
		"neutral":          {make([]byte, 32), ErrElement},
		"neutral at last":  {append(bytes.Clone(good), make([]byte, 32)...), ErrElement},
		"negative":         {negative, ErrElement},
		"above the prime":  {append([]byte{0xed}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...), ErrElement},
		"the high bit":     {append(bytes.Clone(good[:31]), good[31]|0x80), ErrElement},
		"all ones":         {bytes.Repeat([]byte{0xff}, 32), ErrElement},
		"not on the curve": {append([]byte{0x26, 0x94, 0x8d, 0x35, 0xca, 0x62, 0xe6, 0x43, 0xe2, 0x6a, 0x83, 0x17, 0x73, 0x32, 0xe6, 0xb6, 0xaf, 0xeb, 0x9d, 0x08, 0xe4, 0x26, 0x8b, 0x65, 0x0f, 0x1f, 0x5b, 0xbd, 0x8d, 0x81, 0xd3}, 0x71), ErrElement}, // RFC 9496, appendix A.3
	} {
		evaluated, proof, err := key.Evaluate(c.blinded)
		if !errors.Is(err, c.want) || evaluated != nil || proof != nil {
			t.Errorf("%s: got %x, %v; want %v", name, evaluated, err, c.want)
		}
	}
}

func TestBadInputsAreRefused(t *testing.T) {
	public := newKey(t, 1).Public()
	for _, in := range [][][]byte{nil, make([][]byte, MaxBatch+1)} {
		if _, err := public.Blind(in); !errors.Is(err, ErrBatch) {
			t.Errorf("%d inputs: got %v", len(in), err)
		}
	}
	if _, err := public.Blind([][]byte{make([]byte, 1<<16)}); !errors.Is(err, ErrInput) {
		t.Errorf("got %v", err)
	}
	if _, err := DeriveKey(make([]byte, 31), nil); err == nil {
		t.Error("took a short seed")
	}
}

func TestPublicKeysAreText(t *testing.T) {
	public := newKey(t, 1).Public()
	read, err := ParsePublicKey(public.String())
	if err != nil || read.encoded != public.encoded {
		t.Errorf("got %v, %v", read, err)
	}
	for _, bad := range []string{
		"", "ristretto255:", "ed25519:" + strings.TrimPrefix(public.String(), publicPrefix), public.String() + "A",
		publicPrefix + strings.Repeat("A", 43) + "=", // the neutral element
	} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

func TestTheKeyNeverPrints(t *testing.T) {
	key := newKey(t, 1)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("seen", "key", key)
	if out := fmt.Sprintf("%v %+v %#v %s %x", key, key, key, key, key) + log.String(); strings.Count(out, "[withheld]") != 6 {
		t.Errorf("prints as %s", out)
	}
}

func FuzzEvaluateTakesPointsOnly(f *testing.F) {
	key := newKey(f, 1)
	f.Add(ristretto255.NewGeneratorElement().Bytes())
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, blinded []byte) {
		evaluated, proof, err := key.Evaluate(blinded)
		if err != nil {
			return
		}
		if len(evaluated) != len(blinded) || len(proof) != ProofSize {
			t.Errorf("%d bytes in, %d out", len(blinded), len(evaluated))
		}
		elements, err := parseBatch(blinded)
		must(t, err)
		for i, e := range elements {
			if !bytes.Equal(e.Bytes(), blinded[i*ElementSize:][:ElementSize]) {
				t.Errorf("element %d has two encodings", i)
			}
		}
	})
}

func FuzzFinalizeBelievesNobody(f *testing.F) {
	key := newKey(f, 1)
	blinding, err := key.Public().Blind(inputs(1))
	must(f, err)
	evaluated, proof, err := key.Evaluate(blinding.Request())
	must(f, err)
	f.Add(evaluated, append(bytes.Clone(proof[:63]), proof[63]^1))
	f.Add(make([]byte, 32), make([]byte, 64))
	f.Fuzz(func(t *testing.T, e, p []byte) {
		if bytes.Equal(e, evaluated) {
			return
		}
		if _, err := blinding.Finalize(e, p); err == nil {
			t.Error("took an answer that the key did not give")
		}
	})
}

const batch = 1024

func BenchmarkServer(b *testing.B) {
	key := newKey(b, 1)
	blinding, err := key.Public().Blind(inputs(batch))
	must(b, err)
	for b.Loop() {
		if _, _, err := key.Evaluate(blinding.Request()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
}

func BenchmarkClient(b *testing.B) {
	key := newKey(b, 1)
	in := inputs(batch)
	blinding, err := key.Public().Blind(in)
	must(b, err)
	evaluated, proof, err := key.Evaluate(blinding.Request())
	must(b, err)
	for b.Loop() {
		if _, err := key.Public().Blind(in); err != nil {
			b.Fatal(err)
		}
		if _, err := blinding.Finalize(evaluated, proof); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "inputs/s")
}

// BenchmarkServerOfCircl is what BenchmarkServer is set against.
func BenchmarkServerOfCircl(b *testing.B) {
	suite := circl.SuiteRistretto255
	key, err := circl.GenerateKey(suite, rand.Reader)
	must(b, err)
	_, request, err := circl.NewVerifiableClient(suite, key.Public()).Blind(inputs(batch))
	must(b, err)
	server := circl.NewVerifiableServer(suite, key)
	for b.Loop() {
		if _, err := server.Evaluate(request); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
}
