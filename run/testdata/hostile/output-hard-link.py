# tries: one file under many names
# want: refused "hard link"
open("outputs/a", "w").write("x" * 1000)
for i in range(50):
    os.link("outputs/a", f"outputs/b{i}")
refused("link to data", lambda: os.link("/data/in.txt", "outputs/in.txt"))
