package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"rempart.eu/rempart/host"
)

// A Server is a real S3 server, started by a test on this machine alone.
type Server struct {
	Config host.S3Config // of a bucket that is empty, keeps versions and knows object locks
	Client *s3.Client    // to do to the bucket what a host can do
	Dir    string        // what the server keeps
}

// server says how a program is started and when it is ready.
type server struct {
	program string
	args    func(address, dir string) []string
	env     []string
	ready   string // a path that answers 200
}

// The S3 servers that stores are tested against (docs/decisions/0011).
var servers = map[string]server{
	"versitygw": {
		program: "versitygw",
		args: func(address, dir string) []string {
			return []string{"--port", address, "--quiet", "--health", "/health", "posix",
				"--sidecar", filepath.Join(dir, "metadata"), "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "objects")}
		},
		env:   []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey},
		ready: "/health",
	},
	"minio": {
		program: "minio",
		args: func(address, dir string) []string {
			return []string{"server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", filepath.Join(dir, "objects")}
		},
		env:   []string{"MINIO_ROOT_USER=" + AccessKey, "MINIO_ROOT_PASSWORD=" + SecretKey, "MINIO_UPDATE=off", "MINIO_BROWSER=off"},
		ready: "/minio/health/ready",
	},
}

// Servers names the programs that [Start] knows.
func Servers() []string { return []string{"versitygw", "minio"} }

// What opens a server that lives as long as its test. It protects nothing.
const (
	AccessKey = "rempart-test"
	SecretKey = "only-for-a-test-on-loopback"
	bucket    = "rempart"
)

// How long things take at most on the slowest of machines.
const (
	lifetime = "10m"            // of a server whose test could not end it
	starting = 60 * time.Second // until it answers, and until it is ready
	ending   = 10 * time.Second
)

// Start starts a server for one test, which is skipped where scripts/servers
// has not built the program. It ends with the test, by force if need be.
func Start(t testing.TB, name string) *Server {
	t.Helper()
	s, stop, err := Launch(t.Context(), name, t.TempDir())
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%v: build it with scripts/servers", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s
}

// Launch starts a server that keeps its objects in an empty folder, and makes a
// bucket. stop ends it, by force if need be. The error is fs.ErrNotExist where
// scripts/servers has not built the program.
func Launch(ctx context.Context, name, dir string) (s *Server, stop func(), err error) {
	how, known := servers[name]
	if !known {
		return nil, nil, fmt.Errorf("there is no server %q", name)
	}
	program, err := Find(how.program)
	if err != nil {
		return nil, nil, err
	}
	for _, folder := range []string{"objects", "versions", "metadata"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, nil, err
		}
	}
	secrets := filepath.Join(dir, "credentials.toml")
	text := fmt.Sprintf("access_key_id = %q\nsecret_access_key = %q\n", AccessKey, SecretKey)
	if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	var endpoint string
	var kill func()
	for try := 1; ; try++ { // somebody else may take the port first
		if endpoint, kill, err = start(program, how, dir); err == nil {
			break
		}
		if try == 3 {
			return nil, nil, fmt.Errorf("start %s: %w", name, err)
		}
	}
	transport := &http.Transport{}
	s = &Server{Dir: dir, Config: host.S3Config{
		Endpoint: endpoint, Bucket: bucket, CredentialsFile: secrets, MaxBackoff: 20 * time.Millisecond, Timeout: time.Minute,
	}}
	s.Client = s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 5,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:  &http.Client{Timeout: time.Minute, Transport: transport},
	})
	stop = func() {
		transport.CloseIdleConnections()
		kill()
	}
	if err := s.MakeBucket(ctx, bucket); err != nil {
		stop()
		return nil, nil, err
	}
	return s, stop, nil
}

// Find looks for a program of scripts/servers from this folder upwards.
func Find(program string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(dir, "build", "servers", program)
			_, err := os.Stat(path)
			return path, err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("%s: %w", program, fs.ErrNotExist)
		}
		dir = up
	}
}

// start starts a program in a process group of its own, under timeout(1), which
// ends it even where this process is killed, and waits until it answers.
func start(program string, how server, dir string) (endpoint string, stop func(), err error) {
	address, err := freeAddress()
	if err != nil {
		return "", nil, err
	}
	var output bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "timeout", append([]string{"--kill-after=5s", lifetime, program}, how.args(address, dir)...)...)
	c.Dir, c.Env = dir, slices.Concat(how.env, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")})
	c.Stdout, c.Stderr = &output, &output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = ending
	if err := c.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait() // it is killed: its status says so
		close(ended)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	endpoint = "http://" + address
	if err := await(endpoint+how.ready, ended); err != nil {
		stop()
		return "", nil, fmt.Errorf("%w\n%s", err, output.String())
	}
	return endpoint, stop, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await asks until the server answers, has ended, or took too long.
func await(url string, ended <-chan struct{}) error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.After(starting)
	for {
		answer, err := client.Get(url)
		if err == nil {
			err = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return err
			}
		}
		select {
		case <-ended:
			return errors.New("it ended at once")
		case <-deadline:
			return errors.New("it does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// MakeBucket makes a bucket that keeps versions and knows object locks. A server that answers may still
// not be ready for that: it is asked until it is, or too much time has passed.
func (s *Server) MakeBucket(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	for {
		err := s.makeBucket(ctx, name)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make bucket %s: %w", name, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) makeBucket(ctx context.Context, name string) error {
	var taken *types.BucketAlreadyOwnedByYou
	if _, err := s.Client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil && !errors.As(err, &taken) {
		return err
	}
	_, err := s.Client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return err
}

// Versions counts what the bucket still keeps: every version of every object.
func (s *Server) Versions(t testing.TB) int {
	t.Helper()
	out, err := s.Client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions) + len(out.DeleteMarkers)
}
