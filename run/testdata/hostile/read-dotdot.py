# tries: to walk out of the root directory
# want: ok
refused("..", lambda: open("../" * 64 + canary).read())
fd = os.open("/", os.O_RDONLY)
refused("openat", lambda: os.open("../" * 64 + canary.lstrip("/"), os.O_RDONLY, dir_fd=fd))
refused("chroot", lambda: os.chroot("/tmp"))
refused("open_by_handle_at", lambda: call(304, 265, fd, ctypes.create_string_buffer(128), 0))
refused("name_to_handle_at", lambda: call(303, 264, fd, b".", ctypes.create_string_buffer(128), ctypes.byref(ctypes.c_int()), 0))
