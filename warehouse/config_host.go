package warehouse

import (
	"fmt"
	"slices"

	"rempart.eu/rempart/host"
)

// HostConfig says where a host is and how its objects are reached. Who it is,
// and which law reaches it, is in the ledger.
type HostConfig struct {
	Name string `toml:"name"`
	Kind string `toml:"kind"`           // "directory" or "s3"
	Path string `toml:"path,omitempty"` // of a directory

	// Of an S3 store.
	Endpoint        string `toml:"endpoint,omitempty"` // https://HOST[:PORT]
	Bucket          string `toml:"bucket,omitempty"`
	Region          string `toml:"region,omitempty"`
	CredentialsFile string `toml:"credentials_file,omitempty"` // TOML: access_key_id, secret_access_key
	CAFile          string `toml:"ca_file,omitempty"`          // PEM, in place of the system's authorities
}

// Address is where the host is, as the register shows it.
func (h HostConfig) Address() string {
	if h.Kind == "s3" {
		return h.Endpoint
	}
	return h.Path
}

func (h HostConfig) check(place string) error {
	if h.Name == "" {
		return fmt.Errorf("%s.name: say what the host is called", place)
	}
	type key struct{ name, value string }
	var wanted, foreign []key
	directory := []key{{"path", h.Path}}
	bucket := []key{{"endpoint", h.Endpoint}, {"bucket", h.Bucket}, {"credentials_file", h.CredentialsFile}}
	more := []key{{"region", h.Region}, {"ca_file", h.CAFile}}
	switch h.Kind {
	case "directory":
		wanted, foreign = directory, slices.Concat(bucket, more)
	case "s3":
		wanted, foreign = bucket, directory
	default:
		return fmt.Errorf("%s.kind: %q is unknown: want \"directory\" or \"s3\"", place, h.Kind)
	}
	for _, k := range wanted {
		if k.value == "" {
			return fmt.Errorf("%s.%s: a host of kind %q needs it", place, k.name, h.Kind)
		}
	}
	for _, k := range foreign {
		if k.value != "" {
			return fmt.Errorf("%s.%s: a host of kind %q has none", place, k.name, h.Kind)
		}
	}
	return nil
}

// hosts lists every host of the configuration, the current one first.
func (c Config) hosts() []HostConfig { return append([]HostConfig{c.Host}, c.Hosts...) }

func (c Config) checkHosts() error {
	names := map[string]bool{}
	for i, h := range c.hosts() {
		place := "host"
		if i > 0 {
			place = fmt.Sprintf("hosts, number %d", i)
		}
		if err := h.check(place); err != nil {
			return err
		}
		if names[h.Name] {
			return fmt.Errorf("%s.name: there are two hosts %q", place, h.Name)
		}
		names[h.Name] = true
	}
	return nil
}

// with is the configuration with a host added, or described anew.
func (c Config) with(h HostConfig) Config {
	if h.Name == c.Host.Name {
		c.Host = h
		return c
	}
	c.Hosts = slices.Clone(c.Hosts)
	for i, other := range c.Hosts {
		if other.Name == h.Name {
			c.Hosts[i] = h
			return c
		}
	}
	c.Hosts = append(c.Hosts, h)
	return c
}

// moved is the configuration with another of its hosts as the current one.
func (c Config) moved(name string) Config {
	old := c.Host
	if old.Name == name {
		return c
	}
	others := []HostConfig{old}
	for _, h := range c.Hosts {
		if h.Name == name {
			c.Host = h
		} else {
			others = append(others, h)
		}
	}
	c.Hosts = others
	return c
}

// open opens a host's store; relative paths become absolute by absolute. It
// sends nothing yet.
func (h HostConfig) open(absolute func(string) string) (host.Store, error) {
	if h.Kind == "directory" {
		return host.Dir(absolute(h.Path)), nil
	}
	c := host.S3Config{Endpoint: h.Endpoint, Bucket: h.Bucket, Region: h.Region, CredentialsFile: absolute(h.CredentialsFile)}
	if h.CAFile != "" {
		c.CAFile = absolute(h.CAFile)
	}
	store, err := host.OpenS3(c)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", h.Name, err)
	}
	return store, nil
}
