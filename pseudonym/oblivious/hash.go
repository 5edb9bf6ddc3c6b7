package oblivious

import (
	"crypto/sha512"
	"encoding/binary"

	"github.com/gtank/ristretto255"
)

// suite is the context string of RFC 9497, section 3.1: mode 1 is verifiable.
const suite = "OPRFV1-\x01-ristretto255-SHA512"

// The domain separation tags of RFC 9497, section 4.1, each with its length, as
// expand_message_xmd of RFC 9380, section 5.3.1 wants it.
var (
	dstGroup  = tag("HashToGroup-" + suite)
	dstScalar = tag("HashToScalar-" + suite)
	dstDerive = tag("DeriveKeyPair" + suite)
)

func tag(s string) []byte { return append([]byte(s), byte(len(s))) }

// expand is expand_message_xmd with SHA-512 for 64 bytes, which is one block.
func expand(message [][]byte, dst []byte) []byte {
	var pad [sha512.BlockSize]byte
	h := sha512.New()
	h.Write(pad[:])
	for _, part := range message {
		h.Write(part)
	}
	h.Write([]byte{0, 64, 0})
	h.Write(dst)
	var first [sha512.Size]byte
	h.Sum(first[:0])
	h.Reset()
	h.Write(first[:])
	h.Write([]byte{1})
	h.Write(dst)
	return h.Sum(nil)
}

func hashToScalar(message [][]byte, dst []byte) *ristretto255.Scalar {
	s, err := ristretto255.NewScalar().SetUniformBytes(expand(message, dst))
	if err != nil {
		panic(err) // of a length that is always right
	}
	return s
}

func hashToGroup(message []byte) *ristretto255.Element {
	e, err := ristretto255.NewIdentityElement().SetUniformBytes(expand([][]byte{message}, dstGroup))
	if err != nil {
		panic(err) // of a length that is always right
	}
	return e
}

// lengthPrefixed appends each part after its length in two bytes, big-endian.
func lengthPrefixed(to []byte, parts ...[]byte) []byte {
	for _, p := range parts {
		to = binary.BigEndian.AppendUint16(to, uint16(len(p)))
		to = append(to, p...)
	}
	return to
}
