# tries: to find a place to write that is not memory
# want: ok
import stat
for line in open("/proc/self/mountinfo"):
    place, options, kind = line.split()[4], line.split()[5].split(","), line.split(" - ")[1].split()[0]
    writable = "rw" in options
    device = stat.S_ISCHR(os.stat(place).st_mode)
    must(f"{place} ({kind}) can be written", not writable or device or kind in ("tmpfs", "proc", "devpts"))
for place in ("/data", "/study", "/tmp", "/outputs", "/dev/shm"):
    kinds = [line.split(" - ")[1].split()[0] for line in open("/proc/self/mountinfo") if line.split()[4] == place]
    must(f"{place} is on {kinds}", kinds in ([], ["tmpfs"]))  # none: on the root, which is tmpfs
