# tries: what the second wall stops by itself: to replace files where the first wall lets it write, as another kind
# want: ok
# record: landlock_restrict_self seccomp
refused("landlock of its own", lambda: call(446, 446, 0, 0, 0))
refused("a filter of its own", lambda: call(317, 277, 1, 0, 0))
for place in ("/dev/null", "/dev/full", "/dev/zero"):
    refused("unlink " + place, lambda: os.unlink(place))
    refused("rename " + place, lambda: os.rename(place, "/tmp/x"))
refused("link out of data", lambda: os.link("/data/in.txt", "/tmp/in.txt"))
refused("rename out of data", lambda: os.rename("/data/in.txt", "/tmp/in.txt"))
