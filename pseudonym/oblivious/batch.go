package oblivious

import (
	"crypto/rand"
	"crypto/sha512"
	"fmt"

	"github.com/gtank/ristretto255"
)

// randomScalar is uniform and not zero.
func randomScalar() *ristretto255.Scalar {
	var b [64]byte
	for {
		_, _ = rand.Read(b[:]) // crypto/rand does not fail: it ends the process
		s, err := ristretto255.NewScalar().SetUniformBytes(b[:])
		if err != nil {
			panic(err) // of a length that is always right
		}
		if s.Equal(ristretto255.NewScalar()) == 0 {
			return s
		}
	}
}

// Evaluate is the server's step over a batch of blinded elements, one after
// the other: as many elements come back, and one proof of ProofSize bytes. The
// error wraps ErrBatch or ErrElement; then nothing was evaluated.
func (k *Key) Evaluate(blinded []byte) (evaluated, proof []byte, err error) {
	return k.evaluate(blinded, randomScalar())
}

func (k *Key) evaluate(blinded []byte, r *ristretto255.Scalar) (evaluated, proof []byte, err error) {
	elements, err := parseBatch(blinded)
	if err != nil {
		return nil, nil, err
	}
	evaluated = make([]byte, 0, len(blinded))
	e := ristretto255.NewIdentityElement()
	for _, b := range elements {
		evaluated = append(evaluated, e.ScalarMult(k.k, b).Bytes()...)
	}
	return evaluated, k.prove(elements, blinded, evaluated, r), nil
}

// Blinding is a batch that waits for its evaluation. It serves once.
type Blinding struct {
	public   PublicKey
	inputs   [][]byte
	blinds   []*ristretto255.Scalar
	elements []*ristretto255.Element
	blinded  []byte
}

// Blind hides inputs, each of at most 65,535 bytes, under blinds drawn anew.
// The error wraps ErrBatch or ErrInput.
func (p PublicKey) Blind(inputs [][]byte) (*Blinding, error) {
	blinds := make([]*ristretto255.Scalar, len(inputs))
	for i := range blinds {
		blinds[i] = randomScalar()
	}
	return p.blind(inputs, blinds)
}

func (p PublicKey) blind(inputs [][]byte, blinds []*ristretto255.Scalar) (*Blinding, error) {
	if len(inputs) == 0 || len(inputs) > MaxBatch {
		return nil, ErrBatch
	}
	b := &Blinding{public: p, inputs: inputs, blinds: blinds}
	b.blinded = make([]byte, 0, len(inputs)*ElementSize)
	for i, input := range inputs {
		if len(input) > 1<<16-1 {
			return nil, fmt.Errorf("input %d: %w: too long", i, ErrInput)
		}
		e := hashToGroup(input)
		if e.Equal(ristretto255.NewIdentityElement()) == 1 {
			return nil, fmt.Errorf("input %d: %w", i, ErrInput)
		}
		e.ScalarMult(blinds[i], e)
		b.elements = append(b.elements, e)
		b.blinded = append(b.blinded, e.Bytes()...)
	}
	return b, nil
}

// Request is what the server is sent: elements of ElementSize bytes.
func (b *Blinding) Request() []byte { return b.blinded }

// Finalize verifies the server's answer and returns the outputs, in the order of
// the inputs. The error wraps ErrBatch, ErrElement or ErrProof; then the answer
// is worth nothing.
func (b *Blinding) Finalize(evaluated, proof []byte) ([][OutputSize]byte, error) {
	if len(evaluated) != len(b.blinded) {
		return nil, ErrBatch
	}
	elements, err := parseBatch(evaluated)
	if err != nil {
		return nil, err
	}
	if err := b.public.verify(b.blinded, evaluated, b.elements, elements, proof); err != nil {
		return nil, err
	}
	outputs := make([][OutputSize]byte, len(elements))
	h := sha512.New()
	var message []byte
	for i, inverse := range inverses(b.blinds) {
		unblinded := elements[i].ScalarMult(inverse, elements[i])
		message = lengthPrefixed(message[:0], b.inputs[i], unblinded.Bytes())
		h.Reset()
		h.Write(append(message, "Finalize"...))
		h.Sum(outputs[i][:0])
	}
	return outputs, nil
}

// inverses inverts scalars that are not zero with one inversion (Montgomery's
// trick), in constant time.
func inverses(s []*ristretto255.Scalar) []*ristretto255.Scalar {
	products := make([]*ristretto255.Scalar, len(s)) // of those before
	product := one()
	for i := range s {
		products[i] = ristretto255.NewScalar().Set(product)
		product.Multiply(product, s[i])
	}
	inverse := ristretto255.NewScalar().Invert(product)
	for i := len(s) - 1; i >= 0; i-- {
		products[i].Multiply(products[i], inverse)
		inverse.Multiply(inverse, s[i])
	}
	return products
}

func one() *ristretto255.Scalar {
	s, err := ristretto255.NewScalar().SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		panic(err) // one is a scalar
	}
	return s
}
