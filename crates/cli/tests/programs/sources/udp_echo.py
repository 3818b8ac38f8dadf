"""Sends every datagram back."""
import socket, sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
    echo.bind(("0.0.0.0", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        data, peer = echo.recvfrom(65535)
        echo.sendto(data, peer)
