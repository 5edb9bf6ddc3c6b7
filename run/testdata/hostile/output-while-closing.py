# tries: to swap an output for a link after it was looked at, from a process that outlives the study
# want: ok or refused "symbolic link"
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
os._exit(0)
