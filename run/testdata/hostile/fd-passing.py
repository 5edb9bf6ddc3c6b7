# tries: to hand open files on: to itself (which works, and gains nothing), and those of other processes
# want: ok
# record: pidfd_getfd kcmp
import socket
a, b = socket.socketpair()
fd = os.open("/data/in.txt", os.O_RDONLY)
socket.send_fds(a, [b"x"], [fd])
_, fds, _, _ = socket.recv_fds(b, 1, 1)
must("its own file", os.read(fds[0], 5) == b"input")
refused("write through it", lambda: os.write(fds[0], b"x"))
refused("open it for writing", lambda: os.open(f"/proc/self/fd/{fds[0]}", os.O_RDWR))
pidfd = os.pidfd_open(1)
for n in range(12):
    refused(f"file {n} of the supervisor", lambda: call(438, 438, pidfd, n, 0))
    refused(f"/proc/1/fd/{n}", lambda: os.open(f"/proc/1/fd/{n}", os.O_RDONLY))
refused("kcmp", lambda: call(312, 272, 1, os.getpid(), 0, 0, 0))
