# tries: to change an output after it was looked at, from a process that outlives the study
# want: ok
import time
open("outputs/x", "w").write("small")
if os.fork() == 0:
    os.setsid()
    while True:
        os.replace("/outputs/x", "/outputs/y")
        os.symlink("/etc/passwd", "/outputs/x")
        os.unlink("/outputs/x")
        os.replace("/outputs/y", "/outputs/x")
time.sleep(0.1)
try:  # leave while the other still runs, in a moment in which x is there
    os.kill(1, 0)
finally:
    os._exit(0)
