# tries: to find secrets in the environment
# want: ok
allowed = {"HOME", "TMPDIR", "LANG", "TZ", "PATH", "USER", "LOGNAME", "PYTHONHASHSEED", "PYTHONNOUSERSITE", "MPLBACKEND", "LOKY_MAX_CPU_COUNT", "LC_CTYPE"}
must(f"variables {dict(os.environ)}", all(k in allowed or k.endswith("_NUM_THREADS") for k in os.environ))
must("secret", canary_text not in open("/proc/self/environ").read())
refused("the supervisor's environment", lambda: open("/proc/1/environ").read())
must("arguments of the sandbox", "bwrap" not in open("/proc/1/cmdline").read() and "--" not in open("/proc/1/cmdline").read())
