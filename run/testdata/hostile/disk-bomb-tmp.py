# tries: to fill /tmp, /dev/shm and outputs/ together
# want: ok or limit memory
block = b"x" * (1 << 20)
full = 0
for directory in ("/outputs", "/dev/shm", "/tmp"):
    try:
        with open(directory + "/bomb", "wb", buffering=0) as f:
            for _ in range(4096):
                f.write(block)
    except OSError as e:
        print("no space:", e)
        full += 1
must("a file system without an end", full == 3)
for directory in ("/outputs", "/dev/shm", "/tmp"):
    os.unlink(directory + "/bomb")
