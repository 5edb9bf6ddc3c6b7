package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/omop"
)

// The lines of an age header (https://age-encryption.org/v1) that are not
// random: what they may say to the host. A key's id is drawn at random.
var stanza = regexp.MustCompile(`^-> (mlkem768x25519 [A-Za-z0-9+/]+|rempart-kek (release-r|project-x)-[0-9a-f]{8} [A-Za-z0-9+/]+)$`)

// TestHostSeesNothing looks at every file under the host's directory as its
// host can.
func TestHostSeesNothing(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	clear := plaintexts(t)
	escrow := escrowOf(t, home)
	files := filesOf(t, filepath.Join(home, "host"))
	if len(files) != 61 {
		t.Errorf("%d objects; are all steps on the host?", len(files))
	}
	name := regexp.MustCompile(`^[0-9a-f]{32}$`)
	for _, path := range files {
		object := filepath.Base(path)
		if !name.MatchString(object) {
			t.Errorf("the name of %s says something", path)
		}
		sealed := read(t, path)
		header, payload := cutHeader(t, sealed)
		stanzas := 0
		for _, line := range bytes.Split(header, []byte("\n")) {
			if bytes.HasPrefix(line, []byte("-> ")) {
				if stanzas++; !stanza.Match(line) {
					t.Errorf("%s says to its host: %s", object, line)
				}
			}
		}
		if stanzas != 2 {
			t.Errorf("%s is for %d readers, not for its own and the escrow", object, stanzas)
		}
		if at, run := clear.in(payload); run != "" {
			t.Errorf("%s holds %q in clear, at byte %d", object, run, at)
		}
		plain := open(t, home, object, escrow)
		if n := int64(len(plain)); lake.Padme(n) != n {
			t.Errorf("%s has %d bytes, which is no padded length", object, n)
		}
		if _, run := clear.in(plain); run == "" {
			t.Errorf("nothing of the input is found even in the plaintext of %s", object)
		}
	}
}

// cutHeader parts an age file after the MAC that ends its header.
func cutHeader(t testing.TB, sealed []byte) (header, payload []byte) {
	t.Helper()
	mac := bytes.Index(sealed, []byte("\n--- "))
	if !bytes.HasPrefix(sealed, []byte("age-encryption.org/v1\n")) || mac < 0 {
		t.Fatal("this is no age file")
	}
	end := mac + 1 + bytes.IndexByte(sealed[mac+1:], '\n') + 1
	return sealed[:end], sealed[end:]
}

// runs are all runs of a length that occur in some texts. The length is such
// that a run meets random bytes once in a million times that the test is made.
type runs map[[7]byte]bool

// plaintexts are the runs of every input file and every name of the CDM.
func plaintexts(t testing.TB) runs {
	t.Helper()
	all := runs{}
	for _, party := range []string{"hospital-1", "insurer"} {
		for _, path := range filesOf(t, filepath.Join(population(t), party)) {
			all.add(read(t, path))
		}
	}
	for _, table := range omop.Tables() {
		all.add([]byte(table))
		for _, f := range omop.Fields(table) {
			all.add([]byte(f.Name))
		}
	}
	return all
}

func (r runs) add(text []byte) {
	for i := 0; i+7 <= len(text); i++ {
		r[[7]byte(text[i:i+7])] = true
	}
}

// in finds the first run in some data; -1 and "" where there is none.
func (r runs) in(data []byte) (at int, run string) {
	for i := 0; i+7 <= len(data); i++ {
		if r[[7]byte(data[i:i+7])] {
			return i, string(data[i : i+7])
		}
	}
	return -1, ""
}

// TestNobodyElseOpens tries every party's own key on every object: only what
// is meant for a party opens for it.
func TestNobodyElseOpens(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	identities := map[string]age.Identity{}
	for _, path := range append(filesOf(t, filepath.Join(home, "parties")), filepath.Join(home, "controller", "identity.agekey")) {
		if filepath.Base(path) == "identity.agekey" {
			parsed, err := age.ParseIdentities(bytes.NewReader(read(t, path)))
			if err != nil {
				t.Fatal(err)
			}
			identities["party-"+filepath.Base(filepath.Dir(path))] = parsed[0]
		}
	}
	for _, o := range ledgerOf(t, home).objects {
		for name, identity := range identities {
			f, err := os.Open(filepath.Join(home, "host", o.Name))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := age.Decrypt(f, identity)
			if err == nil {
				_, err = io.Copy(io.Discard, plain)
			}
			if opens := err == nil; opens != (name == o.Key) {
				t.Errorf("object %s for %s opens for %s: %v", o.Name, o.Key, name, opens)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A file on the host that we cannot have put there is named, and is no obstacle to a repair.
func TestAStrangersFileOnTheHostIsNamed(t *testing.T) {
	home := homeAt(t, deposited)
	if err := os.WriteFile(filepath.Join(home, "host", "stranger"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout, `"stranger" on the host is not ours`) {
		t.Errorf("rempart audit verify: %s", o)
	}
	must(t, home, "lake", "repair")
}
