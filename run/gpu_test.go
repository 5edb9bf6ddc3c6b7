package run

import (
	"slices"
	"testing"
)

// A device stands in the sandbox where it was asked for, and nowhere else.
func TestDevicesAreLetInWhereAskedFor(t *testing.T) {
	before := gpuPatterns
	defer func() { gpuPatterns = before }()
	gpuPatterns = []string{"/dev/null"}
	for _, asked := range []bool{true, false} {
		job := Job{Language: Shell, Name: "study.sh", Limits: DefaultLimits}
		job.Limits.GPU = asked
		s, err := prepare(job)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := s.walls(job)
		s.close()
		at := slices.Index(plan.Args, "--dev-bind")
		if err != nil || (at >= 0) != asked || (len(s.devices) > 0) != asked {
			t.Errorf("asked %t: %v, devices %q, plan %q", asked, err, s.devices, plan.Args)
		}
		if asked && (plan.Args[at+1] != "/dev/null" || !slices.Contains(plan.Sources, at+1)) {
			t.Errorf("the plan is %q, of the host %v", plan.Args, plan.Sources)
		}
	}
}

// No file that is no device, and no device that not everybody may use, is taken for a GPU.
func TestWhatIsNoDeviceIsNoGPU(t *testing.T) {
	before := gpuPatterns
	defer func() { gpuPatterns = before }()
	gpuPatterns = []string{"/etc/passwd", "/dev/kmsg", "/dev/mem", "/dev/shm", "/dev/[vs]da"}
	if got := gpuDevices(); len(got) > 0 {
		t.Errorf("taken for GPUs: %q", got)
	}
}
