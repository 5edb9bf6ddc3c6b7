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

	"filippo.io/age"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
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

// scan reads a sealed object whole from an S3 server and from a directory, in
// place as a mount does, three times each; the median counts.
func (b *hostRun) scan(ctx context.Context) error {
	const size = 256 << 20
	escrow, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	ring, err := keyring.Create(ctx, filepath.Join(b.Dir, "keyring"), keyring.Config{Kind: "file", WorkFactor: 10}, benchSecrets)
	if err != nil {
		return err
	}
	key, err := ring.New(ctx, "release-1")
	if err != nil {
		return errors.Join(err, ring.Close())
	}
	bucket, err := host.OpenS3(b.from.Config)
	if err != nil {
		return errors.Join(err, ring.Close())
	}
	folder := filepath.Join(b.Dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return errors.Join(err, ring.Close())
	}
	took := func(store host.Store) (float64, error) {
		v := &lake.Vault{Store: store, Escrow: escrow.Recipient()}
		object, err := v.Put(ctx, lake.JSON, key, func(w io.Writer) error {
			_, err := io.CopyN(w, rand.NewChaCha8([32]byte{7}), size)
			return err
		})
		if err != nil {
			return 0, err
		}
		return median(3, func() error {
			if dir, ok := store.(host.Dir); ok { // the server's own file stays in memory as well
				if err := forget(filepath.Join(string(dir), object.Name)); err != nil {
					return err
				}
			}
			plain, size, closer, err := v.ReaderAt(ctx, object, key)
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(plain, 0, size), make([]byte, 1<<20))
			return errors.Join(err, closer.Close())
		})
	}
	remote, err := took(bucket)
	if err == nil {
		var local float64
		if local, err = took(host.Dir(folder)); err == nil {
			b.RatioAtMost("cold scan of a sealed object of 256 MiB from S3; from a directory", remote, local, "s", 1.5)
		}
	}
	return errors.Join(err, ring.Close())
}
