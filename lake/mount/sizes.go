package mount

import (
	"context"
	"errors"
	"fmt"

	"rempart.eu/rempart/ledger"
)

// The body of an age file is in chunks, each with its tag (age v1, STREAM:
// https://age-encryption.org/v1).
const (
	chunkSize = 64 << 10
	tagSize   = 16
)

// headers knows how long the header of an object is, nonce included, by the key
// that the object is sealed to. Objects of one key have headers of one length,
// so that a directory of ten thousand files is listed without opening them.
// A file whose header is of another length is refused when it is opened.
type headers map[string]int64

// measure opens one object of each key. It fails where no object of a key opens.
func (s Space) measure(ctx context.Context) (headers, error) {
	known := headers{}
	failed := map[string]error{}
	for _, f := range s.Files {
		key := f.Object.Key
		if _, ok := known[key]; ok {
			continue
		}
		_, size, closer, err := s.open(ctx, f)
		if err != nil {
			failed[key] = errors.Join(failed[key], err)
			continue
		}
		known[key] = f.Object.Size - size - tagSize*chunks(size, chunkSize)
		if err := closer.Close(); err != nil {
			return nil, err
		}
	}
	for key, err := range failed {
		if _, ok := known[key]; !ok {
			return nil, fmt.Errorf("nothing that is sealed to %s opens: %w", key, err)
		}
	}
	return known, nil
}

// plain is the length of an object's plaintext.
func (h headers) plain(object ledger.Object) int64 {
	body := object.Size - h[object.Key]
	return max(0, body-tagSize*chunks(body, chunkSize+tagSize))
}

// chunks is how many chunks hold n bytes: an empty file has one.
func chunks(n, of int64) int64 { return max(1, (n+of-1)/of) }
