package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/run/environment"
)

const containerfile = "../deploy/Containerfile"

// instructions are those of a Containerfile, each in one line.
func instructions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(containerfile)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^#.*\n`).ReplaceAll(text, nil)
	for _, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// find is what stands behind an instruction, the last one.
func find(all []string, begins string) (rest string) {
	for _, line := range all {
		if after, ok := strings.CutPrefix(line, begins); ok {
			rest = after
		}
	}
	return rest
}

// TestTheImageIsThatOfTheManifest holds the Containerfile against the manifest that names its image.
func TestTheImageIsThatOfTheManifest(t *testing.T) {
	all := instructions(t)
	p := manifests(t)["Job"].Spec.Template.Spec
	user := fmt.Sprintf("%d:%d", p.SecurityContext.RunAsUser, p.SecurityContext.RunAsUser)
	if got := find(all, "USER "); got != user {
		t.Errorf("the image's user is %s, and the manifest's %s", got, user)
	}
	text, err := os.ReadFile(workerManifest)
	if err != nil {
		t.Fatal(err)
	}
	if home := find(all, "WORKDIR "); !strings.Contains(string(text), "--home, "+home) || !strings.Contains(string(text), "mountPath: "+home) {
		t.Errorf("the manifest's home is not %s", home)
	}
	var command []string
	if err := json.Unmarshal([]byte(find(all, "CMD ")), &command); err != nil || len(command) < 4 || !slices.Equal(command[:4], p.Containers[0].Command[:4]) {
		t.Errorf("the image runs %v, and the manifest %v: %v", command, p.Containers[0].Command, err)
	}
	if from := find(all, "COPY --from=build "); from != "/out/rempart /usr/local/bin/rempart" {
		t.Errorf("rempart lies at %s", from)
	}
	environments := find(all, "RUN rempart environment build ")
	known := environment.Names()
	for _, name := range []string{"python", "r"} {
		if !strings.Contains(environments, name) || !slices.Contains(known, name) {
			t.Errorf("the environment %s is not built", name)
		}
	}
	if !strings.Contains(find(all, "ENV "), "XDG_CACHE_HOME=/var/cache") {
		t.Error("rempart does not find the environments that root has built (environment.Root)")
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	if !strings.Contains(find(all, "ARG GO="), ":"+string(version[1])+"-bookworm") {
		t.Errorf("the image is built by %s, and go.mod wants %s", find(all, "ARG GO="), version[1])
	}
	for _, line := range all {
		if strings.HasPrefix(line, "FROM ") && !strings.Contains(line, "${") {
			t.Errorf("%s: the image cannot be pinned by an argument", line)
		}
		if strings.Contains(line, "curl") || strings.Contains(line, "wget") || strings.HasPrefix(line, "ADD ") {
			t.Errorf("%s: fetches what nothing vouches for", line)
		}
	}
}

// TestTheImagesPackagesAreDebians says whether Debian has each package that the image installs.
func TestTheImagesPackagesAreDebians(t *testing.T) {
	if out, err := exec.Command("apt-cache", "policy", "bubblewrap").Output(); err != nil || !strings.Contains(string(out), "Candidate: ") || strings.Contains(string(out), "Candidate: (none)") {
		t.Skip("the image's packages are not looked up: this machine has no index of Debian's (apt-get update)")
	}
	install := regexp.MustCompile(`apt-get install --yes --no-install-recommends ([a-z0-9 .+-]+)`)
	n := 0
	for _, line := range instructions(t) {
		for _, m := range install.FindAllStringSubmatch(line, -1) {
			for _, name := range strings.Fields(m[1]) {
				n++
				if out, err := exec.Command("apt-cache", "policy", name).Output(); err != nil || !strings.Contains(string(out), "Candidate: ") || strings.Contains(string(out), "Candidate: (none)") {
					t.Errorf("Debian has no package %s: %s", name, out)
				}
			}
		}
	}
	if n < 8 {
		t.Errorf("%d packages were found in %s", n, containerfile)
	}
}
