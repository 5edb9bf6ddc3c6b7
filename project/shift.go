package project

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// shiftOf is by how many days the dates of a person are moved: from -most to
// most and never 0, so that nobody's dates are shown as they are. It is drawn
// by HMAC-SHA-256 under the project's secret: the same for the same project,
// release and person.
func shiftOf(secret []byte, person int64, most int) int64 {
	mac := hmac.New(sha256.New, secret)
	_ = binary.Write(mac, binary.BigEndian, person) // a hash takes everything
	drawn := int64(binary.BigEndian.Uint64(mac.Sum(nil)) % uint64(2*most))
	if drawn < int64(most) {
		return drawn - int64(most)
	}
	return drawn - int64(most) + 1
}
