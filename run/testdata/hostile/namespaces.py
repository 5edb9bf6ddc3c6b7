# tries: to become root in a user namespace of its own (the way to most kernel holes)
# want: ok
# record: unshare clone
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x04000000, 0x08000000, 0x02000000):
    refused(f"unshare {flag:#x}", lambda: call(272, 97, flag))
    refused(f"clone {flag:#x}", lambda: call(56, 220, flag | 17, 0, 0, 0, 0))
    refused(f"clone {flag:#x} with a higher bit", lambda: call(56, 220, 1 << 40 | flag | 17, 0, 0, 0, 0))
args = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
refused("clone3", lambda: call(435, 435, args, ctypes.sizeof(args)))
refused("setns", lambda: call(308, 268, os.open("/proc/self/ns/user", os.O_RDONLY), 0))
