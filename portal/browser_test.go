package portal

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"

	"rempart.eu/rempart/internal/browser"
)

// look is a way in which each page is looked at.
type look struct {
	name string
	look browser.Look
}

// looks are all of them: width, scheme and language.
var looks = func() (all []look) {
	for _, language := range []string{"en", "fr"} {
		for _, dark := range []bool{false, true} {
			for _, width := range []int64{1280, 400} {
				scheme := map[bool]string{false: "light", true: "dark"}[dark]
				all = append(all, look{fmt.Sprintf("%s-%s-%d", language, scheme, width), browser.Look{Width: width, Language: language, Dark: dark}})
			}
		}
	}
	return all
}()

// as makes the tab's requests those of somebody.
func as(tab *browser.Tab, url, who string) {
	browser.Call(tab, network.SetCookie, network.SetCookieParams{Name: "test-who", Value: who, URL: url})
}

// TestTheKeyboardReachesEverything walks pages by Tab: the first stop leads to the
// content, each stop is seen, and the walk goes through all of them and ends.
func TestTheKeyboardReachesEverything(t *testing.T) {
	site := httptest.NewServer(open(t))
	defer site.Close()
	tab := browser.Start(t).Open(browser.Look{})
	as(tab, site.URL, "diane")
	for _, path := range []string{"/", "/projects/pneumonia", "/projects/tabac/decide", "/ledger", "/hosts/far-cloud/derogate", "/verify", "/keys", "/parties/review", "/outputs"} {
		tab.Go(site.URL + path)
		stops := browser.Eval[int](tab, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter(e => !e.disabled && e.checkVisibility()).length`)
		seen := map[string]bool{}
		for i := range stops + 4 { // radio buttons of one name are one stop, a date has several
			tab.Press(kb.Tab)
			at := browser.Eval[string](tab, `(() => {
				const e = document.activeElement;
				if (e === document.body) return "";
				const style = getComputedStyle(e), box = e.getBoundingClientRect();
				const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.bottom > 0 && box.top < innerHeight;
				return (visible ? "" : "unseen ") + [...document.querySelectorAll("*")].indexOf(e) + " " + e.outerHTML.slice(0, 80);
			})()`)
			if i == 0 && !strings.Contains(at, `class="skip"`) {
				t.Errorf("%s: the first stop is %s", path, at)
			}
			if strings.HasPrefix(at, "unseen") {
				t.Errorf("%s: the focus is not seen: %s", path, at)
			}
			if at != "" {
				seen[at] = true
			}
		}
		if len(seen) < stops*9/10-1 {
			t.Errorf("%s: the keyboard reaches %d of %d", path, len(seen), stops)
		}
	}
	tab.Go(site.URL + "/ledger")
	tab.Press(kb.Tab)
	tab.Press(kb.Enter)
	if at := browser.Eval[string](tab, "document.activeElement.id"); at != "content" {
		t.Errorf("the skip link leads to %q", at)
	}
}

// TestPagesNeedNoScript reads and filters with JavaScript off.
func TestPagesNeedNoScript(t *testing.T) {
	site := httptest.NewServer(open(t))
	defer site.Close()
	tab := browser.Start(t).Open(browser.Look{NoScript: true})
	as(tab, site.URL, "diane")
	tab.Go(site.URL + "/projects")
	tab.Fill("input[name=q]", "grippe")
	tab.Submit("form.filter button")
	if text := tab.Text("main"); !strings.Contains(text, "1 of 4 projects") {
		t.Errorf("the search without a script: %s", text)
	}
	tab.Go(site.URL + "/verify")
	if text := tab.Text("main"); !strings.Contains(text, "needs JavaScript") {
		t.Errorf("the verifier without a script: %s", text)
	}
}
