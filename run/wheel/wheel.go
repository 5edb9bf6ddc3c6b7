// Package wheel looks at a Python package that a project wants to bring along, before anybody
// lets it in.
//
//	name, bytes ─► [Scan] ─► [Report]: what it is, what is refused, what a person has to know
//
// A package runs in the sandbox as the study that imports it, with nothing more, so that what it
// could do is what any study could. What the scan holds is that it is what it says, and that nothing of it runs
// or is imported unless the study says so:
//
//   - each file has the digest that its record says, and the record names each (PEP 427, PEP 376);
//   - no path leaves its folder, no file is a link, two files do not share a name, nothing unpacks to
//     more than [MaxUnpacked] bytes;
//   - nothing starts with the interpreter: no .pth, no sitecustomize, no usercustomize;
//   - no module has the name of one of Python's own, or of one that the environment has;
//   - no bytecode without its source, and no native code unless it is allowed: nobody can read it.
//
// What it does not: read the code for what it means. It says which files reach for what a reader
// should look at, and the person who lets it in decides.
package wheel

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/textproto"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bufio"
	_ "embed"
)

// Bounds of a wheel.
const (
	MaxBytes    = 64 << 20  // of the file
	MaxUnpacked = 512 << 20 // bytes of all its files
	MaxFiles    = 10_000
)

// unpacked is MaxUnpacked, but in tests.
var unpacked int64 = MaxUnpacked

//go:embed stdlib.txt
var stdlib string

// Report is what the scan has to say.
type Report struct {
	File     string   `json:"file"`
	SHA256   string   `json:"sha256"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Licence  string   `json:"licence"` // as it says; "" where it says nothing
	Modules  []string `json:"modules"` // what can be imported
	Needs    []string `json:"needs"`   // other packages, as it says
	Files    int      `json:"files"`
	Unpacked int64    `json:"unpacked"` // bytes
	Native   bool     `json:"native"`   // it has code that nobody can read
	Refused  []string `json:"refused"`  // why it may not come in
	Notes    []string `json:"notes"`    // what a person has to know
}

// OK says whether the package may be let in.
func (r *Report) OK() bool { return len(r.Refused) == 0 }

// Options say what the package comes to.
type Options struct {
	Taken  []string // modules that the environment, or another package of the project, has
	Native bool     // native code is allowed
}

var fileName = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.]*)-([A-Za-z0-9][A-Za-z0-9_.!+]*)(?:-[0-9][A-Za-z0-9_.]*)?-([a-z0-9_.]+)-([a-z0-9_.]+)-([A-Za-z0-9_.]+)\.whl$`)

// Scan looks at a wheel, by its file name and bytes.
func Scan(name string, data []byte, o Options) *Report {
	digest := sha256.Sum256(data)
	r := &Report{File: printable(path.Base(name)), SHA256: hex.EncodeToString(digest[:]), Modules: []string{}, Needs: []string{}, Refused: []string{}, Notes: []string{}}
	m := fileName.FindStringSubmatch(path.Base(name))
	if m == nil {
		r.refuse("its file is not named NAME-VERSION-PYTHON-ABI-PLATFORM.whl, as wheels are: a source distribution cannot come in, since it runs code to be installed")
		return r
	}
	r.Name, r.Version = m[1], m[2]
	if m[4] != "none" || m[5] != "any" {
		r.note("it is built for %s, %s alone", m[4], m[5])
	}
	if len(data) > MaxBytes {
		r.refuse("it has %d bytes: at most %d", len(data), MaxBytes)
		return r
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		r.refuse("it is no zip archive that can be read")
		return r
	}
	s := &scan{Report: r, Options: o, archive: archive, content: map[string]entry{}}
	s.look()
	return r
}

func (r *Report) refuse(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Refused, text) && len(r.Refused) < 50 {
		r.Refused = append(r.Refused, text)
	}
}

func (r *Report) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) && len(r.Notes) < 50 {
		r.Notes = append(r.Notes, text)
	}
}

// entry is a file of the archive.
type entry struct {
	digest [32]byte
	size   int64
	start  []byte // its first bytes, or the whole of what is read
}

type scan struct {
	*Report
	Options
	archive *zip.Reader
	content map[string]entry
	info    string // NAME-VERSION.dist-info
}

// look goes over the files, and stops where the archive itself cannot be trusted.
func (s *scan) look() {
	s.info = s.Name + "-" + s.Version + ".dist-info"
	if len(s.archive.File) > MaxFiles {
		s.refuse("it has %d files: at most %d", len(s.archive.File), MaxFiles)
		return
	}
	folded := map[string]bool{}
	for _, f := range s.archive.File {
		if !s.named(f, folded) {
			return
		}
		if !f.FileInfo().IsDir() && !s.read(f) {
			return
		}
	}
	s.recorded()
	s.metadata()
	for _, name := range s.names() {
		s.file(name, s.content[name])
	}
	s.modules()
}

func (s *scan) names() []string {
	return slices.Sorted(maps.Keys(s.content))
}

// named says whether a name is a plain one, once.
func (s *scan) named(f *zip.File, folded map[string]bool) bool {
	name := strings.TrimSuffix(f.Name, "/")
	if !fs.ValidPath(name) || strings.ContainsAny(name, `\:`) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s.refuse("the path %q could mean another place than below its own folder", f.Name)
		return false
	}
	if mode := f.Mode(); !mode.IsRegular() && !mode.IsDir() {
		s.refuse("%s is a link or a device", name)
		return false
	}
	if lower := strings.ToLower(name); folded[lower] && !f.FileInfo().IsDir() {
		s.refuse("two files share the name %s", name)
		return false
	} else {
		folded[lower] = true
	}
	if f.Flags&1 != 0 {
		s.refuse("%s is encrypted", name)
		return false
	}
	return true
}

const maxRead = 4 << 20 // bytes of a file that are looked at as a text

// read takes a file's digest, and what is looked at.
func (s *scan) read(f *zip.File) bool {
	in, err := f.Open()
	if err != nil {
		s.refuse("%s cannot be unpacked", f.Name)
		return false
	}
	defer func() { _ = in.Close() }() // it is read
	sum, left := sha256.New(), unpacked-s.Unpacked
	var start bytes.Buffer
	n, err := io.Copy(io.MultiWriter(sum, &limited{&start, maxRead}), io.LimitReader(in, left+1))
	if err != nil {
		s.refuse("%s cannot be unpacked", f.Name)
		return false
	}
	if n > left {
		s.refuse("it unpacks to more than %d bytes", unpacked)
		return false
	}
	s.Unpacked += n
	s.Files++
	e := entry{size: n, start: start.Bytes()}
	sum.Sum(e.digest[:0])
	s.content[f.Name] = e
	return true
}

// limited keeps the beginning of what is written to it.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	kept := p[:min(len(p), l.left)]
	l.left -= len(kept)
	l.to.Write(kept)
	return len(p), nil
}

// recorded holds each file against the record.
func (s *scan) recorded() {
	record := s.info + "/RECORD"
	text, ok := s.content[record]
	if !ok {
		s.refuse("it has no %s", record)
		return
	}
	reader := csv.NewReader(bytes.NewReader(text.start))
	reader.FieldsPerRecord = 3
	rows, err := reader.ReadAll()
	if err != nil {
		s.refuse("%s cannot be read", record)
		return
	}
	named := map[string]bool{}
	for _, row := range rows {
		name := row[0]
		e, there := s.content[name]
		own := name == record || name == record+".jws" || name == record+".p7s"
		switch {
		case named[name]:
			s.refuse("the record names %s twice", printable(name))
		case !there:
			s.refuse("the record names %s, which is not there", printable(name))
		case own:
		default:
			if row[1] != "sha256="+base64.RawURLEncoding.EncodeToString(e.digest[:]) {
				s.refuse("%s is not what the record says, by SHA-256", name)
			}
			if row[2] != "" && row[2] != strconv.FormatInt(e.size, 10) {
				s.refuse("%s is not as long as the record says", name)
			}
		}
		named[name] = true
	}
	for _, name := range s.names() {
		if !named[name] && name != record && name != record+".jws" && name != record+".p7s" {
			s.refuse("%s is not in the record", name)
		}
	}
}

// metadata reads what it says of itself.
func (s *scan) metadata() {
	for _, name := range s.names() {
		if top, _, in := strings.Cut(name, "/"); in && strings.HasSuffix(top, ".dist-info") && top != s.info {
			s.refuse("it brings the record of another package: %s", top)
		}
	}
	text, ok := s.content[s.info+"/METADATA"]
	if !ok {
		s.refuse("it has no %s/METADATA", s.info)
		return
	}
	head, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(text.start), strings.NewReader("\n\n")))).ReadMIMEHeader()
	if err != nil && len(head) == 0 {
		s.refuse("%s/METADATA cannot be read", s.info)
		return
	}
	if Canonical(head.Get("Name")) != Canonical(s.Name) || strings.ReplaceAll(head.Get("Version"), "-", "_") != s.Version {
		s.refuse("it calls itself %s %s, and its file %s %s", printable(head.Get("Name")), printable(head.Get("Version")), s.Name, s.Version)
	}
	for _, key := range []string{"License-Expression", "License"} {
		if v := strings.TrimSpace(head.Get(key)); v != "" && s.Licence == "" {
			s.Licence, _, _ = strings.Cut(printable(v), "\n")
		}
	}
	for _, c := range head["Classifier"] {
		if l, ok := strings.CutPrefix(c, "License :: "); ok && s.Licence == "" {
			s.Licence = printable(l[strings.LastIndex(l, ": ")+1:])
		}
	}
	s.Licence = strings.TrimSpace(s.Licence[:min(len(s.Licence), 100)])
	if s.Licence == "" {
		s.note("it says no licence")
	}
	for _, need := range head["Requires-Dist"] {
		if !strings.Contains(need, "extra ==") {
			s.Needs = append(s.Needs, printable(need))
		}
	}
	if _, ok := s.content[s.info+"/WHEEL"]; !ok {
		s.refuse("it has no %s/WHEEL", s.info)
	}
	if e, ok := s.content[s.info+"/entry_points.txt"]; ok {
		for _, group := range section.FindAllStringSubmatch(string(e.start), 20) {
			s.note("it offers itself as %q, which starts nothing by itself", printable(group[1]))
		}
	}
}

var section = regexp.MustCompile(`(?m)^\[([^\]]+)\]`)

// magics are how native programs begin.
var magics = []string{
	"\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", // of Linux, Windows and macOS
	"!<arch>\n", "\x00asm", // for linkers, WebAssembly
}

var nativeNames = regexp.MustCompile(`(?i)\.(so(\.[0-9.]+)?|pyd|dll|dylib|a|lib|o|exe)$`)

// reaches are what a reader of the code should look at.
var reaches = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"starts programs", regexp.MustCompile(`\b(subprocess|os\.system|os\.exec|os\.spawn|os\.popen|pty\.spawn)\b`)},
	{"uses the network", regexp.MustCompile(`(?m)^\s*(import|from)\s+(socket|urllib|http|requests|ftplib|smtplib|asyncio)\b`)},
	{"calls native code", regexp.MustCompile(`(?m)^\s*(import|from)\s+(ctypes|cffi|_ctypes)\b`)},
	{"runs what it computes", regexp.MustCompile(`\b(eval|exec|compile|__import__)\s*\(|\bimportlib\b`)},
	{"opens pickles or bytecode", regexp.MustCompile(`(?m)^\s*(import|from)\s+(pickle|marshal|dill|cloudpickle|shelve)\b`)},
	{"unpacks what is encoded", regexp.MustCompile(`\b(b64decode|b85decode|a85decode|zlib\.decompress|lzma\.decompress)\b`)},
	{"changes how Python imports", regexp.MustCompile(`\bsys\.(meta_path|path_hooks|settrace|setprofile|addaudithook)\b`)},
}

// file looks at one file.
func (s *scan) file(name string, e entry) {
	top, rest, nested := strings.Cut(name, "/")
	base := path.Base(name)
	switch {
	case strings.HasSuffix(strings.ToLower(base), ".pth"):
		s.refuse("%s would run with the interpreter: a .pth file is code", name)
	case strings.HasSuffix(strings.ToLower(base), ".egg-link"):
		s.refuse("%s points at another place", name)
	case slices.Contains([]string{"sitecustomize", "usercustomize"}, moduleName(top)), slices.Contains([]string{"sitecustomize", "usercustomize"}, moduleName(base)) && inData(name):
		s.refuse("%s would run with the interpreter", name)
	case strings.HasSuffix(strings.ToLower(base), ".pyc") || strings.HasSuffix(strings.ToLower(base), ".pyo"):
		s.refuse("%s is bytecode, which nobody can read: bring the source alone", name)
	case nested && strings.HasSuffix(top, ".data"):
		kind, _, _ := strings.Cut(rest, "/")
		if kind == "purelib" || kind == "platlib" {
			s.refuse("%s would be put among the packages from another place", name)
			return
		}
		s.note("%s/%s is not unpacked", top, printable(kind))
	}
	native := nativeNames.MatchString(base)
	for _, magic := range magics {
		native = native || len(e.start) > len(magic) && string(e.start[:len(magic)]) == magic
	}
	if native {
		s.Report.Native = true
		if s.Options.Native {
			s.note("native code, which nobody can read: %s", name)
		} else {
			s.refuse("%s is native code, which nobody can read: allow it, or bring a package without", name)
		}
		return
	}
	if strings.HasSuffix(base, ".py") || strings.HasSuffix(base, ".pyi") {
		if e.size > maxRead {
			s.refuse("%s is source of more than %d bytes, which nobody reads", name, maxRead)
		}
		for _, r := range reaches {
			if r.pattern.Match(e.start) {
				s.note("%s: %s", r.what, name)
			}
		}
	}
}

func inData(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return strings.HasSuffix(top, ".data")
}

// moduleName is what a file or folder is imported as.
func moduleName(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return strings.ToLower(name)
}

// modules lists what can be imported, and refuses what would take another's place.
func (s *scan) modules() {
	taken := map[string]string{}
	for _, m := range s.Taken {
		taken[strings.ToLower(m)] = "the environment, or another package of the project, has it"
	}
	for m := range strings.Lines(stdlib) {
		taken[strings.ToLower(strings.TrimSpace(m))] = "it is one of Python's own"
	}
	taken["rempart_dataset"] = "it is Rempart's own"
	for _, name := range s.names() {
		top, _, nested := strings.Cut(name, "/")
		if strings.HasSuffix(top, ".dist-info") || strings.HasSuffix(top, ".data") {
			continue
		}
		if !nested && !strings.HasSuffix(top, ".py") && !nativeNames.MatchString(top) {
			continue // data that nobody imports
		}
		module := strings.TrimSuffix(top, ".py")
		if !nested {
			module, _, _ = strings.Cut(top, ".")
		}
		if slices.Contains(s.Modules, module) {
			continue
		}
		s.Modules = append(s.Modules, module)
		if why := taken[strings.ToLower(module)]; why != "" {
			s.refuse("the module %s would take another's place: %s", module, why)
		}
	}
	if len(s.Modules) == 0 {
		s.refuse("there is nothing in it that can be imported")
	}
}

// Unpack writes the files of a wheel that was scanned, by way of write, and refuses what Scan would
// refuse of the archive: it runs where nobody else has looked.
func Unpack(data []byte, write func(name string, content io.Reader) error) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("unpack a wheel: %w", err)
	}
	left := int64(MaxUnpacked)
	for _, f := range archive.File {
		if !f.FileInfo().IsDir() && (!fs.ValidPath(f.Name) || !f.Mode().IsRegular()) {
			return fmt.Errorf("unpack a wheel: %q is no plain file", f.Name)
		}
		if f.FileInfo().IsDir() || inData(f.Name) {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return fmt.Errorf("unpack a wheel: %w", err)
		}
		counted := &io.LimitedReader{R: in, N: left + 1}
		err = errors.Join(write(f.Name, counted), in.Close())
		if left = counted.N - 1; err == nil && left < 0 {
			err = fmt.Errorf("more than %d bytes", MaxUnpacked)
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", f.Name, err)
		}
	}
	return nil
}

var separators = regexp.MustCompile(`[-_.]+`)

// Canonical is a distribution's name as indexes compare it. Source: PEP 503.
func Canonical(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// printable is a text from the package, fit for a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text[:min(len(text), 200)])
}
