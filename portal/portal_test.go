package portal

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sources are the package's own files.
func sources(t *testing.T) (texts []string) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// pages are one address of every page, and one of somebody who sees it.
var pages = []struct{ name, path, who string }{
	{"register", "/register", ""},
	{"register-entry", "/register/pneumonia", ""},
	{"home-officer", "/", "diane"},
	{"home-checker", "/", "bob"},
	{"home-researcher", "/", "carol"},
	{"home-provider", "/", "caisse"},
	{"projects", "/projects", "diane"},
	{"project", "/projects/tabac", "diane"},
	{"project-running", "/projects/pneumonia", "alice"},
	{"project-evil", "/projects/evil", "diane"},
	{"query", "/projects/pneumonia/query", "alice"},
	{"outputs", "/outputs", "bob"},
	{"outputs-blocked", "/outputs?status=blocked", "bob"},
	{"output", "/outputs/s-grippe-2", "bob"},
	{"releases", "/releases", "alice"},
	{"release", "/releases/r-2026-03", "chu"},
	{"release-quality", "/releases/r-2026-03/quality", "diane"},
	{"release-profile", "/releases/r-2026-03/profile", "diane"},
	{"hosts", "/hosts", "diane"},
	{"host", "/hosts/far-cloud", "diane"},
	{"parties", "/parties", "diane"},
	{"ledger", "/ledger", "diane"},
	{"ledger-filtered", "/ledger?project=pneumonia&from=2026-03-01", "diane"},
	{"statement", "/ledger/16", "diane"},
	{"verify", "/verify", "diane"},
	{"absent", "/projects/none", "diane"},
	{"hidden", "/hosts", "alice"},
}

func TestEveryPageIsShownInBothLanguages(t *testing.T) {
	p := open(t)
	for _, page := range pages {
		for _, language := range []string{"en", "fr"} {
			answer := get(t, p, page.who, page.path, "Accept-Language", language)
			want := map[string]int{"absent": http.StatusNotFound, "hidden": http.StatusForbidden}[page.name]
			if want == 0 {
				want = http.StatusOK
			}
			if answer.Code != want {
				t.Errorf("%s: status %d, want %d", page.path, answer.Code, want)
			}
			body := answer.Body.String()
			if !strings.Contains(body, `<html lang="`+language+`">`) || strings.Contains(body, "⟨") || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s is not in language %s, or not whole", page.path, language)
			}
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") || strings.Contains(body, "<svg/onload") {
				t.Errorf("%s holds what somebody else wrote as HTML", page.path)
			}
		}
	}
}

func TestEveryPageIsAlsoJSON(t *testing.T) {
	p := open(t)
	for _, page := range pages {
		path := "/api/v1" + page.path
		if page.path == "/" {
			path = "/api/v1/waiting"
		}
		answer := get(t, p, page.who, path)
		want := "application/json"
		if answer.Code >= http.StatusBadRequest {
			want = "application/problem+json"
		}
		if !json.Valid(answer.Body.Bytes()) || answer.Header().Get("Content-Type") != want {
			t.Errorf("%s is no JSON: %s", path, answer.Body)
		}
	}
}

// TestNobodySeesMoreThanTheRoleShows asks for pages by their addresses.
func TestNobodySeesMoreThanTheRoleShows(t *testing.T) {
	p := open(t)
	for _, c := range []struct {
		who, path string
		want      int
	}{
		{"", "/projects", http.StatusSeeOther}, {"", "/ledger", http.StatusSeeOther}, {"", "/ledger/3", http.StatusSeeOther}, {"", "/outputs/s-grippe-1", http.StatusSeeOther},
		{"", "/tlog/checkpoint", http.StatusUnauthorized}, {"", "/api/v1/projects", http.StatusUnauthorized},
		{"", "/register/tabac", http.StatusNotFound}, {"", "/register/pneumonia", http.StatusOK},
		{"nobody", "/projects", http.StatusSeeOther},
		{"alice", "/projects/pneumonia", http.StatusOK}, {"alice", "/projects/grippe", http.StatusNotFound}, {"alice", "/api/v1/projects/grippe", http.StatusNotFound},
		{"alice", "/outputs/s-pneumonia-1", http.StatusOK}, {"alice", "/outputs/s-grippe-1", http.StatusNotFound},
		{"alice", "/hosts", http.StatusForbidden}, {"alice", "/parties", http.StatusForbidden}, {"alice", "/verify", http.StatusForbidden},
		{"alice", "/releases/r-2026-03/quality", http.StatusForbidden}, {"alice", "/releases/r-2026-03/profile", http.StatusForbidden}, {"", "/releases/r-2026-03/quality", http.StatusSeeOther}, {"alice", "/api/v1/releases/r-2026-03/quality", http.StatusForbidden},
		{"diane", "/releases/none/quality", http.StatusNotFound}, {"diane", "/releases/r-2026-03/quality", http.StatusOK},
		{"alice", "/tlog/checkpoint", http.StatusForbidden}, {"alice", "/tlog/tile/entries/000.p/40", http.StatusForbidden},
		{"bob", "/projects/grippe", http.StatusOK}, {"bob", "/projects/tabac", http.StatusNotFound}, {"bob", "/outputs/s-grippe-1", http.StatusOK},
		{"caisse", "/projects/pneumonia", http.StatusNotFound}, {"caisse", "/outputs/s-grippe-1", http.StatusNotFound},
		{"diane", "/projects/grippe", http.StatusOK}, {"diane", "/ledger/3", http.StatusOK}, {"diane", "/tlog/checkpoint", http.StatusOK},
		{"diane", "/ledger/-1", http.StatusNotFound}, {"diane", "/ledger/99999999999999999999", http.StatusNotFound},
		{"diane", "/tlog/../rempart.toml", http.StatusTemporaryRedirect}, {"diane", "/tlog/..%2f..%2frempart.toml", http.StatusNotFound},
		{"diane", "/tlog/%2e%2e/controller/checkpoint.key", http.StatusNotFound}, {"diane", "/tlog/attachments/x.json", http.StatusNotFound},
		{"diane", "/static/../portal.go", http.StatusTemporaryRedirect}, {"diane", "/static/..%2fmessages.toml", http.StatusNotFound},
	} {
		if got := get(t, p, c.who, c.path); got.Code != c.want {
			t.Errorf("%q asks for %s: status %d, want %d", c.who, c.path, got.Code, c.want)
		}
	}
	// What a page lists is what its reader could open.
	for who, hidden := range map[string][]string{
		"alice":  {"grippe", "carol", "evil"},
		"caisse": {"grippe", "pneumonia", "alice"},
		"bob":    {"tabac"},
	} {
		for _, path := range []string{"/", "/projects", "/outputs?status=all", "/ledger", "/ledger?project=grippe", "/api/v1/ledger"} {
			body := strings.NewReplacer(`value="grippe"`, "", "project=grippe", "").Replace(get(t, p, who, path).Body.String()) // what was asked for
			for _, word := range hidden {
				if strings.Contains(body, word) {
					t.Errorf("%s reads of %q at %s", who, word, path)
				}
			}
		}
	}
	register := get(t, p, "", "/register").Body.String() + get(t, p, "", "/register/pneumonia").Body.String() + get(t, p, "", "/api/v1/register").Body.String()
	for _, word := range []string{"alice", "tabac", "SELECT", "year_of_birth"} {
		if strings.Contains(register, word) {
			t.Errorf("the public register tells %q", word)
		}
	}
}

func TestTheLanguageIsChosenAndKept(t *testing.T) {
	p := open(t)
	answer := get(t, p, "diane", "/ledger?project=flu&lang=fr")
	if answer.Code != http.StatusSeeOther || answer.Header().Get("Location") != "/ledger?project=flu" {
		t.Fatalf("a choice of language leads to %q", answer.Header().Get("Location"))
	}
	if location := get(t, p, "erin", "/outputs/s-1-1/code?lang=fr").Header().Get("Location"); location != "/outputs/s-1-1/code" {
		t.Errorf("a choice of language, where the page is read from the host, leads to %q", location)
	}
	cookie := answer.Result().Cookies()[0]
	if got := get(t, p, "", "/register", "Cookie", cookie.Name+"="+cookie.Value, "Accept-Language", "en").Body.String(); !strings.Contains(got, `<html lang="fr">`) {
		t.Error("the choice is not kept")
	}
	if location := get(t, p, "", "//evil.example/%2e%2e?lang=fr").Header().Get("Location"); strings.HasPrefix(location, "//") {
		t.Errorf("a choice of language leads to another site: %s", location)
	}
}
