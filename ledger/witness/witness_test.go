package witness_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/witness"
)

// world is a log and what watches it.
type world struct {
	t              *testing.T
	dir            string
	log            *ledger.Log
	public, secret string
	key            ledger.Key
}

func newWorld(t *testing.T, origin string) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "ledger")}
	var err error
	if w.secret, w.public, err = note.GenerateKey(rand.Reader, origin); err != nil {
		t.Fatal(err)
	}
	if w.key, err = ledger.NewKey(); err != nil {
		t.Fatal(err)
	}
	w.reopen(w.dir)
	return w
}

func (w *world) reopen(dir string) {
	w.t.Helper()
	var err error
	if w.log, err = ledger.Open(dir, w.public); err != nil {
		w.t.Fatal(err)
	}
}

// grow appends statements, and returns the log's checkpoint.
func (w *world) grow(n int, what string) []byte {
	w.t.Helper()
	signer, err := note.NewSigner(w.secret)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		s, err := ledger.New("bob", time.Unix(1700000000, 0), ledger.OutputRefused{Output: fmt.Sprint(what, i), Reason: "r"})
		if err != nil {
			w.t.Fatal(err)
		}
		envelope, err := ledger.Seal(w.t.Context(), s, w.key)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.log.Append(w.t.Context(), envelope, signer); err != nil {
			w.t.Fatal(err)
		}
	}
	_, raw, err := w.log.Checkpoint(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// watcher is a witness that runs.
type watcher struct {
	dir, secret string
	peer        witness.Peer
	server      *httptest.Server
	release     func() error
}

func watch(t *testing.T, name string, logs ...string) *watcher {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{dir: t.TempDir(), secret: secret, peer: witness.Peer{Key: public}}
	w.start(t, logs...)
	t.Cleanup(w.stop)
	return w
}

func (w *watcher) start(t *testing.T, logs ...string) {
	t.Helper()
	handler, release, err := witness.Open(t.Context(), w.dir, w.secret, logs)
	if err != nil {
		t.Fatal(err)
	}
	w.server, w.release = httptest.NewServer(handler), release
	w.peer.URL = w.server.URL
}

func (w *watcher) stop() {
	if w.server != nil {
		w.server.Close()
		_ = w.release()
		w.server = nil
	}
}

func ask(w *world, checkpoint []byte, peers ...witness.Peer) []witness.Answer {
	w.t.Helper()
	return witness.Client{Timeout: 2 * time.Second}.Ask(w.t.Context(), w.log, checkpoint, peers)
}

func TestAWitnessCosignsWhatContinues(t *testing.T) {
	log, other := newWorld(t, "rempart/a"), newWorld(t, "rempart/b")
	one, two := watch(t, "witness.example/one", log.public, other.public), watch(t, "witness.example/two", log.public)
	for round := range 4 {
		checkpoint := log.grow(1+round*90, fmt.Sprint(round))
		answers := ask(log, checkpoint, one.peer, two.peer)
		for _, a := range answers {
			if a.Err != nil || time.Since(a.Time) > time.Minute {
				t.Fatalf("round %d: %v, %v", round, a.Err, a.Time)
			}
		}
		cosigned := witness.Cosigned(checkpoint, answers)
		names, err := witness.Count(cosigned, []string{one.peer.Key, two.peer.Key})
		if err != nil || len(names) != 2 {
			t.Errorf("cosigned by %v, %v", names, err)
		}
		if _, err := log.log.ParseCheckpoint(cosigned); err != nil {
			t.Error(err)
		}
		if again := ask(log, checkpoint, one.peer); again[0].Err != nil {
			t.Errorf("asked again: %v", again[0].Err)
		}
	}
	if a := ask(other, other.grow(3, "x"), one.peer); a[0].Err != nil {
		t.Errorf("a second log: %v", a[0].Err)
	}
	if a := ask(other, other.grow(3, "x"), two.peer); a[0].Err == nil || !strings.Contains(a[0].Err.Error(), "404") {
		t.Errorf("a log that the witness does not know: %v", a[0].Err)
	}
}

// A log whose tail is written anew, that is put back to an older day, or that shows
// two readers two histories, is found: by the witness, whatever it is restarted.
func TestAWitnessFindsForks(t *testing.T) {
	log := newWorld(t, "rempart/a")
	w := watch(t, "witness.example/one", log.public)
	log.grow(5, "first")
	saved := filepath.Join(t.TempDir(), "saved")
	if err := os.CopyFS(saved, os.DirFS(log.dir)); err != nil {
		t.Fatal(err)
	}
	honest := log.grow(3, "true")
	if a := ask(log, honest, w.peer); a[0].Err != nil {
		t.Fatal(a[0].Err)
	}
	honestLog := log.log
	w.stop()
	w.start(t, log.public)
	for name, grow := range map[string]int{"put back": 0, "the same size": 3, "shorter": 1, "longer": 9} {
		dir := filepath.Join(t.TempDir(), "fork")
		if err := os.CopyFS(dir, os.DirFS(saved)); err != nil {
			t.Fatal(err)
		}
		log.reopen(dir)
		var fork *witness.ForkError
		if a := ask(log, log.grow(grow, "false"), w.peer); !errors.As(a[0].Err, &fork) || fork.Size != 8 {
			t.Errorf("a log %s: %v", name, a[0].Err)
		}
	}
	log.log = honestLog
	if a := ask(log, log.grow(1, "true"), w.peer); a[0].Err != nil {
		t.Errorf("the honest one goes on: %v", a[0].Err)
	}
}

// A witness that has lost what it has seen, or whose file was changed, cosigns nothing.
func TestAWitnessThatForgotCosignsNothing(t *testing.T) {
	log := newWorld(t, "rempart/a")
	w := watch(t, "witness.example/one", log.public)
	if a := ask(log, log.grow(2, "x"), w.peer); a[0].Err != nil {
		t.Fatal(a[0].Err)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*.checkpoint"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := ask(log, log.grow(2, "x"), w.peer); a[0].Err == nil || !strings.Contains(a[0].Err.Error(), "500") {
		t.Errorf("a changed file: %v", a[0].Err)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	log := newWorld(t, "rempart/a")
	w := watch(t, "witness.example/one", log.public)
	checkpoint := log.grow(5, "x")
	if a := ask(log, checkpoint, w.peer); a[0].Err != nil {
		t.Fatal(a[0].Err)
	}
	later := log.grow(2, "y")
	proof, err := log.log.ConsistencyProof(t.Context(), 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(later)
	forged[len(forged)-5] ^= 1
	otherOrigin := bytes.Replace(later, []byte("rempart/a"), []byte("rempart/z"), 1)
	wrong := append([][]byte(nil), proof...)
	wrong[0] = bytes.Repeat([]byte{1}, 32)
	post := func(body []byte) (int, string) {
		r, err := http.Post(w.peer.URL+witness.Path, "", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		return r.StatusCode, r.Header.Get("Content-Type")
	}
	if status, _ := post(witness.Request(5, proof, later)); status != 200 {
		t.Fatalf("a good request: %d", status)
	}
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"a size that was passed":    {witness.Request(5, proof, later), 409},
		"a wrong proof":             {witness.Request(7, wrong, log.grow(1, "z")), 422},
		"no proof":                  {witness.Request(7, nil, log.grow(1, "z")), 422},
		"old is larger":             {witness.Request(99, nil, later), 400},
		"an unsigned checkpoint":    {witness.Request(7, nil, forged), 403},
		"another origin":            {witness.Request(7, nil, otherOrigin), 404},
		"no old":                    {later, 400},
		"a size with a sign":        {bytes.Replace(witness.Request(7, nil, later), []byte("old 7"), []byte("old +7"), 1), 400},
		"a size with zeros":         {bytes.Replace(witness.Request(7, nil, later), []byte("old 7"), []byte("old 07"), 1), 400},
		"a hash that is too short":  {bytes.Replace(witness.Request(7, nil, later), []byte("old 7\n"), []byte("old 7\nAAAA\n"), 1), 400},
		"too many hashes":           {witness.Request(7, slices64(), later), 400},
		"too long":                  {append(witness.Request(7, nil, later), make([]byte, 70_000)...), 400},
		"nothing":                   {nil, 400},
		"an older one, as if new":   {witness.Request(0, nil, checkpoint), 409},
		"an older one, as the next": {witness.Request(7, nil, checkpoint), 400},
	} {
		status, kind := post(c.body)
		if status != c.status || (status == 409) != (kind == "text/x.tlog.size") {
			t.Errorf("%s: %d %s, want %d", name, status, kind, c.status)
		}
	}
	r, err := http.Get(w.peer.URL + witness.Path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s", r.Status)
	}
}

func slices64() (hashes [][]byte) {
	for range 64 {
		hashes = append(hashes, make([]byte, 32))
	}
	return hashes
}

// What a witness answers is believed only with its signature over this checkpoint.
func TestAnAnswerIsVerified(t *testing.T) {
	log := newWorld(t, "rempart/a")
	honest := watch(t, "witness.example/one", log.public)
	first := log.grow(2, "x")
	a := ask(log, first, honest.peer)
	if a[0].Err != nil {
		t.Fatal(a[0].Err)
	}
	replayed, second := a[0].Line, log.grow(1, "y")
	stranger := watch(t, "witness.example/one", log.public)
	answer := func(status int, kind, body string) witness.Peer {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return witness.Peer{URL: s.URL, Key: honest.peer.Key}
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	down := httptest.NewServer(nil)
	down.Close()
	began := time.Now()
	answers := ask(log, second,
		answer(200, "text/plain", string(replayed)), answer(200, "text/plain", ""), answer(200, "text/plain", "— a b\n"),
		witness.Peer{URL: stranger.peer.URL, Key: honest.peer.Key},
		answer(409, "text/plain", "1\n"), answer(409, "text/x.tlog.size", "-1\n"), answer(409, "text/x.tlog.size", "1\n"),
		answer(503, "text/plain", "later"), witness.Peer{URL: slow.URL, Key: honest.peer.Key}, witness.Peer{URL: down.URL, Key: honest.peer.Key},
		honest.peer)
	for i, a := range answers[:len(answers)-1] {
		if a.Err == nil || a.Line != nil {
			t.Errorf("answer %d was believed", i)
		}
	}
	if a := answers[len(answers)-1]; a.Err != nil {
		t.Errorf("the honest one is not heard among the others: %v", a.Err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a slow witness holds all up: %s", took)
	}
	whole := append(bytes.Clone(second), replayed...)
	if names, err := witness.Count(whole, []string{honest.peer.Key}); err != nil || len(names) != 0 {
		t.Errorf("a replayed cosignature counts: %v, %v", names, err)
	}
}

func TestTwoWitnessesDoNotShareAMemory(t *testing.T) {
	log := newWorld(t, "rempart/a")
	w := watch(t, "witness.example/one", log.public)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := witness.Open(ctx, w.dir, w.secret, nil); err == nil {
		t.Error("two processes share one memory")
	}
	if _, _, err := witness.Open(t.Context(), t.TempDir(), w.secret, []string{log.public, log.public}); err == nil {
		t.Error("two logs of one origin")
	}
}

func FuzzAdd(f *testing.F) {
	secret, _, err := note.GenerateKey(rand.Reader, "witness.example/one")
	if err != nil {
		f.Fatal(err)
	}
	_, public, err := note.GenerateKey(rand.Reader, "rempart/a")
	if err != nil {
		f.Fatal(err)
	}
	w, release, err := witness.Open(f.Context(), f.TempDir(), secret, []string{public})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = release() })
	f.Add([]byte("old 0\n\nrempart/a\n5\nAAAA\n\n— rempart/a AAAA\n"))
	f.Fuzz(func(t *testing.T, request []byte) {
		if _, err := w.Add(request); err == nil {
			t.Error("a request that nobody signed was cosigned")
		}
	})
}
