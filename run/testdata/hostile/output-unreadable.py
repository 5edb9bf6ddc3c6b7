# tries: outputs that cannot be read
# want: refused "cannot be read"
os.mkdir("outputs/closed")
open("outputs/closed/x", "w").close()
os.chmod("outputs/closed", 0)
