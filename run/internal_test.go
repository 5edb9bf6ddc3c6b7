package run

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func TestSplitCutsWhereDuckDBDoes(t *testing.T) {
	for _, c := range []struct {
		script string
		want   []statement
	}{
		{"", nil},
		{" ;;\n; -- nothing\n/* at all; */", nil},
		{"SELECT 1", []statement{{"SELECT 1", 1}}},
		{"SELECT 1;\n\n SELECT 2; ", []statement{{"SELECT 1", 1}, {"SELECT 2", 3}}},
		{"SELECT ';' , \"a;b\", 'it''s;';SELECT 2", []statement{{`SELECT ';' , "a;b", 'it''s;'`, 1}, {"SELECT 2", 1}}},
		{`SELECT e'\';', $$a;b$$, $x$;$$;$x$; SELECT 2`, []statement{{`SELECT e'\';', $$a;b$$, $x$;$$;$x$`, 1}, {"SELECT 2", 1}}},
		{"-- a; b\nSELECT 1 -- c; d\n;/* e; /* f; */ ; */ SELECT 2", []statement{{"SELECT 1 -- c; d", 2}, {"SELECT 2", 3}}},
		{"SELECT 1 /* open; SELECT 2", []statement{{"SELECT 1 /* open; SELECT 2", 1}}},
		{"SELECT 'open; SELECT 2", []statement{{"SELECT 'open", 1}, {"SELECT 2", 1}}},
	} {
		if got := split(c.script); !slices.Equal(got, c.want) {
			t.Errorf("split(%q) = %+v, want %+v", c.script, got, c.want)
		}
	}
}

func FuzzSplitLosesNoStatement(f *testing.F) {
	f.Add("SELECT 1; /* x */ SELECT $$a$$;")
	f.Fuzz(func(t *testing.T, script string) {
		at := 0
		for _, s := range split(script) {
			next := strings.Index(script[at:], s.text)
			if next < 0 || s.text == "" {
				t.Fatalf("%q is not in the script after offset %d", s.text, at)
			}
			at += next + len(s.text)
			if lines := 1 + strings.Count(script, "\n"); s.line < 1 || s.line > lines {
				t.Fatalf("line %d of %d", s.line, lines)
			}
		}
	})
}

// call is what the kernel shows a seccomp filter. The machine of x/net/bpf reads
// words as the network writes them, so each is written in that order, at the
// place where a little-endian kernel has it.
func call(machine, number uint32, args ...uint64) []byte {
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[0:], number)
	binary.BigEndian.PutUint32(data[4:], machine)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	return data
}

func TestTheFilterAllowsItsListAndNothingElse(t *testing.T) {
	for _, machine := range []*arch.Info{arch.X86_64, arch.AARCH64} {
		vm, err := bpf.NewVM(seccompProgram(machine, nil))
		if err != nil {
			t.Fatal(err)
		}
		verdict := func(number uint32, args ...uint64) uint32 {
			v, err := vm.Run(call(uint32(machine.ID), number, args...))
			if err != nil {
				t.Fatal(err)
			}
			return uint32(v)
		}
		conditional := map[string]bool{}
		for _, c := range conditions {
			conditional[c.call] = true
		}
		for number := range uint32(1024) {
			name := machine.SyscallNumbers[int(number)]
			want := uint32(forbidden)
			switch {
			case slices.Contains(allowed, name):
				want = allow
			case name == "clone3":
				want = absent
			case conditional[name]:
				continue
			}
			if got := verdict(number); got != want {
				t.Errorf("%s: call %d %s: got %#x, want %#x", machine.Name, number, name, got, want)
			}
		}
		n := func(name string) uint32 { return uint32(machine.SyscallNames[name]) }
		for _, c := range []struct {
			call string
			args []uint64
			want uint32
		}{
			{"clone", []uint64{uint64(unix.CLONE_VM | unix.CLONE_THREAD | unix.SIGCHLD)}, allow},
			{"clone", []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, forbidden},
			{"clone", []uint64{1<<32 | unix.CLONE_NEWNS}, forbidden},
			{"socket", []uint64{unix.AF_UNIX, unix.SOCK_STREAM}, allow},
			{"socket", []uint64{unix.AF_INET, unix.SOCK_STREAM}, forbidden},
			{"socket", []uint64{unix.AF_NETLINK, unix.TCGETS}, forbidden},
			{"socket", []uint64{1<<32 | unix.AF_UNIX}, forbidden},
			{"socketpair", []uint64{unix.AF_UNIX}, allow},
			{"socketpair", []uint64{unix.AF_TIPC}, forbidden},
			{"ioctl", []uint64{0, unix.TCGETS}, allow},
			{"ioctl", []uint64{0, unix.TIOCSTI}, forbidden},
			{"ioctl", []uint64{0, 1<<32 | unix.TIOCSTI}, forbidden},
			{"ioctl", []uint64{0, 1<<32 | unix.TCGETS}, forbidden},
			{"personality", []uint64{0xffffffff}, allow},
			{"personality", []uint64{0x0400000}, forbidden},
		} {
			if got := verdict(n(c.call), c.args...); got != c.want {
				t.Errorf("%s: %s%x: got %#x, want %#x", machine.Name, c.call, c.args, got, c.want)
			}
		}
		if v, err := vm.Run(call(uint32(arch.I386.ID), 20)); err != nil || uint32(v) != forbidden {
			t.Errorf("%s: a 32-bit call: got %#x, %v", machine.Name, v, err)
		}
		if got := verdict(uint32(arch.X32.SeccompMask) | 39); got != absent {
			t.Errorf("%s: an x32 call: got %#x", machine.Name, got)
		}
	}
}

func TestTheListNamesCallsThatThereAre(t *testing.T) {
	for i, name := range allowed {
		_, here := arch.X86_64.SyscallNames[name]
		_, there := arch.AARCH64.SyscallNames[name]
		if !here && !there {
			t.Errorf("%q is no system call of amd64 or arm64", name)
		}
		if slices.Contains(allowed[:i], name) {
			t.Errorf("%q is named twice", name)
		}
	}
}

// archive is a tar stream as a study that took over the supervisor could write it.
func archive(t *testing.T, headers ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOutputsAreNotTrusted(t *testing.T) {
	limits := Limits{OutputBytes: 1000, OutputFiles: 3}
	file := func(name string, size int64) *tar.Header {
		return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
	}
	for want, stream := range map[string][]byte{
		"not a regular file":  archive(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc/passwd"}),
		"regular file":        archive(t, &tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "b"}),
		"plain path":          archive(t, file("../a", 1)),
		"not a plain path":    archive(t, file("/etc/passwd", 1)),
		"a control character": archive(t, file("a\x1b", 1)),
		"taken":               archive(t, file("a", 1), file("a", 1)),
		"name is taken":       archive(t, file("a", 1), file("a/b", 1)),
		"output bytes":        archive(t, file("a", 999), file("b", 2)),
		"output files":        archive(t, file("a", 0), file("b", 0), file("c", 0), file("d", 0)),
		"not a tar stream":    bytes.Repeat([]byte("x"), 2048),
		"cut short":           archive(t, file("a", 999))[:700],
	} {
		if got, err := receive(io.Discard, bytes.NewReader(stream), limits); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("want an error about %q, got %v, %v", want, got, err)
		}
	}
	var limit *LimitError
	if _, err := receive(io.Discard, bytes.NewReader(archive(t, file("a", 1001))), limits); !errors.As(err, &limit) {
		t.Errorf("got %v, want a limit", err)
	}
}

func TestALongReportIsRefused(t *testing.T) {
	for _, content := range []string{"{", `{"Refused":[` + strings.Repeat(`{},`, 200) + `{}]}`, strings.Repeat(" ", maxReport+1) + "{}"} {
		if told, err := readReport(strings.NewReader(content)); err == nil && told.Ended {
			t.Errorf("took %.20q for a report", content)
		}
	}
}

func TestTheTranscriptKeepsTheBeginningAndTheEnd(t *testing.T) {
	var log bytes.Buffer
	said := newTranscript(&log)
	words := strings.Repeat("word\n", maxLog/4) + "\x1b[31mlast\r\nwords\xff"
	if err := said.copy(strings.NewReader(words)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(words, log.String()[:maxLog]) || !strings.Contains(log.String()[maxLog:], "the log ends here") {
		t.Errorf("the log has %d bytes and ends %q", log.Len(), log.String()[log.Len()-100:])
	}
	if got := said.lastLines(); !strings.HasSuffix(got, "word\n�[31mlast\nwords�") {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsMissingIsSaidWithItsRemedy(t *testing.T) {
	if _, err := bubblewrap([]string{t.TempDir()}); err == nil || !strings.HasSuffix(err.Error(), ": apt-get install bubblewrap") {
		t.Errorf("got %v", err)
	}
}

func TestHiddenSubcommandsAreNotForPeople(t *testing.T) {
	if _, ok := Inside([]string{"run"}); ok {
		t.Error("took another command")
	}
	for _, f := range []func() error{supervise, func() error { return sqlStudy(nil) }} {
		if err := f(); err == nil || err.Error() != notForPeople {
			t.Errorf("got %v", err)
		}
	}
}
