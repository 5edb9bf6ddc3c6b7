# tries: 32-bit system calls, whose numbers the filter does not know (machine code, int 0x80), and x32's
# want: ok
import mmap
if machine != "x86_64":
    sys.exit(0)
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, 20 (getpid of the 32-bit table); int 0x80; cdqe; pop rbx; ret
page.write(bytes.fromhex("53" "b814000000" "cd80" "4898" "5b" "c3"))
function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
result = function()
must(f"int 0x80 gave {result}", result == -1)  # -EPERM
refused("x32 getpid", lambda: call(0x40000000 + 39, 0))
