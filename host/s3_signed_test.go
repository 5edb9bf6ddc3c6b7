package host_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

// Who has a signed URL reads that object until the URL ends, without credentials,
// and nothing else; faults that pass are overcome.
func TestSignedURLs(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *hosttest.Server) {
		store := openS3(t, server.Config)
		granted, other := put(t, store, 9<<20+7), put(t, store, 600)
		sign := func(lasts time.Duration) *host.Signed {
			url, err := store.Sign(t.Context(), granted.Name, lasts)
			if err != nil {
				t.Fatal(err)
			}
			s, err := host.OpenSigned(host.S3Config{Endpoint: server.Config.Endpoint, MaxBackoff: server.Config.MaxBackoff}, map[string]string{granted.Name: url, other.Name: strings.Replace(url, granted.Name, other.Name, 1)})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := sign(time.Hour)
		if err := same(t, s, granted); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{
			"another object": same(t, s, other), "no URL": func() error { _, err := s.Open(t.Context(), host.NewName()); return err }(),
			"to write": s.Put(t.Context(), host.NewName(), random(5)), "to delete": s.Delete(t.Context(), granted.Name),
		} {
			if err == nil || strings.Contains(err.Error(), "X-Amz-Signature") {
				t.Errorf("%s: %v", what, err)
			}
		}
		short := sign(time.Second)
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
			err := same(t, short, granted)
			if err != nil && strings.Contains(err.Error(), "the pass has ended there") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("a URL that has ended: %v", err)
			}
		}

		config := server.Config
		config.Endpoint = hosttest.Through(t, config.Endpoint, hosttest.Twice(hosttest.Reset))
		url, err := openS3(t, config).Sign(t.Context(), granted.Name, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		broken, err := host.OpenSigned(config, map[string]string{granted.Name: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := same(t, broken, granted); err != nil {
			t.Errorf("connections are reset: %v", err)
		}
		if err := store.Delete(t.Context(), granted.Name); err != nil {
			t.Fatal(err)
		}
		if err := same(t, s, granted); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an object that is gone: %v", err)
		}
	})
}
