package warehouse

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"rempart.eu/rempart/internal/nearest"
	"rempart.eu/rempart/ledger"
)

// ConfigFile is the one file of configuration in a home.
const ConfigFile = "rempart.toml"

// Config is a warehouse's configuration. Its digest is in the ledger: after a
// change, the controller records it with `rempart config record`.
type Config struct {
	Name       string `toml:"name"`
	Controller string `toml:"controller"`
	LedgerKey  string `toml:"ledger_key"` // verifies the ledger's checkpoints
	Retention  struct {
		Years int `toml:"years"` // of a release, at most 20
	} `toml:"retention"`
	Scratch string       `toml:"scratch,omitempty"` // folder for what has no room in memory, sealed; "" is the warehouse's own
	Host    HostConfig   `toml:"host"`              // where the objects lie
	Hosts   []HostConfig `toml:"hosts,omitempty"`   // where they lay, or may lie
	Keyring SecretFiles  `toml:"keyring"`
	Run     RunConfig    `toml:"run"`
	Portal  PortalConfig `toml:"portal"`
	TLS     TLSConfig    `toml:"tls,omitempty"`
}

// RunConfig names the environments of studies.
type RunConfig struct {
	Python string `toml:"python"`        // its folder, or an interpreter
	R      string `toml:"r,omitempty"`   // its folder; without one the machine's packages
	GPU    bool   `toml:"gpu,omitempty"` // studies that ask for it are let to the machine's GPUs
}

// SecretFiles are the files with what opens the keyring: each kind of root key
// needs its own.
type SecretFiles struct {
	PassphraseFile string `toml:"passphrase_file"`
	PINFile        string `toml:"pin_file"`

	// For a KMIP server, in PEM: whom to trust, and who we are.
	KMIPCAFile          string `toml:"kmip_ca_file,omitempty"`
	KMIPCertificateFile string `toml:"kmip_certificate_file,omitempty"`
	KMIPKeyFile         string `toml:"kmip_key_file,omitempty"`
}

// each yields the place of every file's name.
func (s *SecretFiles) each() []*string {
	return []*string{&s.PassphraseFile, &s.PINFile, &s.KMIPCAFile, &s.KMIPCertificateFile, &s.KMIPKeyFile}
}

// TLSConfig says which of the addresses that the warehouse asks are known by the
// certificates of the web and not by keys of the ledger, since another program
// answers there: a proxy, or another kind of witness.
type TLSConfig struct {
	Web []string `toml:"web,omitempty"`
}

// PortalConfig says where people find the portal, and how they log in beside
// passkeys.
type PortalConfig struct {
	URL    string        `toml:"url,omitempty"`    // as browsers show it: https://HOST[:PORT], or http://localhost:PORT
	Logins []LoginConfig `toml:"logins,omitempty"` // OpenID Connect providers
}

// LoginConfig is an OpenID Connect provider that people log in with.
type LoginConfig struct {
	Name             string   `toml:"name"`   // as the login page shows it
	Issuer           string   `toml:"issuer"` // its address
	ClientID         string   `toml:"client_id"`
	ClientSecretFile string   `toml:"client_secret_file,omitempty"`
	CAFile           string   `toml:"ca_file,omitempty"`       // PEM, in place of the system's authorities
	SecondFactor     []string `toml:"second_factor,omitempty"` // values of amr or acr that say it asked for one
	Signing          []string `toml:"signing,omitempty"`       // how its tokens may be signed, such as ES256; every known way where it says nothing
}

func (p PortalConfig) check() error {
	if p.URL != "" {
		if _, err := ledger.OriginHost(p.URL); err != nil {
			return fmt.Errorf("portal.url: %w", err)
		}
	}
	for i, l := range p.Logins {
		if l.Name == "" || l.Issuer == "" || l.ClientID == "" {
			return fmt.Errorf("portal.logins[%d]: want name, issuer and client_id", i)
		}
	}
	return nil
}

// maxRetention is what the CNIL's standard for health data warehouses allows
// (deliberation 2021-118, 7.2).
const maxRetention = 20

const configHead = `# This warehouse. After a change: rempart config record
# Paths are relative to this file's folder.

`

func (c Config) encode() ([]byte, error) {
	var text bytes.Buffer
	text.WriteString(configHead)
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	err := encoder.Encode(c)
	return text.Bytes(), err
}

// readConfig reads the file and refuses what it does not know.
func readConfig(path string) (c Config, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	meta, err := toml.Decode(string(text), &c)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		err = fmt.Errorf("%s: unknown key %q", path, key.String())
		if near := nearest.Name(key[len(key)-1], configKeys); near != "" {
			err = fmt.Errorf("%w: did you mean %q?", err, near)
		}
		return c, err
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

var configKeys = []string{"name", "controller", "ledger_key", "retention", "years", "host", "hosts", "kind", "path", "endpoint", "bucket", "region", "credentials_file", "ca_file", "keyring", "passphrase_file", "pin_file", "kmip_ca_file", "kmip_certificate_file", "kmip_key_file", "run", "python", "r", "gpu", "portal", "url", "logins", "issuer", "client_id", "client_secret_file", "second_factor", "tls", "web", "scratch"}

func (c Config) check() error {
	switch {
	case strings.TrimSpace(c.Name) == "":
		return errors.New("name: say what the warehouse is called")
	case c.Retention.Years < 1 || c.Retention.Years > maxRetention:
		return fmt.Errorf("retention.years: %d: want 1 to %d", c.Retention.Years, maxRetention)
	}
	if err := c.Portal.check(); err != nil {
		return err
	}
	return c.checkHosts()
}
