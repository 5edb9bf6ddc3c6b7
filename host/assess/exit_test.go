package assess

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/ledger"
)

// TestRehearse takes objects out and opens them with the escrow alone; a
// tampered and a missing one are told.
func TestRehearse(t *testing.T) {
	escrow, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	store := host.Dir(dir)
	var objects []ledger.Object
	var plain int64
	for i := range 6 {
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, escrow.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(w, bytes.NewReader(random("plain", 1000*i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		plain += n
		object := ledger.Object{Name: host.NewName(), Size: int64(sealed.Len()), SHA256: ledger.Sum(sealed.Bytes())}
		if err := store.Put(t.Context(), object.Name, &sealed); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	out := filepath.Join(t.TempDir(), "out")
	r, err := Rehearse(t.Context(), store, objects, RehearseOptions{Sample: 100, Parallel: 3, Dir: out, Escrow: escrow})
	if err != nil || r.Objects != 6 || r.Opened != 6 || r.Plain != plain || len(r.Faults) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := Rehearse(t.Context(), store, objects, RehearseOptions{Sample: 2}); err != nil || r.Objects != 2 || r.Opened != 0 || r.Bytes == 0 {
		t.Errorf("a sample of two: %+v, %v", r, err)
	}

	stranger, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Rehearse(t.Context(), store, objects, RehearseOptions{Sample: 100, Dir: out, Escrow: stranger}); err != nil || r.Opened != 0 || len(r.Faults) != 6 {
		t.Errorf("with another identity: %+v, %v", r, err)
	}

	tampered := filepath.Join(dir, objects[0].Name)
	text, err := os.ReadFile(tampered)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(tampered, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, objects[1].Name)); err != nil {
		t.Fatal(err)
	}
	r, err = Rehearse(t.Context(), store, objects, RehearseOptions{Sample: 100, Dir: filepath.Join(t.TempDir(), "again"), Escrow: escrow})
	faults := strings.Join(r.Faults, "\n")
	if err != nil || r.Opened != 4 || !strings.Contains(faults, objects[0].Name+" is not what the ledger names") || !strings.Contains(faults, objects[1].Name) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPlanExit(t *testing.T) {
	tariff, err := ReadTariff(strings.NewReader("currency: EUR\negress_per_gb: 0.01\negress_free_gb: 1\nreads_per_1000: 0.5\nstorage_per_gb_month: 0.02\nmonths_side_by_side: 2\ntermination_fee: 10\n"))
	if err != nil {
		t.Fatal(err)
	}
	objects := []ledger.Object{{Size: 1e9}, {Size: 2e9}, {Size: 5}}
	p := PlanExit("there", objects, Rehearsal{Bytes: 50e6, Seconds: 0.5}, &tariff)
	// 10^9 bytes are 239 pieces of 4 MiB (238.4), 2·10^9 are 477, 5 bytes are 1; each object's size is asked for, and the list is 1.
	if p.Objects != 3 || p.Bytes != 3e9+5 || p.Reads != 721 {
		t.Errorf("%+v", p)
	}
	for name, c := range map[string][2]float64{
		"seconds": {p.Seconds, 30}, "egress": {p.Cost.Egress, 0.02}, "reads": {p.Cost.Reads, 0.3605},
		"storage": {p.Cost.Storage, 0.12}, "total": {p.Cost.Total, 10.5005},
	} {
		if math.Abs(c[0]-c[1]) > 1e-6 {
			t.Errorf("%s: %v, not %v", name, c[0], c[1])
		}
	}
	if p := PlanExit("empty", nil, Rehearsal{}, nil); p.Seconds != 0 || p.Cost != nil || p.Reads != 0 {
		t.Errorf("%+v", p)
	}
	for _, wrong := range []string{"egress_per_gb: 1\n", "currency: EUR\negress: 1\n", "currency: EUR\negress_per_gb: -1\n", ""} {
		if _, err := ReadTariff(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q is a tariff", wrong)
		}
	}
}
