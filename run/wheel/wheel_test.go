package wheel

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const fileOf = "tinystats-1.2-py3-none-any.whl"

// sound are the files of a package that is as it should be.
func sound() map[string]string {
	return map[string]string{
		"tinystats/__init__.py":            "def mean(x):\n    return sum(x) / len(x)\n",
		"tinystats/data.json":              "{}",
		"tinystats-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinystats\nVersion: 1.2\nLicense: MIT\nRequires-Dist: numpy>=1\n\nText.\n",
		"tinystats-1.2.dist-info/WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	}
}

// packed makes a wheel, with its record unless change has made one.
func packed(t *testing.T, files map[string]string, change func(*zip.FileHeader)) []byte {
	t.Helper()
	const record = "tinystats-1.2.dist-info/RECORD"
	if _, ok := files[record]; !ok {
		var rows strings.Builder
		for _, name := range slices.Sorted(maps.Keys(files)) {
			digest := sha256.Sum256([]byte(files[name]))
			fmt.Fprintf(&rows, "\"%s\",sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(digest[:]), len(files[name]))
		}
		files[record] = rows.String() + record + ",,\n"
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o644)
		if change != nil {
			change(header)
		}
		out, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(out, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestASoundPackageMayComeIn(t *testing.T) {
	r := Scan(fileOf, packed(t, sound(), nil), Options{Taken: []string{"numpy"}})
	if !r.OK() || r.Name != "tinystats" || r.Version != "1.2" || r.Licence != "MIT" || !slices.Equal(r.Modules, []string{"tinystats"}) || !slices.Equal(r.Needs, []string{"numpy>=1"}) || r.Files != 5 || len(r.Notes) != 0 {
		t.Errorf("got %+v", r)
	}
}

// Each way in that is none, by the sentence that refuses it.
func TestHostilePackagesStayOut(t *testing.T) {
	with := func(name, content string) func(map[string]string) {
		return func(f map[string]string) { f[name] = content }
	}
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   string
	}{
		"code at the start of the interpreter": {with("tinystats.pth", "import os; os.system('id')"), "a .pth file is code"},
		"the same, deeper":                     {with("tinystats/x.PTH", "import os"), "a .pth file is code"},
		"the same, by the way of data":         {with("tinystats-1.2.data/purelib/x.pth", "import os"), "a .pth file is code"},
		"sitecustomize":                        {with("sitecustomize.py", "import os"), "would run with the interpreter"},
		"usercustomize as a folder":            {with("usercustomize/__init__.py", ""), "would run with the interpreter"},
		"sitecustomize as native code":         {with("sitecustomize.cpython-311-x86_64-linux-gnu.so", "\x7fELF…"), "would run with the interpreter"},
		"a module of Python's own":             {with("json/__init__.py", ""), "the module json would take another's place: it is one of Python's own"},
		"the same as a file":                   {with("ssl.py", ""), "the module ssl would take another's place"},
		"the same in other letters":            {with("RANDOM.py", ""), "would take another's place"},
		"a module of the environment":          {with("numpy/__init__.py", ""), "the module numpy would take another's place: the environment"},
		"Rempart's own":                        {with("rempart_dataset.py", ""), "Rempart's own"},
		"native code":                          {with("tinystats/fast.cpython-311-x86_64-linux-gnu.so", "\x7fELF\x02\x01"), "is native code"},
		"native code in another name":          {with("tinystats/data.bin", "\x7fELF\x02\x01"), "is native code"},
		"bytecode":                             {with("tinystats/__pycache__/x.cpython-311.pyc", "…"), "is bytecode"},
		"a path that leaves":                   {with("../evil.py", ""), "could mean another place"},
		"a path that leaves in between":        {with("tinystats/../../evil.py", ""), "could mean another place"},
		"an absolute path":                     {with("/etc/evil.py", ""), "could mean another place"},
		"a path of Windows":                    {with(`tinystats\..\evil.py`, ""), "could mean another place"},
		"a path with a control character":      {with("tinystats/a\x1b[31m.py", ""), "could mean another place"},
		"a file in other letters":              {with("TINYSTATS/__init__.py", ""), "share the name"},
		"packages from another place":          {with("tinystats-1.2.data/purelib/os.py", ""), "from another place"},
		"another package's record":             {with("numpy-2.2.6.dist-info/METADATA", "Name: numpy"), "the record of another package"},
		"another name within":                  {with("tinystats-1.2.dist-info/METADATA", "Name: numpy\nVersion: 1.2\n\n"), "it calls itself numpy"},
		"nothing that says what it is":         {func(f map[string]string) { delete(f, "tinystats-1.2.dist-info/METADATA") }, "it has no tinystats-1.2.dist-info/METADATA"},
		"nothing to import":                    {func(f map[string]string) { delete(f, "tinystats/__init__.py"); delete(f, "tinystats/data.json") }, "nothing in it that can be imported"},
		"a record of something else":           {with("tinystats-1.2.dist-info/RECORD", "tinystats/__init__.py,sha256=AAAA,3\n"), "is not what the record says"},
		"a record that leaves something out":   {with("tinystats-1.2.dist-info/RECORD", "tinystats/data.json,sha256=RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o,2\n"), "tinystats/__init__.py is not in the record"},
		"a record of what is not there":        {with("tinystats-1.2.dist-info/RECORD", "tinystats/gone.py,sha256=AAAA,3\n"), "which is not there"},
		"a record without digests":             {with("tinystats-1.2.dist-info/RECORD", "tinystats/__init__.py,,\n"), "is not what the record says"},
		"a record with a weak digest":          {with("tinystats-1.2.dist-info/RECORD", "tinystats/__init__.py,md5=AAAA,\n"), "is not what the record says"},
	} {
		files := sound()
		c.change(files)
		r := Scan(fileOf, packed(t, files, nil), Options{Taken: []string{"numpy"}})
		if r.OK() || !strings.Contains(strings.Join(r.Refused, "\n"), c.want) {
			t.Errorf("%s: got %q, want %q", name, r.Refused, c.want)
		}
	}
}

func TestArchivesThatAreNoneStayOut(t *testing.T) {
	link := packed(t, sound(), func(h *zip.FileHeader) {
		if strings.HasSuffix(h.Name, "data.json") {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
	})
	unpacked = 1 << 20
	defer func() { unpacked = MaxUnpacked }()
	bomb := sound()
	bomb["tinystats/zeros.json"] = strings.Repeat("\x00", 1<<20+1)
	for name, c := range map[string]struct {
		file string
		data []byte
		want string
	}{
		"a link":                {fileOf, link, "is a link or a device"},
		"a bomb":                {fileOf, packed(t, bomb, nil), "unpacks to more than"},
		"no archive":            {fileOf, []byte("no"), "no zip archive"},
		"a source distribution": {"tinystats-1.2.tar.gz", []byte("no"), "a source distribution cannot come in"},
	} {
		if r := Scan(c.file, c.data, Options{}); r.OK() || !strings.Contains(strings.Join(r.Refused, "\n"), c.want) {
			t.Errorf("%s: got %q, want %q", name, r.Refused, c.want)
		}
	}
	never := func(name string, _ io.Reader) error {
		if strings.HasSuffix(name, "data.json") {
			t.Errorf("%s was unpacked", name)
		}
		return nil
	}
	if err := Unpack(link, never); err == nil {
		t.Error("a link was unpacked")
	}
}

func TestNativeCodeComesInWhereItIsAllowed(t *testing.T) {
	files := sound()
	files["tinystats/fast.so"] = "\x7fELF\x02\x01"
	r := Scan(fileOf, packed(t, files, nil), Options{Native: true})
	if !r.OK() || !r.Native || !strings.Contains(strings.Join(r.Notes, "\n"), "native code, which nobody can read: tinystats/fast.so") {
		t.Errorf("got %+v", r)
	}
}

func TestAReaderIsToldWhatToLookAt(t *testing.T) {
	files := sound()
	files["tinystats/reach.py"] = "import socket\nimport ctypes\nimport subprocess\nexec(b64decode('…'))\n"
	files["tinystats-1.2.dist-info/entry_points.txt"] = "[pytest11]\nx = tinystats:y\n"
	files["tinystats-1.2.data/scripts/tiny"] = "#!python\n"
	r := Scan(fileOf, packed(t, files, nil), Options{})
	notes := strings.Join(r.Notes, "\n")
	for _, want := range []string{"uses the network: tinystats/reach.py", "calls native code", "starts programs", "runs what it computes", "unpacks what is encoded", `it offers itself as "pytest11"`, "tinystats-1.2.data/scripts is not unpacked"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q: %q", want, r.Notes)
		}
	}
	if !r.OK() {
		t.Errorf("refused: %q", r.Refused)
	}
}

func FuzzScan(f *testing.F) {
	if data, err := os.ReadFile("stdlib.txt"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Scan(fileOf, data, Options{})
		if !r.OK() {
			return
		}
		if err := Unpack(data, func(name string, in io.Reader) error {
			if !fs.ValidPath(name) {
				t.Errorf("unpacked %q", name)
			}
			_, err := io.Copy(io.Discard, in)
			return err
		}); err != nil {
			t.Errorf("what the scan lets in cannot be unpacked: %v", err)
		}
	})
}
