package assess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Machine is this machine, as one of the host's.
type Machine struct {
	Dir         string // where the speed of the disk is measured; a temporary folder where ""
	DiskBytes   int64  // that are written; 128 MiB where 0
	Attestation []Attestation
	root        string // of /proc, /sys and /dev; tests put another
}

func (m *Machine) probes(o Options) []probe {
	return []probe{
		{"machine-aes", "processor flags", m.aes},
		{"machine-vector", "processor flags", m.vector},
		{"machine-memory", "/proc/meminfo", m.memory(o)},
		{"machine-disk", "writing and syncing a file of random bytes", m.disk(o)},
		{"machine-swap", "/proc/swaps and the devices under it", m.swap},
		{"machine-clock", "adjtimex", m.clock},
		{"machine-gpu", "device nodes", m.gpu},
		{"machine-confidential", "processor flags and device nodes", m.confidential},
		{"machine-attestation", "attestation reports against the makers’ roots", m.attestation(o)},
		{"kernel-fuse", "opening /dev/fuse", m.fuse},
		{"kernel-userns", "starting a process in a new user namespace", m.userns},
		{"kernel-cgroup", "the file system at /sys/fs/cgroup", m.cgroup},
		{"kernel-landlock", "landlock_create_ruleset", m.landlock},
		{"kernel-seccomp", "/proc/sys/kernel/seccomp/actions_avail", m.seccomp},
	}
}

func (m *Machine) path(name string) string { return filepath.Join("/", m.root, name) }

func (m *Machine) read(name string) (string, error) {
	b, err := os.ReadFile(m.path(name))
	if err != nil {
		return "", &untested{err.Error()}
	}
	return string(b), nil
}

// flags are what the first processor can do, by its names in /proc/cpuinfo.
func (m *Machine) flags() (map[string]bool, error) {
	info, err := m.read("proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); name == "flags" || name == "Features" { // x86, ARM
			flags := map[string]bool{}
			for f := range strings.FieldsSeq(value) {
				flags[f] = true
			}
			return flags, nil
		}
	}
	return nil, &untested{"/proc/cpuinfo shows no flags"}
}

// has wants one of some sets of flags, each for one architecture.
func (m *Machine) has(f *found, sets ...[]string) error {
	flags, err := m.flags()
	if err != nil {
		return err
	}
	for _, set := range sets {
		all := true
		for _, flag := range set {
			all = all && flags[flag]
		}
		if all {
			f.note("%s", strings.Join(set, " "))
			return nil
		}
	}
	return fmt.Errorf("the processor lacks %s", strings.Join(sets[0], " or "))
}

func (m *Machine) aes(_ context.Context, f *found) error {
	return m.has(f, []string{"aes", "pclmulqdq"}, []string{"aes", "pmull"})
}

func (m *Machine) vector(_ context.Context, f *found) error {
	return m.has(f, []string{"avx2"}, []string{"asimd"})
}

func (m *Machine) memory(o Options) func(context.Context, *found) error {
	return func(_ context.Context, f *found) error {
		limit, err := limitOf(o.Catalogue, "machine-memory")
		if err != nil {
			return err
		}
		info, err := m.read("proc/meminfo")
		if err != nil {
			return err
		}
		var kib int64
		if _, err := fmt.Sscanf(info, "MemTotal: %d kB", &kib); err != nil {
			return &untested{"/proc/meminfo has no MemTotal"}
		}
		gib := float64(kib) / (1 << 20)
		f.note("%.1f GiB, %d processors", gib, runtime.NumCPU())
		if gib < limit*0.95 { // the kernel keeps some for itself
			return fmt.Errorf("%.1f GiB; the limit is %.0f GiB", gib, limit)
		}
		return nil
	}
}

func (m *Machine) disk(o Options) func(context.Context, *found) error {
	return func(ctx context.Context, f *found) (err error) {
		limit, err := limitOf(o.Catalogue, "machine-disk")
		if err != nil {
			return err
		}
		file, err := os.CreateTemp(m.Dir, ".rempart-assess-*")
		if err != nil {
			return &untested{err.Error()}
		}
		defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
		total := m.DiskBytes
		if total == 0 {
			total = 128 << 20
		}
		block := random("disk", 1<<20)
		begin := time.Now()
		for n := int64(0); n < total; n += int64(len(block)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := file.Write(block); err != nil {
				return &untested{err.Error()}
			}
		}
		if err := file.Sync(); err != nil {
			return err
		}
		rate := float64(total) / 1e6 / time.Since(begin).Seconds()
		begin = time.Now()
		const syncs = 16
		for i := range syncs {
			if _, err := file.WriteAt(block[:4096], int64(i)*4096); err != nil {
				return err
			}
			if err := unix.Fdatasync(int(file.Fd())); err != nil {
				return err
			}
		}
		f.note("%.0f MB/s written and synced; %.2f ms for 4 KiB", rate, float64(time.Since(begin).Microseconds())/1000/syncs)
		if rate < limit {
			return fmt.Errorf("%.0f MB/s; the limit is %.0f MB/s", rate, limit)
		}
		return nil
	}
}

// swap wants every swap device to be zram (memory) or dm-crypt.
func (m *Machine) swap(_ context.Context, f *found) error {
	swaps, err := m.read("proc/swaps")
	if err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSpace(swaps), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) == 0 {
			continue // the heading
		}
		device := filepath.Base(fields[0])
		if strings.HasPrefix(device, "zram") {
			f.note("%s lies in memory", device)
			continue
		}
		if to, err := filepath.EvalSymlinks(m.path(fields[0])); err == nil {
			device = filepath.Base(to)
		}
		kind, err := os.ReadFile(m.path("sys/block/" + device + "/dm/uuid"))
		if err != nil || !strings.HasPrefix(string(kind), "CRYPT-") {
			return fmt.Errorf("swap on %s is not known to be encrypted", fields[0])
		}
		f.note("%s is encrypted", fields[0])
	}
	if len(f.notes) == 0 {
		f.note("no swap")
	}
	return nil
}

func (m *Machine) clock(context.Context, *found) error {
	var state unix.Timex
	code, err := unix.Adjtimex(&state)
	if err != nil {
		return &untested{"adjtimex: " + err.Error()}
	}
	if code == unix.TIME_ERROR || state.Status&unix.STA_UNSYNC != 0 {
		return errors.New("the kernel says that its clock is not synchronised")
	}
	return nil
}

func (m *Machine) gpu(_ context.Context, f *found) error {
	for _, pattern := range []string{"dev/nvidia[0-9]*", "dev/kfd", "dev/dri/renderD*", "dev/accel/accel*"} {
		nodes, err := filepath.Glob(m.path(pattern))
		if err != nil {
			return err
		}
		for _, n := range nodes {
			f.note("%s", filepath.Base(n))
		}
	}
	if len(f.notes) == 0 {
		return errors.New("no accelerator is there")
	}
	return nil
}

func (m *Machine) confidential(_ context.Context, f *found) error {
	for node, what := range map[string]string{"dev/sev-guest": "a guest under SEV-SNP", "dev/tdx_guest": "a guest under TDX"} {
		if _, err := os.Stat(m.path(node)); err == nil {
			f.note("%s", what)
		}
	}
	flags, err := m.flags()
	if err != nil {
		return err
	}
	for flag, what := range map[string]string{"sev_snp": "can run SEV-SNP guests", "tdx_host_platform": "can run TDX guests", "tdx_guest": "a guest under TDX"} {
		if flags[flag] {
			f.note("%s", what)
		}
	}
	if len(f.notes) == 0 {
		return errors.New("neither SEV-SNP nor TDX is there")
	}
	return nil
}

func (m *Machine) fuse(context.Context, *found) error {
	f, err := os.OpenFile(m.path("dev/fuse"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// userns starts a process, "true", in namespaces of its own.
func (m *Machine) userns(ctx context.Context, _ *found) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	path, err := exec.LookPath("true")
	if err != nil {
		return &untested{err.Error()}
	}
	c := exec.CommandContext(ctx, path)
	c.Env = []string{}
	c.WaitDelay = time.Second
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := c.Run(); err != nil {
		return fmt.Errorf("a user namespace cannot be made: %w", err)
	}
	return nil
}

func (m *Machine) cgroup(context.Context, *found) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(m.path("sys/fs/cgroup"), &fs); err != nil {
		return err
	}
	if fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return errors.New("/sys/fs/cgroup is not version 2")
	}
	return nil
}

func (m *Machine) landlock(_ context.Context, f *found) error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	f.note("ABI %s", strconv.Itoa(int(abi)))
	return nil
}

func (m *Machine) seccomp(context.Context, *found) error {
	actions, err := m.read("proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		return err
	}
	if !strings.Contains(actions, "errno") || !strings.Contains(actions, "kill_process") {
		return fmt.Errorf("the kernel’s filters can only: %s", strings.TrimSpace(actions))
	}
	return nil
}

// attestation verifies the reports that were given.
func (m *Machine) attestation(o Options) func(context.Context, *found) error {
	return func(_ context.Context, f *found) error {
		if len(m.Attestation) == 0 {
			return &untested{"no attestation report was given: --attestation FILE"}
		}
		for _, a := range m.Attestation {
			seen, err := a.Verify(o.Now())
			if err != nil {
				return err
			}
			if seen.Debug {
				return fmt.Errorf("%v: the report verifies, but the guest may be debugged by its host", seen)
			}
			f.note("%v", seen)
		}
		return nil
	}
}
