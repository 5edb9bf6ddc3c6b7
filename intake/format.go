package intake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
)

// format is how files of one kind are read.
type format struct {
	several bool // one file may feed several resources
	open    func(o opening) (rows, error)
}

// formats are those that are read.
var formats = map[Format]format{
	CSV: {open: openCSV},
}

func formatNames() (names []string) {
	for _, f := range slices.Sorted(maps.Keys(formats)) {
		names = append(names, string(f))
	}
	return names
}

// opening is a file that is to be read: UTF-8 text without a mark, and the
// plans of the resources that it feeds. Fields are at their own places in a
// row, unless open says otherwise in the plan.
type opening struct {
	file    string // as errors name it
	in      io.Reader
	foreign bool // the text was in another encoding
	size    int  // of a block in bytes, or a little more
	plans   []*plan
}

// rows reads a file as blocks of whole rows. One goroutine calls next and line;
// the splitters, each in a goroutine of its own, take the blocks apart.
type rows interface {
	// next returns the next block, or io.EOF. It reads on into the memory of
	// old, a block that nobody uses any more.
	next(old block) (block, error)
	// line is where reading has come to, for errors.
	line() int
	splitter() splitter
}

// splitter hands the rows of a block to the workers, one for each resource that
// the file feeds: [worker.row] with the row's values, or [worker.refuse] for
// what is no row. An error stops the file.
type splitter interface {
	split(b block, to []*worker) error
}

// block is a run of whole rows of a file.
type block struct {
	text []byte
	line int // of the first row, 1-based
}

// plainText reads a text as UTF-8: it takes off the mark, which outweighs the
// declared encoding, and refuses what is no such text.
func plainText(file string, encoding Encoding, in io.Reader) (text io.Reader, foreign bool, err error) {
	buffered := bufio.NewReaderSize(in, 4096)
	start, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, readError(file, 0, err)
	}
	starts := func(mark string) bool { return bytes.HasPrefix(start, []byte(mark)) }
	switch {
	case starts(markUTF8):
		_, _ = buffered.Discard(len(markUTF8)) // they are there
		return buffered, false, nil
	case starts(markUTF16LE), starts(markUTF16BE):
		return nil, false, &FileError{File: file, Line: 1, Problem: "the text is UTF-16", Remedy: "convert it first: iconv -f UTF-16 -t UTF-8"}
	case starts("\x1f\x8b"):
		return nil, false, &FileError{File: file, Problem: "the file is compressed by gzip", Remedy: "give it a name that ends in .gz"}
	case starts("\x28\xb5\x2f\xfd"):
		return nil, false, &FileError{File: file, Problem: "the file is compressed by zstd", Remedy: "give it a name that ends in .zst"}
	case starts("PK\x03\x04"):
		return nil, false, &FileError{File: file, Problem: "the file is a ZIP archive", Remedy: "deliver what is in it"}
	}
	return encoding.utf8From(buffered), encoding != UTF8, nil
}
