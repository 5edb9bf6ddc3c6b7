# tries: to leave its memory behind in a core file, on the host
# want: fails "ended by the signal"
import resource
must("core limit", resource.getrlimit(resource.RLIMIT_CORE) == (0, 0))
refused("raise it", lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)))
os.abort()
