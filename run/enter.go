package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Hidden subcommands of the product, in the order in which they run.
const (
	enterCommand     = "sandbox-enter"
	superviseCommand = "sandbox-supervise"
	sqlCommand       = "sandbox-sql"
	workerCommand    = "sandbox-worker"
)

const notForPeople = "this subcommand is for the sandbox's own use: run a study with rempart run"

// nobody is the host's identity of every study that root starts.
const nobody = 65534

// The sandbox's processes are taken here before the program's other packages are made
// ready, which takes longer than a sandbox: those that run depends on are. A worker's is taken
// when its language is registered.
func init() {
	if len(os.Args) > 1 && os.Args[1] != workerCommand {
		takeOver()
	}
}

// takeOver ends the process as the part of the sandbox that its arguments name, if they do.
func takeOver() {
	if status, ok := Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
}

// Inside runs the part of the sandbox that a hidden subcommand names. A program
// that uses [Execute] calls it first thing in main:
//
//	if status, ok := run.Inside(os.Args[1:]); ok {
//		os.Exit(status)
//	}
func Inside(args []string) (status int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	var err error
	switch args[0] {
	case enterCommand:
		err = enter()
	case superviseCommand:
		err = supervise()
	case sqlCommand:
		err = sqlStudy(args[1:])
	case workerCommand:
		err = work(args[1:])
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// enter becomes bwrap. Where root started it, it first becomes nobody for good,
// so that a study that broke every wall would still be nobody on the host.
func enter() error {
	var p plan
	if err := readJSON(fdPlan, &p); err != nil {
		return fmt.Errorf("read the sandbox's plan: %w", err)
	}
	bwrap, err := bubblewrap(programs)
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := shedRoot(&p); err != nil {
			return fmt.Errorf("become nobody: %w", err)
		}
	}
	// The arguments go through a file: they do not show in the process list.
	f, err := memoryFile("arguments", []byte(strings.Join(p.Args, "\x00")+"\x00"))
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("pass the arguments on: %w", err)
	}
	err = syscall.Exec(bwrap, []string{"bwrap", "--args", strconv.Itoa(int(f.Fd())), "--", programPath, superviseCommand}, os.Environ())
	return fmt.Errorf("start bwrap: %w", err)
}

// shedRoot binds the plan's sources below /tmp of this process's own mount
// namespace, because nobody may not walk to where root can, and gives up root.
func shedRoot(p *plan) error {
	tmp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return err
	}
	opened := make([]int, len(p.Sources))
	for i, at := range p.Sources {
		if opened[i], err = unix.Open(p.Args[at], unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open %s: %w", p.Args[at], err)
		}
	}
	if err := unix.Mount("tmpfs", tmp, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m"); err != nil {
		return fmt.Errorf("mount a private %s: %w", tmp, err)
	}
	for i, at := range p.Sources {
		source, place := fmt.Sprintf("/proc/self/fd/%d", opened[i]), filepath.Join(tmp, strconv.Itoa(i))
		if err := bindAt(source, place); err != nil {
			return fmt.Errorf("bind %s: %w", p.Args[at], err)
		}
		p.Args[at] = place
	}
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody))
}

// bindAt makes a mount point of the source's kind and mounts the source on it.
func bindAt(source, place string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 == 0 {
		return errors.New("studies that root starts run as nobody, who may not read it: chmod -R a+rX it")
	}
	if info.IsDir() {
		err = os.Mkdir(place, 0o755)
	} else {
		err = os.WriteFile(place, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Mount(source, place, "", unix.MS_BIND|unix.MS_REC, "")
}

// Available says in one sentence why this machine cannot run studies, and what
// to do about it; nil where it can.
func Available() error {
	bwrap, err := bubblewrap(programs)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "--proc", "/proc", "true")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "Unknown option") {
		return fmt.Errorf("studies need bubblewrap 0.8 or later, and %s is older: install that of Debian 12 or later", bwrap)
	}
	if err != nil {
		return fmt.Errorf("studies need user namespaces, which this machine does not give (%s): on the machine or its container allow them, such as by sysctl user.max_user_namespaces=10000, kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0",
			strings.TrimSpace(orDefault(string(out), err.Error())))
	}
	return nil
}

// readJSON reads an inherited file to its end and closes it.
func readJSON(fd uintptr, into any) error {
	f := os.NewFile(fd, "inherited")
	if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil {
		return errors.New(notForPeople)
	}
	content, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(json.Unmarshal(content, into), f.Close())
}
