# tries: a path deeper than any reader expects
# want: refused "more than 16 directories"
os.chdir("outputs")
for _ in range(60):
    os.mkdir("d")
    os.chdir("d")
open("file", "w").close()
