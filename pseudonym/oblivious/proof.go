package oblivious

import (
	"crypto/sha512"
	"encoding/binary"

	"github.com/gtank/ristretto255"
)

// weights are the factors d of ComputeComposites, RFC 9497, section 2.2.1.
func weights(public PublicKey, blinded, evaluated []byte) []*ristretto255.Scalar {
	seed := sha512.Sum512(lengthPrefixed(nil, public.encoded[:], []byte("Seed-"+suite)))
	d := make([]*ristretto255.Scalar, len(blinded)/ElementSize)
	transcript := make([]byte, 0, 256)
	for i := range d {
		transcript = lengthPrefixed(transcript[:0], seed[:])
		transcript = binary.BigEndian.AppendUint16(transcript, uint16(i))
		transcript = lengthPrefixed(transcript, blinded[i*ElementSize:][:ElementSize], evaluated[i*ElementSize:][:ElementSize])
		transcript = append(transcript, "Composite"...)
		d[i] = hashToScalar([][]byte{transcript}, dstScalar)
	}
	return d
}

// challenge hashes what prover and verifier both know.
func challenge(public PublicKey, m, z, t2, t3 *ristretto255.Element) *ristretto255.Scalar {
	transcript := lengthPrefixed(nil, public.encoded[:], m.Bytes(), z.Bytes(), t2.Bytes(), t3.Bytes())
	return hashToScalar([][]byte{append(transcript, "Challenge"...)}, dstScalar)
}

// prove is GenerateProof, RFC 9497, section 2.2.1, with the random scalar r.
func (k *Key) prove(elements []*ristretto255.Element, blinded, evaluated []byte, r *ristretto255.Scalar) []byte {
	m := ristretto255.NewIdentityElement().VarTimeMultiScalarMult(weights(k.public, blinded, evaluated), elements)
	z := ristretto255.NewIdentityElement().ScalarMult(k.k, m)
	t2 := ristretto255.NewIdentityElement().ScalarBaseMult(r)
	t3 := ristretto255.NewIdentityElement().ScalarMult(r, m)
	c := challenge(k.public, m, z, t2, t3)
	s := ristretto255.NewScalar()
	s.Subtract(r, s.Multiply(c, k.k))
	return append(c.Bytes(), s.Bytes()...)
}

// verify is VerifyProof, RFC 9497, section 2.2.2.
func (p PublicKey) verify(blinded, evaluated []byte, b, e []*ristretto255.Element, proof []byte) error {
	if len(proof) != ProofSize {
		return ErrProof
	}
	c, err := ristretto255.NewScalar().SetCanonicalBytes(proof[:32])
	if err != nil {
		return ErrProof
	}
	s, err := ristretto255.NewScalar().SetCanonicalBytes(proof[32:])
	if err != nil {
		return ErrProof
	}
	d := weights(p, blinded, evaluated)
	m := ristretto255.NewIdentityElement().VarTimeMultiScalarMult(d, b)
	z := ristretto255.NewIdentityElement().VarTimeMultiScalarMult(d, e)
	t2 := ristretto255.NewIdentityElement().VarTimeDoubleScalarBaseMult(c, p.point, s)
	t3 := ristretto255.NewIdentityElement().VarTimeMultiScalarMult([]*ristretto255.Scalar{s, c}, []*ristretto255.Element{m, z})
	if challenge(p, m, z, t2, t3).Equal(c) != 1 {
		return ErrProof
	}
	return nil
}
