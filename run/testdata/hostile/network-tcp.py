# tries: to connect and listen over TCP, IPv4 and IPv6
# want: ok
# record: socket(inet) socket(inet6)
import socket
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "1.1.1.1"), (socket.AF_INET6, "::1")):
    refused(f"connect to {address}", lambda: socket.create_connection((address, 443), timeout=2))
    refused(f"listen on {address}", lambda: socket.socket(family, socket.SOCK_STREAM).bind((address, 0)))
