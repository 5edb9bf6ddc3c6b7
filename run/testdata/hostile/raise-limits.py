# tries: to lift its own limits
# want: ok
import resource
for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_MEMLOCK):
    soft, hard = resource.getrlimit(limit)
    must(f"limit {limit} is unbounded", hard != resource.RLIM_INFINITY)
    refused(f"limit {limit}", lambda: resource.setrlimit(limit, (hard * 2, hard * 2)))
refused("priority", lambda: os.nice(-10))
