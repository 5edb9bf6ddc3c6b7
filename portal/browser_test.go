package portal

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/network"

	"rempart.eu/rempart/internal/browser"
)

// looks are the ways in which each page is looked at: each two of language,
// scheme and width meet once.
var looks = []struct {
	name string
	look browser.Look
}{
	{"en-light-1280", browser.Look{Width: 1280, Language: "en"}},
	{"fr-dark-1280", browser.Look{Width: 1280, Language: "fr", Dark: true}},
	{"fr-light-400", browser.Look{Width: 400, Language: "fr"}},
	{"en-dark-400", browser.Look{Width: 400, Language: "en", Dark: true}},
}

// as makes the tab's requests those of somebody.
func as(tab *browser.Tab, url, who string) {
	browser.Call(tab, network.SetCookie, network.SetCookieParams{Name: "test-who", Value: who, URL: url})
}

// TestPagesInABrowser looks at every page as people do: nothing that the content
// security policy forbids, no script that fails, nothing that axe-core finds, and
// nothing that is wider than the window. With REMPART_SCREENSHOTS set to a
// directory, it leaves pictures there.
func TestPagesInABrowser(t *testing.T) {
	site := httptest.NewServer(open(t))
	defer site.Close()
	b := browser.Start(t)
	pictures := os.Getenv("REMPART_SCREENSHOTS")
	for _, l := range looks {
		tab := b.Open(l.look)
		for _, page := range pages {
			as(tab, site.URL, page.who)
			tab.Go(site.URL + page.path)
			if pictures != "" {
				tab.Screenshot(filepath.Join(pictures, page.name+"-"+l.name+".png"))
			}
			for _, fault := range tab.Faults() {
				t.Errorf("%s, %s: %s", page.path, l.name, fault)
			}
			for _, finding := range tab.Axe() {
				t.Errorf("%s, %s: %s", page.path, l.name, finding)
			}
			if width := browser.Eval[int64](tab, "document.documentElement.scrollWidth"); width > l.look.Width {
				t.Errorf("%s, %s: the page is %d pixels wide", page.path, l.name, width)
			}
		}
	}
}
