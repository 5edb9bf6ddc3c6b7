package intake

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

func (l *loader) resource(d *resourceDescriptor) Resource {
	r := Resource{Name: d.Name, Path: d.Path, Title: d.Title, Format: CSV, Encoding: UTF8, Threshold: l.feed.Threshold, delimiter: ','}
	if !viewName.MatchString(d.Name) {
		l.wrong("a name is in lower case, with digits and underscores: mappings see the file as a view of that name")
	}
	if d.Format != "" {
		r.Format = Format(strings.ToLower(d.Format))
		l.oneOf("format", string(r.Format), formatNames())
	}
	if d.Encoding != "" {
		encoding, err := ParseEncoding(d.Encoding)
		if l.check(err) {
			r.Encoding = encoding
		}
	}
	l.in(`"dialect"`, func() { l.dialect(d.Dialect, &r) })
	var x resourceExtension
	l.in(`"rempart"`, func() {
		l.check(closed(d.Rempart, &x, resourceExtensions))
		if x.Purpose != "" {
			l.oneOf("purpose", x.Purpose, []string{"identity"})
		}
		l.threshold(x.Threshold, &r.Threshold)
		l.files(x.Files, &r)
	})
	if r.Format == NDJSON && l.view(&r) && d.Path == "" && r.Files == "" {
		l.files(bulkNames(r.Type()), &r)
	}
	l.path(d.Path, &r)
	r.Optional, r.Identity, r.Unmapped = x.Optional, x.Purpose == "identity", x.Unmapped
	l.schema(d.Schema, &r)
	if r.view != nil {
		l.viewFields(&r)
	}
	l.in(`"rempart"`, func() { l.persons(&x, &r) })
	l.in(`"stay"`, func() { l.stays(x.Stay, &r) })
	for _, raw := range x.Keys {
		l.in(`"keys"`, func() { l.key(raw, &r) })
	}
	l.expand(&r)
	l.groups(&r)
	for _, raw := range x.Exclude {
		l.in(`"exclude"`, func() { l.exclusion(raw, &r) })
	}
	return r
}

// path checks the name of a resource's file. Others may have the same where
// one file feeds several resources.
func (l *loader) path(path string, r *Resource) {
	if (path != "" || r.Files == "") && (path == "" || strings.ContainsAny(path, `/\`) || path == "." || path == "..") {
		l.wrong("path %q is no file name: give the name alone, such as \"patients.csv\"", path)
	}
	shared := func(o Resource) bool {
		same := path != "" && r.Files == "" && o.Files == "" && strings.EqualFold(o.Path, path)
		return same && (o.Format != r.Format || !formats[r.Format].several)
	}
	if l.feed.Resource(r.Name) != nil || slices.ContainsFunc(l.feed.Resources, shared) {
		l.wrong("an earlier resource has the same name or path: each needs its own")
	}
}

// files compiles the pattern of file names.
func (l *loader) files(pattern string, r *Resource) {
	if pattern == "" {
		return
	}
	r.Files = pattern
	if _, err := regexp.Compile(pattern); err != nil {
		l.wrong("files %q is no RE2 expression: %w", pattern, err)
		return
	}
	r.files = regexp.MustCompile(`(?i)^(?:` + pattern + `)$`)
}

// groups checks that fields that take their value from a file's name find it there.
func (l *loader) groups(r *Resource) {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.From == "" || r.files != nil && slices.Contains(r.files.SubexpNames(), f.From) {
			continue
		}
		l.wrong("the field %q takes its value from the group %q of the file's name, which \"files\" lacks: write (?P<%s>...) there", f.Name, f.From, f.From)
	}
}

func (l *loader) threshold(given *float64, share *float64) {
	switch {
	case given == nil:
	case *given < 0 || *given > 1:
		l.wrong("threshold %v is no share of rows: give a number from 0 to 1", *given)
	default:
		*share = *given
	}
}

func (l *loader) dialect(raw json.RawMessage, r *Resource) {
	var d dialect
	if !l.check(closed(raw, &d, dialectProperties)) {
		return
	}
	if d.Header != nil && !*d.Header || d.DoubleQuote != nil && !*d.DoubleQuote || d.QuoteChar != "" && d.QuoteChar != `"` {
		l.wrong(`only files with a header line, quoted by " and with doubled quotes are read: have the provider deliver RFC 4180`)
	}
	if d.Delimiter == "" {
		return
	}
	if len(d.Delimiter) != 1 || !strings.Contains(delimiters, d.Delimiter) {
		l.wrong(`delimiter %q is not read: use one of , ; | or a tab`, d.Delimiter)
		return
	}
	r.delimiter = d.Delimiter[0]
}

func (l *loader) exclusion(raw json.RawMessage, r *Resource) {
	var d exclusionDescriptor
	if !l.check(closed(raw, &d, exclusionProperties)) {
		return
	}
	if f := l.named("it", d.Field, r); f != nil && f.From != "" {
		l.wrong("it names the field %q, whose value is the same for all rows of a file: say in \"files\" which are taken", d.Field)
	}
	if len(d.Values) == 0 || d.Reason == "" {
		l.wrong("it needs values and a reason: the provider reads the reason in the quarantine")
	}
	r.Exclude = append(r.Exclude, Exclusion(d))
}
