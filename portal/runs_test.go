package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/internal/browser"
	"rempart.eu/rempart/internal/filelock"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/warehouse"
)

// withRuns puts two steps into the queue of grippe, of which a worker has the first, and returns how its
// log goes on.
func withRuns(t *testing.T, p *Portal) (prints func(string)) {
	t.Helper()
	object := ledger.Object{Name: "study", Size: 4096, SHA256: ledger.Sum(nil), Key: "release-grippe"}
	for _, r := range []ledger.RunRequested{
		{Run: "s-00000001", Project: "grippe", Language: "sql", Name: "cohort.sql", Step: "cohort", Commit: "5f1d7a9e", Code: ledger.Sum(nil), Study: &object},
		{Run: "s-00000002", Project: "grippe", Language: "python", Name: "train.py", Step: "train", Commit: "5f1d7a9e", Code: ledger.Sum(nil), Needs: []string{"s-00000001"}, Study: &object},
	} {
		sayAs(t, p.w, "carol", r)
	}
	queue := filepath.Join(p.w.Dir, "queue")
	if err := os.MkdirAll(queue, 0o700); err != nil {
		t.Fatal(err)
	}
	release, err := filelock.Exclusive(t.Context(), filepath.Join(queue, "s-00000001.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release() })
	progress := project.Progress{Run: "s-00000001", Started: today.Add(-time.Minute), Seconds: 61, Given: 12_400_000, Printed: 900, Lines: 12, Withheld: 3, CPU: 1.9, Memory: 640 << 20, Limit: 4 << 30, Time: 3600}
	text, err := json.Marshal(progress)
	if err == nil {
		err = os.WriteFile(filepath.Join(queue, "s-00000001.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	log := "epoch 1, loss 0.412\n[withheld: 3 × row]\n<script>alert(1)</script>\n"
	p.looks = func(ctx context.Context, w *warehouse.Warehouse, as, id string) (*project.Seen, error) {
		seen, err := project.Glance(ctx, w, id)
		if err == nil && seen.Standing == project.Running {
			seen.Log = log
		}
		return seen, err
	}
	return func(more string) { log += more }
}

// Who sees that a study runs, and who what it prints.
func TestWhoSeesARun(t *testing.T) {
	p := portalOf(t, copyOf(t))
	withRuns(t, p)
	for who, c := range map[string]struct {
		status int
		log    bool
		cancel bool
	}{
		"carol": {http.StatusOK, true, true}, "diane": {http.StatusOK, false, true}, "chu": {http.StatusOK, false, true},
		"alice": {http.StatusNotFound, false, false}, "bob": {http.StatusNotFound, false, false}, "tiers": {http.StatusNotFound, false, false}, "": {http.StatusSeeOther, false, false},
	} {
		answer := get(t, p, who, "/runs/s-00000001")
		page := answer.Body.String()
		if answer.Code != c.status || strings.Contains(page, "epoch 1") != c.log || strings.Contains(page, "/runs/s-00000001/cancel") != c.cancel || strings.Contains(page, "<script>alert") {
			t.Errorf("%q: status %d: %s", who, answer.Code, page)
		}
		if c.status == http.StatusOK && !strings.Contains(page, "640") {
			t.Errorf("%q is not told what it uses", who)
		}
		var data runData
		api := get(t, p, who, "/api/v1/runs/s-00000001")
		_ = json.Unmarshal(api.Body.Bytes(), &data)
		if (data.Log != "") != c.log || c.status == http.StatusOK && (data.Status != "runs" || data.Progress.Lines != 12 || len(data.Steps) != 2 || data.Steps[1].Place.Number != 1) {
			t.Errorf("%q is told by the API: %d, %s", who, api.Code, api.Body)
		}
	}
	for who, want := range map[string]int{"carol": 2, "diane": 2, "alice": 0} {
		var data runsData
		if err := json.Unmarshal(get(t, p, who, "/api/v1/runs").Body.Bytes(), &data); err != nil || len(data.Runs) != want {
			t.Errorf("%s sees %d runs, want %d: %v", who, len(data.Runs), want, err)
		}
	}
	for _, who := range []string{"bob", "tiers"} {
		if got := get(t, p, who, "/runs").Code; got != http.StatusForbidden {
			t.Errorf("%s lists the runs: status %d", who, got)
		}
	}
	if page := get(t, p, "carol", "/runs/s-00000002").Body.String(); !strings.Contains(page, "No worker is at work") || !strings.Contains(page, "1 of 1 in the queue, 1 under way") {
		t.Errorf("the place in the queue: %s", page)
	}
	if get(t, p, "carol", "/runs/s-grippe/cancel").Code != http.StatusNotFound {
		t.Error("a run that has ended can be ended again")
	}
}

// The page of a run looks again by itself: what has come to the log is there without a reload.
func TestARunsPageGoesOnByItself(t *testing.T) {
	p := portalOf(t, copyOf(t))
	prints := withRuns(t, p)
	site := siteOf(t, p)
	tab := browser.Start(t).Open(browser.Look{})
	as(tab, site, "carol")
	tab.Go(site + "/runs/s-00000001")
	browser.Eval[bool](tab, "window.stays = true")
	if text := tab.Text(".log"); !strings.Contains(text, "epoch 1") || strings.Contains(text, "epoch 2") {
		t.Fatalf("the log is %q", text)
	}
	prints("epoch 2, loss 0.381\n")
	shown := func() string { return browser.Eval[string](tab, "document.querySelector('.log').textContent") } // at one moment: it is replaced
	for n := 0; !strings.Contains(shown(), "epoch 2"); n++ {
		if n == 200 {
			t.Fatalf("the page shows %q", shown())
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !browser.Eval[bool](tab, "window.stays === true") {
		t.Error("the page was loaded anew")
	}
	for _, finding := range tab.Axe() {
		t.Error(finding)
	}
	for _, fault := range tab.Faults() {
		t.Error(fault)
	}
}
