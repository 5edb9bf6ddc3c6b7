# tries: to end the supervisor, everybody, and its own group
# want: ok
import signal
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    refused(f"signal {number} to the supervisor", lambda: os.kill(1, number))
print("still here")
