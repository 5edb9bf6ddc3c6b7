package project

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Progress is how far a run has come, in numbers alone: it lies in the home in clear. What a study
// decides by itself, as what it uses, is rounded.
type Progress struct {
	Run      string    `json:"run"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Given    int64     `json:"given"`    // bytes of the project's tables
	Printed  int64     `json:"printed"`  // bytes of the log
	Lines    int       `json:"lines"`    // of the log
	Withheld int       `json:"withheld"` // of them, until now
	CPU      float64   `json:"cpu"`      // cores in use, to a tenth
	Memory   int64     `json:"memory"`   // bytes in use, to 16 MiB
	Limit    int64     `json:"limit"`    // of memory, bytes
	Time     float64   `json:"time"`     // that it may take, in seconds
}

// roundMemory is to how many bytes the memory of a study under way is told.
const roundMemory = 16 << 20

func besideLock(w *warehouse.Warehouse, id, ending string) string {
	return strings.TrimSuffix(queuePath(w, id), ".lock") + ending
}

func progressPath(w *warehouse.Warehouse, id string) string { return besideLock(w, id, ".json") }

// livePath is where what is shown of the log of a run under way lies, sealed under the project's key.
func livePath(w *warehouse.Warehouse, id string) string { return besideLock(w, id, ".age") }

func readProgress(w *warehouse.Warehouse, id string) *Progress {
	text, err := os.ReadFile(progressPath(w, id))
	if err != nil {
		return nil
	}
	var p Progress
	if json.Unmarshal(text, &p) != nil {
		return nil
	}
	return &p
}

// readLive opens what is shown of the log of a run under way; "" where there is none.
func readLive(w *warehouse.Warehouse, id string, key *keyring.Key) (string, error) {
	sealed, err := os.ReadFile(livePath(w, id))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	plain, err := age.Decrypt(bytes.NewReader(sealed), key)
	if err != nil {
		return "", fmt.Errorf("open the log of run %s: %w", id, err)
	}
	text, err := io.ReadAll(plain)
	name, text, _ := bytes.Cut(text, []byte("\n"))
	if err != nil || string(name) != id {
		return "", errors.Join(err, fmt.Errorf("what lies in the home as the log of run %s is not its log", id))
	}
	return string(text), nil
}

// live is a run under way as it is told.
type live struct {
	w     *warehouse.Warehouse
	key   *keyring.Key
	given func() int64
	began time.Time
	limit run.Limits
	told  func(Progress, string) // beside the home; nil: nobody

	mu     sync.Mutex
	screen *screen
	used   run.Usage
	at     time.Time // of used
	cores  float64

	sealed atomic.Int64 // bytes of what is shown that lie in the home
}

// Write takes in what the study prints.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.screen.add(p)
	return len(p), nil
}

// uses takes in what the study uses.
func (l *live) uses(u run.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if passed := now.Sub(l.at); passed > 0 {
		l.cores = max(0, float64(u.CPU-l.used.CPU)/float64(passed))
	}
	l.used, l.at = u, now
}

// look is how far the run is, and what is shown of its log.
func (l *live) look(id string) (Progress, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Progress{
		Run: id, Started: l.began.UTC(), Seconds: time.Since(l.began).Seconds(), Given: l.given(), Printed: l.screen.read.Bytes, Lines: l.screen.read.Lines,
		CPU: float64(int64(l.cores*10+0.5)) / 10, Memory: (l.used.Memory + roundMemory/2) / roundMemory * roundMemory, Limit: l.limit.Memory, Time: l.limit.Time.Seconds(),
	}
	for _, n := range l.screen.read.Withheld {
		p.Withheld += n
	}
	return p, l.screen.out.String()
}

// keep writes how far the run is.
func (l *live) keep(id string) error {
	p, shown := l.look(id)
	if l.told != nil {
		l.told(p, shown)
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = atomicfile.Write(progressPath(l.w, id), text, 0o600)
	}
	if err != nil || int64(len(shown)) == l.sealed.Load() {
		return err
	}
	var sealed bytes.Buffer
	to, err := age.Encrypt(&sealed, l.key)
	if err == nil {
		_, err = io.WriteString(to, id+"\n"+shown)
		err = errors.Join(err, to.Close())
	}
	if err == nil {
		err = atomicfile.Write(livePath(l.w, id), sealed.Bytes(), 0o600)
		l.sealed.Store(int64(len(shown)))
	}
	return err
}

// keepTold writes how far a run is each second, until stop is called.
func (l *live) keepTold(ctx context.Context, id string) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			if err := l.keep(id); err != nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-every.C:
			}
		}
	}()
	return func() error {
		cancel()
		err := <-done
		for _, path := range []string{progressPath(l.w, id), livePath(l.w, id)} {
			if gone := os.Remove(path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
		return err
	}
}

// clearQueue removes what killed workers left in the home: locks, numbers and sealed logs of runs
// that have ended.
func clearQueue(w *warehouse.Warehouse, goesOn func(id string) bool) {
	files, _ := filepath.Glob(filepath.Join(w.Dir, "queue", "s-*"))
	for _, path := range files {
		id, _, _ := strings.Cut(filepath.Base(path), ".")
		if !goesOn(id) {
			_ = os.Remove(path)
		}
	}
}
