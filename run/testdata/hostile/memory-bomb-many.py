# tries: to take all memory in many processes, each below its own limit
# want: limit memory
import time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (100 << 20)
        time.sleep(600)
time.sleep(600)
