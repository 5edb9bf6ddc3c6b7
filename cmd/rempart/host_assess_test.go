package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rempart.eu/rempart/host/assess"
	"rempart.eu/rempart/host/requirements"
)

// TestHostAssess assesses the warehouse's own host and a candidate, and puts
// them side by side. The host is left as it was.
func TestHostAssess(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	before := filesOf(t, filepath.Join(home, "host"))
	out := t.TempDir()
	own := ledgerHost(t, home)
	text := must(t, home, "host", "assess", own, "--out", out)
	for _, want := range []string{"Object storage", "100 %", "calls to its storage"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if after := filesOf(t, filepath.Join(home, "host")); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("%d files on the host before, %d after", len(before), len(after))
	}
	sound(t, home)

	paper := write(t, "hds.pdf", "a certificate")
	said := write(t, "said.yaml", "- control: backup-second\n  holds: true\n  by: sales\n- control: law-reach\n  holds: false\n  says: the parent sits abroad\n  by: legal\n")
	text = must(t, "", "host", "assess", "Candidate B", "--declarations", said, "--directory", t.TempDir(),
		"--document", paper, "--for", "cert-hds", "--expires", "2027-03-01", "--out", out)
	if !strings.Contains(text, "the parent sits abroad") {
		t.Errorf("what failed is not told:\n%s", text)
	}
	catalogue, err := requirements.Load()
	if err != nil {
		t.Fatal(err)
	}
	kept := func(name string) *assess.Results {
		r, err := assess.Read(read(t, filepath.Join(out, name+".json")), catalogue)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		host, control string
		want          assess.Status
	}{
		{own, "store-once", assess.Proven}, {own, "law-reach", assess.Declared}, {own, "cert-hds", assess.Missing},
		{"Candidate-B", "cert-hds", assess.Proven}, {"Candidate-B", "law-reach", assess.Failed}, {"Candidate-B", "backup-second", assess.Declared}, {"Candidate-B", "id-keys", assess.Unnecessary},
	} {
		if f, _ := kept(c.host).Finding(c.control); f.Status != c.want {
			t.Errorf("%s: %s is %s, not %s", c.host, c.control, f.Status, c.want)
		}
	}

	page := filepath.Join(out, "both.html")
	text = must(t, "", "host", "compare", filepath.Join(out, own+".json"), filepath.Join(out, "Candidate-B.json"), "--html", page)
	if !strings.Contains(text, "CANDIDATE B") || !strings.Contains(string(read(t, page)), "Candidate B") {
		t.Errorf("the comparison:\n%s", text)
	}
	var lines []comparison
	if err := json.Unmarshal([]byte(must(t, "", "host", "compare", filepath.Join(out, "Candidate-B.json"), "--json")), &lines); err != nil || len(lines) != 1 || strings.Join(lines[0].Failed, " ") != "law-reach" {
		t.Errorf("%+v, %v", lines, err)
	}
}

// TestHostAssessRefuses: what is called wrongly is told.
func TestHostAssessRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paper := write(t, "paper.pdf", "paper")
	secrets := write(t, "secrets.toml", "access_key_id = \"a\"\nsecret_access_key = \"b\"\n")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "which host?", []string{"host", "assess"}},
		{exitUsage, "not both", []string{"host", "assess", "--directory", dir, "--s3", "https://a"}},
		{exitUsage, "no such directory", []string{"host", "assess", "--directory", filepath.Join(dir, "none")}},
		{exitUsage, "needs its --for", []string{"host", "assess", "--directory", dir, "--document", paper}},
		{exitUsage, "YYYY-MM-DD", []string{"host", "assess", "--directory", dir, "--document", paper, "--for", "cert-hds", "--expires", "tomorrow"}},
		{exitError, "cert-hdz", []string{"host", "assess", "--directory", dir, "--document", paper, "--for", "cert-hdz", "--expires", "2027-01-01"}},
		{exitError, "over a network, want https", []string{"host", "assess", "--s3", "http://example.org", "--bucket", "b", "--credentials-file", secrets}},
		{exitUsage, "call it as", []string{"host", "compare"}},
		{exitError, "assessment", []string{"host", "compare", paper}},
		{exitUsage, "Give --to", []string{"host", "exit-plan", "--rehearse"}},
	} {
		refused(t, c.code, c.want, "", c.args...)
	}
}

// TestExitPlan: what leaving takes, and the rehearsal with the escrow alone.
func TestExitPlan(t *testing.T) {
	t.Parallel()
	home := homeAt(t, published)
	dir := t.TempDir()
	tariff := write(t, "tariff.yaml", "currency: EUR\ntermination_fee: 1200\n")
	text := must(t, home, "host", "exit-plan", "--tariff", tariff)
	if !strings.Contains(text, "1200.00 EUR") {
		t.Errorf("no price in\n%s", text)
	}
	var plan assess.ExitPlan
	if err := json.Unmarshal([]byte(must(t, home, "host", "exit-plan", "--rehearse", "--to", filepath.Join(dir, "out"), "--sample", "1000", "--json")), &plan); err != nil {
		t.Fatal(err)
	}
	named := len(filesOf(t, filepath.Join(home, "host")))
	if plan.Objects != named || plan.Sample.Opened != named || plan.Sample.Plain == 0 || plan.Cost != nil {
		t.Errorf("%d objects lie there; %+v", named, plan)
	}
	sealed := filesOf(t, filepath.Join(dir, "out"))
	if len(sealed) != named {
		t.Errorf("%d files for %d objects", len(sealed), named)
	}
	for _, path := range sealed {
		if !strings.HasPrefix(string(read(t, path)), "age-encryption.org/v1\n") {
			t.Errorf("%s is not sealed", path)
		}
	}
	object := filesOf(t, filepath.Join(home, "host"))[0]
	if err := os.Remove(object); err != nil {
		t.Fatal(err)
	}
	refused(t, exitDamaged, "1 fault", home, "host", "exit-plan", "--sample", "1000")
}

// ledgerHost is the name of the warehouse's host.
func ledgerHost(t testing.TB, home string) string {
	t.Helper()
	var plan assess.ExitPlan
	if err := json.Unmarshal([]byte(must(t, home, "host", "exit-plan", "--sample", "1", "--json")), &plan); err != nil {
		t.Fatal(err)
	}
	return plan.Host
}
