# tries: to use files that were left open for it
# want: ok
os.closerange(200, 4096)
fds = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        fds[int(fd)] = os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:  # the directory that was listed
        pass
must(f"open files {fds}", set(fds) <= {0, 1, 2, 3} and fds.get(3, "/study/").startswith("/study/"))  # 3: this script
must("standard input", sys.stdin.read() == "")
refused("reading the log back", lambda: os.read(1, 1))
