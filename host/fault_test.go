package host_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"testing"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// through is a server seen through a fault.
func through(t *testing.T, server *hosttest.Server, fault hosttest.Fault) *host.S3 {
	t.Helper()
	c := server.Config
	c.Endpoint = hosttest.Through(t, c.Endpoint, fault)
	return openS3(t, c)
}

// What passes is overcome: the whole suite holds while every request fails twice.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *hosttest.Server) {
		for name, fault := range map[string]hosttest.Fault{
			"connections are reset": hosttest.Reset, "answers are lost": hosttest.Lost, "the host fails": hosttest.Fails,
			"the host is busy": hosttest.Busy, "answers break off": hosttest.Truncated,
		} {
			t.Run(name, func(t *testing.T) {
				store := through(t, server, hosttest.Twice(fault))
				hosttest.Run(t, store)
				overcome(t, store, 20<<20+1)
			})
		}
		t.Run("the host is slow", func(t *testing.T) { overcome(t, through(t, server, hosttest.Slow), 9<<20) })
	})
}

func overcome(t *testing.T, store host.Store, size int64) {
	t.Helper()
	item := put(t, store, size)
	if err := same(t, store, item); err != nil {
		t.Error(err)
	}
}

// put stores a body and describes it.
func put(t *testing.T, store host.Store, size int64) host.Item {
	t.Helper()
	item := itemOf(t, size)
	if err := store.Put(t.Context(), item.Name, random(size)); err != nil {
		t.Fatal(err)
	}
	return item
}

func itemOf(t *testing.T, size int64) host.Item {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, random(size)); err != nil {
		t.Fatal(err)
	}
	return host.Item{Name: host.NewName(), Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
}

var errOther = errors.New("another body came back")

// same says whether an object is read as it was put.
func same(t *testing.T, store host.Store, item host.Item) error {
	t.Helper()
	o, err := store.Open(t.Context(), item.Name)
	if err != nil {
		return err
	}
	defer func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != item.SHA256 {
		return errOther
	}
	return nil
}

// What does not pass is an error, or is found when the digest is compared. An
// ETag is believed nowhere: a wrong one does no harm, or breaks the upload.
func TestFaultsThatStay(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *hosttest.Server) {
		item := put(t, openS3(t, server.Config), 9<<20)
		for name, fault := range map[string]hosttest.Fault{
			"connections are reset": hosttest.Reset, "the host fails": hosttest.Fails, "answers break off": hosttest.Truncated,
			"answers are short": hosttest.Short, "a bit is changed": hosttest.Altered,
		} {
			t.Run(name, func(t *testing.T) {
				if err := same(t, through(t, server, fault), item); err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("got %v", err)
				}
			})
		}
		t.Run("ETags are wrong", func(t *testing.T) {
			store := through(t, server, hosttest.WrongETag)
			if err := same(t, store, item); err != nil {
				t.Error(err)
			}
			if err := store.Put(t.Context(), host.NewName(), random(17<<20)); err == nil {
				t.Error("an upload of parts that the host calls otherwise is complete")
			}
			name := host.NewName()
			if err := store.Put(t.Context(), name, bytes.NewReader([]byte("small"))); err != nil {
				t.Error(err)
			}
		})
	})
}
