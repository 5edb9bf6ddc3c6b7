package portal

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/ledger"
)

// TestFindingsAreInTheReadersLanguage: and to programs in English, with the code.
func TestFindingsAreInTheReadersLanguage(t *testing.T) {
	p := portalOf(t, copyOf(t))
	withContent(t, p.w)
	for _, c := range []struct{ path, language, want string }{
		{"/outputs/s-pneumonia-2", "en", "the count is under the minimum of 11"},
		{"/outputs/s-pneumonia-2", "fr", "l’effectif est inférieur à l’effectif minimal de 11"},
		{"/outputs/s-pneumonia-2", "fr", "as findings were told before they had codes"},
		{"/outputs/s-files-6/suggest", "en", "rounded to a multiple of 20"},
		{"/outputs/s-files-6/suggest", "fr", "arrondi à un multiple de 20"},
		{"/api/v1/outputs/s-pneumonia-2", "fr", `"code":"small-count","values":{"minimum":"11"}`},
		{"/api/v1/outputs/s-pneumonia-2", "fr", "line 3, column n: the count is under the minimum of 11"},
	} {
		if body := get(t, p, "bob", c.path, "Accept-Language", c.language).Body.String(); !strings.Contains(strings.Join(strings.Fields(body), " "), c.want) {
			t.Errorf("%s in %s: no %q in\n%s", c.path, c.language, c.want, body)
		}
	}
}

// TestAnOutputIsMendedDiscussedAndFetched is the way of an output through the portal beside
// its decision: seen by those whom it concerns, and nobody else.
func TestAnOutputIsMendedDiscussedAndFetched(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.site = localhost
	withContent(t, p.w)
	carol, bob := enrol(t, p, "carol", localhost), enrol(t, p, "bob", localhost)
	const id = "s-files-6"
	page := func(who, path string, want int, texts ...string) {
		t.Helper()
		answer := get(t, p, who, path)
		if answer.Code != want {
			t.Errorf("%s, %s: status %d, want %d", who, path, answer.Code, want)
		}
		for _, text := range texts {
			if !strings.Contains(answer.Body.String(), text) {
				t.Errorf("%s, %s: no %q", who, path, text)
			}
		}
	}
	page("carol", "/outputs/"+id+"/suggest", http.StatusOK, "places change", "Have counts rounded")
	page("bob", "/outputs/"+id+"/suggest", http.StatusOK, "places change")
	page("alice", "/outputs/"+id+"/suggest", http.StatusNotFound)
	page("bob", "/outputs/"+id+"/code", http.StatusOK)
	page("alice", "/outputs/"+id+"/code", http.StatusNotFound)
	if body := get(t, p, "carol", "/outputs/"+id+"/suggest").Body.String(); strings.Contains(body, "1204") || strings.Contains(body, "311") {
		t.Error("a preview shows a value")
	}

	if place := sign(t, p, "carol", "/outputs/"+id+"/change", url.Values{"method": {"round"}}, carol); place != "/outputs/"+id+"-round" {
		t.Errorf("a change leads to %s", place)
	}
	page("carol", "/outputs/"+id+"-round", http.StatusOK, "Made for carol of output")
	sign(t, p, "bob", "/outputs/"+id+"/comment", url.Values{"text": {"why by sex?"}}, bob)
	page("carol", "/outputs/"+id, http.StatusOK, "why by sex?")
	sign(t, p, "bob", "/outputs/"+id+"-round/assign", url.Values{}, bob)
	page("bob", "/outputs", http.StatusOK, "<td data-name=\"With\">bob</td>")
	if answer := post(t, p, "alice", "/outputs/"+id+"/comment", url.Values{"csrf": {"token-of-alice"}, "text": {"me too"}}); answer.Code != http.StatusNotFound {
		t.Errorf("a stranger comments: status %d", answer.Code)
	}

	download := func(who string) *bytes.Buffer {
		t.Helper()
		answer := post(t, p, who, "/outputs/"+id+"/download", url.Values{"csrf": {"token-of-" + who}})
		if answer.Code != http.StatusOK {
			return nil
		}
		return answer.Body
	}
	if download("carol") != nil {
		t.Error("it was handed out before it was released")
	}
	sign(t, p, "bob", "/outputs/"+id+"/decide", url.Values{"verdict": {"release"}, "reason": {"large cells"}}, bob)
	for _, who := range []string{"alice", "bob", "diane", ""} {
		if download(who) != nil {
			t.Errorf("it was handed to %q", who)
		}
	}
	if answer := post(t, p, "carol", "/outputs/"+id+"/download", url.Values{}); answer.Code == http.StatusOK {
		t.Error("a form of another site fetched it")
	}
	page("carol", "/outputs/"+id, http.StatusOK, "Download it with its receipt")
	got := download("carol")
	if got == nil {
		t.Fatal("it was not handed to carol")
	}
	files := map[string][]byte{}
	archive, err := zip.NewReader(bytes.NewReader(got.Bytes()), int64(got.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := airlock.ReadReceipt(files["seasons.csv.receipt.json"])
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.Verify(t.Context(), p.w.Log, files["seasons.csv"]); err != nil {
		t.Error(err)
	}
	if download("carol") != nil {
		t.Error("it was handed out twice")
	}
	page("carol", "/outputs/"+id, http.StatusOK, "in the portal")
	o, err := stateOf(t, p).Output(id)
	if err != nil || len(o.Handled().Deliveries) != 1 || o.Handled().Deliveries[0].Party != "carol" || o.SHA256 != ledger.Sum(files["seasons.csv"]) {
		t.Errorf("the ledger says %+v, %v", o.Handled().Deliveries, err)
	}
}
