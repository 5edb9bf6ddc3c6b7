# tries: to hand out more than was agreed
# want: limit output bytes
with open("outputs/big", "wb") as f:
    f.write(b"x" * (8 << 20))
with open("outputs/one-byte-more", "wb") as f:
    f.write(b"x")
