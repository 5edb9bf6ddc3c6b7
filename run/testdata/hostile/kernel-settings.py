# tries: to make the host's kernel run a program (core_pattern, modprobe), and to reboot it (sysrq)
# want: ok
for name in ("kernel/core_pattern", "kernel/modprobe", "kernel/hotplug", "kernel/sysrq", "vm/drop_caches", "vm/panic_on_oom", "fs/binfmt_misc/register", "kernel/ns_last_pid",
             "user/max_user_namespaces", "kernel/hostname", "net/ipv4/ip_forward"):
    refused(name, lambda: open("/proc/sys/" + name, "r+b", buffering=0).write(b"x"))
refused("sysrq", lambda: os.write(os.open("/proc/sysrq-trigger", os.O_WRONLY), b"") if os.stat("/proc/sysrq-trigger").st_rdev != os.stat("/dev/null").st_rdev else os.open("/nowhere", 0))
for path in ("/proc/irq", "/proc/bus", "/proc/fs"):
    refused(path, lambda: open(path + "/x", "w"))
refused("oom score", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000"))
