#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client that does something unusual between its request and the answer.

asker.py PORT N FLAVOUR: waits for a line, then makes N requests, a connection each.
"""

import select
import socket
import sys

SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


def wait(sock, what=0):
    """Until it is readable, or only for errors and the end."""
    poll = select.poll()
    poll.register(sock, what)
    poll.poll()


def half_closed(sock, request):
    """Ends its own direction, and looks only when TCP is over: all has come, and the end."""
    sock.sendall(request)
    sock.shutdown(socket.SHUT_WR)
    wait(sock)


def error_queue(sock, request):
    """The kernel says on the error queue, without a byte, that the request has left."""
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    sock.send(request, MSG_ZEROCOPY)
    wait(sock)
    sock.recvmsg(0, 1024, socket.MSG_ERRQUEUE)


def empty_read(sock, request):
    """Asks for no bytes."""
    sock.sendall(request)
    wait(sock, select.POLLIN)
    sock.recvmsg(0)


def answer(sock):
    """All that comes."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


FLAVOURS = {"half-closed": half_closed, "error-queue": error_queue, "empty-read": empty_read}


def main():
    port, n, act = int(sys.argv[1]), int(sys.argv[2]), FLAVOURS[sys.argv[3]]
    request = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % port
    sys.stdin.readline()
    for _ in range(n):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            act(sock, request)
            if b" 200 " not in answer(sock):
                sys.exit("no answer")


if __name__ == "__main__":
    main()
