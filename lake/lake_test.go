package lake_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
)

// vault is a vault on an empty host, with a key and the escrow that opens it.
func vault(t testing.TB) (v *lake.Vault, dir string, key *keyring.Key, escrow *age.HybridIdentity) {
	t.Helper()
	escrow, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	return &lake.Vault{Store: host.Dir(dir), Escrow: escrow.Recipient()}, dir, newKey(t, "release-1"), escrow
}

func newKey(t testing.TB, id string) *keyring.Key {
	t.Helper()
	secrets := keyring.Secrets{Passphrase: func() (string, error) { return "p", nil }}
	ring, err := keyring.Create(t.Context(), t.TempDir(), keyring.Config{Kind: "file", WorkFactor: 2}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.New(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestATableIsSealedAndReadByTheEngine(t *testing.T) {
	v, dir, key, escrow := vault(t)
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	object, err := v.Put(t.Context(), lake.Parquet, key, func(w io.Writer) error {
		return db.CopyOut(t.Context(), "SELECT i AS person_id, 'E11.9' AS code FROM range(300000) t(i)", engine.Parquet, w)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := v.Load(t.Context(), object, key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sum int64
	if err := db.Value(t.Context(), &sum, "SELECT sum(person_id)::BIGINT FROM read_parquet(?) WHERE code = 'E11.9'", f.Path()); err != nil || sum != 300000*299999/2 {
		t.Errorf("the sum is %d, %v", sum, err)
	}
	sealed, err := os.ReadFile(filepath.Join(dir, object.Name))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("person_id")) {
		t.Error("a column's name lies on the host")
	}
	plain, err := age.Decrypt(bytes.NewReader(sealed), escrow)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(plain)
	if err != nil || int64(len(data)) != lake.Padme(int64(len(data))) {
		t.Errorf("%d bytes, which is no padded length; %v", len(data), err)
	}
}

// What a host can do to an object, and what the reader must say.
func TestAHostThatMeddlesIsFoundOut(t *testing.T) {
	cases := map[string]func(t *testing.T, path, other string){
		"a byte changed in the header": func(t *testing.T, path, _ string) { change(t, path, func(b []byte) []byte { b[60] ^= 1; return b }) },
		"a byte changed in the body": func(t *testing.T, path, _ string) {
			change(t, path, func(b []byte) []byte { b[len(b)-9] ^= 1; return b })
		},
		"truncated": func(t *testing.T, path, _ string) { change(t, path, func(b []byte) []byte { return b[:len(b)-70000] }) },
		"extended":  func(t *testing.T, path, _ string) { change(t, path, func(b []byte) []byte { return append(b, 0) }) },
		"emptied":   func(t *testing.T, path, _ string) { change(t, path, func([]byte) []byte { return nil }) },
		"deleted":   func(t *testing.T, path, _ string) { must(t, os.Remove(path)) },
		"swapped with one of the same key and size": func(t *testing.T, path, other string) { must(t, os.Rename(other, path)) },
	}
	for name, meddle := range cases {
		t.Run(name, func(t *testing.T) {
			v, dir, key, _ := vault(t)
			object, err := v.Put(t.Context(), lake.Tar, key, text(strings.Repeat("a", 200_000)))
			must(t, err)
			other, err := v.Put(t.Context(), lake.Tar, key, text(strings.Repeat("b", 200_000)))
			must(t, err)
			must(t, v.Verify(t.Context(), object))
			meddle(t, filepath.Join(dir, object.Name), filepath.Join(dir, other.Name))
			var damage *lake.IntegrityError
			if err := v.Verify(t.Context(), object); !errors.As(err, &damage) || damage.Object != object.Name {
				t.Errorf("Verify: %v", err)
			}
			if f, err := v.Load(t.Context(), object, key); !errors.As(err, &damage) || damage.Object != object.Name {
				t.Errorf("Load: %v, %v", f, err)
			}
		})
	}
}

func TestAWriterThatFailsLeavesNothing(t *testing.T) {
	v, dir, key, _ := vault(t)
	boom := errors.New("the engine failed")
	_, err := v.Put(t.Context(), lake.Tar, key, func(w io.Writer) error {
		return errors.Join(text(strings.Repeat("a", 1<<20))(w), boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left on the host: %v, %v", files, err)
	}
}

func TestAHostThatFailsEndsTheWriter(t *testing.T) {
	v, _, key, _ := vault(t)
	v.Store = host.Dir(filepath.Join(t.TempDir(), "not there"))
	if _, err := v.Put(t.Context(), lake.Tar, key, text(strings.Repeat("a", 1<<20))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestPadme(t *testing.T) {
	// By hand from the paper's definition: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits are zero.
	for n, want := range map[int64]int64{0: 0, 1: 1, 2: 2, 9: 10, 100: 104, 1000: 1024, 1025: 1088, 1_000_000: 1_015_808} {
		if got := lake.Padme(n); got != want {
			t.Errorf("Padme(%d) = %d, want %d", n, got, want)
		}
	}
	for n := int64(1); n < math.MaxInt32; n = n*5/4 + 1 {
		got := lake.Padme(n)
		if got < n || float64(got) > 1.12*float64(n)+1 || lake.Padme(got) != got {
			t.Errorf("Padme(%d) = %d", n, got)
		}
	}
}

func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, how(data), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
