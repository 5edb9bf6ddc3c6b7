# tries: to take more cores than it was given
# want: ok
# record: sched_setaffinity sched_setscheduler
refused("sched_setaffinity", lambda: os.sched_setaffinity(0, range(64)))
refused("sched_setscheduler", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
refused("priority", lambda: os.nice(-5))
