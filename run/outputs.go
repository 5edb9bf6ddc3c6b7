package run

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits that outputs can go over, as LimitError names them.
const (
	limitMemory = "memory"
	limitBytes  = "output bytes"
	limitFiles  = "output files"

	limitScratch = "scratch space"
)

const (
	maxRefused = 100 // how many refusals are told one by one
	maxDepth   = 16  // directories below each other
)

// collect writes the regular files below dir as a tar stream, in the order of
// their names. Whatever is not plainly a file is refused with its reason. It
// runs in the sandbox when the study is dead.
func collect(dir string, o order, w io.Writer) (refused []Refused, limit string, err error) {
	refuse := func(name, reason string) {
		switch {
		case len(refused) < maxRefused:
			refused = append(refused, Refused{Name: name, Reason: reason})
		case len(refused) == maxRefused:
			refused = append(refused, Refused{Name: "…", Reason: "more entries were refused"})
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	out := tar.NewWriter(w)
	var files int
	var bytes int64
	errOver := errors.New("over a limit")
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if name == "." {
			return err
		}
		if err != nil {
			refuse(name, "it cannot be read: "+err.Error())
			return fs.SkipDir
		}
		if files++; files > o.OutputFiles {
			limit = limitFiles
			return errOver
		}
		if e.IsDir() && strings.Count(name, "/") >= maxDepth-1 {
			refuse(name, fmt.Sprintf("more than %d directories below each other", maxDepth))
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			refuse(name, "it cannot be read: "+err.Error())
			return nil //nolint:nilerr // refused, with its reason
		}
		if reason := problem(name, info); reason != "" {
			refuse(name, reason)
			return skip(e)
		}
		if e.IsDir() {
			return nil
		}
		if bytes += info.Size(); bytes > o.OutputBytes {
			limit = limitBytes
			return errOver
		}
		return addFile(out, root, name, info.Size())
	})
	if limit != "" {
		return refused, limit, nil
	}
	return refused, "", errors.Join(err, out.Close())
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// problem says why an entry of outputs/ cannot leave; empty where it can.
func problem(name string, info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case nameProblem(name) != "":
		return nameProblem(name)
	case mode.IsDir():
		return ""
	case mode&fs.ModeSymlink != 0:
		return "it is a symbolic link: write the file itself"
	case mode&fs.ModeNamedPipe != 0:
		return "it is a fifo, not a file"
	case mode&fs.ModeSocket != 0:
		return "it is a socket, not a file"
	case !mode.IsRegular():
		return "it is a device, not a file"
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Nlink != 1 {
		return "it is a hard link: one file under several names"
	}
	return ""
}

// nameProblem says why a name cannot leave. A name is a channel too, and some
// names are traps for those who unpack.
func nameProblem(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "its name is not UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' }):
		return "its name holds a control character or a backslash"
	case len(name) > 240:
		return "its name is longer than 240 bytes"
	case !fs.ValidPath(name) || name == ".":
		return "its name is not a plain path below outputs/"
	}
	return ""
}

func addFile(out *tar.Writer, root *os.Root, name string, size int64) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := out.WriteHeader(header(name, size)); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, size)
	return err
}

// header holds nothing but name and size: the time of writing and the mode are
// channels out that nobody needs.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
}

// errCutShort says that the sandbox ended within its outputs: its report, or its
// lack of one, says why.
var errCutShort = errors.New("the outputs were cut short")

// receive copies the tar stream of the sandbox to w, entry by entry, and trusts
// nothing in it: a study that took over the supervisor wrote it.
func receive(w io.Writer, r io.Reader, limits Limits) ([]Output, error) {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	var outputs []Output
	var bytes int64
	seen := map[string]bool{}
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errCutShort
		}
		if err != nil {
			return nil, fmt.Errorf("the sandbox's outputs are not a tar stream: %w", err)
		}
		if problem := entryProblem(h, seen); problem != "" {
			return nil, fmt.Errorf("the sandbox sent an output that no study can have written properly, %q: %s", h.Name, problem)
		}
		bytes += h.Size
		switch {
		case bytes > limits.OutputBytes:
			return nil, limits.exceeded(limitBytes)
		case len(outputs) == limits.OutputFiles:
			return nil, limits.exceeded(limitFiles)
		}
		if err := out.WriteHeader(header(h.Name, h.Size)); err != nil {
			return nil, fmt.Errorf("write the outputs: %w", err)
		}
		digest := sha256.New()
		if _, err := io.Copy(io.MultiWriter(out, digest), in); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, errCutShort
			}
			return nil, fmt.Errorf("write the output %s: %w", h.Name, err)
		}
		outputs = append(outputs, Output{Name: h.Name, Size: h.Size, SHA256: [32]byte(digest.Sum(nil))})
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("write the outputs: %w", err)
	}
	_, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)) // the padding behind the archive
	return outputs, err
}

func entryProblem(h *tar.Header, seen map[string]bool) string {
	if h.Typeflag != tar.TypeReg {
		return "it is not a regular file"
	}
	if p := nameProblem(h.Name); p != "" {
		return p
	}
	for name := h.Name; name != "."; name = path.Dir(name) { // a file that is also a directory, or there already
		if seen[name] {
			return "its name is taken"
		}
	}
	seen[h.Name] = true
	return ""
}

// plainName says whether a name can be used as a file name without thought.
func plainName(name string) bool {
	return nameProblem(name) == "" && !strings.ContainsAny(name, "/") && !strings.HasPrefix(name, "-") && !strings.HasPrefix(name, ".")
}

// plainPath says so of a path that goes down.
func plainPath(name string) bool {
	parts := strings.Split(name, "/")
	for _, part := range parts {
		if !plainName(part) {
			return false
		}
	}
	return len(parts) <= maxDepth
}

// printable is a short text from inside the sandbox as a terminal may show it.
func printable(text string) string {
	if len(text) > 240 {
		text = text[:240] + "…"
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToASCII(text)
	}
	return text
}
