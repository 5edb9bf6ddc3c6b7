# tries: to have the supervisor read somebody else's file
# want: refused "symbolic link"
os.symlink("/etc/passwd", "outputs/passwd")
os.symlink("/proc/1/environ", "outputs/environ")
os.symlink("/", "outputs/root")
os.symlink("nowhere", "outputs/dangling")
os.mkdir("outputs/d")
os.symlink("../../data", "outputs/d/data")
