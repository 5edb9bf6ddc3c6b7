# tries: to change what it was given
# want: ok
for path in ("/data/in.txt", "/data/new", "/study/study.py", "/study/new", "/usr/lib/new", "/new", "/etc/passwd", "/rempart", "/dev/new", "/proc/new"):
    refused(f"write {path}", lambda: open(path, "w").write("x"))
    refused(f"remove {path}", lambda: os.unlink(path))
    refused(f"rename onto {path}", lambda: (open("/tmp/x", "w").close(), os.rename("/tmp/x", path)))
refused("chmod", lambda: os.chmod("/data/in.txt", 0o777))
refused("replace data", lambda: os.rename("/study/data", "/study/other"))
must("content", open("data/in.txt").read() == "input")
