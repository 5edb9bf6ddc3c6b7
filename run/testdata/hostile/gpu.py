# tries: GPUs and other devices that it did not ask for
# want: ok
import glob
import os

for pattern in ("/dev/nvidia*", "/dev/dri", "/dev/kfd", "/dev/accel*", "/dev/fuse", "/dev/net", "/dev/kvm", "/dev/vd*", "/dev/sd*", "/dev/mem", "/dev/kmsg"):
    assert not glob.glob(pattern), pattern
known = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
assert set(os.listdir("/dev")) <= known, os.listdir("/dev")
