package warehouse

import (
	"encoding/json"
	"fmt"

	"rempart.eu/rempart/host"
)

// access is where a host's objects are read, for a machine that has a pass.
type access struct {
	Kind string `json:"kind"`
	Path string `json:"path"` // of a directory: the same on the worker's machine
}

// HostAccess describes the current host for a pass (lake.Pass).
func (w *Warehouse) HostAccess() (json.RawMessage, error) {
	return json.Marshal(access{w.Config.Host.Kind, w.absolute(w.Config.Host.Path)})
}

// OpenHost opens the host that a pass describes.
func OpenHost(description json.RawMessage) (host.Store, error) {
	var a access
	if err := json.Unmarshal(description, &a); err != nil {
		return nil, fmt.Errorf("the pass names no host: %w", err)
	}
	if a.Kind != "directory" {
		return nil, fmt.Errorf("the pass names a host of kind %q, which this rempart does not know", a.Kind)
	}
	return host.Dir(a.Path), nil
}
