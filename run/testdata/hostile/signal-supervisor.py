# tries: to end the supervisor with signals that it handles, so that its outputs go unwatched
# want: ok or broken
import signal, time
open("outputs/x", "w").write("x")
for s in range(1, 65):
    os.kill(1, s)
time.sleep(1)
