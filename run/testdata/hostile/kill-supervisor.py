# tries: to end the supervisor, everybody, and its own group
# want: ok
import signal
for number in (signal.SIGKILL, signal.SIGSTOP):
    os.kill(1, number)
print("still here")
sys.stdout.flush()
refused("a process of the host", lambda: os.kill(int(host_pid), 0) if int(host_pid) > 100 else os.open("/nowhere", 0))
refused("everybody: but pid 1 is protected and nobody else is there", lambda: os.kill(-1, signal.SIGKILL))
