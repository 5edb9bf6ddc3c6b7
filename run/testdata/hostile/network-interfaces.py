# tries: to see the host's network
# want: ok
lines = open("/proc/net/dev").read().splitlines()[2:]
must(f"interfaces {lines}", all(line.strip().startswith("lo:") for line in lines))
must("routes", len(open("/proc/net/route").read().splitlines()) <= 1)
must("tcp sockets", len(open("/proc/net/tcp").read().splitlines()) <= 1)
