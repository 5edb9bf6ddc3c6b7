package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/host"
)

// access is where a host's objects are read, for a machine that has a pass.
type access struct {
	Kind string `json:"kind"`
	Path string `json:"path,omitempty"` // of a directory: the same on the worker's machine

	// Of an S3 store: a signed URL of each object, by its name. The worker needs no
	// credentials, and the host refuses the URLs once the pass has ended.
	Endpoint string            `json:"endpoint,omitempty"`
	Bucket   string            `json:"bucket,omitempty"`
	CA       string            `json:"ca,omitempty"` // PEM: whom to trust, in place of the system's authorities
	URLs     map[string]string `json:"urls,omitempty"`
}

// HostAccess describes the current host for a pass (lake.Pass) that lasts so
// long and reads these objects.
func (w *Warehouse) HostAccess(ctx context.Context, objects []string, lasts time.Duration) (json.RawMessage, error) {
	h := w.Config.Host
	store, err := h.open(w.absolute)
	if err != nil {
		return nil, err
	}
	bucket, ok := store.(*host.S3)
	if !ok {
		return json.Marshal(access{Kind: h.Kind, Path: w.absolute(h.Path)})
	}
	if err := w.Signable(lasts); err != nil {
		return nil, err
	}
	a := access{Kind: h.Kind, Endpoint: h.Endpoint, Bucket: h.Bucket, URLs: map[string]string{}}
	if h.CAFile != "" {
		text, err := os.ReadFile(w.absolute(h.CAFile))
		if err != nil {
			return nil, err
		}
		a.CA = string(text)
	}
	for _, name := range objects {
		if a.URLs[name], err = bucket.Sign(ctx, name, lasts); err != nil {
			return nil, err
		}
	}
	return json.Marshal(a)
}

// Signable says whether a pass to the current host can last so long.
func (w *Warehouse) Signable(lasts time.Duration) error {
	if w.Config.Host.Kind == "s3" && lasts > host.MaxSigned {
		return &governance.Refusal{Reason: "a pass to an S3 host lasts 7 days at most", Remedy: "Give a shorter time: --for 168h"}
	}
	return nil
}

// OpenHost opens the host that a pass describes.
func OpenHost(description json.RawMessage) (host.Store, error) {
	var a access
	if err := json.Unmarshal(description, &a); err != nil {
		return nil, fmt.Errorf("the pass names no host: %w", err)
	}
	switch a.Kind {
	case "directory":
		return host.Dir(a.Path), nil
	case "s3":
		return host.OpenSigned(host.S3Config{Endpoint: a.Endpoint, Bucket: a.Bucket, CA: a.CA}, a.URLs)
	}
	return nil, fmt.Errorf("the pass is for a host of kind %q, which this program does not know", a.Kind)
}
