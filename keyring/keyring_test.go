package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/keyring/kmiptest"
)

func passphrase(text string) keyring.Secrets {
	ask := func() (string, error) { return text, nil }
	return keyring.Secrets{Passphrase: ask, PIN: ask}
}

var fileConfig = keyring.Config{Kind: "file", WorkFactor: 2}

// roots are the kinds of root that every promise is tested with.
func roots(t *testing.T, test func(t *testing.T, config func() keyring.Config, secrets keyring.Secrets)) {
	t.Run("file", func(t *testing.T) {
		test(t, func() keyring.Config { return fileConfig }, passphrase("open sesame"))
	})
	t.Run("pkcs11", func(t *testing.T) {
		module := softHSM(t)
		n := 0
		test(t, func() keyring.Config {
			n++
			return keyring.Config{Kind: "pkcs11", Module: module, Token: "rempart", Label: fmt.Sprint(t.Name(), n)}
		}, passphrase("1234"))
	})
	t.Run("kmip", func(t *testing.T) {
		endpoint, client := kmiptest.Start(t)
		test(t, func() keyring.Config { return keyring.Config{Kind: "kmip", Endpoint: endpoint} }, clientSecrets(client))
	})
}

// tokens is the directory of the one token that this process's SoftHSM reads.
var tokens string

func TestMain(m *testing.M) {
	code := m.Run()
	if tokens != "" {
		_ = os.RemoveAll(tokens)
	}
	os.Exit(code)
}

// softHSM prepares a token of Debian's SoftHSM2, once for the process.
func softHSM(t *testing.T) (module string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if err != nil || len(found) == 0 {
		t.Skip("SoftHSM2 is not installed: apt-get install softhsm2")
	}
	if tokens != "" {
		return found[0]
	}
	if tokens, err = os.MkdirTemp("", "softhsm"); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(tokens, "softhsm2.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nlog.level = ERROR\n", tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Setenv("SOFTHSM2_CONF", conf); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "softhsm2-util", "--init-token", "--free", "--label", "rempart", "--pin", "1234", "--so-pin", "5678").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return found[0]
}

func seal(t *testing.T, text string, recipients ...age.Recipient) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipients...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

func open(sealed []byte, identity age.Identity) (string, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

func TestAKeyAndTheEscrowOpenAFileAndNobodyElse(t *testing.T) {
	roots(t, func(t *testing.T, config func() keyring.Config, secrets keyring.Secrets) {
		dir := t.TempDir()
		ring, err := keyring.Create(t.Context(), dir, config(), secrets)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ring.New(t.Context(), "release-1")
		if err != nil {
			t.Fatal(err)
		}
		other, err := ring.New(t.Context(), "release-2")
		if err != nil {
			t.Fatal(err)
		}
		escrow, err := age.GenerateHybridIdentity()
		if err != nil {
			t.Fatal(err)
		}
		sealed := seal(t, "a diagnosis", key, escrow.Recipient())
		if err := ring.Close(); err != nil {
			t.Fatal(err)
		}
		if ring, err = keyring.Open(t.Context(), dir, secrets); err != nil {
			t.Fatal(err)
		}
		again, err := ring.Key(t.Context(), "release-1")
		if err != nil {
			t.Fatal(err)
		}
		for name, id := range map[string]age.Identity{"key": again, "escrow": escrow} {
			if text, err := open(sealed, id); err != nil || text != "a diagnosis" {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		if _, err := open(sealed, other); err == nil {
			t.Error("another release's key opens the file")
		}
		again.Wipe()
		if _, err := open(sealed, again); err == nil {
			t.Error("a wiped key opens the file")
		}
	})
}

func TestADestroyedKeyIsGone(t *testing.T) {
	ring, err := keyring.Create(t.Context(), t.TempDir(), fileConfig, passphrase("p"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.New(t.Context(), "project-1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := ring.Destroy(t.Context(), "project-1"); err != nil {
			t.Error(err)
		}
	}
	if _, err := ring.Key(t.Context(), "project-1"); !errors.Is(err, keyring.ErrDestroyed) {
		t.Errorf("got %v", err)
	}
}

func TestARotationMovesEveryKeyBetweenKindsOfRoot(t *testing.T) {
	roots(t, func(t *testing.T, config func() keyring.Config, secrets keyring.Secrets) {
		dir := t.TempDir()
		ring, err := keyring.Create(t.Context(), dir, fileConfig, passphrase("first"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := ring.New(t.Context(), "release-1")
		if err != nil {
			t.Fatal(err)
		}
		sealed := seal(t, "a diagnosis", key)
		steps := []struct {
			config  keyring.Config
			secrets keyring.Secrets
		}{{config(), secrets}, {config(), secrets}, {fileConfig, passphrase("last")}}
		for _, s := range steps {
			if n, err := ring.Rotate(t.Context(), s.config, s.secrets); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			if key, err = ring.Key(t.Context(), "release-1"); err != nil {
				t.Fatal(err)
			}
			if _, err := open(sealed, key); err != nil {
				t.Error(err)
			}
		}
		if _, err := keyring.Open(t.Context(), dir, passphrase("first")); err == nil {
			t.Error("the old passphrase still opens the keyring")
		}
	})
}

func TestAKeyUnderAnothersNameDoesNotOpen(t *testing.T) {
	dir := t.TempDir()
	ring, err := keyring.Create(t.Context(), dir, fileConfig, passphrase("p"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"release-1", "release-2"} {
		if _, err := ring.New(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "g1", "release-1"), filepath.Join(dir, "g1", "release-2")); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Key(t.Context(), "release-2"); err == nil {
		t.Error("a swapped key was used")
	}
}

func TestNamesThatLeaveTheDirectoryAreRefused(t *testing.T) {
	ring, err := keyring.Create(t.Context(), t.TempDir(), fileConfig, passphrase("p"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "../x", "a/b", "root.age", "RELEASE-1"} {
		if _, err := ring.New(t.Context(), id); err == nil {
			t.Errorf("%q names a key", id)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	ring, err := keyring.Create(t.Context(), t.TempDir(), fileConfig, passphrase("p"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.New(t.Context(), "release-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, key); strings.Trim(got, "&") != "key release-1" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestAWrongPassphraseSaysSo(t *testing.T) {
	dir := t.TempDir()
	if _, err := keyring.Create(t.Context(), dir, fileConfig, passphrase("right")); err != nil {
		t.Fatal(err)
	}
	_, err := keyring.Open(t.Context(), dir, passphrase("wrong"))
	if err == nil || !strings.Contains(err.Error(), "passphrase is wrong") {
		t.Errorf("got %v", err)
	}
}
