# Prints where this interpreter lies (a shim may have started it) and what a
# program that it runs may import from.
import json, sys, sysconfig

paths = sysconfig.get_paths()
dirs = [paths[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")] + [p for p in sys.path if p]
for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
    if prefix not in ("/usr", "/usr/local"):  # of the system's, only the libraries
        dirs.append(prefix)
lib = sysconfig.get_config_var("LIBDIR")
if sysconfig.get_config_var("Py_ENABLE_SHARED") and lib:
    dirs.append(lib + "/" + (sysconfig.get_config_var("INSTSONAME") or ""))
json.dump({"interpreter": sys.executable, "paths": dirs}, sys.stdout)
