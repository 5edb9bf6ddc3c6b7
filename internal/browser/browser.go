// Package browser drives Debian's Chromium in tests.
//
// [Start] starts one and stops it with its test; [Browser.Open] opens a tab in
// which whatever the page's own policies forbid, throws, or says as an error
// fails the test. [Tab.Axe] asks axe-core what is not accessible, and
// [Tab.Authenticator] plugs in a passkey. Where Chromium or axe-core is not
// installed, tests skip and say how to install it.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience is how long one step in a browser may take on a busy machine.
const patience = 60 * time.Second

// Browser is a Chromium without a window.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Start starts a browser that ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("Chromium is not installed: scripts/install browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests may run as root, in containers; the pages are ours
		chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for its end; a browser that ended by itself is no fault
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{t, ctx}
}

// Look is how a tab shows a page.
type Look struct {
	Width, Height int64  // in pixels; 0 is 1280 by 900
	Dark          bool   // the dark scheme
	Language      string // of Accept-Language; "" is en
	NoScript      bool   // JavaScript is off
}

// Tab is one tab.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu     sync.Mutex
	faults []string
}

// Open opens an empty tab with cookies of its own.
func (b *Browser) Open(look Look) *Tab {
	b.t.Helper()
	tab := &Tab{t: b.t}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.listen))
	tab.ctx = ctx
	b.t.Cleanup(func() {
		stop()
		for _, fault := range tab.Faults() {
			b.t.Errorf("the browser says: %s", fault)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // not under a deadline: the tab would end with it
		b.t.Fatalf("open a tab: %v", err)
	}
	tab.Look(look)
	return tab
}

// Look changes how the tab shows pages.
func (tab *Tab) Look(look Look) {
	tab.t.Helper()
	if look.Width == 0 {
		look.Width = 1280
	}
	if look.Height == 0 {
		look.Height = 900
	}
	if look.Language == "" {
		look.Language = "en"
	}
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	Call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: look.Width, Height: look.Height, DeviceScaleFactor: 1})
	Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	Call(tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": look.Language}})
	Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: look.NoScript})
}

// listen notes what a page must not do.
func (tab *Tab) listen(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded: // violations of the content security policy among them
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			tab.fault("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		tab.fault("exception: %s", exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "assert" {
			tab.fault("console: %s", e.Args[0].Value)
		}
	case *page.EventJavascriptDialogOpening:
		tab.fault("a dialog opened: %s", e.Message)
	}
}

func exception(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}

func (tab *Tab) fault(format string, args ...any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.faults = append(tab.faults, fmt.Sprintf(format, args...))
}

// Faults returns what went wrong in the page since the last call, and forgets it.
func (tab *Tab) Faults() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	faults := tab.faults
	tab.faults = nil
	return faults
}

// Get runs an action of chromedp and returns its value. It fails the test where
// the action fails.
func Get[T any](tab *Tab, action chromedp.Action[T]) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		tab.t.Fatalf("%v\n%s", err, strings.Join(tab.Faults(), "\n"))
	}
	return value
}

// Call calls the browser by its own protocol.
func Call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		tab.t.Fatal(err)
	}
	return result
}

// Do runs actions of chromedp.
func (tab *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	for _, action := range actions {
		Get(tab, action)
	}
}

// Go opens an address and waits until the page is there.
func (tab *Tab) Go(url string) {
	tab.t.Helper()
	tab.Do(chromedp.Navigate(url))
}

// Click clicks the first element of a CSS selector.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Submit clicks the first element of a CSS selector and waits for the page
// that comes of it.
func (tab *Tab) Submit(selector string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		tab.t.Fatalf("click %s: %v", selector, err)
	}
}

// Fill types a text into a field.
func (tab *Tab) Fill(selector, text string) {
	tab.t.Helper()
	tab.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Await waits until an element is seen.
func (tab *Tab) Await(selector string) {
	tab.t.Helper()
	tab.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// URL is where the tab is.
func (tab *Tab) URL() string {
	tab.t.Helper()
	return Get(tab, chromedp.Location())
}

// Text is what a person reads in the first element of a CSS selector.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	return Get(tab, chromedp.Text(chromedp.CSS(selector)))
}

// Eval is the value of an expression of JavaScript, promises awaited.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	return Get(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Press presses keys of the keyboard, such as kb.Tab.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	tab.Do(chromedp.KeyEvent(keys))
}

// Screenshot writes the whole page as a PNG.
func (tab *Tab) Screenshot(path string) {
	tab.t.Helper()
	if err := os.WriteFile(path, Get(tab, chromedp.FullScreenshot(100)), 0o644); err != nil {
		tab.t.Fatal(err)
	}
}

// Print prints the page as a PDF, on the paper that its own style names.
func (tab *Tab) Print() []byte {
	tab.t.Helper()
	return Call(tab, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: new(true), PrintBackground: new(true)}).Data
}

// Paper shows the page as on paper of a width, in pixels between its margins, and says which tables,
// figures and texts would not be whole there.
func (tab *Tab) Paper(width int64) (cut []string) {
	tab.t.Helper()
	Call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 1000, DeviceScaleFactor: 1})
	Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	result := Eval[string](tab, `JSON.stringify([...document.querySelectorAll("main *")].filter(e => {
		const box = e.getBoundingClientRect();
		return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1 || getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 && !e.closest("svg"));
	}).map(e => e.tagName + " " + e.className + ": " + e.textContent.trim().slice(0, 60)))`)
	if err := json.Unmarshal([]byte(result), &cut); err != nil {
		tab.t.Fatal(err)
	}
	return cut
}

// Authenticator plugs a passkey into the tab: one that verifies its user, who
// touches it at once.
func (tab *Tab) Authenticator() webauthn.AuthenticatorID {
	tab.t.Helper()
	Call(tab, webauthn.Enable, webauthn.EnableParams{})
	return Call(tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// Axe says what axe-core finds in the page that is open, each finding with its
// rule and element; none where all is well.
func (tab *Tab) Axe() (findings []string) {
	tab.t.Helper()
	source := axe(tab.t)
	if !Eval[bool](tab, "typeof axe === 'object'") {
		Get(tab, chromedp.Evaluate[chromedp.Void](source))
	}
	result := Eval[string](tab, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html + " " + n.any.concat(n.all, n.none).map(c => c.message).join("; ")))))`)
	if err := json.Unmarshal([]byte(result), &findings); err != nil {
		tab.t.Fatal(err)
	}
	return findings
}

// AxeVersion is the release of axe-core that scripts/axe fetches.
const AxeVersion = "4.14.1"

var axeSource = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "build", "axe-core-"+AxeVersion+".js"))
	return string(text), err
})

func axe(t testing.TB) string {
	t.Helper()
	source, err := axeSource()
	if err != nil {
		t.Skip("axe-core is not there: scripts/axe")
	}
	return source
}
