package intake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressions are the endings of compressed files' names.
var compressions = []string{".gz", ".zst"}

// maxWindow is the most memory in bytes that a zstd stream may ask for: what
// zstd -d grants without --long. Source: RFC 8878, section 3.1.1.1.2, asks
// decoders to have a limit.
const maxWindow = 128 << 20

// uncompressed is the name without the ending that tells the compression, and
// that ending in lower case.
func uncompressed(name string) (string, string) {
	for _, ending := range compressions {
		if n := len(name) - len(ending); n > 0 && strings.EqualFold(name[n:], ending) {
			return name[:n], ending
		}
	}
	return name, ""
}

// decompress reads what a file of that ending holds, as a stream: however much
// comes out of it, little of it is in memory at once. stop ends it. An error
// that is not in's own is an errCorrupt.
func decompress(ending string, in io.Reader) (out io.Reader, stop func(), err error) {
	below := &under{r: in}
	switch ending {
	case ".gz":
		r, err := gzip.NewReader(bufio.NewReaderSize(below, 1<<16))
		if err != nil {
			return nil, nil, below.blame(err)
		}
		return &compressed{r, below}, func() { _ = r.Close() }, nil
	case ".zst":
		r, err := zstd.NewReader(below, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, below.blame(err)
		}
		return &compressed{r, below}, r.Close, nil
	}
	return in, func() {}, nil
}

// errCorrupt marks a compressed file that is not whole.
var errCorrupt = errors.New("the compressed file is damaged or cut short")

// under notes the error of a reader below a decompressor.
type under struct {
	r   io.Reader
	err error
}

func (u *under) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// blame says whose error it is: the reader's, or that of what it read.
func (u *under) blame(err error) error {
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // io.Reader's contract: the bare io.EOF is the end
		return err
	case u.err != nil:
		return u.err
	}
	return fmt.Errorf("%w (%w)", errCorrupt, err)
}

type compressed struct {
	r     io.Reader
	below *under
}

func (c *compressed) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	return n, c.below.blame(err)
}
