# tries: to change the sandbox's walls: mount, remount, unmount, pivot_root, the newer mount calls
# want: ok
# record: mount umount2 pivot_root
libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
def mount(*args):
    if libc.mount(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
refused("mount", lambda: mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None))
refused("remount", lambda: mount(None, b"/", None, 32 | 4096, None))
refused("proc", lambda: mount(b"proc", b"/tmp", b"proc", 0, None))
refused("umount", lambda: call(166, 39, b"/proc/sys", 2))
refused("pivot_root", lambda: call(155, 41, b"/tmp", b"/tmp"))
for name, number in (("open_tree", 428), ("move_mount", 429), ("fsopen", 430), ("fsmount", 432), ("fspick", 433), ("mount_setattr", 442)):
    refused(name, lambda: call(number, number, -100, b"/", 0, 0, 0))
