# tries: a socket among the outputs
# want: refused "socket"
import socket
socket.socket(socket.AF_UNIX).bind("outputs/socket")
