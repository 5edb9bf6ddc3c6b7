package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/ledger"
)

// feedFolders are the feeds that come with rempart and those that were added
// to the home, in one folder. A home's feed cannot replace one of ours.
type feedFolders struct{ home fs.FS }

// Feeds is the folder of all feeds that the warehouse knows.
func (w *Warehouse) Feeds() fs.FS { return feedFolders{os.DirFS(w.path("feeds"))} }

// Open implements [fs.FS].
func (f feedFolders) Open(name string) (fs.File, error) {
	file, err := feeds.FS().Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f.home.Open(name)
	}
	return file, err
}

// FeedNames lists the feeds, sorted.
func (w *Warehouse) FeedNames() ([]string, error) {
	names := feeds.Names()
	own, err := fs.Glob(os.DirFS(w.path("feeds")), "*/datapackage.json")
	for _, path := range own {
		names = append(names, filepath.Dir(path))
	}
	slices.Sort(names)
	return names, err
}

// Feed finds a feed and the digest of its files.
func (w *Warehouse) Feed(name string) (fs.FS, ledger.Digest, error) {
	names, err := w.FeedNames()
	if err != nil {
		return nil, "", err
	}
	if !slices.Contains(names, name) {
		if near := nearest.Name(name, names); near != "" {
			return nil, "", fmt.Errorf("there is no feed %q: did you mean %q?", name, near)
		}
		return nil, "", fmt.Errorf("there is no feed %q: see rempart feed list", name)
	}
	folder, err := fs.Sub(w.Feeds(), name)
	if err != nil {
		return nil, "", err
	}
	digest, err := digestFolder(folder)
	return folder, digest, err
}

// digestFolder is the SHA-256 over names and digests of a folder's files.
func digestFolder(folder fs.FS) (ledger.Digest, error) {
	sum := sha256.New()
	err := fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s  %s\n", ledger.Sum(data), path)
		return err
	})
	return ledger.Digest(hex.EncodeToString(sum.Sum(nil))), err
}

// CopyFeed writes the folder of a feed to dir, which must not be there, under
// dir's own name, so that it can be changed and added.
func (w *Warehouse) CopyFeed(name, dir string) error {
	folder, _, err := w.Feed(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is there already: name a folder that is not", dir))
	}
	descriptor, err := fs.ReadFile(folder, intake.Descriptor)
	if err != nil {
		return err
	}
	own := regexp.MustCompile(`"name"\s*:\s*"` + regexp.QuoteMeta(name) + `"`).FindIndex(descriptor)
	if own == nil {
		return fmt.Errorf("feed %s does not say its name in its %s", name, intake.Descriptor)
	}
	if err := os.CopyFS(dir, folder); err != nil {
		return err
	}
	renamed := slices.Concat(descriptor[:own[0]], fmt.Appendf(nil, `"name": %q`, filepath.Base(dir)), descriptor[own[1]:])
	return os.WriteFile(filepath.Join(dir, intake.Descriptor), renamed, 0o644) //nolint:gosec // a feed is no secret
}

// AddFeed copies a feed's folder into the home, after checking it.
func (w *Warehouse) AddFeed(dir string) (*intake.Feed, error) {
	feed, err := intake.LoadFeed(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	names, err := w.FeedNames()
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, feed.Name) {
		return nil, fmt.Errorf("there is a feed %q already: give yours another name in its datapackage.json", feed.Name)
	}
	if err := os.MkdirAll(w.path("feeds"), 0o755); err != nil {
		return nil, err
	}
	partial, err := os.MkdirTemp(w.Dir, ".partial-feed-*")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(partial, os.DirFS(dir)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(partial))
	}
	return feed, os.Rename(partial, w.path("feeds", filepath.Base(feed.Name)))
}

// Publishing keeps [Warehouse.Repair] from taking an upload under way for an orphan.
func (w *Warehouse) Publishing(ctx context.Context) (done func() error, err error) {
	return filelock.Shared(ctx, w.path("publishing.lock"))
}
