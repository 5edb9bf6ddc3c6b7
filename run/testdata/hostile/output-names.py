# tries: names that do harm when they are shown or unpacked
# want: refused "name"
for name in (b"\x1b[2Jclear", b"new\nline", b"back\\slash", "right\u202eto left".encode(), b"not utf-8 \xff", b"x" * 250, b"tab\t", b"nul-like \x01"):
    os.close(os.open(b"/outputs/" + name, os.O_CREAT | os.O_WRONLY))
