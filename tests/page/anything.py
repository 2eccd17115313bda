# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that takes anything for a request that ends with an empty line: 200. Prints "LISTEN
port"."""

import socket

server = socket.create_server(("127.0.0.1", 0))
print("LISTEN %d" % server.getsockname()[1], flush=True)
while True:
    conn, _ = server.accept()
    with conn:
        asked = b""
        while piece := conn.recv(65536):
            asked += piece
            while b"\r\n\r\n" in asked:
                asked = asked.split(b"\r\n\r\n", 1)[1]
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
