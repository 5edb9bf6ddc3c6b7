# tries: the same with threads
# want: ok
import threading
stop, threads, error = threading.Event(), [], None
try:
    while len(threads) < 2000:
        threads.append(threading.Thread(target=stop.wait, daemon=True))
        threads[-1].start()
except (RuntimeError, MemoryError) as e:
    error = e
must(f"{len(threads)} threads", error is not None and len(threads) < 200)
print("refused:", error)
os._exit(0)
