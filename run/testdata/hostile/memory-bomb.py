# tries: to take all memory in one process
# want: ok or limit memory
refused("4 GiB", lambda: b"x" * (4 << 30))
blocks = []
def grow():
    while True:
        blocks.append(b"x" * (16 << 20))
refused("all memory", grow)
blocks.clear()
