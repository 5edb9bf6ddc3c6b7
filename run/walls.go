package run

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"rempart.eu/rempart/run/wheel"
)

// Places in the sandbox.
const (
	studyDir    = "/study" // working directory: the script, data → /data, outputs → /outputs
	dataDir     = "/data"
	outputsDir  = "/outputs"
	programPath = "/rempart"  // this program itself
	wheelsDir   = "/wheels"   // packages of the project's own, as they came
	packagesDir = "/packages" // and unpacked, for Python to import
)

// plan is how bwrap is called. Sources are the positions in Args that name
// files of the host: where root runs us, enter first makes them reachable for nobody.
type plan struct {
	Args    []string
	Sources []int
}

func (p *plan) add(args ...string) { p.Args = append(p.Args, args...) }

// bind shows a host file or directory, read-only, at a place of the sandbox.
func (p *plan) bind(host, place string) {
	p.add("--ro-bind", host, place)
	p.Sources = append(p.Sources, len(p.Args)-2)
}

// bindIfThere is bind for what not every machine has.
func (p *plan) bindIfThere(host string) {
	if _, err := os.Stat(host); err == nil {
		p.bind(host, host)
	}
}

// systemLibraries hold no program that could be run: there is not even a shell.
var systemLibraries = []string{"/usr/lib", "/usr/lib64", "/usr/libx32", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/usr/share/zoneinfo"}

// masked files of /proc tell about the host or are doors to its kernel.
var masked = []string{
	"acpi", "asound", "cmdline", "config.gz", "interrupts", "kallsyms", "kcore", "key-users", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags",
	"latency_stats", "modules", "sched_debug", "scsi", "softirqs", "sysrq-trigger", "timer_list", "timer_stats", "vmallocinfo",
}

// readOnly directories of /proc hold the kernel's settings.
var readOnly = []string{"bus", "driver", "fs", "irq", "sys"}

// walls is the whole file system of the sandbox, in the order in which bwrap
// builds it. The root is made read-only last.
func (s *sandbox) walls(job Job) (plan, error) {
	program, err := os.Executable()
	if err != nil {
		return plan{}, fmt.Errorf("find our own program: %w", err)
	}
	var p plan
	p.add("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000",
		"--cap-drop", "ALL", "--as-pid-1", "--die-with-parent", "--new-session", "--clearenv",
		"--hostname", "sandbox", "--seccomp", strconv.Itoa(fdSeccomp))

	for _, dir := range systemLibraries {
		if target, err := os.Readlink(dir); err == nil && strings.HasPrefix(dir, "/lib") {
			p.add("--symlink", target, dir)
			continue
		}
		p.bindIfThere(dir)
	}
	p.bind(program, programPath)

	if job.Language == Shell || job.Language == R {
		p.add("--symlink", "usr/bin", "/bin")
	}
	p.add("--proc", "/proc")
	for _, dir := range readOnly {
		p.bindIfThere("/proc/" + dir)
	}
	for _, name := range masked {
		p.mask("/proc/" + name)
	}
	p.add("--dev", "/dev")
	for _, device := range s.devices {
		p.add("--dev-bind", device, device)
		p.Sources = append(p.Sources, len(p.Args)-2)
	}
	p.scratch("/dev/shm", job.Limits.Memory/4)
	p.add("--remount-ro", "/dev")
	p.scratch("/tmp", job.Limits.Memory/2)
	p.scratch(outputsDir, job.Limits.OutputBytes+1<<20) // what is over is refused with a reason
	if len(job.Packages) > 0 {
		p.scratch(packagesDir, int64(len(job.Packages))*wheel.MaxUnpacked)
	}
	for _, path := range job.Environment.Paths { // after /tmp: an environment may lie there
		p.bind(path, path)
	}

	if err := s.files(&p, job); err != nil {
		return plan{}, err
	}
	p.add("--remount-ro", "/", "--chdir", studyDir)
	return p, nil
}

// mask hides a file or directory that the kernel's /proc has.
func (p *plan) mask(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.IsDir():
		p.add("--size", "4096", "--perms", "0555", "--tmpfs", path, "--remount-ro", path)
	default:
		p.bind("/dev/null", path)
	}
}

// scratch is a memory file system of limited size.
func (p *plan) scratch(path string, bytes int64) {
	p.add("--size", strconv.FormatInt(bytes, 10), "--perms", "0700", "--tmpfs", path)
}

// files are what the sandbox is given as bytes: made-up accounts, the study,
// and the inputs, each read by bwrap from its pipe to its end.
func (s *sandbox) files(p *plan, job Job) error {
	given := []File{
		{"/etc/passwd", []byte("study:x:1000:1000::/tmp:/nonexistent\n")},
		{"/etc/group", []byte("study:x:1000:\n")},
		{studyDir + "/" + job.Name, job.Code},
	}
	for _, f := range job.Files {
		given = append(given, File{studyDir + "/" + f.Name, f.Content})
	}
	for _, w := range job.Packages {
		given = append(given, File{wheelsDir + "/" + w.Name, w.Content})
	}
	for _, g := range given {
		fd, err := s.content(filepath.Base(g.Name), g.Content)
		if err != nil {
			return err
		}
		p.add("--perms", "0444", "--ro-bind-data", fd, g.Name)
	}
	p.add("--symlink", dataDir, studyDir+"/data", "--symlink", outputsDir, studyDir+"/outputs")
	p.add("--perms", "0755", "--dir", dataDir)
	for _, in := range job.Inputs {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s.fed = append(s.fed, w)
		p.add("--perms", "0444", "--ro-bind-data", s.inherit(r), dataDir+"/"+in.Name)
	}
	return nil
}

// programs are where bwrap is looked for: not where a variable points to.
var programs = []string{"/usr/bin", "/bin", "/usr/local/bin"}

// bubblewrap is the path of bwrap on the host.
func bubblewrap(dirs []string) (string, error) {
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, "bwrap")); err == nil {
			return path, nil
		}
	}
	return "", errors.New("studies need bubblewrap, which is not installed: apt-get install bubblewrap")
}
