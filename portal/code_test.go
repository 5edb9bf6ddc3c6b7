package portal

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
)

// withRun adds a run of project grippe whose bundle has a study and an output.
func withRun(t *testing.T, p *Portal, run, code, output string) (id string) {
	t.Helper()
	ctx := t.Context()
	ring, err := p.w.Keyring(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	key, err := ring.Key(ctx, "release-grippe") // as withContent has it
	if err != nil {
		t.Fatal(err)
	}
	vault, err := p.w.Vault(stateOf(t, p))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := vault.Put(ctx, lake.Tar, key, func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, f := range []struct{ name, text string }{{"outputs/seasons.csv", output}, {"code/seasons.sql", code}} {
			if err := archive.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.text))}); err != nil {
				return err
			}
			if _, err := io.WriteString(archive, f.text); err != nil {
				return err
			}
		}
		return archive.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	id = run + "-1"
	sayAs(t, p.w, "carol", ledger.RunRequested{Run: run, Project: "grippe", Language: "sql", Name: "seasons.sql", Code: ledger.Sum([]byte(code))})
	sayAs(t, p.w, "chu", ledger.RunFinished{Run: run, Outcome: "done", Seconds: 4, Bundle: &bundle, Outputs: []ledger.Output{{Output: id, Name: "seasons.csv", Size: int64(len(output)), SHA256: ledger.Sum([]byte(output))}}})
	return id
}

// TestAStudyIsSeenBesideTheOneThatWasReleased: a checker sees in a browser which lines of a study are
// other than at the last release, at every width, and what a researcher writes stays text.
func TestAStudyIsSeenBesideTheOneThatWasReleased(t *testing.T) {
	p := portalOf(t, copyOf(t))
	withContent(t, p.w)
	const table = "season,persons\nautumn,1204\nwinter,2311\n"
	const before = "SELECT season, count(*) AS persons\nFROM flu\nWHERE age >= 65\nGROUP BY season;\n"
	first := withRun(t, p, "s-code-a", before, table)
	sayAs(t, p.w, "bob", ledger.OutputReleased{Output: first, SHA256: ledger.Sum([]byte(table)), Reason: "large cells"})
	second := withRun(t, p, "s-code-b", strings.Replace(before, "age >= 65", "age >= 18 -- <b>all</b> adults, "+strings.Repeat("however long the line is, ", 20), 1), table)
	site := siteOf(t, p)
	tab := browser.Start(t).Open(browser.Look{})
	as(tab, site, "bob")
	for _, l := range looks {
		tab.Look(l.look)
		tab.Go(site + "/outputs/" + second + "/code")
		text := browser.Eval[string](tab, "document.querySelector('main').innerText")
		for _, line := range []string{first, "seasons.sql", "-WHERE age >= 65", "+WHERE age >= 18 -- <b>all</b> adults", " GROUP BY season;"} {
			if !strings.Contains(text, line) {
				t.Errorf("%s: no %q in\n%s", l.name, line, text)
			}
		}
		if browser.Eval[int](tab, "document.querySelectorAll('main b').length") > 0 {
			t.Errorf("%s: a study wrote into the page", l.name)
		}
		if browser.Eval[bool](tab, "document.documentElement.scrollWidth > innerWidth") {
			t.Errorf("%s: the page is wider than the window", l.name)
		}
		for _, finding := range tab.Axe() {
			t.Errorf("%s: %s", l.name, finding)
		}
		if pictures := os.Getenv("REMPART_SCREENSHOTS"); pictures != "" {
			tab.Screenshot(filepath.Join(pictures, "output-diff-"+l.name+".png"))
		}
	}
}
