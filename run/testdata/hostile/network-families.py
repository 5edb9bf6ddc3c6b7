# tries: every other family of sockets: netlink, packet, vsock (to a hypervisor), kernel crypto, bluetooth …
# want: ok
# record: socket(netlink) socket(packet) socket(vsock) socket(alg) socket(bluetooth) socket(xdp) socket(inet) socket(other)
import socket
for family in [f for f in range(0, 46) if f != socket.AF_UNIX] + [socket.AF_UNIX | 1 << 31]:
    refused(f"socket family {family}", lambda: call(41, 198, family, socket.SOCK_DGRAM, 0))
refused("a family with a bit above the kernel's 32", lambda: call(41, 198, 1 << 32 | socket.AF_INET, socket.SOCK_STREAM, 0))
refused("socketpair", lambda: call(53, 199, socket.AF_INET, socket.SOCK_STREAM, 0, (ctypes.c_int * 2)()))
