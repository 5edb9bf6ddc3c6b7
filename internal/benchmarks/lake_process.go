package benchmarks

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/host"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/lake/mount"
)

// A process must not read what it mounts itself, so the lake's suite has two
// more processes of this program: one that serves, and one that reads.
const (
	serveArg = "lake-serve"
	readArg  = "lake-read"
)

// Inside runs this process's part of a suite, where it was started for one.
func Inside(args []string) (status int, ok bool) {
	parts := map[string]func(context.Context, []string) error{serveArg: lakeServe, readArg: lakeRead, moveArg: hostMove, depositArg: intakeDeposit, synthArg: synthProcess, linkArg: linkageChild, ledgerArg: ledgerProcess, publishArg: omopPublish, plainArg: omopPlain}
	if len(args) == 0 || parts[args[0]] == nil {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := parts[args[0]](ctx, args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1, true
	}
	return 0, true
}

// space is what the process that serves is to mount. It is a file.
type space struct {
	Host, Keyring, Key string
	S3                 *host.S3Config // where the objects lie, if not in the folder Host
	Files              []mount.File
}

var benchSecrets = keyring.Secrets{Passphrase: func() (string, error) { return "bench", nil }}

// served is what the process that serves has done.
type served struct {
	Decrypted int64 // bytes handed to the kernel
	Fetched   int64 // bytes read from the host
	Peak      int64 // bytes of memory, at most
}

// lakeServe SPACE DIR mounts until it is interrupted, with the memory limit of
// the mount command.
func lakeServe(ctx context.Context, args []string) error {
	debug.SetMemoryLimit(160 << 20)
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var s space
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	ring, err := keyring.Open(ctx, s.Keyring, benchSecrets)
	if err != nil {
		return err
	}
	key, err := ring.Key(ctx, s.Key)
	if err != nil {
		return err
	}
	store := &countingStore{Store: host.Dir(s.Host)}
	if s.S3 != nil {
		if store.Store, err = host.OpenS3(*s.S3); err != nil {
			return err
		}
	}
	stats, err := mount.Serve(ctx, args[1], mount.Space{Vault: &lake.Vault{Store: store}, Key: key, Files: s.Files},
		mount.Options{Ready: func() { fmt.Println("ready") }})
	if err != nil {
		return err
	}
	peak, err := peakMemory()
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(served{stats.Bytes, store.fetched.Load(), peak}))
}

// peakMemory is the largest resident set of this process.
func peakMemory() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/self/status does not say VmHWM")
}

// processorTime is what this process has used of the processors, in seconds.
func processorTime() (float64, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6, err
}

// countingStore counts what is read from a host.
type countingStore struct {
	host.Store
	fetched atomic.Int64
}

func (s *countingStore) Open(ctx context.Context, name string) (host.Object, error) {
	o, err := s.Store.Open(ctx, name)
	return countingObject{o, &s.fetched}, err
}

type countingObject struct {
	host.Object
	fetched *atomic.Int64
}

func (o countingObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	o.fetched.Add(int64(n))
	return n, err
}

// lakeRead N SQL… runs the last statement N times, after the others, and prints
// the seconds of each time. Nothing is kept from one time to the next but what
// the kernel keeps. "lakeRead files N FILE…" reads whole files, N at a time.
func lakeRead(ctx context.Context, args []string) error {
	var times int
	if _, err := fmt.Sscan(args[1], &times); err != nil {
		return err
	}
	if args[0] == "files" {
		s, err := seconds(func() error { return readFiles(times, args[2:]) })
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode([]float64{s}))
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	statements := args[2:]
	for _, s := range append([]string{"SET enable_external_file_cache = false"}, statements[:len(statements)-1]...) {
		if err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	var all []float64
	for range times {
		var value any
		s, err := seconds(func() error { return db.Value(ctx, &value, statements[len(statements)-1]) })
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

func readFiles(atOnce int, files []string) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, name := range files {
		group.Go(func() error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
			return errors.Join(err, f.Close())
		})
	}
	return group.Wait()
}

// child is another process of this program.
type child struct {
	*exec.Cmd
	cancel context.CancelFunc
	out    *bufio.Reader
	errs   strings.Builder
}

// processLimit is how long any process of a suite may take.
const processLimit = 4 * time.Hour

func startChild(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, processLimit)
	c := &child{Cmd: exec.CommandContext(ctx, self, args...), cancel: cancel}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	c.Stderr = &c.errs
	out, err := c.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

// end reads what is left of the output as JSON and waits for the process.
func (c *child) end(v any) error {
	defer c.cancel()
	err := errors.Join(json.NewDecoder(c.out).Decode(v), c.Wait())
	if err != nil {
		return fmt.Errorf("%s: %w: %s", c.Args[1], err, c.errs.String())
	}
	return nil
}
