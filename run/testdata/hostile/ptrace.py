# tries: to take over another process
# want: ok
# record: ptrace process_vm_readv process_vm_writev
refused("attach", lambda: call(101, 117, 16, 1, 0, 0))
refused("traceme", lambda: call(101, 117, 0, 0, 0, 0))
refused("process_vm_readv", lambda: call(310, 270, 1, 0, 0, 0, 0, 0))
refused("process_vm_writev", lambda: call(311, 271, 1, 0, 0, 0, 0, 0))
refused("kcmp", lambda: call(312, 272, 1, 1, 0, 0, 0))
pid1 = call(434, 434, 1, 0)
refused("pidfd_getfd", lambda: call(438, 438, pid1, 4, 0))
refused("process_madvise", lambda: call(440, 440, pid1, 0, 0, 0, 0))
