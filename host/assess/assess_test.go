package assess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/requirements"
)

// TestDirectory assesses a directory: what a store promises is proven, what
// nobody has said is missing, and nothing is left behind.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	r, err := Run(t.Context(), host.Dir(dir), Options{Host: "a directory", Scale: Scale{Many: 1100, Large: 9 << 20, Speed: 64 << 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		want := Missing
		switch {
		case strings.HasPrefix(f.Control, "store-"), strings.HasPrefix(f.Control, "consistent-"):
			want = Proven
		case strings.HasPrefix(f.Control, "speed-") && f.Control != "speed-elastic":
			continue // depends on the machine
		case strings.HasPrefix(f.Control, "s3-"), f.Control == "net-tls", f.Control == "net-tls-old", f.Control == "net-certificate", f.Control == "net-clock":
			want = Unnecessary
		}
		control, _ := r.catalogue.Control(f.Control)
		if want == Missing && control.Unnecessary() != "" {
			want = Unnecessary
		}
		if f.Status != want {
			t.Errorf("%s is %s, not %s: %s", f.Control, f.Status, want, f.Reason)
		}
	}
	if r.Calls < 100 {
		t.Errorf("%d calls", r.Calls)
	}
	if len(r.Measures) == 0 {
		t.Error("nothing was measured")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 || len(r.Left) > 0 {
		t.Errorf("%d objects left, %d known, %v", len(left), len(r.Left), err)
	}
	t.Run("as OSCAL", func(t *testing.T) { testOSCAL(t, r) })
	t.Run("as a page", func(t *testing.T) { testPage(t, r) })
}

func testOSCAL(t *testing.T, r *Results) {
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("testdata/oscal-assessment-results.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%#v", err)
	}
	delete(document.(map[string]any)["assessment-results"].(map[string]any), "import-ap")
	if schema.Validate(document) == nil {
		t.Error("the schema takes results of no plan")
	}
	again, err := Read(text, r.catalogue)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Measures, again.Measures); diff != "" {
		t.Error(diff)
	}
	areas, all := r.Scores()
	areasAgain, allAgain := again.Scores()
	if diff := cmp.Diff(append(areas, all), append(areasAgain, allAgain)); diff != "" {
		t.Error(diff)
	}
	if again.Host != r.Host || again.Calls != r.Calls || !again.Start.Equal(r.Start) {
		t.Errorf("read back: %s, %d calls, %s", again.Host, again.Calls, again.Start)
	}
}

func testPage(t *testing.T, r *Results) {
	second := *r
	second.Host = `<script>alert("another")</script>`
	var page bytes.Buffer
	if err := Page(&page, r.catalogue, r, &second); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"a directory", "&lt;script&gt;", "A name is used once", "prefers-color-scheme: dark", "SecNumCloud 3.2, 19.6.c"} {
		if !strings.Contains(strings.ReplaceAll(text, "prefers-color-scheme:dark", "prefers-color-scheme: dark"), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "src=", "@import", "ZgotmplZ"} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %s", never)
		}
	}
	if where := os.Getenv("REMPART_ASSESS_PAGE"); where != "" { // to look at it
		if err := os.WriteFile(where, page.Bytes(), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// TestSilentStore: a store that never answers fails every probe, whether it
// heeds its context or not, and the assessment ends.
func TestSilentStore(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	for name, wait := range map[string]func(context.Context) error{
		"heeds its context": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"heeds nothing":     func(context.Context) error { <-released; return errors.New("released") },
	} {
		silent := &broken{
			put:   func(ctx context.Context, _ string, _ io.Reader) error { return wait(ctx) },
			open:  func(ctx context.Context, _ string) (host.Object, error) { return nil, wait(ctx) },
			list:  func(ctx context.Context, _ func(string, int64) error) error { return wait(ctx) },
			erase: func(ctx context.Context, _ string) error { return wait(ctx) },
		}
		scale := small
		scale.Limit = 20 * time.Millisecond
		r, err := Run(t.Context(), silent, Options{Host: name, Scale: scale})
		if err != nil {
			t.Fatal(err)
		}
		for _, control := range []string{"store-whole", "store-range", "consistent-read", "store-pages"} {
			if f, _ := r.Finding(control); f.Status != Failed || !strings.Contains(f.Reason, "within 20ms") {
				t.Errorf("%s: %s is %s: %s", name, control, f.Status, f.Reason)
			}
		}
		if len(r.Left) == 0 {
			t.Errorf("%s: what could not be deleted is not told", name)
		}
	}
}

// TestInterrupted: an assessment that is cancelled removes what it wrote.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, host.Dir(dir), Options{Scale: small, Progress: func(probe string, _, _ int) {
		if probe == "store-delete" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d objects left, %v", len(left), err)
	}
}

// TestVerdict: what outweighs what.
func TestVerdict(t *testing.T) {
	catalogue, err := requirements.Load()
	if err != nil {
		t.Fatal(err)
	}
	type has = []Evidence
	probe := func(holds bool) Evidence { return Evidence{Kind: requirements.Probe, Holds: holds, Reason: "seen"} }
	document := func(valid bool) Evidence {
		return Evidence{Kind: requirements.Document, Holds: valid, File: "certificate.pdf", Reason: "expired on 2026-01-31"}
	}
	says := func(holds bool) Evidence {
		return Evidence{Kind: requirements.Declaration, Holds: holds, What: "the host"}
	}
	for _, c := range []struct {
		control string
		has     has
		want    Status
		reason  string
	}{
		{"store-once", has{probe(true)}, Proven, "seen"},
		{"store-once", has{probe(true), probe(false)}, Failed, "seen"},
		{"store-once", has{says(true), probe(false)}, Failed, "seen"},
		{"store-once", has{document(true)}, Declared, "certificate.pdf"},
		{"store-once", has{says(true)}, Declared, "declared by the host"},
		{"store-once", nil, Missing, "not probed"},
		{"cert-hds", has{document(true)}, Proven, "certificate.pdf"},
		{"cert-hds", has{document(false)}, Missing, "certificate.pdf has expired"},
		{"cert-hds", has{document(false), says(true)}, Declared, "declared by the host"},
		{"cert-hds", has{says(false)}, Failed, "declared not to hold by the host"},
		{"cert-hds", nil, Missing, "no document"},
		{"backup-second", has{says(true)}, Declared, "declared by the host"},
		{"backup-second", nil, Missing, "no declaration"},
		{"id-keys", nil, Unnecessary, "Keys never go to the host"},
		{"id-keys", has{says(false)}, Unnecessary, "Keys never go to the host"},
		{"id-keys", has{says(true)}, Declared, "declared by the host"},
	} {
		control, ok := catalogue.Control(c.control)
		if !ok {
			t.Fatal(c.control)
		}
		status, reason := verdict(control, c.has, "")
		if status != c.want || !strings.Contains(reason, c.reason) {
			t.Errorf("%s with %v: %s, %q; want %s, %q", c.control, c.has, status, reason, c.want, c.reason)
		}
	}
}

// TestDocuments: a document counts until the day it expires, with its digest.
func TestDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hds.pdf")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	expires := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	d, err := ReadDocument(path, "cert-hds", expires)
	if err != nil {
		t.Fatal(err)
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4, example of SHA-256
	if d.SHA256 != abc || d.File != "hds.pdf" {
		t.Errorf("%+v", d)
	}
	for now, want := range map[time.Time]Status{expires.Add(-time.Second): Proven, expires: Missing} {
		r, err := Run(t.Context(), nil, Options{Host: "paper", Documents: []Document{d}, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if f, _ := r.Finding("cert-hds"); f.Status != want {
			t.Errorf("at %s: %s, %s", now, f.Status, f.Reason)
		}
	}
	d.Control = "cert-hdz"
	if _, err := Run(t.Context(), nil, Options{Documents: []Document{d}}); err == nil || !strings.Contains(err.Error(), "cert-hdz") {
		t.Errorf("got %v", err)
	}
}

func TestDeclarations(t *testing.T) {
	list, err := ReadDeclarations(strings.NewReader("- control: backup-second\n  holds: true\n  says: Paris and Strasbourg\n  by: sales\n  on: 2026-11-01T00:00:00Z\n"))
	if err != nil || len(list) != 1 || !list[0].Holds || list[0].Says != "Paris and Strasbourg" || list[0].Time.Year() != 2026 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, wrong := range []string{"- control: backup-second\n  holds: true\n", "- contorl: backup-second\n", "backup-second: true\n"} {
		if _, err := ReadDeclarations(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
	if list, err := ReadDeclarations(strings.NewReader("")); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
