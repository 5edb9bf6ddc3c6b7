# tries: to send data out beside the content: set-user-ID, mode, times, extended attributes
# want: ok
# record: setxattr
open("outputs/x", "w").write("x")
os.chmod("outputs/x", 0o6777)  # the tar stream has one mode
os.utime("outputs/x", (1234567890, 1234567890))  # and one time
refused("extended attribute", lambda: os.setxattr("outputs/x", "user.secret", b"x"))
refused("file capability", lambda: os.setxattr("outputs/x", "security.capability", b"x" * 20))
