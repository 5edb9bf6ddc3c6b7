-- tries: to load a shared library as an extension
-- want: fails "statement 1"
LOAD '/usr/lib/x86_64-linux-gnu/libc.so.6';
