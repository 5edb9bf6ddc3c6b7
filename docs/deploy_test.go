package docs_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const workerManifest = "../deploy/kubernetes/worker.yaml"

// pod is what of a pod decides who reaches it and what it can reach.
type pod struct {
	RuntimeClassName             string
	AutomountServiceAccountToken *bool
	EnableServiceLinks           *bool
	HostNetwork, HostPID         bool
	HostIPC                      bool
	DNSPolicy                    string
	SecurityContext              struct {
		RunAsNonRoot   bool
		RunAsUser      int
		SeccompProfile struct{ Type string }
	}
	InitContainers []any
	Containers     []struct {
		Command         []string
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Privileged               bool
			Capabilities             struct{ Add, Drop []string }
		}
		Resources struct{ Limits map[string]string }
		Ports     []any
	}
	Volumes []map[string]any
}

// manifest is one of the file's documents.
type manifest struct {
	APIVersion, Kind string
	Metadata         struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Handler string
	Spec    struct {
		PodSelector     map[string]any
		PolicyTypes     []string
		Ingress, Egress []any
		Template        struct{ Spec pod }
	}
}

// manifests are the documents of the file, by their kind.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	f, err := os.Open(workerManifest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all := map[string]manifest{}
	for d := yaml.NewDecoder(f); ; {
		var document any
		if err := d.Decode(&document); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(document) // JSON finds the names of fields in any letters
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
}

// TestAWorkersPodReachesNothing says what the manifest of a worker must keep to, whatever else is changed in it.
func TestAWorkersPodReachesNothing(t *testing.T) {
	all := manifests(t)
	space, policy, class, job := all["Namespace"], all["NetworkPolicy"], all["RuntimeClass"], all["Job"]
	holds := func(what string, ok bool) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %s", workerManifest, what)
		}
	}
	holds("the namespace refuses pods that are not restricted", space.Metadata.Labels["pod-security.kubernetes.io/enforce"] == "restricted")
	holds("everything is in the one namespace", policy.Metadata.Namespace == space.Metadata.Name && job.Metadata.Namespace == space.Metadata.Name)
	slices.Sort(policy.Spec.PolicyTypes)
	holds("the policy denies all traffic of all pods, both ways", len(policy.Spec.PodSelector) == 0 && slices.Equal(policy.Spec.PolicyTypes, []string{"Egress", "Ingress"}) &&
		len(policy.Spec.Ingress)+len(policy.Spec.Egress) == 0)
	holds("the kernel is gVisor's", class.Handler == "runsc")
	p := job.Spec.Template.Spec
	no := func(b *bool) bool { return b != nil && !*b }
	holds("the pod runs under it", class.Metadata.Name != "" && p.RuntimeClassName == class.Metadata.Name)
	holds("the pod has no token of the cluster", no(p.AutomountServiceAccountToken))
	holds("the pod has no addresses of services", no(p.EnableServiceLinks))
	holds("the pod has no namespace of the node's", !p.HostNetwork && !p.HostPID && !p.HostIPC)
	holds("the pod resolves no names of the cluster", p.DNSPolicy == "None")
	holds("the pod is nobody privileged", p.SecurityContext.RunAsNonRoot && p.SecurityContext.RunAsUser > 0)
	holds("the pod's system calls are filtered", p.SecurityContext.SeccompProfile.Type == "RuntimeDefault")
	holds("there is one container", len(p.Containers) == 1 && len(p.InitContainers) == 0)
	for _, c := range p.Containers {
		s := c.SecurityContext
		holds("no process gains rights", no(s.AllowPrivilegeEscalation) && !s.Privileged)
		holds("all capabilities are dropped, and none added", slices.Equal(s.Capabilities.Drop, []string{"ALL"}) && len(s.Capabilities.Add) == 0)
		holds("its root is read-only", s.ReadOnlyRootFilesystem)
		holds("its memory and processors are bounded", c.Resources.Limits["memory"] != "" && c.Resources.Limits["cpu"] != "")
		holds("nothing listens", len(c.Ports) == 0)
		holds("it works in the queue until none is left", strings.HasPrefix(strings.Join(c.Command, " "), "rempart runs work --drain"))
	}
	for _, v := range p.Volumes {
		_, node := v["hostPath"]
		holds("no folder of the node is mounted", !node)
	}
}

// TestTheManifestIsKubernetes holds the manifest against the published schemas, where a validator can be had.
func TestTheManifestIsKubernetes(t *testing.T) {
	made, err := exec.Command("../scripts/kubernetes-env").Output()
	if err != nil {
		t.Skipf("the manifest is not validated: scripts/kubernetes-env cannot install the validator here: %v", err)
	}
	program := filepath.Join(strings.TrimSpace(string(made)), "bin", "kubernetes-validate")
	for _, version := range []string{"1.30", "1.34"} {
		if out, err := exec.Command(program, "--strict", "-k", version, workerManifest).CombinedOutput(); err != nil {
			t.Errorf("Kubernetes %s: %v\n%s", version, err, out)
		}
	}
	// The validator sees what is wrong, or it says nothing.
	text, err := os.ReadFile(workerManifest)
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte(strings.Replace(string(text), "runAsNonRoot", "runAsNoRoot", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--strict", wrong).CombinedOutput(); err == nil {
		t.Errorf("a field that does not exist passed:\n%s", out)
	}
}
