# tries: to send data out in a host name
# want: ok
# record: socket(inet)
import socket
refused("dns", lambda: socket.getaddrinfo("secret.example.org", 80))
refused("dns", lambda: socket.gethostbyname("secret.example.org"))
