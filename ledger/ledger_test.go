package ledger_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/ledger"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LEDGER_TEST_WRITER"); dir != "" {
		if err := writer(dir, os.Getenv("LEDGER_TEST_PUBLIC"), os.Getenv("LEDGER_TEST_PRIVATE")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newLog makes a log with n statements of one actor.
func newLog(t *testing.T, n int) (dir string, l *ledger.Log, signer note.Signer, key ledger.Key) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "rempart.eu/test")
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	if key, err = ledger.NewKey(); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "ledger")
	if l, err = ledger.Open(dir, public); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		add(t, l, signer, key, fmt.Sprint("output-", i))
	}
	return dir, l, signer, key
}

func add(t *testing.T, l *ledger.Log, signer note.Signer, key ledger.Key, output string) {
	t.Helper()
	s, err := ledger.New("bob", time.Unix(1700000000, 0), ledger.OutputRefused{Output: output, Reason: "too small a cell"})
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := ledger.Seal(t.Context(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), envelope, signer); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, l *ledger.Log) (all []ledger.Entry) {
	t.Helper()
	err := l.Entries(t.Context(), func(e ledger.Entry) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// files reads every file below a directory.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lines yields the lines of a text, without their ends.
func lines(text []byte) iter.Seq[string] {
	return strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == '\n' })
}

// verified verifies a log and returns its entries.
func verified(t *testing.T, l *ledger.Log) (all []ledger.Entry, faults []error, err error) {
	t.Helper()
	faults, err = l.Verify(t.Context(), func(e ledger.Entry) error {
		all = append(all, e)
		return nil
	})
	return all, faults, err
}

func TestWhatIsAppendedIsReadBackSigned(t *testing.T) {
	_, l, _, key := newLog(t, 3)
	other, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	all := entries(t, l)
	if len(all) != 3 {
		t.Fatalf("%d entries, want 3", len(all))
	}
	for i, e := range all {
		body, err := e.Statement.Decode()
		if refused, ok := body.(*ledger.OutputRefused); err != nil || !ok || refused.Output != fmt.Sprint("output-", i) {
			t.Errorf("entry %d: %v, %v", i, body, err)
		}
		if err := ledger.VerifyBy(t.Context(), e.Envelope, key.Public()); err != nil {
			t.Error(err)
		}
		if ledger.VerifyBy(t.Context(), e.Envelope, other.Public()) == nil {
			t.Error("somebody else's key verifies a statement")
		}
	}
}

func TestAnEmptyLedgerHasNoEntries(t *testing.T) {
	_, l, _, _ := newLog(t, 0)
	if got := entries(t, l); len(got) != 0 {
		t.Errorf("%d entries", len(got))
	}
}

// Every byte matters: change one in each file, in the middle, and Verify names the file.
func TestOneChangedByteIsFoundAndNamed(t *testing.T) {
	dir, l, _, _ := newLog(t, 5)
	if _, err := l.Attach([]string{"an attachment"}); err != nil {
		t.Fatal(err)
	}
	if _, faults, err := verified(t, l); err != nil || len(faults) > 0 {
		t.Fatalf("a good ledger: %v %v", faults, err)
	}
	count := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) == 0 {
			return err
		}
		count++
		changed := append([]byte(nil), data...)
		changed[len(data)/2] ^= 1
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			return err
		}
		_, faults, err := verified(t, l)
		if err == nil && len(faults) == 0 {
			t.Errorf("%s: a changed byte is not found", path)
		}
		if said := fmt.Sprint(faults, err); !strings.Contains(said, dir) && !strings.Contains(said, "ledger entry") && !strings.Contains(said, "the ledger") {
			t.Errorf("%s: the place is not named: %s", path, said)
		}
		return os.WriteFile(path, data, 0o644)
	})
	if err != nil || count != 5 {
		t.Errorf("%d files, %v", count, err)
	}
}

func TestAForeignFileIsFound(t *testing.T) {
	dir, l, _, _ := newLog(t, 1)
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, faults, err := verified(t, l); err != nil || len(faults) != 1 {
		t.Errorf("faults %v, %v", faults, err)
	}
}

func TestAReceiptProvesItsStatementsAndNothingElse(t *testing.T) {
	_, l, signer, key := newLog(t, 5)
	all := entries(t, l)
	receipt, err := l.Prove(t.Context(), nil, all[1:3])
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, signer, key, "later")
	again, err := l.Prove(t.Context(), []byte(receipt.Checkpoint), all[1:3])
	if err != nil || fmt.Sprint(again) != fmt.Sprint(receipt) {
		t.Errorf("a receipt is not the same when it is made again: %v", err)
	}
	proved, err := l.Check(receipt)
	if err != nil || len(proved) != 2 || proved[1].Index != 2 {
		t.Fatalf("%v, %v", proved, err)
	}
	receipt.Proofs[0].Envelope = all[4].Envelope
	if _, err := l.Check(receipt); err == nil {
		t.Error("a receipt proves a statement that it was not made for")
	}
}

func TestADecodedStatementHasNoUnknownFields(t *testing.T) {
	s := ledger.Statement{Kind: "output-refused", Body: []byte(`{"output":"1","reason":"r","note":"x"}`)}
	if _, err := s.Decode(); err == nil {
		t.Error("an unknown field was overlooked")
	}
	s.Kind = "output-forgotten"
	if _, err := s.Decode(); err == nil {
		t.Error("an unknown kind was overlooked")
	}
}

func TestALockIsHeldByOne(t *testing.T) {
	_, l, _, _ := newLog(t, 0)
	unlock, err := l.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := l.Lock(ctx); err == nil {
		t.Error("two hold the lock")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if unlock, err = l.Lock(t.Context()); err != nil {
		t.Error(err)
	} else if err := unlock(); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.rempart.statement+json","signatures":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := ledger.Read(data); err == nil {
			_, _ = s.Decode()
		}
	})
}

// Somebody else's program reads the log: Tessera's own check of its tiles.
func TestTesserasFsckFindsNothing(t *testing.T) {
	dir, l, _, _ := newLog(t, 300)
	files := client.FileFetcher{Root: dir}
	check := fsck.New(l.Origin(), l.Verifier(), files, func(bundle []byte) (leaves [][]byte, err error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		for _, e := range b.Entries {
			leaves = append(leaves, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return leaves, nil
	}, fsck.Opts{N: 1})
	if err := check.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
