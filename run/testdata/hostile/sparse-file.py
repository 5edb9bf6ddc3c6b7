# tries: a file of 1 TB that takes no space
# want: ok
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
refused("truncate", lambda: open("outputs/sparse", "wb").truncate(1 << 40))
refused("seek", lambda: os.pwrite(os.open("outputs/sparse", os.O_WRONLY), b"x", 1 << 40))
os.unlink("outputs/sparse")
