# tries: to make a device or a fifo, in every place that can be written
# want: ok
# record: mknodat
import stat
for directory in ("/tmp", "/outputs", "/dev/shm"):
    refused("block device", lambda: os.mknod(directory + "/disk", stat.S_IFBLK | 0o600, os.makedev(8, 0)))
    refused("memory device", lambda: os.mknod(directory + "/mem", stat.S_IFCHR | 0o600, os.makedev(1, 1)))
    refused("overlay whiteout", lambda: os.mknod(directory + "/whiteout", stat.S_IFCHR | 0o600, os.makedev(0, 0)))
    refused("fifo", lambda: os.mkfifo(directory + "/fifo"))
devices = {n for n in os.listdir("/dev")}
must(f"devices {devices}", devices <= {"core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero", "console"})
