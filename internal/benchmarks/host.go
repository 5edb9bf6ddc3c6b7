package benchmarks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
)

// moveArg is the process that migrates, whose memory is measured.
const moveArg = "host-move"

// What is migrated: some large objects, as of tables, and many small ones.
const (
	largeObjects = 10
	largeObject  = 64 << 20 // bytes
	smallObjects = 200
	smallObject  = 64 << 10
)

// rcloneBucket is where the alternative copies to, on the same server.
const rcloneBucket = "rclone"

// hostRun is the suite under way.
type hostRun struct {
	*Run
	from, to *hosttest.Server
	move     move
}

// move is what the process that migrates is to do. It is a file.
type move struct {
	From, To host.S3Config
	Items    []host.Item
}

// hostBench measures a migration between two S3 servers, and reading from one.
func hostBench(ctx context.Context, r *Run) (err error) {
	b := &hostRun{Run: r}
	for place, name := range map[**hosttest.Server]string{&b.from: "versitygw", &b.to: "minio"} {
		dir := filepath.Join(r.Dir, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		server, stop, err := hosttest.Launch(ctx, name, dir)
		if err != nil {
			return fmt.Errorf("%s (scripts/servers builds it): %w", name, err)
		}
		defer stop()
		*place = server
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	return errors.Join(b.migration(ctx), b.scan(ctx))
}

// fill puts the objects into the first server.
func (b *hostRun) fill(ctx context.Context) error {
	store, err := host.OpenS3(b.from.Config)
	if err != nil {
		return err
	}
	b.move.From, b.move.To = b.from.Config, b.to.Config
	b.move.Items = make([]host.Item, largeObjects+smallObjects)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range b.move.Items {
		size := int64(largeObject)
		if i >= largeObjects {
			size = smallObject
		}
		group.Go(func() error {
			sum := sha256.New()
			name := host.NewName()
			body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}), size), sum)
			err := store.Put(ctx, name, body)
			b.move.Items[i] = host.Item{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
			return err
		})
	}
	return group.Wait()
}

// migration compares the two: ours reads each object back from where it went.
func (b *hostRun) migration(ctx context.Context) error {
	volume := float64(largeObjects*largeObject + smallObjects*smallObject)
	const mib = 1 << 20
	if err := b.to.MakeBucket(ctx, rcloneBucket); err != nil {
		return err
	}
	theirs, err := seconds(func() error { return b.rclone(ctx, "copy", "--checksum", "--transfers", "4") })
	if err != nil {
		return err
	}
	proven, err := seconds(func() error { return b.rclone(ctx, "check", "--download", "--checkers", "4") })
	if err != nil {
		return err
	}
	text, err := json.Marshal(b.move)
	if err != nil {
		return err
	}
	file := filepath.Join(b.Dir, "move.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	c, err := startChild(ctx, moveArg, file)
	if err != nil {
		return err
	}
	var done movedIn
	if err := c.end(&done); err != nil {
		return err
	}
	b.RatioAtLeast("migration between S3 servers, each object read back; rclone copy --checksum, which does not", volume/mib/done.Seconds, volume/mib/theirs, "MiB/s", 1)
	b.Ratio("the same; rclone copy, then check --download, which does", volume/mib/done.Seconds, volume/mib/(theirs+proven), "MiB/s")
	b.AtMost("memory of the process that migrates", float64(done.Peak)/mib, "MiB", 256)
	return nil
}

// rclone runs the alternative between the same two servers.
func (b *hostRun) rclone(ctx context.Context, args ...string) error {
	program, err := hosttest.Find("rclone")
	if err != nil {
		return fmt.Errorf("%w: build it with scripts/servers bench", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, append(args, "from:"+b.from.Config.Bucket, "to:"+rcloneBucket)...)
	c.Env = append(os.Environ(), "RCLONE_CONFIG=/dev/null")
	for remote, s := range map[string]*hosttest.Server{"FROM": b.from, "TO": b.to} {
		for key, value := range map[string]string{
			"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": s.Config.Endpoint,
			"ACCESS_KEY_ID": hosttest.AccessKey, "SECRET_ACCESS_KEY": hosttest.SecretKey,
		} {
			c.Env = append(c.Env, "RCLONE_CONFIG_"+remote+"_"+key+"="+value)
		}
	}
	c.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("rclone %s: %w\n%s", args[0], err, out.String())
	}
	return nil
}

// movedIn is what the process that migrates has done.
type movedIn struct {
	Seconds float64
	Peak    int64 // bytes of memory, at most
}

// hostMove FILE migrates with the memory limit of the command.
func hostMove(ctx context.Context, args []string) error {
	debug.SetMemoryLimit(192 << 20)
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var m move
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	from, err := host.OpenS3(m.From)
	if err != nil {
		return err
	}
	to, err := host.OpenS3(m.To)
	if err != nil {
		return err
	}
	var moved host.Moved
	took, err := seconds(func() (err error) {
		moved, err = (&host.Migration{From: from, To: to}).Run(ctx, m.Items)
		return err
	})
	if err != nil {
		return err
	}
	if moved.Copied != int64(len(m.Items)) {
		return fmt.Errorf("%d of %d objects were moved: %+v", moved.Copied, len(m.Items), moved.Failures)
	}
	peak, err := peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(movedIn{took, peak}))
}

// scan is the cold scan of the lake's suite, all columns of its table, of an
// object in a bucket and of the same in a directory, in turns. The server's own
// files are as cold as the directory's.
func (b *hostRun) scan(ctx context.Context) error {
	l := &lakeRun{Run: b.Run, dir: filepath.Join(b.Dir, "mount")}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	bucket, err := host.OpenS3(b.from.Config)
	if err != nil {
		return err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Exec(ctx, lakeTable); err != nil {
		return err
	}
	stores := []struct {
		host.Store
		s3     *host.S3Config
		folder string
		object ledger.Object
		took   []float64
		served served
	}{
		{Store: bucket, s3: &b.from.Config, folder: b.from.Dir},
		{Store: host.Dir(l.space.Host), folder: l.space.Host},
	}
	for i := range stores {
		v := lake.Vault{Store: stores[i].Store, Escrow: l.vault.Escrow}
		if stores[i].object, err = v.Put(ctx, lake.Parquet, l.key, func(w io.Writer) error {
			return db.CopyOut(ctx, "FROM measurement", engine.Parquet, w)
		}); err != nil {
			return err
		}
	}
	for range 3 {
		for i := range stores {
			s := &stores[i]
			l.space.S3, l.object = s.s3, s.object
			var took float64
			if took, s.served, err = l.coldMount(ctx, wideQuery, s.folder); err != nil {
				return err
			}
			s.took = append(s.took, took)
		}
	}
	remote, local := &stores[0], &stores[1]
	b.RatioAtMost("mount, all columns, cold, from S3; from a directory", middle(remote.took), middle(local.took), "s", 1.5)
	b.AtMost("memory of the mount's process that reads from S3", float64(remote.served.Peak)/(1<<20), "MiB", 256)
	return nil
}
