package mount

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// tree is the directory as the kernel sees it.
type tree struct {
	fs.Inode
	ctx     context.Context // of the serving; ends the host's work
	space   Space
	options Options
	headers headers
	cache   *cache
	ended   atomic.Bool
	bytes   atomic.Int64

	mu    sync.Mutex
	nodes map[string]*node // those that were opened
	opens map[string]int64
}

var _ fs.NodeOnAdder = (*tree)(nil)

// OnAdd implements [fs.NodeOnAdder]: it fills the directory.
func (t *tree) OnAdd(ctx context.Context) {
	for i, f := range t.space.Files {
		n := &node{tree: t, file: f, number: i, size: t.headers.plain(f.Object)}
		inode := t.NewPersistentInode(ctx, n, fs.StableAttr{Mode: syscall.S_IFREG, Ino: uint64(i) + 2})
		t.AddChild(f.Name, inode, false)
	}
}

// stats is what was read so far.
func (t *tree) stats(ended string) Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Opens: t.opens, Bytes: t.bytes.Load(), Ended: ended}
}

// end refuses every reading from now on, and makes the kernel forget what it
// has of the files. The pages that a reading is about to fill are locked until
// it is answered; the kernel waits for them here, so that none is left.
func (t *tree) end() error {
	t.ended.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for name, n := range t.nodes {
		if errno := n.NotifyContent(0, 0); errno != 0 && errno != syscall.ENOENT {
			err = errors.Join(err, fmt.Errorf("file %s: the kernel did not forget what it has of it: %w", name, errno))
		}
	}
	return err
}

// over says whether reading has ended, by the clock or otherwise.
func (t *tree) over() bool { return t.ended.Load() || t.options.over() }

// node is one file.
type node struct {
	fs.Inode
	tree   *tree
	file   File
	number int
	size   int64 // of the plaintext
}

var (
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
)

// Getattr implements [fs.NodeGetattrer].
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFREG | 0o400
	out.Size = uint64(n.size)
	out.Blocks = (out.Size + 511) / 512
	out.Blksize = 1 << 20
	return 0
}

// Open implements [fs.NodeOpener]. The kernel may keep what it read before: the
// file never changes.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if n.tree.over() {
		return nil, 0, syscall.EACCES
	}
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	c, err := n.open()
	if err != nil {
		n.complain(err)
		return nil, 0, syscall.EIO
	}
	n.tree.mu.Lock()
	n.tree.opens[n.file.Name]++
	n.tree.nodes[n.file.Name] = n
	n.tree.mu.Unlock()
	return &handle{node: n, content: c}, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (n *node) open() (*content, error) {
	plain, size, closer, err := n.tree.space.open(n.tree.ctx, n.file)
	if err != nil {
		return nil, err
	}
	if size != n.size {
		err := fmt.Errorf("its header is not as long as those of the other files: it has %d bytes of plaintext, not %d", size, n.size)
		return nil, errors.Join(err, closer.Close())
	}
	return &content{plain: plain, end: closer, size: size, file: n.number, cache: n.tree.cache}, nil
}

// complain tells the operator what the reader cannot be told.
func (n *node) complain(err error) {
	n.tree.options.Log.Error("a file of the mount cannot be read", slog.String("file", n.file.Name), slog.String("object", n.file.Object.Name), slog.Any("error", err))
}

// handle is a file that somebody has open.
type handle struct {
	node     *node
	content  *content
	complain sync.Once
}

var (
	_ fs.FileReader   = (*handle)(nil)
	_ fs.FileReleaser = (*handle)(nil)
)

// Read implements [fs.FileReader].
func (h *handle) Read(_ context.Context, dst []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	t := h.node.tree
	if t.over() {
		return nil, syscall.EACCES
	}
	n, err := h.content.ReadAt(dst, off)
	if err != nil {
		h.complain.Do(func() { h.node.complain(err) })
		return nil, syscall.EIO
	}
	t.bytes.Add(int64(n))
	return fuse.ReadResultData(dst[:n]), 0
}

// Release implements [fs.FileReleaser].
func (h *handle) Release(context.Context) syscall.Errno {
	if err := h.content.Close(); err != nil {
		h.node.complain(err)
		return syscall.EIO
	}
	return 0
}

// forever is how long the kernel may rely on names and sizes: nothing changes.
const forever = 24 * time.Hour

// mountOptions are how the kernel is to treat the directory.
func mountOptions() *fs.Options {
	timeout := forever
	return &fs.Options{
		EntryTimeout: &timeout, AttrTimeout: &timeout, NegativeTimeout: &timeout,
		MountOptions: fuse.MountOptions{
			Name: "rempart", FsName: "rempart",
			Options: []string{"ro", "noexec", "nosuid", "nodev"},
			// The largest reading. The kernel asks for 128 KiB at most, as it
			// reads ahead no further (VM_READAHEAD_PAGES); more would only make
			// the buffers larger.
			MaxWrite:                 128 << 10,
			MaxBackground:            64, // readings at a time; the kernel asks for several of one reader's
			MaxInflightRequestBytes:  32 << 20,
			DirectMount:              true, // where this process may; else by fusermount3
			DirectMountFlags:         unix.MS_RDONLY | unix.MS_NOEXEC | unix.MS_NOSUID | unix.MS_NODEV,
			DisableXAttrs:            true,
			ExplicitDataCacheControl: true,
			// The answers lie in memory: there is no file to splice from.
			DisableSplice: true,
		},
	}
}

func newTree(ctx context.Context, s Space, o Options) (*tree, error) {
	sizes, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := newCache(o.Cache)
	if err != nil {
		return nil, err
	}
	return &tree{
		ctx: ctx, space: s, options: o, headers: sizes, cache: kept,
		nodes: map[string]*node{}, opens: map[string]int64{},
	}, nil
}
