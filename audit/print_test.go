package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"rempart.eu/rempart/audit"
	"rempart.eu/rempart/internal/browser"
)

// A report goes to a regulator on paper, or as a PDF: on A4 nothing of it is cut off, and what a screen hides
// behind a summary is there.
func TestAReportIsPrintedWhole(t *testing.T) {
	tab := browser.Start(t).Open(browser.Look{})
	for _, code := range []string{"en", "fr"} {
		var written bytes.Buffer
		if err := everything().Page(audit.Languages()[code]).Write(&written); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(path, written.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		tab.Go("file://" + path)
		pdf := tab.Print()
		pages := len(regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(pdf, -1))
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 20_000 || pages < 3 || pages > 15 {
			t.Errorf("%s: a PDF of %d bytes and %d pages", code, len(pdf), pages)
		}
		if pictures := os.Getenv("REMPART_SCREENSHOTS"); pictures != "" {
			if err := os.WriteFile(filepath.Join(pictures, "report-"+code+".pdf"), pdf, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, cut := range tab.Paper(672) { // A4 between its margins: 178 mm of 96 pixels an inch
			t.Errorf("%s: on paper this is cut off: %s", code, cut)
		}
		hidden := browser.Eval[int](tab, `[...document.querySelectorAll("main td, main th, main p")].filter(e => !e.checkVisibility()).length`)
		if hidden > 0 {
			t.Errorf("%s: %d cells and texts are not on paper", code, hidden)
		}
	}
}
