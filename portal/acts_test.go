package portal

import (
	"archive/tar"
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
	"rempart.eu/rempart/warehouse"
)

// written are files that a study of project grippe has written.
var written = []struct {
	name string
	data []byte
}{
	{"counts.csv", []byte("season,sex,n\nwinter,\"" + strings.ReplaceAll(evil, `"`, `""`) + "\",1204\nsummer,F,\u202e311\n")},
	{"figure.png", picture()},
	{"notes.txt", []byte("Counts by season.\n" + evil + "\x1b[2J\n")},
	{"plot.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>`)},
	{"weights.safetensors", []byte{8, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' ', ' ', ' ', ' ', ' ', ' ', 0xff}},
	{"seasons.csv", []byte("season,sex,n\nwinter,F,1204\nsummer,F,311\n")},
}

// picture is a bar chart, with a text chunk that nobody is to see.
func picture() []byte {
	canvas := image.NewRGBA(image.Rect(0, 0, 480, 240))
	for x := range 480 {
		for y := range 240 {
			canvas.Set(x, y, color.White)
			if x/40%2 == 1 && y > 240-x/3-20 {
				canvas.Set(x, y, color.RGBA{0x1d, 0x4e, 0xd8, 0xff})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, canvas); err != nil {
		panic(err)
	}
	return append(b.Bytes(), []byte("<script>alert(3)</script>")...) // after the picture's end
}

// withContent puts what a study has written into the home of a portal, sealed, as
// outputs that wait: s-files-1 and on.
func withContent(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	ctx := t.Context()
	there := w.Config.Host
	there.Name = "far-cloud" // where the story moved to, in words alone
	w.Config.Hosts = append(w.Config.Hosts, there)
	state, err := w.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := w.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	key, err := ring.New(ctx, "release-grippe")
	if err != nil {
		t.Fatal(err)
	}
	vault, err := w.Vault(state)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []ledger.Output
	bundle, err := vault.Put(ctx, lake.Tar, key, func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for i, f := range written {
			if err := archive.WriteHeader(&tar.Header{Name: "outputs/" + f.name, Mode: 0o600, Size: int64(len(f.data))}); err != nil {
				return err
			}
			if _, err := archive.Write(f.data); err != nil {
				return err
			}
			outputs = append(outputs, ledger.Output{Output: "s-files-" + string(rune('1'+i)), Name: f.name, Size: int64(len(f.data)), SHA256: ledger.Sum(f.data)})
		}
		return archive.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	sayAs(t, w, "carol", ledger.RunRequested{Run: "s-files", Project: "grippe", Language: "python", Name: "files.py", Code: ledger.Sum(nil)})
	sayAs(t, w, "chu", ledger.RunFinished{Run: "s-files", Outcome: "done", Seconds: 4, Bundle: &bundle, Outputs: outputs})
}

func sayAs(t *testing.T, w *warehouse.Warehouse, actor string, body ledger.Body) uint64 {
	t.Helper()
	e, err := w.Commit(t.Context(), actor, body)
	if err != nil {
		t.Fatal(err)
	}
	return e.Index
}

// sign lets a form that is to be signed be signed by a passkey of software, and
// returns where that leads.
func sign(t *testing.T, p http.Handler, who, path string, form url.Values, key *passkeytest.Authenticator) string {
	t.Helper()
	payload, s := toSignAs(t, p, who, path, form)
	answer := post(t, p, who, "/sign", signedForm(t, who, payload, s, key))
	if answer.Code != http.StatusSeeOther {
		t.Fatalf("%s: status %d: %s", path, answer.Code, answer.Body)
	}
	return answer.Header().Get("Location")
}

// TestACheckerOpensAnOutput opens each kind of file: each opening is a statement, what
// others wrote is text, and nobody else sees it.
func TestACheckerOpensAnOutput(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	withContent(t, p.w)
	if _, err := p.w.AddParty(t.Context(), "brigitte", governance.OutputChecker); err != nil {
		t.Fatal(err)
	}
	bob := enrol(t, p, "bob", localhost)
	for i, want := range []string{"<td>1204</td>", `src="data:image/png;base64,`, "&lt;script&gt;", "&lt;svg xmlns=", "is not shown here"} {
		id := "s-files-" + string(rune('1'+i))
		before := stateOf(t, p).Size
		place := sign(t, p, "bob", "/outputs/"+id+"/view", url.Values{}, bob)
		if size := stateOf(t, p).Size; size != before+1 || !strings.HasPrefix(place, "/outputs/"+id+"/content?statement=") {
			t.Errorf("%s: %d statements, leads to %s", id, size-before, place)
		}
		answer := get(t, p, "bob", place)
		page := answer.Body.String()
		if answer.Code != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%s: status %d, want %q: %s", id, answer.Code, want, page)
		}
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<svg") || strings.ContainsAny(page, "\x1b\u202e") || strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: the page holds what a study wrote as more than text", id)
		}
		if csp := answer.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self' data:;") || !strings.Contains(csp, "script-src 'self';") {
			t.Errorf("%s: the policy is %s", id, csp)
		}
		if raw := get(t, p, "bob", "/api/v1"+place); !bytes.Equal(raw.Body.Bytes(), written[i].data) || raw.Header().Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(raw.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: its bytes: status %d, %v", id, raw.Code, raw.Header())
		}
		for who, want := range map[string]int{"brigitte": http.StatusNotFound, "carol": http.StatusNotFound, "diane": http.StatusNotFound, "": http.StatusSeeOther} {
			if got := get(t, p, who, place).Code; got != want {
				t.Errorf("%q opens %s by another's statement: status %d, want %d", who, id, got, want)
			}
		}
		if got := get(t, p, "bob", strings.Replace(place, id, "s-grippe-1", 1)).Code; got != http.StatusNotFound {
			t.Errorf("the statement of %s opens another: status %d", id, got)
		}
	}
	place := sign(t, p, "bob", "/outputs/s-files-1/view", url.Values{}, bob)
	p.w.Now = func() time.Time { return today.Add(opens) }
	if answer := get(t, p, "bob", place); answer.Code != http.StatusConflict || !strings.Contains(answer.Body.String(), "more than ten minutes ago") {
		t.Errorf("after ten minutes: status %d", answer.Code)
	}
	for who, want := range map[string]int{"carol": http.StatusNotFound, "diane": http.StatusNotFound, "alice": http.StatusNotFound} {
		if got := post(t, p, who, "/outputs/s-files-1/view", url.Values{"csrf": {"token-of-" + who}}).Code; got != want {
			t.Errorf("%s opens it: status %d, want %d", who, got, want)
		}
	}
}

// TestWhatIsDestroyedIsDecidedOnAPage closes a project, erases a release, destroys a
// key, orders a step, reviews the roles and opens an emergency, with passkeys; a
// second person where the rules say so.
func TestWhatIsDestroyedIsDecidedOnAPage(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	withContent(t, p.w)
	sayAs(t, p.w, "chu", ledger.SigningRulesSet{Passkeys: governance.OnceRegistered, TwoPersons: map[string][]string{"key-destroyed": {"data-protection-officer"}, "step-ordered": {"data-protection-officer"}}, Reason: "security policy 4"})
	keys := map[string]*passkeytest.Authenticator{"chu": enrol(t, p, "chu", localhost), "diane": enrol(t, p, "diane", localhost)}
	second := func(place string) {
		t.Helper()
		index, _, _ := strings.Cut(strings.TrimPrefix(place, "/ledger/"), "?")
		if page := get(t, p, "chu", place).Body.String(); !strings.Contains(page, "second person") {
			t.Errorf("%s does not say that it waits: %s", place, page)
		}
		sign(t, p, "diane", "/ledger/"+index+"/countersign", url.Values{"verdict": {"agree"}, "reason": {"read it"}}, keys["diane"])
	}
	// The key of grippe is there, and is gone once the second person has agreed.
	if page := get(t, p, "chu", "/keys").Body.String(); !strings.Contains(page, `href="/keys/release-grippe/destroy"`) {
		t.Errorf("the keys: %s", page)
	}
	place := sign(t, p, "chu", "/keys/release-grippe/destroy", url.Values{"verdict": {"destroy"}, "reason": {"asked to"}}, keys["chu"])
	ring, err := p.w.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if _, err := ring.Key(t.Context(), "release-grippe"); err != nil {
		t.Errorf("the key is gone before the second person has agreed: %v", err)
	}
	second(place)
	if _, err := ring.Key(t.Context(), "release-grippe"); err == nil {
		t.Error("the key is there still")
	}
	second(sign(t, p, "chu", "/hosts/local/order", url.Values{"verdict": {"move"}, "reason": {"the contract ends"}, "until": {"2026-12-10"}}, keys["chu"]))
	sign(t, p, "diane", "/projects/evil/close", url.Values{"verdict": {"close"}, "reason": {"it is over"}}, keys["diane"])
	sign(t, p, "diane", "/parties/review", url.Values{"verdict": {"right"}, "reason": {"the yearly review"}}, keys["diane"])
	sign(t, p, "chu", "/projects/pneumonia/emergency", url.Values{"verdict": {"4"}, "reason": {"a patient in danger"}}, keys["chu"])
	sign(t, p, "chu", "/releases/r-2026-03/erase", url.Values{"verdict": {"erase"}, "reason": {"replaced"}}, keys["chu"])
	state := stateOf(t, p)
	if len(state.People.Orders) != 1 || state.People.Orders[0].Host != "local" {
		t.Errorf("the orders are %+v", state.People.Orders)
	}
	if evil, err := state.Project("evil"); err != nil || evil.Status != governance.Closed {
		t.Errorf("the project is %s: %v", evil.Status, err)
	}
	if r, _ := state.Releases.Get("r-2026-03"); r.Erased == nil {
		t.Error("the release is not erased")
	}
	if all := state.Unreviewed(); len(all) != 1 || all[0].Project != "pneumonia" {
		t.Errorf("the emergencies are %v", all)
	}
	// Forms that are not there for whoever asks.
	for who, paths := range map[string][]string{
		"alice": {"/projects/pneumonia/close", "/releases/r-2026-03/erase", "/keys/release-manifest/destroy", "/hosts/local/order", "/parties/review", "/projects/grippe/emergency"},
		"diane": {"/releases/r-2026-03/erase", "/keys/release-manifest/destroy", "/hosts/local/order", "/projects/pneumonia/emergency", "/projects/evil/close"},
		"bob":   {"/projects/grippe/close", "/projects/grippe/emergency", "/parties/review"},
		"chu":   {"/keys/release-grippe/destroy", "/keys/pseudonyms/destroy", "/releases/r-2026-03/erase", "/parties/review", "/projects/tabac/close"},
	} {
		for _, path := range paths {
			if got := get(t, p, who, path).Code; got != http.StatusNotFound && got != http.StatusForbidden {
				t.Errorf("%s gets %s: status %d", who, path, got)
			}
		}
	}
}

// decideIn takes a decision in a tab, from its form to what comes of it, with the
// tab's own passkey.
func decideIn(tab *browser.Tab, place, verdict, reason string) {
	tab.Go(place)
	tab.Click("input[value=" + verdict + "]")
	tab.Fill("#reason", reason)
	tab.Submit("form.form button")
	tab.Submit("#sign button:not([disabled])")
}

// TestTwoPeopleDecideInABrowser goes through what needs two: an emergency and its
// review; an output that is opened, released and countersigned; each with the
// passkey of a virtual authenticator.
func TestTwoPeopleDecideInABrowser(t *testing.T) {
	p := portalOf(t, copyOf(t))
	site := siteOf(t, p)
	withContent(t, p.w)
	if _, err := p.w.AddParty(t.Context(), "brigitte", governance.OutputChecker); err != nil {
		t.Fatal(err)
	}
	sayAs(t, p.w, "chu", ledger.SigningRulesSet{Passkeys: governance.OnceRegistered, TwoPersons: map[string][]string{"output-released": {"output-checker"}}, Reason: "policy"})
	b := browser.Start(t)
	tabs := map[string]*browser.Tab{}
	for _, who := range []string{"chu", "diane", "bob", "brigitte"} {
		tabs[who] = b.Open(browser.Look{})
		as(tabs[who], site, who)
		tabs[who].Go(site + "/")
		enrolInTab(t, p, tabs[who], who, site)
	}
	accessible := func(who string) {
		t.Helper()
		for _, finding := range tabs[who].Axe() {
			t.Errorf("%s: %s", tabs[who].URL(), finding)
		}
	}

	decideIn(tabs["chu"], site+"/projects/pneumonia/emergency", "'4'", "a patient in danger must be found")
	tabs["diane"].Go(site + "/")
	if text := tabs["diane"].Text("main"); !strings.Contains(text, "Emergency: chu opened project pneumonia") || !strings.Contains(text, "a patient in danger must be found") {
		t.Errorf("the officer is told: %s", text)
	}
	accessible("diane")
	emergency := stateOf(t, p).Unreviewed()[0].Emergency
	decideIn(tabs["diane"], site+"/emergencies/"+emergency+"/review", "justified", "the patient was found")
	if text := tabs["diane"].Text("main"); !strings.Contains(text, "Recorded.") || strings.Contains(text, "Emergency:") {
		t.Errorf("after the review: %s", text)
	}

	bob := tabs["bob"]
	bob.Go(site + "/outputs/s-files-2")
	bob.Submit("form[action$='/view'] button")
	bob.Submit("#sign button:not([disabled])")
	if wide := browser.Eval[int](bob, "document.querySelector('.picture img').naturalWidth"); wide != 480 {
		t.Errorf("the picture is %d pixels wide", wide)
	}
	accessible("bob")
	decideIn(bob, site+"/outputs/s-files-6/decide", "release", "no small cell")
	if text := bob.Text("main"); !strings.Contains(text, "second person") {
		t.Errorf("after the first signature: %s", text)
	}
	place := bob.URL()
	tabs["brigitte"].Go(site + "/")
	tabs["brigitte"].Submit("li.second .button")
	accessible("brigitte")
	decideIn(tabs["brigitte"], tabs["brigitte"].URL(), "agree", "read it too")
	state := stateOf(t, p)
	output, err := state.Output("s-files-6")
	if err != nil || !output.Released || output.Decision.Actor != "bob" {
		t.Errorf("the output is %+v: %v", output, err)
	}
	bob.Go(strings.TrimSuffix(place, "?done=1"))
	if said := verifyIn(bob); !strings.Contains(said, "It is signed with a passkey of bob") {
		t.Errorf("the verifier says: %s", said)
	}
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/register/grippe", nil))
	if !strings.Contains(answer.Body.String(), "1") {
		t.Errorf("the public register: %s", answer.Body)
	}
}
