# tries: sparse files, each below the limit of one file
# want: limit output bytes
for i in range(50):
    open(f"outputs/{i}", "wb").truncate(7 << 20)
