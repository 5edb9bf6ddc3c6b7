# tries: a service of the host that waits for it, behind an abstract name, to hand it data or an open file
# want: ok
import socket
name = "\0rempart-test-" + host_pid
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    refused("connect", lambda: socket.socket(socket.AF_UNIX, kind).connect(name))
def send(fd):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    socket.send_fds(s, [b"x"], [fd], 0, name)
fd = os.open("/data/in.txt", os.O_RDONLY)
refused("hand an open file out", lambda: send(fd))
