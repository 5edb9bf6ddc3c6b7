# tries: to type into the terminal of whoever started the run
# want: ok
# record: ioctl
import fcntl
refused("/dev/tty", lambda: os.open("/dev/tty", os.O_RDWR))
refused("console", lambda: os.open("/dev/console", os.O_RDWR))
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
for fd in (0, 1, 2):
    for request in (0x5412, 0x541C, 1 << 32 | 0x5412):  # TIOCSTI, TIOCLINUX, and a bit that the kernel drops
        must(f"ioctl {request:#x}", libc.ioctl(fd, request, b"x") == -1 and ctypes.get_errno() == 1)
