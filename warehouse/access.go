package warehouse

import (
	"encoding/json"
	"fmt"

	"rempart.eu/rempart/host"
)

// access is where a host's objects are read, for a machine that has a pass.
type access struct {
	Kind string `json:"kind"`
	Path string `json:"path,omitempty"` // of a directory: the same on the worker's machine

	// Of an S3 store. The worker has credentials of its own, which may only
	// read, in a file at the same path.
	Endpoint        string `json:"endpoint,omitempty"`
	Bucket          string `json:"bucket,omitempty"`
	Region          string `json:"region,omitempty"`
	CredentialsFile string `json:"credentials_file,omitempty"`
	CAFile          string `json:"ca_file,omitempty"`
}

// HostAccess describes the current host for a pass (lake.Pass).
func (w *Warehouse) HostAccess() (json.RawMessage, error) {
	h := w.Config.Host
	for _, path := range []*string{&h.Path, &h.CredentialsFile, &h.CAFile} {
		if *path != "" {
			*path = w.absolute(*path)
		}
	}
	return json.Marshal(access{h.Kind, h.Path, h.Endpoint, h.Bucket, h.Region, h.CredentialsFile, h.CAFile})
}

// OpenHost opens the host that a pass describes.
func OpenHost(description json.RawMessage) (host.Store, error) {
	var a access
	if err := json.Unmarshal(description, &a); err != nil {
		return nil, fmt.Errorf("the pass names no host: %w", err)
	}
	h := HostConfig{
		Name: "of the pass", Kind: a.Kind, Path: a.Path,
		Endpoint: a.Endpoint, Bucket: a.Bucket, Region: a.Region, CredentialsFile: a.CredentialsFile, CAFile: a.CAFile,
	}
	if err := h.check("the pass"); err != nil {
		return nil, err
	}
	return h.open(func(path string) string { return path })
}
