# tries: a fifo among the outputs, for whoever collects them to hang on
# want: ok
# record: mknodat
import socket
refused("mkfifo", lambda: os.mkfifo("outputs/fifo"))
refused("mknodat", lambda: call(259, 33, -100, ctypes.c_char_p(b"/outputs/fifo"), 0o010600, 0))
