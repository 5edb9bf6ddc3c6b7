package intake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Delivery is what a provider's folder holds of a feed.
type Delivery struct {
	Feed    *Feed
	Sources []Source // in the order in which they are checked
	Ignored []string // names that the feed does not know
}

// Source is one delivered file and the resources that it feeds.
type Source struct {
	Name     string // of the file as delivered, without its folder
	Format   Format
	Encoding Encoding // in which a text is read that does not say so itself
	Feeds    []Part

	compression string // ending of the name: .gz, .zst or ""
	bundle      bool   // a Bundle of FHIR, of which one type is read
}

// Part is the part of a resource that comes from one source.
type Part struct {
	Resource *Resource
	Ordinal  int // of the file among those of the resource, from 0; in health data line = Ordinal<<40 | line in the file

	values map[string]string // of the named groups of the file's name
}

// Deliver finds the feed's files among the names of a folder. The error joins
// everything that is wrong, and says what to do: a file that is missing, one
// that is there twice, one that several resources claim.
func (f *Feed) Deliver(names []string) (*Delivery, error) {
	d := &Delivery{Feed: f}
	names = slices.Sorted(slices.Values(names))
	var problems []error
	sources := map[string][]*Source{}
	bases := map[string]map[string]string{} // of each resource: its files by their names without endings
	count := map[string]int{}
	for _, name := range names {
		s := &Source{Name: name}
		var base string
		base, s.compression = uncompressed(name)
		if bundles := f.bundle(s, base, count); len(bundles) > 0 {
			sources[name] = bundles
			continue
		}
		for i := range f.Resources {
			r := &f.Resources[i]
			part, format, ok := r.claims(base)
			if !ok {
				continue
			}
			if len(s.Feeds) > 0 && (s.Format != format || !formats[format].several) {
				problems = append(problems, fmt.Errorf("%s is claimed by the resources %s and %s: make the feed's file names differ", name, s.Feeds[0].Resource.Name, r.Name))
				continue
			}
			twin, again := bases[r.Name][distinct(base, r)]
			if again {
				problems = append(problems, fmt.Errorf("%s and %s are both there, and %s takes one of them: remove the other", twin, name, r.Name))
				continue
			}
			if bases[r.Name] == nil {
				bases[r.Name] = map[string]string{}
			}
			bases[r.Name][distinct(base, r)] = name
			part.Ordinal = count[r.Name]
			count[r.Name]++
			s.Format, s.Encoding = format, r.Encoding
			s.Feeds = append(s.Feeds, part)
		}
		if len(s.Feeds) > 0 {
			sources[name] = []*Source{s}
		} else {
			d.Ignored = append(d.Ignored, name)
		}
	}
	for _, r := range f.Order() {
		if count[r.Name] == 0 && !r.Optional {
			problems = append(problems, fmt.Errorf("%s is missing: feed %s needs it", r.File(), f.Name))
		}
		for _, name := range names {
			sources[name] = slices.DeleteFunc(sources[name], func(s *Source) bool {
				feeds := slices.ContainsFunc(s.Feeds, func(p Part) bool { return p.Resource.Name == r.Name })
				if feeds {
					d.Sources = append(d.Sources, *s)
				}
				return feeds
			})
		}
	}
	return d, errors.Join(problems...)
}

// replaced says whether the file of identities tells of persons in the place of
// r: a feed may leave that file to the provider, who need not deliver it.
func (d *Delivery) replaced(r *Resource) bool {
	return !r.Identity && d.identified() && d.Feed.identities().Optional
}

// identified says whether there is a file of identities.
func (d *Delivery) identified() bool {
	id := d.Feed.identities()
	return id != nil && (!id.Optional || slices.ContainsFunc(d.Sources, func(s Source) bool {
		return slices.ContainsFunc(s.Feeds, func(p Part) bool { return p.Resource.Name == id.Name })
	}))
}

// distinct is what no two files of a resource may share: all of a single file's
// names, and of several files' the name without the endings.
func distinct(base string, r *Resource) string {
	if r.Files == "" {
		return ""
	}
	lower := strings.ToLower(base)
	if n := len(lower) - len(parquetEnding); n > 0 && lower[n:] == parquetEnding {
		return lower[:n] + csvEnding
	}
	return lower
}

const csvEnding, parquetEnding = ".csv", ".parquet"

// claims says whether a file of that name, without the ending of a compression,
// is one of the resource.
func (r *Resource) claims(base string) (Part, Format, bool) {
	if part, ok := r.matches(base); ok {
		return part, r.Format, true
	}
	n := len(base) - len(parquetEnding)
	if r.Format != CSV || n <= 0 || !strings.EqualFold(base[n:], parquetEnding) || formats[Parquet].open == nil {
		return Part{}, "", false
	}
	part, ok := r.matches(base[:n] + csvEnding)
	return part, Parquet, ok
}

func (r *Resource) matches(base string) (Part, bool) {
	part := Part{Resource: r}
	if r.Files == "" {
		return part, strings.EqualFold(base, r.Path)
	}
	groups := r.files.FindStringSubmatch(base)
	if groups == nil {
		return part, false
	}
	part.values = map[string]string{}
	for i, name := range r.files.SubexpNames() {
		if name != "" {
			part.values[name] = groups[i]
		}
	}
	return part, true
}
