# tries: to take every process number of the machine
# want: ok
import time
children, error = 0, None
try:
    while children < 2000:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        children += 1
except OSError as e:
    error = e
must(f"{children} children", error is not None and children < 200)
