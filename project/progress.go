package project

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/warehouse"
)

// Progress is how far a run has come, in numbers alone: it lies in the home in clear.
type Progress struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Given   int64     `json:"given"` // bytes of the project's tables
	Printed int64     `json:"printed"`
}

func progressPath(w *warehouse.Warehouse, id string) string {
	return strings.TrimSuffix(queuePath(w, id), ".lock") + ".json"
}

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

// counting counts what is written through it.
type counting struct{ n atomic.Int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// keepTold writes the progress of a run each second, until stop is called.
func keepTold(ctx context.Context, w *warehouse.Warehouse, id string, given func() int64, printed *counting) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	began, path := time.Now(), progressPath(w, id)
	go func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			text, err := json.Marshal(Progress{id, began.UTC(), time.Since(began).Seconds(), given(), printed.n.Load()})
			if err == nil {
				err = atomicfile.Write(path, text, 0o600)
			}
			if err != nil {
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
		if gone := os.Remove(path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
}

// clearQueue removes what killed workers left in the home: locks and numbers of runs
// that have ended.
func clearQueue(w *warehouse.Warehouse, waits func(id string) bool) {
	files, _ := filepath.Glob(filepath.Join(w.Dir, "queue", "s-*"))
	for _, path := range files {
		id := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".lock"), ".json")
		if !waits(id) {
			_ = os.Remove(path)
		}
	}
}
