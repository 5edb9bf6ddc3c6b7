package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTabSeesWhatAPageMustNotDo(t *testing.T) {
	b := Start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>t</title><main><h1>t</h1><p style="color:red">x</p><script>alert(1)</script></main></html>`)
	}))
	defer server.Close()
	tab := b.Open(Look{})
	tab.Go(server.URL)
	if got := tab.Text("h1"); got != "t" {
		t.Errorf("the page says %q", got)
	}
	if faults := strings.Join(tab.Faults(), "\n"); strings.Count(faults, "Content Security Policy") != 2 {
		t.Errorf("an inline style and an inline script are two violations, got:\n%s", faults)
	}
}

func TestAxeFindsWhatIsNotAccessible(t *testing.T) {
	b := Start(t)
	tab := b.Open(Look{Width: 400, Dark: true})
	tab.Go(`data:text/html,<!doctype html><html lang="en"><title>t</title><main><h1>t</h1><img src="data:,"></main></html>`)
	findings := tab.Axe()
	if len(findings) != 1 || !strings.HasPrefix(findings[0], "image-alt: ") {
		t.Errorf("an image without a text is one finding, got %q", findings)
	}
	if !Eval[bool](tab, `matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 400`) {
		t.Error("the tab is not dark, or not 400 pixels wide")
	}
}
