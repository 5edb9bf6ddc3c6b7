package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/warehouse"
)

// TestALinkageIsReportedOn: the report is of the release, is a page, stands beside the
// truth, and cannot be altered.
func TestALinkageIsReportedOn(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	page := filepath.Join(t.TempDir(), "report", "linkage.html")
	text := must(t, home, "linkage", "report", "--truth", population(t), "--party", "chu-lyon=hospital-1", "--party", "cnam=insurer", "--html", page)
	for _, want := range []string{"chu-lyon", "all traits", "Recall of stays", "Beside the truth"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if html := string(read(t, page)); !strings.Contains(html, "<svg") || !strings.Contains(html, "of release r-") && !strings.Contains(html, "Of release r-") {
		t.Errorf("the page is\n%.500s", html)
	}
	var r warehouse.LinkageReport
	out := must(t, home, "linkage", "report", "--truth", population(t), "--party", "chu-lyon=hospital-1,cnam=insurer", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Release == "" || r.Truth == nil || r.Truth.All.Precision == nil || *r.Truth.All.Precision < 0.99 || *r.Truth.All.Recall < 0.97 {
		t.Errorf("the report says %s", out)
	}
	refused(t, exitRefused, "there is no linkage or release", home, "linkage", "report", "r-nothing")
	refused(t, exitRefused, "rempart synth", home, "linkage", "report", "--truth", t.TempDir())

	linkage, _ := ledgerOf(t, home).Linkages.Get(r.Linkage)
	kept := filepath.Join(home, "ledger", "attachments", string(linkage.Report)+".json")
	changed := strings.Replace(string(read(t, kept)), `"taken":true`, `"taken":false`, 1)
	if err := os.WriteFile(kept, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := command(t, home, "linkage", "report"); o.code == exitOK {
		t.Error("a report that was altered is shown")
	}
	if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout+o.stderr, string(linkage.Report)) {
		t.Errorf("the verification says %v", o)
	}
}

// TestTokensOfStaysThatWereAltered: a file of tokens that is not what the provider sent is
// not linked, and the verification names it.
func TestTokensOfStaysThatWereAltered(t *testing.T) {
	t.Parallel()
	home := homeAt(t, deposited)
	inbox, err := filepath.Glob(filepath.Join(home, "parties", "linkers", "inbox", "*.stays.age"))
	if err != nil || len(inbox) != 2 {
		t.Fatalf("%v in the inbox: %v", inbox, err)
	}
	whole := [][]byte{read(t, inbox[0]), read(t, inbox[1])}
	for name, text := range map[string][]byte{"a bit": flipped(whole[0]), "the end": whole[0][:len(whole[0])-20], "another provider's": whole[1]} {
		if err := os.WriteFile(inbox[0], text, 0o600); err != nil {
			t.Fatal(err)
		}
		if o := command(t, home, "linkage", "run"); o.code == exitOK || !strings.Contains(o.stderr, filepath.Base(inbox[0])) {
			t.Errorf("%s: %v", name, o)
		}
		if o := command(t, home, "audit", "verify"); o.code != exitDamaged || !strings.Contains(o.stdout+o.stderr, filepath.Base(inbox[0])) {
			t.Errorf("%s: %v", name, o)
		}
	}
	if err := os.WriteFile(inbox[0], whole[0], 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, home, "linkage", "run")
	must(t, home, "audit", "verify")
}

// flipped is a text with one bit in its middle changed.
func flipped(text []byte) []byte {
	out := append([]byte(nil), text...)
	out[len(out)/2] ^= 1
	return out
}
