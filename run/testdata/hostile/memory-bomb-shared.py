# tries: to take all memory as shared pages, which no process's own limit counts
# want: limit memory
import mmap, time
held = []
for _ in range(8):
    m = mmap.mmap(-1, 100 << 20)
    for at in range(0, 100 << 20, 4096):
        m[at] = 1
    held.append(m)
time.sleep(600)
