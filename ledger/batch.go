package ledger

import (
	"crypto/rand"
	"crypto/sha512"
	"slices"
	"sync"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// signer is a key, as batches need it.
type signer struct {
	compressed curve.CompressedEdwardsY
	point      curve.EdwardsPoint
	expanded   *ed25519.ExpandedPublicKey // for signatures one by one
}

// newSigner prepares a key; ok is false where no signature can be that key's.
func newSigner(key PublicKey) (s *signer, ok bool) {
	s = &signer{}
	if _, err := s.compressed.SetBytes(key.public); err != nil || !s.compressed.IsCanonicalVartime() {
		return nil, false
	}
	if _, err := s.point.SetCompressedY(&s.compressed); err != nil || s.point.IsSmallOrder() {
		return nil, false
	}
	var err error
	s.expanded, err = ed25519.NewExpandedPublicKey(ed25519.PublicKey(key.public))
	return s, err == nil
}

// signed is an entry and whose it must be.
type signed struct {
	index        uint64
	by           *signer
	payload, sig []byte
}

// verify verifies one signature.
func (s signed) verify() bool {
	return ed25519.VerifyExpanded(s.by.expanded, envelope{Payload: s.payload}.message(), s.sig)
}

// verifyBatch says whether every signature of a batch is good, but for chance of
// 1 in 2^128. It draws a number z of 128 bits for each and sums up, of signatures
// (R, s) of messages whose hash with R and the key A is k:
//
//	8 ([−Σ z s] B + Σ [z] R + Σ [Σ z k] A) = 0
//
// where B is the base point and the last sum has one term for each key, since
// those who sign are few (RFC 8032, section 5.1.7, multiplied by the cofactor;
// Bernstein and others, "High-speed high-security signatures", 2012, section 5).
func verifyBatch(batch []signed) bool {
	room := rooms.Get().(*room)
	defer rooms.Put(room)
	room.clear(len(batch))
	random, numbers, points := room.random, room.numbers, room.points
	_, _ = rand.Read(random) // crypto/rand does not fail: it ends the process
	of := map[*signer]int{}  // the place of a key's term
	points[0].Set(curve.ED25519_BASEPOINT_POINT)
	hash := sha512.New()
	var k, s, term scalar.Scalar
	var sum [sha512.Size]byte
	var head [96]byte
	for i, x := range batch {
		z, r := &numbers[1+i], &points[1+i]
		var wide [scalar.ScalarSize]byte
		copy(wide[:], random[16*i:16*i+16])
		var compressed curve.CompressedEdwardsY
		if len(x.sig) != ed25519.SignatureSize || !scalar.ScMinimalVartime(x.sig[32:]) {
			return false
		}
		if _, err := z.SetBits(wide[:]); err != nil {
			return false
		}
		if _, err := compressed.SetBytes(x.sig[:32]); err != nil || !compressed.IsCanonicalVartime() {
			return false
		}
		if _, err := r.SetCompressedY(&compressed); err != nil {
			return false
		}
		if _, err := s.SetBytesModOrder(x.sig[32:]); err != nil {
			return false
		}
		hash.Reset()
		_, _ = hash.Write(x.sig[:32]) // a hash does not fail
		_, _ = hash.Write(x.by.compressed[:])
		_, _ = hash.Write(envelope{Payload: x.payload}.head(head[:0]))
		_, _ = hash.Write(x.payload)
		if _, err := k.SetBytesModOrderWide(hash.Sum(sum[:0])); err != nil {
			return false
		}
		at, known := of[x.by]
		if !known {
			at = len(numbers)
			of[x.by] = at
			numbers = append(numbers, scalar.Scalar{})
			points = append(points, x.by.point)
		}
		numbers[at].Add(&numbers[at], term.Mul(z, &k))
		numbers[0].Add(&numbers[0], term.Mul(z, &s))
	}
	numbers[0].Neg(&numbers[0])
	room.numbers, room.points = numbers, points // they may have grown
	for i := range numbers {
		room.scalars, room.terms = append(room.scalars, &numbers[i]), append(room.terms, &points[i])
	}
	var zero curve.EdwardsPoint
	return zero.MultiscalarMulVartime(room.scalars, room.terms).IsSmallOrder()
}

// room is the memory that a batch is verified in.
type room struct {
	random  []byte
	numbers []scalar.Scalar      // factors: of the base point, of each R, of each key
	points  []curve.EdwardsPoint // what they are factors of
	scalars []*scalar.Scalar
	terms   []*curve.EdwardsPoint
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// clear makes room for a batch of n.
func (r *room) clear(n int) {
	r.random = slices.Grow(r.random[:0], 16*n)[:16*n]
	r.numbers = slices.Grow(r.numbers[:0], n+9)[:n+1]
	r.points = slices.Grow(r.points[:0], n+9)[:n+1]
	clear(r.numbers)
	clear(r.points)
	r.scalars, r.terms = slices.Grow(r.scalars[:0], n+9), slices.Grow(r.terms[:0], n+9)
}
