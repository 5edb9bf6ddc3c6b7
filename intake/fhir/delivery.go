package fhir

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Delivery sorts the files that somebody handed in: NDJSON by the types that
// their names say, and Bundles, which hold every type.
type Delivery struct {
	lines   map[string][]File
	bundles []bundle
	Ignored []string // names of files that are neither, such as log.ndjson
}

// File gives the resources of one type, a line each.
type File struct {
	Name string // as delivered
	Open func() (io.ReadCloser, error)
}

type bundle struct {
	File
	*Bundle
}

// named are the names of bulk exports: Patient.ndjson, Patient.000.ndjson,
// 1.Patient.ndjson, Patient-2.ndjson. The specification leaves them open.
var named = regexp.MustCompile(`(?i)^(?:[0-9]+\.)?([a-z]+)(?:[.-][0-9]+)?\.ndjson$`)

// NewDelivery sorts files by their names, which may end in .gz or .zst. types
// are those that the feed reads. open opens a file by its name, decompressed. It
// reads every Bundle once, for what its entries are called.
func NewDelivery(names, types []string, open func(name string) (io.ReadCloser, error)) (*Delivery, error) {
	d := &Delivery{lines: map[string][]File{}}
	for _, name := range slices.Sorted(slices.Values(names)) {
		file := File{Name: name, Open: func() (io.ReadCloser, error) { return open(name) }}
		plain := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
		if strings.HasSuffix(plain, ".json") {
			if err := d.bundle(file); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		at := -1
		if match := named.FindStringSubmatch(plain); match != nil {
			at = slices.IndexFunc(types, func(t string) bool { return strings.EqualFold(t, match[1]) })
		}
		if at < 0 {
			d.Ignored = append(d.Ignored, name)
			continue
		}
		d.lines[types[at]] = append(d.lines[types[at]], file)
	}
	return d, nil
}

func (d *Delivery) bundle(file File) error {
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := OpenBundle(in)
	if err != nil {
		return err
	}
	d.bundles = append(d.bundles, bundle{file, b})
	return nil
}

// Files are those that hold resources of a type, in the order of their names:
// NDJSON first.
func (d *Delivery) Files(resource string) []File {
	files := slices.Clone(d.lines[resource])
	for _, b := range d.bundles {
		if b.Types[resource] > 0 {
			files = append(files, File{Name: b.Name, Open: func() (io.ReadCloser, error) { return b.open(resource) }})
		}
	}
	return files
}

// Others counts the entries of Bundles whose types are not among those read.
func (d *Delivery) Others(types []string) map[string]int64 {
	others := map[string]int64{}
	for _, b := range d.bundles {
		for _, kind := range slices.Sorted(maps.Keys(b.Types)) {
			if !slices.Contains(types, kind) {
				others[kind] += b.Types[kind]
			}
		}
	}
	return others
}

// open reads the Bundle's resources of one type as lines.
func (b bundle) open(resource string) (io.ReadCloser, error) {
	in, err := b.File.Open()
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(b.Lines(in, resource, w))
	}()
	return &lines{r, in, done}, nil
}

// lines ends its goroutine with Close.
type lines struct {
	*io.PipeReader
	in   io.Closer
	done chan struct{}
}

func (l *lines) Close() error {
	l.PipeReader.Close() //nolint:errcheck,gosec // a PipeReader's Close gives no error
	<-l.done
	return l.in.Close()
}
