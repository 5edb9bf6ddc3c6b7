# tries: to read what a host keeps for itself
# want: ok
for path in (canary, "/etc/shadow", "/etc/ssh", "/etc/hostname", "/etc/machine-id", "/root", "/home", "/var", "/run", "/srv", "/mnt", "/opt/secret",
             "/boot", "/sys", "/sys/class/net", "/proc/kcore", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/usr/bin/su", "/bin/sh"):
    if sys.base_prefix.startswith(path + "/") or sys.prefix.startswith(path + "/"):
        continue  # the way to a Python that lies there: see the next check
    refused(path, lambda: os.listdir(path) if os.path.isdir(path) and os.listdir(path) else open(path).read())
must("accounts", open("/etc/passwd").read() == "study:x:1000:1000::/tmp:/nonexistent\n")
must(f"/: {os.listdir('/')}", set(os.listdir("/")) <= {"data", "dev", "etc", "lib", "lib64", "outputs", "proc", "rempart", "root", "study", "tmp", "usr", "opt", "home"})
for prefix in (sys.prefix, sys.base_prefix):
    if prefix != "/usr" and prefix != "/usr/local":
        parts = prefix.strip("/").split("/")
        for n in range(1, len(parts)):
            beside = os.listdir("/" + "/".join(parts[:n]))
            must(f"beside {parts[n]}: {beside}", beside == [parts[n]] or parts[0] == "usr" or n > 1)
