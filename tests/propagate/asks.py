# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client that reads as nginx does: asks.py PORT.

For each line on its input: one more request on its one connection, opened for the first. Prints
how many bytes of the answer FIONREAD says there are, once there are some.
"""
import array
import fcntl
import select
import socket
import sys
import termios


def main():
    connection = None
    for _ in sys.stdin:
        connection = connection or socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        select.select([connection], [], [])
        n = array.array("i", [0])
        fcntl.ioctl(connection, termios.FIONREAD, n)
        connection.recv(1000)
        print(n[0], flush=True)


main()
