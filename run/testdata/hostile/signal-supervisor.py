# tries: to end the supervisor with signals that it handles, so that its outputs go unwatched
# want: ok
import time
open("outputs/x", "w").write("x")
for s in range(1, 65):
    refused(f"signal {s}", lambda: os.kill(1, s))
time.sleep(0.1)
