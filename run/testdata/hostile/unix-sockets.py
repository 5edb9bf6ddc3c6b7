# tries: services of the host behind Unix sockets, by path and by abstract name
# want: ok
import socket
for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/dev/log"):
    refused(path, lambda: socket.socket(socket.AF_UNIX).connect(path))
names = [line.split()[-1] for line in open("/proc/net/unix").read().splitlines()[1:] if line.split()[-1].startswith(("@", "/"))]
must(f"abstract sockets of the host: {names}", names == [])
a, b = socket.socketpair()  # what a study's own processes need does work
a.send(b"x")
must("socketpair", b.recv(1) == b"x")
