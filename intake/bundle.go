package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"rempart.eu/rempart/intake/fhir"
)

// maxBundle is the largest Bundle in bytes that is read: it is in memory as a
// whole, since what its references mean stands anywhere in it.
const maxBundle = 256 << 20

// bundle is what a Bundle (*.json) feeds: one source for each FHIR type, so that
// persons come before what is said of them. It gives none where the feed has no
// views.
func (f *Feed) bundle(s *Source, base string, count map[string]int) (sources []*Source) {
	if !strings.HasSuffix(strings.ToLower(base), ".json") {
		return nil
	}
	of := map[string]*Source{}
	for i := range f.Resources {
		r := &f.Resources[i]
		kind := r.Type()
		if kind == "" {
			continue
		}
		if of[kind] == nil {
			of[kind] = &Source{Name: s.Name, Format: NDJSON, Encoding: UTF8, compression: s.compression, bundle: true}
			sources = append(sources, of[kind])
		}
		of[kind].Feeds = append(of[kind].Feeds, Part{Resource: r, Ordinal: count[r.Name]})
		count[r.Name]++
	}
	return sources
}

// LookInto reads the delivery's Bundles, by an open that gives a file as it was
// delivered, and drops what they turn out not to feed. What they hold that the
// feed does not read, and other files of JSON, are ignored. It must be called
// before a Checker is made.
func (d *Delivery) LookInto(open func(name string) (io.ReadCloser, error)) error {
	found := map[string]map[string]int64{} // entries of each type, by file
	for i := range d.Sources {
		s := &d.Sources[i]
		if !s.bundle || found[s.Name] != nil {
			continue
		}
		types, err := s.look(open)
		if errors.Is(err, fhir.ErrNoBundle) {
			d.Ignored = append(d.Ignored, s.Name)
			types, err = map[string]int64{}, nil
		}
		if err != nil {
			return err
		}
		found[s.Name] = types
	}
	read := map[string]bool{}
	d.Sources = slices.DeleteFunc(d.Sources, func(s Source) bool {
		if !s.bundle {
			return false
		}
		kind := s.Feeds[0].Resource.Type()
		read[kind] = true
		return found[s.Name][kind] == 0
	})
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, kind := range slices.Sorted(maps.Keys(found[name])) {
			if !read[kind] {
				d.Ignored = append(d.Ignored, fmt.Sprintf("%s: %d of type %s", name, found[name][kind], kind))
			}
		}
	}
	for i := range d.Feed.Resources {
		r := &d.Feed.Resources[i]
		fed := slices.ContainsFunc(d.Sources, func(s Source) bool {
			return slices.ContainsFunc(s.Feeds, func(p Part) bool { return p.Resource == r })
		})
		if len(found) > 0 && !fed && !r.Optional && r.Type() != "" {
			return fmt.Errorf("no %s is in the delivery: feed %s needs some", r.Type(), d.Feed.Name)
		}
	}
	return nil
}

// look says what a Bundle holds.
func (s *Source) look(open func(name string) (io.ReadCloser, error)) (types map[string]int64, err error) {
	in, err := open(s.Name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	plain, stop, err := decompress(s.compression, in)
	if err != nil {
		return nil, readError(s.Name, 0, err)
	}
	defer stop()
	text, _, err := plainText(s.Name, UTF8, plain)
	if err != nil {
		return nil, err
	}
	b, err := fhir.OpenBundle(text)
	if err != nil {
		return nil, &FileError{File: s.Name, Problem: "the Bundle cannot be read", Err: err}
	}
	return b.Types, nil
}

// bundleLines reads the resources of one type in a Bundle as lines: entry n is
// line n.
func bundleLines(file string, in io.Reader, kind string) (io.Reader, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxBundle+1))
	if err != nil {
		return nil, readError(file, 0, err)
	}
	if len(text) > maxBundle {
		return nil, &FileError{File: file, Problem: "the Bundle is longer than 256 MiB", Remedy: "deliver NDJSON, as a bulk export does"}
	}
	b, err := fhir.OpenBundle(bytes.NewReader(text))
	if err != nil {
		return nil, &FileError{File: file, Problem: "the Bundle cannot be read", Err: err}
	}
	var lines bytes.Buffer
	if err := b.Lines(bytes.NewReader(text), kind, &lines); err != nil {
		return nil, &FileError{File: file, Problem: "the Bundle cannot be read", Err: err}
	}
	return &lines, nil
}
