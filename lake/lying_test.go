package lake_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
)

// TestALyingHost asks S3 hosts that lie for what was put there. Whatever they
// answer, no reading ends well with other bytes than those that were sealed.
func TestALyingHost(t *testing.T) {
	t.Parallel()
	for _, name := range hosttest.Servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := hosttest.Start(t, name)
			store, err := host.OpenS3(server.Config)
			if err != nil {
				t.Fatal(err)
			}
			honest, _, key, _ := vault(t)
			honest.Store = store
			plain := make([]byte, 9<<20)
			if _, err := rand.NewChaCha8([32]byte{1}).Read(plain); err != nil {
				t.Fatal(err)
			}
			object, err := honest.Put(t.Context(), lake.JSON, key, func(w io.Writer) error {
				_, err := w.Write(plain)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for how, fault := range map[string]hosttest.Fault{
				"changes a bit": hosttest.Altered, "cuts answers": hosttest.Truncated, "answers short": hosttest.Short,
				"names wrong ETags": hosttest.WrongETag, "loses connections": hosttest.Reset, "fails": hosttest.Fails,
			} {
				t.Run(how, func(t *testing.T) {
					c := server.Config
					c.Endpoint, c.Attempts = hosttest.Through(t, c.Endpoint, fault), 3
					liar, err := host.OpenS3(c)
					if err != nil {
						t.Fatal(err)
					}
					v := &lake.Vault{Store: liar, Escrow: honest.Escrow}
					readings(t, v, object, key, plain, how == "names wrong ETags")
				})
			}
			t.Run("brings back an old version", func(t *testing.T) {
				other, err := honest.Put(t.Context(), lake.JSON, key, text(`"of last year"`))
				if err != nil {
					t.Fatal(err)
				}
				brought(t, server, other.Name, object.Name)
				readings(t, honest, object, key, plain, false)
				if err := honest.Verify(t.Context(), object); !isIntegrity(err) {
					t.Errorf("got %v", err)
				}
			})
			t.Run("forgets an object", func(t *testing.T) {
				if err := store.Delete(t.Context(), object.Name); err != nil {
					t.Fatal(err)
				}
				if err := honest.Verify(t.Context(), object); !isIntegrity(err) || !strings.Contains(err.Error(), "is missing") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func isIntegrity(err error) bool {
	var integrity *lake.IntegrityError
	return errors.As(err, &integrity)
}

// brought puts one object under the name of another, as only the host can.
func brought(t *testing.T, server *hosttest.Server, from, to string) {
	t.Helper()
	got, err := server.Client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &server.Config.Bucket, Key: &from})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err = errors.Join(err, got.Body.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = server.Client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &server.Config.Bucket, Key: &to, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readings reads an object in each way that a vault has: each is right, or fails.
func readings(t *testing.T, v *lake.Vault, object ledger.Object, key age.Identity, plain []byte, harmless bool) {
	t.Helper()
	var read bytes.Buffer
	errs := map[string]error{
		"Verify": v.Verify(t.Context(), object),
		"Read": v.Read(t.Context(), object, key, func(r io.Reader) error {
			_, err := read.ReadFrom(r)
			return err
		}),
		"ReaderAt": inPlace(t, v, object, key, plain),
	}
	for way, err := range errs {
		if harmless && err != nil || !harmless && err == nil {
			t.Errorf("%s: %v", way, err)
		}
	}
	if errs["Read"] == nil && !bytes.HasPrefix(read.Bytes(), plain) {
		t.Error("Read gives other bytes than were sealed, and no error")
	}
}

// inPlace reads all of an object in place.
func inPlace(t *testing.T, v *lake.Vault, object ledger.Object, key age.Identity, plain []byte) error {
	at, _, closer, err := v.ReaderAt(t.Context(), object, key)
	if err != nil {
		return err
	}
	defer closer.Close()
	got := make([]byte, len(plain))
	if n, err := at.ReadAt(got, 0); err != nil && (n < len(got) || err != io.EOF) {
		return err
	}
	if !bytes.Equal(got, plain) {
		t.Error("ReaderAt gives other bytes than were sealed, and no error")
	}
	return nil
}
