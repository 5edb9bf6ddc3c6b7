package assess

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sevdata "github.com/google/go-sev-guest/verify/testdata"
	tdxdata "github.com/google/go-tdx-guest/testing/testdata"
)

// TestThisMachine runs every probe of a machine on this one: each says
// something, and none leaves a file.
func TestThisMachine(t *testing.T) {
	dir := t.TempDir()
	r, err := Run(t.Context(), nil, Options{Host: "this machine", Machine: &Machine{Dir: dir, DiskBytes: 4 << 20}, Scale: small})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Control, "machine-") || strings.HasPrefix(f.Control, "kernel-") {
			t.Logf("%s is %s: %s", f.Control, f.Status, f.Reason)
			if f.Reason == "not probed" {
				t.Errorf("%s was not probed", f.Control)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}

// TestMachines assesses machines that are made up of their files.
func TestMachines(t *testing.T) {
	const heading = "Filename\tType\tSize\tUsed\tPriority\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]Status
	}{
		"a good one": {map[string]string{
			"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu aes pclmulqdq avx2 sev_snp\n",
			"proc/meminfo": "MemTotal:       65536000 kB\n", "proc/swaps": heading,
			"proc/sys/kernel/seccomp/actions_avail": "kill_process kill_thread trap errno trace log allow\n",
			"dev/nvidia0":                           "", "dev/fuse": "", "dev/sev-guest": "",
		}, map[string]Status{"machine-aes": Proven, "machine-vector": Proven, "machine-memory": Proven, "machine-swap": Proven, "machine-gpu": Proven, "machine-confidential": Proven, "kernel-fuse": Proven, "kernel-seccomp": Proven}},
		"a bare one": {map[string]string{
			"proc/cpuinfo": "flags\t\t: fpu aes\n", "proc/meminfo": "MemTotal: 1024000 kB\n",
			"proc/swaps": heading + "/dev/sda2 partition 100 0 -2\n", "proc/sys/kernel/seccomp/actions_avail": "allow\n",
		}, map[string]Status{"machine-aes": Failed, "machine-vector": Failed, "machine-memory": Failed, "machine-swap": Failed, "machine-gpu": Failed, "machine-confidential": Failed, "kernel-fuse": Failed, "kernel-seccomp": Failed, "kernel-cgroup": Failed}},
		"an ARM one, swap in memory": {map[string]string{
			"proc/cpuinfo": "Features\t: fp asimd aes pmull sha1\n", "proc/swaps": heading + "/dev/zram0 partition 100 0 100\n",
		}, map[string]Status{"machine-aes": Proven, "machine-vector": Proven, "machine-swap": Proven, "machine-memory": Missing}},
		"encrypted swap": {map[string]string{
			"proc/swaps": heading + "/dev/dm-1 partition 100 0 -2\n", "sys/block/dm-1/dm/uuid": "CRYPT-PLAIN-cryptswap\n",
		}, map[string]Status{"machine-swap": Proven}},
		"one swap of two in clear": {map[string]string{
			"proc/swaps": heading + "/dev/zram0 partition 100 0 -2\n/dev/dm-1 partition 100 0 -2\n", "sys/block/dm-1/dm/uuid": "LVM-abc\n",
		}, map[string]Status{"machine-swap": Failed}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range c.files {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Run(t.Context(), nil, Options{Host: name, Machine: &Machine{root: root, Dir: root, DiskBytes: 1 << 20}, Scale: small})
			if err != nil {
				t.Fatal(err)
			}
			for control, want := range c.want {
				if f, _ := r.Finding(control); f.Status != want {
					t.Errorf("%s is %s, not %s: %s", control, f.Status, want, f.Reason)
				}
			}
		})
	}
}

// TestAttestation verifies the reports that the verifiers' authors recorded on
// real machines, and refuses them with any one byte changed.
func TestAttestation(t *testing.T) {
	for name, c := range map[string]struct {
		report Attestation
		now    time.Time
		want   string
		debug  bool
		bytes  []int // that are signed
	}{
		"SEV-SNP": {Attestation{Report: sevdata.AttestationBytes, VCEK: sevdata.VcekBytes}, time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC), "SEV-SNP Milan", true, []int{0x50, 0x90, 0xaf, 0x1a0, 0x2a0}},
		"TDX":     {Attestation{Report: tdxdata.RawQuote}, time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC), "TDX, measurement", false, []int{60, 200, 520, 640, 700}},
	} {
		t.Run(name, func(t *testing.T) {
			seen, err := c.report.Verify(c.now)
			if err != nil || !strings.HasPrefix(seen.String(), c.want) || seen.Debug != c.debug {
				t.Fatalf("%v, %v", seen, err)
			}
			for _, at := range c.bytes {
				tampered := Attestation{Report: bytes.Clone(c.report.Report), VCEK: c.report.VCEK}
				tampered.Report[at] ^= 1
				if seen, err := tampered.Verify(c.now); err == nil {
					t.Errorf("byte %#x changed: %v", at, seen)
				}
			}
			if _, err := c.report.Verify(c.now.AddDate(200, 0, 0)); err == nil {
				t.Error("verifies when its certificates are over")
			}
		})
	}
	for want, report := range map[Status]Attestation{Proven: {Report: tdxdata.RawQuote}, Failed: {Report: sevdata.AttestationBytes, VCEK: sevdata.VcekBytes}} {
		now := func() time.Time { return time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC) }
		probes := (&Machine{Attestation: []Attestation{report}}).attestation(Options{Now: now})
		var f found
		if err := probes(t.Context(), &f); (err == nil) != (want == Proven) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	forged := bytes.Clone(sevdata.VcekBytes)
	forged[len(forged)-1] ^= 1 // of AMD's signature
	for name, a := range map[string]Attestation{
		"nothing": {}, "a half": {Report: tdxdata.RawQuote[:2000]}, "no VCEK": {Report: sevdata.AttestationBytes},
		"a forged VCEK": {Report: sevdata.AttestationBytes, VCEK: forged},
	} {
		if seen, err := a.Verify(time.Date(2023, 7, 1, 0, 0, 0, 0, time.UTC)); err == nil {
			t.Errorf("%s verifies: %v", name, seen)
		}
	}
}
