package run

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// confined is what holds the study beside the sandbox's own walls.
type confined struct {
	landlock int      // version of the kernel's interface; 0 where it has none
	listener *os.File // tells of calls that the filter stops; nil where the kernel cannot
}

// confine puts the calling thread, and every process that it starts from now on,
// behind Landlock and behind a filter of its own, for good. The supervisor's other
// threads stay outside: the study can neither signal nor trace them.
func confine(devices []string) (c confined, err error) {
	if c.landlock, err = landlock(devices); err != nil {
		return c, fmt.Errorf("put the study behind Landlock: %w", err)
	}
	machine, err := arch.GetInfo("")
	if err != nil {
		return c, err
	}
	if c.listener, err = filterThread(seccompProgram(machine, nil)); err != nil {
		return c, fmt.Errorf("put the study behind its filter: %w", err)
	}
	return c, nil
}

// writable are the places where a study writes.
var writable = []string{"/tmp", "/dev/shm", outputsDir}

// Rights of a Landlock rule.
const (
	mayLook  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayWrite = mayLook | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	everything = 1<<16 - 1 // of interface 7
)

// landlock lets the thread read what there is, write to its own places, and reach no
// process outside: no TCP, no abstract socket, no signal; GPUs that were let in it may use. It is a
// second wall: the first one is made of mounts and namespaces.
func landlock(devices []string) (version int, err error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP {
		return 0, nil // the run's record says so
	}
	if errno != 0 {
		return 0, errno
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: everything}
	switch {
	case abi < 2:
		rules.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_REFER
		fallthrough
	case abi < 3:
		rules.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		fallthrough
	case abi < 5:
		rules.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 4 {
		rules.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		rules.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno != 0 {
		return 0, errno
	}
	defer func() { _ = unix.Close(int(set)) }()
	grant := func(path string, rights uint64) error {
		dir, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer func() { _ = unix.Close(dir) }()
		rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & rules.Handled_access_fs, Parent_fd: int32(dir)}
		if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
			return fmt.Errorf("%s: %w", path, errno)
		}
		return nil
	}
	err = errors.Join(grant("/", mayLook), grant("/dev", mayLook|unix.LANDLOCK_ACCESS_FS_WRITE_FILE))
	for _, dir := range writable {
		err = errors.Join(err, grant(dir, mayWrite))
	}
	for _, device := range devices {
		err = errors.Join(err, grant(device, unix.LANDLOCK_ACCESS_FS_READ_FILE|unix.LANDLOCK_ACCESS_FS_WRITE_FILE|unix.LANDLOCK_ACCESS_FS_IOCTL_DEV))
	}
	if err != nil {
		return 0, err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return 0, errno
	}
	return int(abi), nil
}

// filterThread puts a filter on the thread whose refusals are told to a listener.
func filterThread(program []bpf.Instruction) (listener *os.File, err error) {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	p := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	install := func(flags uintptr) (uintptr, unix.Errno) {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&p)))
		return fd, errno
	}
	// Newest kernels first: a listener that signals do not interrupt, a listener, none.
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER} {
		if fd, errno := install(flags); errno == 0 {
			unix.CloseOnExec(int(fd))
			return os.NewFile(fd, "listener"), nil
		}
	}
	if _, errno := install(0); errno != 0 {
		return nil, errno
	}
	return nil, nil
}

// refusals are the calls that were stopped, by name. How often is not kept: a number
// that a study chooses would be a way out.
type refusals struct {
	mu    sync.Mutex
	names []string
}

// maxCalls is how many names of calls are kept.
const maxCalls = 64

func (r *refusals) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.names) < maxCalls && !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
}

func (r *refusals) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.names))
}

// What the kernel tells a listener, and is told (struct seccomp_notif, seccomp_notif_resp).
type (
	notification struct {
		id         uint64
		pid, flags uint32
		number     int32
		arch       uint32
		pointer    uint64
		arguments  [6]uint64
	}
	answer struct {
		id    uint64
		value int64
		err   int32
		flags uint32
	}
)

// listen answers each call that the filter stops with "not permitted", and notes its
// name, until nobody is left behind the filter. It never lets a call go on.
func (r *refusals) listen(listener *os.File) {
	defer listener.Close()
	machine, err := arch.GetInfo("")
	if err != nil {
		return
	}
	fd := int(listener.Fd())
	for {
		wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(wait, -1); err != nil && err != unix.EINTR {
			return
		}
		switch {
		case wait[0].Revents&unix.POLLIN != 0:
		case wait[0].Revents != 0: // nobody is left
			return
		default:
			continue
		}
		var told notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&told))); errno != 0 {
			continue // it was ended in between
		}
		r.add(told.name(machine))
		say := answer{id: told.id, err: -int32(unix.EPERM)}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&say))) // who asked may be gone
	}
}

// families of sockets, by number.
var families = map[uint64]string{
	unix.AF_INET: "inet", unix.AF_INET6: "inet6", unix.AF_NETLINK: "netlink", unix.AF_PACKET: "packet", unix.AF_VSOCK: "vsock",
	unix.AF_ALG: "alg", unix.AF_BLUETOOTH: "bluetooth", unix.AF_KEY: "key", unix.AF_XDP: "xdp", unix.AF_TIPC: "tipc", unix.AF_CAN: "can",
}

// name is what a record calls a call.
func (n notification) name(machine *arch.Info) string {
	if n.arch != uint32(machine.ID) {
		return "a 32-bit call"
	}
	name := machine.SyscallNumbers[int(n.number)]
	switch name {
	case "":
		return "an unknown call"
	case "socket", "socketpair":
		return name + "(" + orDefault(families[n.arguments[0]], "other") + ")"
	}
	return name
}

// knownCall says whether a name from inside the sandbox can be one of [notification.name].
func knownCall(name string) bool {
	machine, err := arch.GetInfo("")
	if err != nil {
		return false
	}
	for _, call := range []string{"socket", "socketpair"} {
		for _, family := range families {
			if name == call+"("+family+")" {
				return true
			}
		}
		if name == call+"(other)" {
			return true
		}
	}
	_, known := machine.SyscallNames[name]
	return known || name == "a 32-bit call" || name == "an unknown call"
}

// startConfined starts a program from a thread that is behind all walls and keeps to
// so many cores. The thread ends with the goroutine that is bound to it.
func startConfined(cores int, devices []string, start func() (pid int, err error)) (pid int, c confined, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		if err = keepTo(cores); err != nil {
			return
		}
		if c, err = confine(devices); err == nil {
			pid, err = start()
		}
	}()
	<-done
	return pid, c, err
}

// walls names what holds the study, for the run's record.
func (c confined) walls() []string {
	walls := []string{"namespaces", "seccomp"}
	if c.listener == nil {
		walls = append(walls, "refused calls are not told: the kernel cannot")
	}
	if c.landlock == 0 {
		return append(walls, "no Landlock: the kernel has none")
	}
	return append(walls, fmt.Sprintf("Landlock %d", c.landlock))
}
