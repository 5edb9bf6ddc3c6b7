package omop

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/internal/nearest"
)

// feed is a deposit's feed: the description of its rows and the SQL that maps them.
type feed struct {
	*intake.Feed
	dir        string // its folder among the feeds
	folder     fs.FS
	vocabulary string // folder of its vocabulary among the feeds
	mappings   []mapping
}

// mapping is one SELECT of a feed.
type mapping struct {
	file   string // as an error names it: <feed>/map/<target>.<what>.sql
	target string
	what   string
	query  string
	lower  string // the query in lower case
	sha256 string // of the file
}

// The targets that are no tables of the CDM.
const (
	targetEvent    = "event"    // coded rows, which the domain of their code sorts into tables
	targetView     = "view"     // a view that the feed's other files read
	targetUnmapped = "unmapped" // rows of the source that reach no table, and why
)

// loadFeed reads feed name of a folder of feeds.
func loadFeed(feeds fs.FS, name string) (*feed, error) {
	folder, err := fs.Sub(feeds, name)
	if err != nil {
		return nil, fmt.Errorf("feed %q: %w", name, err)
	}
	described, err := intake.LoadFeed(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no feed %q: a feed is a folder with a %s", name, intake.Descriptor)
	}
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", name, err)
	}
	f := &feed{Feed: described, dir: name, folder: folder, vocabulary: path.Join(name, described.Vocabulary)}
	f.mappings, err = f.readMappings()
	return f, err
}

var depositName = regexp.MustCompile(`(?i)\bdeposit\s*\(`)

// readMappings reads the feed's SQL, sorted by name.
func (f *feed) readMappings() ([]mapping, error) {
	files, err := fs.Glob(f.folder, "map/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the mapping of feed %s: %w", f.dir, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("feed %s has no mapping: add map/<table>.sql", f.dir)
	}
	slices.Sort(files)
	all := make([]mapping, 0, len(files))
	targets := append(mappable(), targetEvent, targetUnmapped, targetView)
	for _, file := range files {
		text, err := fs.ReadFile(f.folder, file)
		if err != nil {
			return nil, fmt.Errorf("read mapping %s of feed %s: %w", file, f.dir, err)
		}
		sum := sha256.Sum256(text)
		target, what, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), ".")
		if !slices.Contains(targets, target) {
			return nil, fmt.Errorf("%s: there is no table %q to map to: %s", path.Join(f.dir, file), target, nearest.Hint(target, targets))
		}
		if f.Together && depositName.Match(text) {
			return nil, fmt.Errorf("%s: it asks for deposit(), and the feed's deposits are mapped together: make the key of something else, or say \"deposits\": \"apart\" in %s", path.Join(f.dir, file), intake.Descriptor)
		}
		query := strings.TrimRight(strings.TrimSpace(string(text)), ";")
		all = append(all, mapping{
			file:   path.Join(f.dir, file),
			target: target,
			what:   what,
			query:  query,
			lower:  strings.ToLower(query),
			sha256: hex.EncodeToString(sum[:]),
		})
	}
	return all, nil
}

// resourceNames names what a mapping of the feed can say that its rows come from.
func (f *feed) resourceNames() []string {
	names := make([]string, len(f.Resources))
	for i, r := range f.Resources {
		names[i] = r.Name
	}
	return names
}
