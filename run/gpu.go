package run

import (
	"fmt"
	"os"
	"path/filepath"
)

// gpuPatterns are the device files of GPUs: NVIDIA's, the render nodes of others, and AMD's for
// computing. None that shows a screen.
var gpuPatterns = []string{"/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/dri/renderD*", "/dev/kfd"}

// gpuDevices are those that this machine has and that everybody may use, as who a study is on the host.
func gpuDevices() (devices []string) {
	for _, pattern := range gpuPatterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		for _, path := range found {
			const everybody = 0o006
			if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Mode().Perm()&everybody == everybody {
				devices = append(devices, path)
			}
		}
	}
	return devices
}

// gpuWall says, for the run's record, which devices stood in the sandbox.
func gpuWall(asked bool, devices []string) []string {
	switch {
	case !asked:
		return nil
	case len(devices) == 0:
		return []string{"no GPU: the machine has none that everybody may use"}
	}
	return []string{fmt.Sprintf("GPU: %d devices let in", len(devices))}
}
