package mount

import (
	"io"
	"runtime"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
)

// content is the plaintext of one file, for one reader who has it open.
//
// Chunks that are asked for whole are decrypted straight into the reader's
// buffer: the kernel caches them. Chunks of which a part is asked for, and those
// that are read ahead, are kept: their rest will be asked for next.
type content struct {
	plain io.ReaderAt
	size  int64
	end   io.Closer
	file  int // its number, in the cache
	cache *cache
	under sync.WaitGroup // what is being read ahead

	mu    sync.Mutex
	next  int64 // where the last reading ended
	run   int64 // bytes read in a row up to there
	ahead int64 // up to where chunks were read ahead
}

// Close waits for what is being read ahead and closes the file.
func (c *content) Close() error {
	c.under.Wait()
	return c.end.Close()
}

// What is read in one go. A reading of several pieces is shared among the cores.
const piece = 2 * chunkSize

// ReadAt fills dst, or as much of it as the file has. Unlike io.ReaderAt's, its
// end is no error.
func (c *content) ReadAt(dst []byte, off int64) (int, error) {
	if off < 0 || off >= c.size {
		return 0, nil
	}
	dst = dst[:min(int64(len(dst)), c.size-off)]
	c.readAhead(off, int64(len(dst)))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for start := off; start < off+int64(len(dst)); {
		end := min(start-start%piece+piece, off+int64(len(dst)))
		part, at := dst[start-off:end-off], start
		if len(part) == len(dst) { // all of it: no other goroutine is needed
			return len(dst), c.readPiece(part, at)
		}
		group.Go(func() error { return c.readPiece(part, at) })
		start = end
	}
	return len(dst), group.Wait()
}

// readPiece fills dst from chunks that are kept and from the host.
func (c *content) readPiece(dst []byte, off int64) error {
	whole := 0 // bytes at the beginning of dst that are to come from the host
	flush := func() error {
		if whole == 0 {
			return nil
		}
		err := readFull(c.plain, dst[:whole], off)
		dst, off, whole = dst[whole:], off+int64(whole), 0
		return err
	}
	for whole < len(dst) {
		at := off + int64(whole)
		index, within := at/chunkSize, int(at%chunkSize)
		n := min(int(chunkSize)-within, len(dst)-whole)
		toEnd := within+n == chunkSize || at+int64(n) == c.size
		data, kept := c.cache.take(chunkID{c.file, index}, toEnd)
		if toEnd && within == 0 && !kept {
			whole += n
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if !kept {
			var err error
			if data, err = c.chunk(index); err != nil {
				return err
			}
		}
		copy(dst[:n], data[within:])
		dst, off = dst[n:], off+int64(n)
	}
	return flush()
}

// chunk decrypts one chunk and keeps it.
func (c *content) chunk(index int64) ([]byte, error) {
	return c.cache.load(chunkID{c.file, index}, func() ([]byte, error) {
		data := make([]byte, min(chunkSize, c.size-index*chunkSize))
		return data, readFull(c.plain, data, index*chunkSize)
	})
}

// Reading ahead begins with a reader who has read so much in a row, and goes so
// far. A reader of one column of a Parquet file stays below: for him the next
// column would be fetched in vain.
const (
	inARow = 4 << 20
	window = 1 << 20
)

// readAhead notes a reading, and decrypts what comes next where it is the next
// of many in a row.
func (c *content) readAhead(off, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// The kernel asks for neighbouring ranges at the same time, in any order.
	if off < c.next-window || off > c.next+window {
		c.next, c.run, c.ahead = off, 0, 0
	}
	c.next = max(c.next, off+n)
	if c.run += n; c.run < inARow {
		return
	}
	from := max((c.next+chunkSize-1)/chunkSize*chunkSize, c.ahead)
	to := min(c.next+window, c.size)
	for ; from < to; from += piece {
		select {
		case c.cache.slots <- struct{}{}:
		default: // enough is under way
			return
		}
		c.ahead = from + piece
		c.under.Go(func() {
			defer func() { <-c.cache.slots }()
			c.fetch(from/chunkSize, min(from+piece, to))
		})
	}
}

// fetch keeps the chunks from one up to an offset. Who reads them will meet
// any error again.
func (c *content) fetch(index, end int64) {
	for ; index*chunkSize < end; index++ {
		if _, err := c.chunk(index); err != nil {
			return
		}
	}
}

// readFull is ReadAt for a range that the file has.
func readFull(r io.ReaderAt, dst []byte, off int64) error {
	n, err := r.ReadAt(dst, off)
	if n == len(dst) {
		return nil
	}
	return err
}

// cache keeps decrypted chunks, and bounds how many are read ahead at a time.
type cache struct {
	chunks *lru.Cache[chunkID, reading]
	slots  chan struct{} // one for each reading ahead
}

type chunkID struct {
	file  int
	index int64
}

// reading returns a chunk. The first who calls it reads, others wait.
type reading func() ([]byte, error)

func newCache(bytes int64) (*cache, error) {
	chunks, err := lru.New[chunkID, reading](int(max(1, bytes/chunkSize)))
	return &cache{chunks: chunks, slots: make(chan struct{}, runtime.NumCPU())}, err
}

// take returns a chunk that is kept. Once its end is asked for it is kept no
// longer: who reads on has all of it, and the kernel with him.
func (c *cache) take(id chunkID, toEnd bool) (data []byte, kept bool) {
	read, kept := c.chunks.Get(id)
	if !kept {
		return nil, false
	}
	if toEnd {
		c.chunks.Remove(id)
	}
	data, err := read()
	return data, err == nil
}

// load returns a chunk that is kept, or reads and keeps it.
func (c *cache) load(id chunkID, read reading) ([]byte, error) {
	read = sync.OnceValues(read)
	if kept, found, _ := c.chunks.PeekOrAdd(id, read); found {
		read = kept
	}
	data, err := read()
	if err != nil {
		c.chunks.Remove(id)
	}
	return data, err
}
