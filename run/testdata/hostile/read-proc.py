# tries: to see the host's processes through /proc
# want: ok
pids = [int(p) for p in os.listdir("/proc") if p.isdigit()]
must(f"processes {pids}", set(pids) == {1, os.getpid()})
for pid in (1, host_pid):
    for name in ("environ", "mem", "maps", "exe", "cwd", "root/etc/shadow", "fd/0", "fd/4", "fd/5", "task/1/mem"):
        refused(f"/proc/{pid}/{name}", lambda: os.open(f"/proc/{pid}/{name}", os.O_RDWR))
        refused(f"/proc/{pid}/{name}", lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
for path in ("/proc/self/root" + canary, "/proc/1/root" + canary, "/proc/self/cwd/../.." + canary):
    refused(path, lambda: open(path).read())
refused("boot line", lambda: open("/proc/cmdline").read())
refused("kernel keys", lambda: open("/proc/keys").read())
