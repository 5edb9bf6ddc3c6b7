# tries: to live on as a daemon that ignores signals, holding the log open
# want: ok
import signal, time
for s in range(1, 65):
    try:
        signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        while True:
            time.sleep(1000)
print("the first process ends")
