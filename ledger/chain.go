package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// Chain is how far the entries of a file hold together that only grows: a line, and for each
// entry its length (4 bytes, little-endian), its bytes, and the link, which is the SHA-256
// of the link before and of those bytes; the first link is that of the line. A statement
// that names its head ([JournalHead]) anchors all of it.
type Chain struct {
	Line string
	Size int64 // up to the end of the last whole entry
	Link [sha256.Size]byte
}

// Head is what a statement says of it.
func (c *Chain) Head() JournalHead {
	return JournalHead{Size: c.Size, Head: Digest(hex.EncodeToString(c.Link[:]))}
}

// Read reads a chain, which must reach as far as anchor and hold it, and hands each entry on, with
// whether the anchor reaches as far as it. What breaks off after the anchor is left out.
func (c *Chain) Read(data []byte, anchor JournalHead, entry func(content []byte, anchored bool) error) error {
	c.Link, c.Size = sha256.Sum256([]byte(c.Line)), int64(len(c.Line))
	if len(data) < len(c.Line) && anchor.Size == 0 {
		return nil
	}
	if !bytes.HasPrefix(data, []byte(c.Line)) {
		return errors.New("it does not begin as it should")
	}
	found := anchor.Size == 0
	for at := len(c.Line); ; {
		if len(data)-at < 4 {
			break
		}
		n := int(binary.LittleEndian.Uint32(data[at:]))
		if len(data)-at-4-sha256.Size < n {
			break
		}
		content := data[at+4 : at+4+n]
		link := c.after(content)
		if !bytes.Equal(link[:], data[at+4+n:at+4+n+sha256.Size]) {
			return errors.New("an entry is not what was written")
		}
		at += 4 + n + sha256.Size
		c.Link, c.Size = link, int64(at)
		if err := entry(content, c.Size <= anchor.Size); err != nil {
			return err
		}
		if c.Size == anchor.Size {
			if c.Head() != anchor {
				return errors.New("it is not the one that the ledger knows")
			}
			found = true
		}
	}
	if !found {
		return errors.New("the ledger knows more of it")
	}
	return nil
}

func (c *Chain) after(content []byte) [sha256.Size]byte {
	return sha256.Sum256(append(bytes.Clone(c.Link[:]), content...))
}

// Append is what an entry is written as at Size, and moves on behind it.
func (c *Chain) Append(content []byte) []byte {
	c.Link = c.after(content)
	record := binary.LittleEndian.AppendUint32(nil, uint32(len(content))) //nolint:gosec // entries are far below 4 GiB
	record = append(append(record, content...), c.Link[:]...)
	c.Size += int64(len(record))
	return record
}
