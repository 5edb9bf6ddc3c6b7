package portal

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
	"rempart.eu/rempart/warehouse"
)

// witnessed lets a witness cosign a ledger of some 600 statements.
func witnessed(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	sayAs(t, w, "chu", ledger.WitnessesSet{Witnesses: []ledger.Witness{{URL: "https://witness.example", Key: public}}, Threshold: 1, Reason: "policy"})
	many := make([]warehouse.Said, 560)
	for i := range many {
		many[i] = warehouse.Said{Actor: "chu", Body: ledger.ConfigRecorded{SHA256: ledger.Sum(nil)}}
	}
	if _, err := w.CommitAll(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	by, release, err := witness.Open(t.Context(), t.TempDir(), secret, []string{w.Log.Key()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = release() }()
	_, checkpoint, err := w.Log.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	line, err := by.Add(witness.Request(0, nil, checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Log.KeepCosigned(witness.Cosigned(checkpoint, []witness.Answer{{Line: line}})); err != nil {
		t.Fatal(err)
	}
	sayAs(t, w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
}

// lyingSite serves a portal whose answers a test changes, and counts what is fetched.
type lyingSite struct {
	mu      sync.Mutex
	portal  *Portal
	change  func(path string, content []byte) []byte // nil content: it is not there
	fetched []string
}

func (l *lyingSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	recorded := httptest.NewRecorder()
	l.portal.ServeHTTP(recorded, r)
	content := recorded.Body.Bytes()
	if strings.HasPrefix(r.URL.Path, "/tlog/") {
		l.fetched = append(l.fetched, r.URL.Path)
	}
	if l.change != nil {
		if content = l.change(r.URL.Path, content); content == nil {
			http.NotFound(w, r)
			return
		}
	}
	for name, values := range recorded.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(content)
}

func (l *lyingSite) set(p *Portal, change func(string, []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.portal, l.change, l.fetched = p, change, nil
}

// bundles is how many files with entries were fetched.
func (l *lyingSite) bundles() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.fetched {
		if strings.Contains(name, "/entries/") {
			n++
		}
	}
	return n
}

// changedByte changes a byte of the files whose path has a part.
func changedByte(part string, at int) func(string, []byte) []byte {
	return func(path string, content []byte) []byte {
		if strings.Contains(path, part) {
			content = bytes.Clone(content)
			content[at] ^= 1
		}
		return content
	}
}

// TestTheVerifierReadsWhatIsNew verifies a ledger with a witness: first its outline,
// then all of it once, then what is new; and sees tiles, checkpoints and cosignatures
// that are not what they have to be.
func TestTheVerifierReadsWhatIsNew(t *testing.T) {
	home := copyOf(t)
	p := portalOf(t, home)
	witnessed(t, p.w)
	fork := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(fork, os.DirFS(home)); err != nil {
		t.Fatal(err)
	}
	other := portalOf(t, fork)
	sayAs(t, other.w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum([]byte("another history"))})

	lying := &lyingSite{portal: p}
	site := httptest.NewServer(lying)
	defer site.Close()
	tab := browser.Start(t).Open(browser.Look{})
	as(tab, site.URL, "diane")
	const outline, everything = "#verifier button:first-of-type", "#verifier button:last-of-type"
	verify := func(button string) string {
		t.Helper()
		tab.Go(site.URL + "/verify")
		return verifyBy(tab, button)
	}
	forget := func() { browser.Eval[bool](tab, `(() => { localStorage.clear(); return true; })()`) }
	says := func(said string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("the verifier does not say %q:\n%s", want, said)
			}
		}
	}

	// An outline is small, and says what it has not looked at.
	says(verify(outline), "As far as it was read", "have the root that was signed", "Witness witness.example cosigned", "Who signed each statement was not looked at")
	if n := lying.bundles(); n != 1 {
		t.Errorf("an outline reads %d files of entries", n)
	}
	// A forged tile, and forged entries.
	for name, change := range map[string]func(string, []byte) []byte{
		"a forged tile of hashes":         changedByte("/tile/1/", 40),
		"a forged tile of leaves":         changedByte("/tile/0/002", 40),
		"a forged entry":                  changedByte("/tile/entries/002", 300),
		"a checkpoint that nobody signed": changedByte("/tlog/checkpoint", 20),
	} {
		forget()
		lying.set(p, change)
		if said := verify(outline); !strings.Contains(said, "is not what it claims to be") {
			t.Errorf("%s: the verifier says:\n%s", name, said)
		}
	}
	// Witnesses.
	for name, c := range map[string]struct {
		want   string
		change func(string, []byte) []byte
	}{
		"no cosigned checkpoint": {"0 witnesses have cosigned the ledger, and 1 must have", func(path string, content []byte) []byte {
			if path == "/tlog/cosigned" {
				return nil
			}
			return content
		}},
		"a missing cosignature": {"0 witnesses have cosigned the ledger, and 1 must have", func(path string, content []byte) []byte {
			if path == "/tlog/cosigned" {
				content, _, _ = bytes.Cut(content, []byte("— witness.example"))
			}
			return content
		}},
		"a forged cosignature": {"Witness witness.example has not cosigned it", func(path string, content []byte) []byte {
			if path == "/tlog/cosigned" {
				content = bytes.Clone(content)
				at := bytes.Index(content, []byte("— witness.example")) + 60
				content[at] = "AB"[(content[at]+1)%2]
				if content[at] == 'A' {
					content[at+1] = 'B'
				}
			}
			return content
		}},
	} {
		forget()
		lying.set(p, c.change)
		if said := verify(outline); !strings.Contains(said, c.want) || !strings.Contains(said, "is not what it claims to be") {
			t.Errorf("%s: the verifier says:\n%s", name, said)
		}
	}
	forget()
	lying.set(p, nil)
	says(verify(everything), "Everything is as it was signed.", "Every statement is signed by its actor", "Witness witness.example cosigned")
	if n := lying.bundles(); n < 3 {
		t.Errorf("all of it is in %d files", n)
	}
	// What is new is read, and nothing else.
	sayAs(t, p.w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
	sayAs(t, p.w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
	lying.set(p, nil)
	says(verify(outline), "Everything is as it was signed.", "The 2 statements that are new here are signed by their actors")
	if n := lying.bundles(); n != 1 {
		t.Errorf("2 new statements are read from %d files", n)
	}
	sayAs(t, p.w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
	// Another history, signed with the same key.
	for range 5 {
		sayAs(t, other.w, "chu", ledger.ConfigRecorded{SHA256: ledger.Sum(nil)})
	}
	lying.set(other, nil)
	says(verify(outline), "the ledger was rewritten", "is not what it claims to be")
	says(verify(everything), "the ledger was rewritten")
	// Other witnesses than the ledger names.
	lying.set(p, func(path string, content []byte) []byte {
		if path == "/verify" {
			return bytes.ReplaceAll(content, []byte("witness.example&#43;"), []byte("witness.example2&#43;"))
		}
		return content
	})
	says(verify(everything), "not those that the ledger names")
}
