package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/keyring/kmiptest"
)

// TestRootKeyInAKeyServer moves the root key of a home into a KMIP server, before
// data comes in and after, and back.
func TestRootKeyInAKeyServer(t *testing.T) {
	t.Parallel()
	endpoint, client := kmiptest.Start(t)
	place := []string{
		"--to", "kmip", "--endpoint", endpoint, "--label", "rempart-test",
		"--kmip-ca", client.CA, "--kmip-certificate", client.Certificate, "--kmip-key", client.Key,
	}
	t.Run("before data", func(t *testing.T) {
		home := homeAt(t, peopled)
		must(t, home, append([]string{"key", "init"}, place...)...)
		if list := must(t, home, "key", "list"); !strings.Contains(list, "kind kmip; it wraps 1 keys") {
			t.Errorf("key list: %s", list)
		}
		sound(t, home)
		must(t, home, "deposit", "create", "--as", "chu-lyon", "--feed", "hospital", filepath.Join(population(t), "hospital-1"))
		refused(t, exitRefused, "data lies under the root key already", home, append([]string{"key", "init"}, place...)...)
	})
	t.Run("after data", func(t *testing.T) {
		home := homeAt(t, published)
		must(t, home, append([]string{"key", "rotate"}, place...)...)
		must(t, home, "release", "show")
		must(t, home, "release", "publish")
		sound(t, home)

		// without its certificate the warehouse opens nothing, and says so
		config := filepath.Join(home, "rempart.toml")
		text := read(t, config)
		lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "kmip_key_file") })
		if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, exitError, "kmip_key_file", home, "release", "show")
		if err := os.WriteFile(config, text, 0o600); err != nil {
			t.Fatal(err)
		}

		must(t, home, "key", "rotate", "--to", "file")
		must(t, home, "release", "show")
		sound(t, home)
	})
}
