# tries: to hand out 100,000 files
# want: limit output files
for i in range(100_000):
    os.close(os.open(f"outputs/{i}", os.O_CREAT | os.O_WRONLY))
