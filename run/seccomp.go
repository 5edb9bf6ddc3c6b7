package run

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// allowed are the system calls that Go, DuckDB, Python and its numeric
// libraries make. It is Docker's default profile
// (github.com/moby/profiles/seccomp/default.json) without what a study over
// files has no need of: mounting, tracing, keys, io_uring, userfaultfd, BPF,
// perf, namespaces, other users, devices and fifos, memory that outlives its
// process (memfd, System V and POSIX queues), clocks, 32-bit and x32 calls.
// What is not named fails with EPERM, and its name is in the run's record. Names that an architecture lacks are left
// out, and so are the newest ones that go-seccomp-bpf's table does not know.
var allowed = []string{
	// files
	"access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2",
	"fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync",
	"ftruncate", "getcwd", "getdents", "getdents64", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
	"lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2",
	"pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir",
	"sendfile", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync_file_range", "tee", "truncate", "umask", "unlink",
	"unlinkat", "utime", "utimensat", "utimes", "futimesat", "write", "writev", "link", "linkat",
	// memory
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock", "munmap",
	"get_mempolicy", "mbind", "set_mempolicy", "pkey_alloc", "pkey_free", "pkey_mprotect",
	// processes and threads
	"arch_prctl", "capget", "execve", "execveat", "exit", "exit_group", "fork", "vfork", "futex", "futex_wait", "futex_wake", "futex_waitv",
	"futex_requeue", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
	"getresuid", "getrlimit", "get_robust_list", "getrusage", "getsid", "gettid", "getuid", "getcpu", "kill", "pidfd_open",
	"pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "rseq", "sched_getaffinity", "sched_getattr", "sched_getparam",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getscheduler", "sched_rr_get_interval", "sched_yield",
	"setpgid", "setpriority", "setrlimit", "set_robust_list", "setsid", "set_tid_address", "set_thread_area", "get_thread_area", "sysinfo",
	"tgkill", "times", "tkill", "uname", "wait4", "waitid", "getrandom",
	// signals and time
	"alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "pause", "rt_sigaction",
	"rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
	"setitimer", "sigaltstack", "signalfd", "signalfd4", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
	"timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
	// waiting, and the sockets between a study's own processes (see socket below)
	"accept", "accept4", "bind", "connect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd", "eventfd2", "getpeername", "getsockname", "getsockopt", "listen", "poll", "ppoll", "pselect6", "recvfrom", "recvmmsg",
	"recvmsg", "select", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
}

// namespaces are the clone flags that make a process's own view of the machine.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME

// terminal and pipe requests that ioctl answers. They are compared as 64 bits:
// the kernel looks at 32 only, so that a list of forbidden requests (TIOCSTI)
// could be passed by with a higher bit (CVE-2019-10063).
var requests = []uint32{
	unix.TCGETS, unix.TIOCGWINSZ, unix.TIOCGPGRP, unix.TIOCINQ, unix.TIOCOUTQ,
	0x5421 /* FIONBIO */, 0x5450 /* FIONCLEX */, 0x5451 /* FIOCLEX */, 0x5452, /* FIOASYNC */
}

// condition allows a call by the value of one argument.
type condition struct {
	call     string
	argument uint32
	values   []uint32 // one of these, with nothing in the upper half of the register
	without  uint32   // or, where there are no values: none of these bits in the lower half
}

var conditions = []condition{
	{call: "clone", argument: 0, without: namespaces},
	{call: "socket", argument: 0, values: []uint32{unix.AF_UNIX}},
	{call: "socketpair", argument: 0, values: []uint32{unix.AF_UNIX}},
	{call: "personality", argument: 0, values: []uint32{0xffffffff}}, // only asks
	{call: "ioctl", argument: 1, values: requests},
}

// forSupervisor are the calls by which the sandbox's first process puts the study
// behind its own walls, which lack them.
var forSupervisor = []string{"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "sched_setaffinity"}

// toListen are the requests of ioctl by which it answers for them.
var toListen = []uint32{unix.SECCOMP_IOCTL_NOTIF_RECV, unix.SECCOMP_IOCTL_NOTIF_SEND}

// Verdicts of the filter. What is forbidden is told to the supervisor, which says
// EPERM; where nobody listens the kernel says ENOSYS.
const (
	allow     = unix.SECCOMP_RET_ALLOW
	forbidden = unix.SECCOMP_RET_USER_NOTIF
	absent    = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// seccompProgram is the filter for one machine: straight down the list, each
// call with its own verdict, so that it can be read beside the list. more are
// calls that are allowed beside: the supervisor's, or none.
func seccompProgram(machine *arch.Info, more []string) []bpf.Instruction {
	// struct seccomp_data: nr, arch, instruction pointer, six arguments of 64 bits
	const nr, architecture, arguments = 0, 4, 16
	load := func(offset uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: offset, Size: 4} }
	ret := func(verdict uint32) bpf.Instruction { return bpf.RetConstant{Val: verdict} }
	when := func(test bpf.JumpTest, value, verdict uint32) []bpf.Instruction {
		return []bpf.Instruction{bpf.JumpIf{Cond: test, Val: value, SkipFalse: 1}, ret(verdict)}
	}
	number := func(call string) (uint32, bool) { n, ok := machine.SyscallNames[call]; return uint32(n), ok }

	p := []bpf.Instruction{load(architecture)}
	p = append(p, when(bpf.JumpNotEqual, uint32(machine.ID), forbidden)...) // a 32-bit call
	p = append(p, load(nr))
	p = append(p, when(bpf.JumpGreaterOrEqual, uint32(arch.X32.SeccompMask), absent)...)
	for _, call := range append(slices.Clone(allowed), more...) {
		if n, ok := number(call); ok {
			p = append(p, when(bpf.JumpEqual, n, allow)...)
		}
	}
	// The flags of clone3 cannot be read by a filter; told that there is no such
	// call, every C library takes clone.
	if n, ok := number("clone3"); ok {
		p = append(p, when(bpf.JumpEqual, n, absent)...)
	}
	for _, c := range conditions {
		n, ok := number(c.call)
		if !ok {
			continue
		}
		low, high := arguments+8*c.argument, arguments+8*c.argument+4 // little-endian machines only: see seccompFilter
		var body []bpf.Instruction
		if len(c.values) > 0 {
			body = append(body, load(high))
			body = append(body, when(bpf.JumpNotEqual, 0, forbidden)...)
		}
		body = append(body, load(low))
		values := c.values
		if c.call == "ioctl" && more != nil {
			values = append(slices.Clone(values), toListen...)
		}
		for _, v := range values {
			body = append(body, when(bpf.JumpEqual, v, allow)...)
		}
		if len(c.values) == 0 {
			body = append(body, when(bpf.JumpBitsNotSet, c.without, allow)...)
		}
		body = append(body, ret(forbidden))
		p = append(p, bpf.JumpIf{Cond: bpf.JumpEqual, Val: n, SkipFalse: uint8(len(body))})
		p = append(p, body...)
	}
	return append(p, ret(forbidden))
}

// seccompFilter compiles the list for this machine, as bwrap wants it.
func seccompFilter() ([]byte, error) {
	machine, err := arch.GetInfo("")
	if err != nil || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		return nil, fmt.Errorf("studies run on amd64 and arm64 machines, not on %s", runtime.GOARCH)
	}
	raw, err := bpf.Assemble(seccompProgram(machine, forSupervisor))
	if err != nil {
		return nil, fmt.Errorf("assemble the seccomp filter: %w", err)
	}
	var compiled bytes.Buffer
	for _, i := range raw { // struct sock_filter
		if err := binary.Write(&compiled, binary.NativeEndian, i); err != nil {
			return nil, fmt.Errorf("write the seccomp filter: %w", err)
		}
	}
	return compiled.Bytes(), nil
}
