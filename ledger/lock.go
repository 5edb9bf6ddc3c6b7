package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"rempart.eu/rempart/internal/filelock"
)

// Lock makes the caller the only writer on this machine until it calls unlock.
// The lock ends with its process, however that ends.
func (l *Log) Lock(ctx context.Context) (unlock func() error, err error) {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("lock the ledger: %w", err)
	}
	return filelock.Exclusive(ctx, filepath.Join(l.dir, "lock"))
}
