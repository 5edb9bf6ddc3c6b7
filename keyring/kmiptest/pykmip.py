"""A KMIP server for tests: pykmip.py DIR CERTIFICATE KEY AUTHORITY.

It listens on a port that the system chooses, prints the port, and ends with
its standard input, or after ten minutes.
"""
import logging
import os
import signal
import sys
import threading

from kmip.services.server.server import KmipServer

folder, certificate, key, authority = sys.argv[1:]


def end_with_input():
    os.read(0, 1)  # not sys.stdin, whose lock the server's processes would inherit
    os.killpg(0, signal.SIGKILL)  # the server has processes of its own


signal.alarm(600)
threading.Thread(target=end_with_input, daemon=True).start()

policies = os.path.join(folder, "policies")
os.mkdir(policies)
config = os.path.join(folder, "server.conf")
with open(config, "w") as f:
    f.write("[server]\n")
    for name, value in {
        "hostname": "127.0.0.1",
        "port": 5696,
        "certificate_path": certificate,
        "key_path": key,
        "ca_path": authority,
        "auth_suite": "TLS1.2",
        "policy_path": policies,
        "enable_tls_client_auth": True,
        "database_path": os.path.join(folder, "keys.db"),
    }.items():
        f.write(f"{name}={value}\n")

server = KmipServer(config_path=config, log_path=os.path.join(folder, "server.log"), logging_level=logging.WARNING)
server.config.settings["port"] = 0  # any that is free, which a configuration cannot say
server.start()
server._socket.listen(5)
print(server._socket.getsockname()[1], flush=True)
server.serve()
