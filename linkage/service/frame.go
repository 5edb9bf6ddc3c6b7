package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"rempart.eu/rempart/pseudonym"
)

// A journal is a line of text, then commits:
//
//	"rpj1"   length of the body, 4 bytes   CRC-32C of these two, 4 bytes
//	body   link, 32 bytes
//
// The link is SHA-256(previous link, everything before it in the commit); that
// before the first is SHA-256 of the line. The body is batches:
//
//	time, 8 bytes (Unix seconds)   mode, 1 byte: 'k' or 'o'
//	length and party   length and domain, 1 byte and text each
//	count, 4 bytes   SHA-256 of the request's body
//	new assignments, 4 bytes, then 16 bytes of name and 16 of pseudonym each
//
// Numbers are big-endian.
const (
	journalLine = "rempart pseudonym journal 1\n"
	magic       = "rpj1"
	headSize    = len(magic) + 8
	maxCommit   = 256 << 20 // bytes of a body
)

// batch is what one request was answered.
type batch struct {
	time          time.Time
	mode          pseudonym.Mode
	party, domain string
	count         int
	digest        [sha256.Size]byte
}

// assignment gives a name its pseudonym.
type assignment struct {
	name      [16]byte
	pseudonym Pseudonym
}

const assignmentSize = 32

func (b batch) appendTo(to []byte, assigned []assignment) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(b.time.Unix()))
	to = append(to, b.mode[0])
	to = append(append(to, byte(len(b.party))), b.party...)
	to = append(append(to, byte(len(b.domain))), b.domain...)
	to = binary.BigEndian.AppendUint32(to, uint32(b.count))
	to = append(to, b.digest[:]...)
	to = binary.BigEndian.AppendUint32(to, uint32(len(assigned)))
	for i := range assigned {
		to = append(append(to, assigned[i].name[:]...), assigned[i].pseudonym[:]...)
	}
	return to
}

var errBatch = errors.New("a batch is not whole")

// readBatch reads one batch from the front of a body; assign hears its assignments.
func readBatch(body []byte, assign func(assignment) error) (b batch, rest []byte, err error) {
	take := func(n int) []byte {
		if err != nil || n < 0 || n > len(body) {
			err = errBatch
			return make([]byte, max(0, min(n, 64)))
		}
		part := body[:n]
		body = body[n:]
		return part
	}
	text := func() string { return string(take(int(take(1)[0]))) }
	b.time = time.Unix(int64(binary.BigEndian.Uint64(take(8))), 0).UTC()
	mode := take(1)[0]
	b.party, b.domain = text(), text()
	b.count = int(binary.BigEndian.Uint32(take(4)))
	copy(b.digest[:], take(sha256.Size))
	n := int(binary.BigEndian.Uint32(take(4)))
	if err != nil {
		return b, nil, err
	}
	switch mode {
	case pseudonym.Keyed[0]:
		b.mode = pseudonym.Keyed
	case pseudonym.Oblivious[0]:
		b.mode = pseudonym.Oblivious
	default:
		return b, nil, errBatch
	}
	if n > b.count || n > len(body)/assignmentSize {
		return b, nil, errBatch
	}
	for range n {
		part := take(assignmentSize)
		if err := assign(assignment{[16]byte(part[:16]), Pseudonym(part[16:])}); err != nil {
			return b, nil, err
		}
	}
	return b, body, nil
}

// seal makes a commit of a body, and returns its link.
func seal(body []byte, previous [sha256.Size]byte) (commit []byte, link [sha256.Size]byte) {
	commit = make([]byte, 0, headSize+len(body)+sha256.Size)
	commit = append(commit, magic...)
	commit = binary.BigEndian.AppendUint32(commit, uint32(len(body)))
	commit = binary.BigEndian.AppendUint32(commit, crc32.Checksum(commit, castagnoli))
	commit = append(commit, body...)
	link = chain(previous, commit)
	return append(commit, link[:]...), link
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func chain(previous [sha256.Size]byte, commit []byte) (link [sha256.Size]byte) {
	h := sha256.New()
	h.Write(previous[:])
	h.Write(commit)
	h.Sum(link[:0])
	return link
}

// errTorn says that the last commit was not written to its end: nobody was answered.
var errTorn = errors.New("torn")

// readCommit reads the next commit. io.EOF is the end, errTorn a commit that breaks
// off at the end of the file, any other error damage.
func readCommit(r io.Reader, previous [sha256.Size]byte) (body []byte, link [sha256.Size]byte, err error) {
	var head [headSize]byte
	n, err := io.ReadFull(r, head[:])
	switch {
	case errors.Is(err, io.EOF):
		return nil, link, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF) && (bytes.HasPrefix([]byte(magic), head[:min(n, len(magic))]) || zero(head[:n])):
		return nil, link, errTorn
	case err != nil:
		return nil, link, fmt.Errorf("a commit without a head: %w", err)
	case zero(head[:]): // room that was given and never written
		return nil, link, zeros(r)
	}
	length := binary.BigEndian.Uint32(head[len(magic):])
	// A length that is wrong must not look like a commit that breaks off.
	sound := crc32.Checksum(head[:len(magic)+4], castagnoli) == binary.BigEndian.Uint32(head[len(magic)+4:])
	if string(head[:len(magic)]) != magic || !sound || length > maxCommit {
		return nil, link, errors.New("a commit does not begin as one")
	}
	rest := make([]byte, int(length)+sha256.Size)
	if _, err := io.ReadFull(r, rest); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil, link, errTorn
	} else if err != nil {
		return nil, link, err
	}
	body = rest[:length]
	link = chain(previous, append(head[:], body...))
	if !bytes.Equal(link[:], rest[length:]) {
		return nil, link, errors.New("a commit does not fit its link")
	}
	return body, link, nil
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// zeros is errTorn where nothing but zeros follows.
func zeros(r io.Reader) error {
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		if !zero(buf[:n]) {
			return errors.New("a commit begins with zeros")
		}
		if errors.Is(err, io.EOF) {
			return errTorn
		}
		if err != nil {
			return err
		}
	}
}
