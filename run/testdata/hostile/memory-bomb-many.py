# tries: to take all memory in many processes, each below its own limit
# want: limit memory
import time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(os.urandom(1) * (200 << 20))
        time.sleep(600)
time.sleep(600)
