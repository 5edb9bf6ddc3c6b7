package portal

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/internal/browser"
)

// verifyIn lets the page that is open verify, and returns what it says.
func verifyIn(tab *browser.Tab) string {
	return verifyBy(tab, "#verifier button:last-of-type")
}

// verifyBy presses one button of the verifier.
func verifyBy(tab *browser.Tab, button string) string {
	browser.Eval[bool](tab, `(() => { delete document.getElementById("verifier").dataset.done; return true; })()`)
	tab.Click(button)
	tab.Await("#verifier[data-done]")
	return tab.Text("#verifier")
}

// TestTheLedgerIsVerifiedInTheBrowser runs the verifier of the page over a good
// ledger, over one that has grown, and over others that lie.
func TestTheLedgerIsVerifiedInTheBrowser(t *testing.T) {
	var change func(path string, content []byte) []byte // of what the server sends
	p := open(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		p.ServeHTTP(recorded, r)
		content, _ := io.ReadAll(recorded.Body)
		if change != nil {
			content = change(r.URL.Path, content)
		}
		for name, values := range recorded.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(content)
	}))
	defer site.Close()
	b := browser.Start(t)
	tab := b.Open(browser.Look{})
	as(tab, site.URL, "diane")

	tab.Go(site.URL + "/verify")
	if said := verifyIn(tab); !strings.Contains(said, "Everything is as it was signed.") || !strings.Contains(said, "is kept from now on") {
		t.Fatalf("a good ledger: %s", said)
	}
	tab.Go(site.URL + "/ledger/16")
	if said := verifyIn(tab); !strings.Contains(said, "Statement 16 is in the tree") || !strings.Contains(said, "It is signed with the key of") || !strings.Contains(said, "goes on from the checkpoint of 37 statements") {
		t.Errorf("a statement: %s", said)
	}
	if pictures := os.Getenv("REMPART_SCREENSHOTS"); pictures != "" {
		tab.Screenshot(filepath.Join(pictures, "verified-statement.png"))
		tab.Go(site.URL + "/verify")
		verifyIn(tab)
		tab.Screenshot(filepath.Join(pictures, "verified.png"))
	}

	for _, c := range []struct {
		name, page, want string
		change           func(path string, content []byte) []byte
	}{
		{"a changed signature", "/verify", "is not signed by|has another root|went wrong", func(path string, content []byte) []byte {
			if strings.Contains(path, "/tile/entries/") {
				at := bytes.Index(content, []byte(`"sig":"`)) + len(`"sig":"`)
				content[at] ^= 'A' ^ 'B' // still base64, or else nothing that can be read
			}
			return content
		}},
		{"an entry that is left out", "/verify", "is not signed by|has another root", func(path string, content []byte) []byte {
			if strings.Contains(path, "/tile/entries/") {
				return content[2+int(content[0])<<8+int(content[1]):]
			}
			return content
		}},
		{"a checkpoint that nobody signed", "/verify", "The checkpoint is not signed", func(path string, content []byte) []byte {
			if strings.HasSuffix(path, "/checkpoint") {
				return []byte(strings.Replace(string(content), "\n37\n", "\n36\n", 1))
			}
			return content
		}},
		{"a receipt of another statement", "/ledger/16", "Statement 16 is not in the tree", func(path string, content []byte) []byte {
			if path == "/api/v1/receipt/16" {
				return get(t, p, "diane", "/api/v1/receipt/17").Body.Bytes()
			}
			return content
		}},
	} {
		change = nil
		tab.Go(site.URL + c.page)
		browser.Eval[bool](tab, `(() => { localStorage.clear(); return true; })()`)
		change = c.change
		said := verifyIn(tab)
		found := false
		for want := range strings.SplitSeq(c.want, "|") {
			found = found || strings.Contains(said, want)
		}
		if !found || !strings.Contains(said, "is not what it claims to be") {
			t.Errorf("%s: the verifier says: %s", c.name, said)
		}
	}
	change = nil
	tab.Go(site.URL + "/verify")
	verifyIn(tab)

	// Another ledger in the place of the one that was kept.
	browser.Eval[bool](tab, `(() => {
		const name = Object.keys(localStorage).find(k => k.startsWith("rempart checkpoint "));
		const kept = JSON.parse(localStorage.getItem(name));
		kept.size = 20;
		localStorage.setItem(name, JSON.stringify(kept));
		return true;
	})()`)
	for _, page := range []string{"/verify", "/ledger/16"} {
		tab.Go(site.URL + page)
		if said := verifyIn(tab); !strings.Contains(said, "the ledger was rewritten") {
			t.Errorf("%s of a ledger that is not the kept one: %s", page, said)
		}
	}
	browser.Eval[bool](tab, `(() => {
		const name = Object.keys(localStorage).find(k => k.startsWith("rempart key "));
		localStorage.setItem(name, "another+00000000+AAAA");
		return true;
	})()`)
	tab.Go(site.URL + "/verify")
	if said := verifyIn(tab); !strings.Contains(said, "not the one that this browser saw first") {
		t.Errorf("a ledger with another key: %s", said)
	}
}
