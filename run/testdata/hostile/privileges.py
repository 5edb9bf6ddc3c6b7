# tries: to be somebody else, with set-user-ID files and capabilities
# want: ok
# record: setuid setgid setresuid setgroups
must(f"ids {os.getresuid()} {os.getresgid()} {os.getgroups()}", os.getresuid() == (1000,) * 3 and os.getresgid() == (1000,) * 3 and set(os.getgroups()) <= {1000, 65534})
for what in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
    refused("set ids", what)
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    must(f"{name} {status[name]}", int(status[name], 16) == 0)
must("no_new_privs", status["NoNewPrivs"] == "1")
must("seccomp", status["Seccomp"] == "2")
open("/tmp/x", "w").close()
refused("chown", lambda: os.chown("/tmp/x", 0, 0))
for options in [line.split(" - ")[0].split()[5].split(",") for line in open("/proc/self/mountinfo")]:
    must(f"mount options {options}", "nosuid" in options)
found = [p for d, _, names in os.walk("/usr/lib") for n in names for p in [os.path.join(d, n)] if not os.path.islink(p) and os.stat(p).st_mode & 0o6000]
must("set-user-ID files only where nosuid makes them plain", all(os.statvfs(p).f_flag & os.ST_NOSUID for p in found))
