# tries: the parts of the kernel where its holes are found
# want: ok
# record: io_uring_setup userfaultfd bpf perf_event_open keyctl personality memfd_create
buffer = ctypes.create_string_buffer(256)
for name, *numbers in (("io_uring_setup", 425, 425), ("userfaultfd", 323, 282), ("bpf", 321, 280), ("perf_event_open", 298, 241), ("keyctl", 250, 219), ("add_key", 248, 217),
                       ("request_key", 249, 218), ("init_module", 175, 105), ("finit_module", 313, 273), ("kexec_load", 246, 104), ("reboot", 169, 142), ("swapon", 167, 224),
                       ("acct", 163, 89), ("syslog", 103, 116), ("quotactl", 179, 60), ("lookup_dcookie", 212, 18), ("settimeofday", 170, 170), ("clock_settime", 227, 112),
                       ("sethostname", 170, 161), ("fanotify_init", 300, 262), ("vmsplice", 278, 75), ("memfd_create", 319, 279), ("memfd_secret", 447, 447), ("shmget", 29, 194),
                       ("msgget", 68, 186), ("semget", 64, 190), ("mq_open", 240, 180), ("seccomp", 317, 277), ("landlock_create_ruleset", 444, 444), ("pidfd_getfd", 438, 438),
                       ("move_pages", 279, 239), ("migrate_pages", 256, 238), ("setuid", 105, 146), ("setgroups", 116, 159), ("capset", 126, 91), ("adjtimex", 159, 171)):
    error = refused(name, lambda: call(*numbers, buffer, 0, 0, 0, 0, 0))
    must(f"{name} reached the kernel: {error}", error.errno in (1, 38))  # EPERM or ENOSYS, from the filter
error = refused("personality", lambda: call(135, 92, 0x0400000))  # ADDR_NO_RANDOMIZE
must("personality", error.errno == 1)
