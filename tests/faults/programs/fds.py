#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that uses descriptor numbers again, in each way that there is.

fds.py PORT        PORT 0: choose one. Prints "LISTEN <port>". Paths:

/hello    an answer
/close    an answer, and the connection is closed: the next one has its number
/dup      an answer; the next connection that comes is put over this one by dup2()
/file     an answer; then a file is put over the connection, and what looks like
          requests and answers is written to it and read from it
"""

import os
import select
import socket
import sys
import tempfile

BODY = b"hello\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
REQUEST = b"GET /hello HTTP/1.1\r\nHost: file\r\n\r\n"


class Server:
    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        print("LISTEN", self.listener.getsockname()[1], flush=True)
        self.fds, self.victim = set(), None

    def accept(self):
        fd = self.listener.accept()[0].detach()
        if self.victim is None:
            self.fds.add(fd)
            return
        os.dup2(fd, self.victim)
        os.close(fd)
        self.fds.add(self.victim)
        self.victim = None

    def file(self, fd):
        with tempfile.TemporaryFile() as f:
            os.dup2(f.fileno(), fd)
        for _ in range(7):
            os.write(fd, REQUEST)
            os.write(fd, ANSWER)
        os.lseek(fd, 0, os.SEEK_SET)
        while os.read(fd, len(REQUEST)):
            pass
        self.close(fd)

    def close(self, fd):
        self.fds.discard(fd)
        os.close(fd)

    def serve(self, fd):
        data = os.read(fd, 65536)
        if not data:
            self.close(fd)
            return
        os.write(fd, ANSWER)
        path = data.split()[1]
        if path == b"/close":
            self.close(fd)
        elif path == b"/file":
            self.file(fd)
        elif path == b"/dup":
            self.victim = fd
            self.fds.discard(fd)

    def run(self):
        while True:
            ready, _, _ = select.select([self.listener] + sorted(self.fds), [], [])
            for one in ready:
                if one is self.listener:
                    self.accept()
                elif one in self.fds:
                    self.serve(one)


Server(int(sys.argv[1])).run()
