# tries: to fill the host with its log, and to break the terminal of who reads the error
# want: fails "status 3"
for _ in range(300):
    os.write(1, b"x" * (64 << 10))
os.write(2, b"\x1b]0;title\x07\x1b[31m\xff\xfe last words\n")
sys.exit(3)
