#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is attacked, or attacks as a client: victim.py MODE [ARGUMENT...]. Says LISTEN PORT.

    http            answers each head: the status that the second segment of the path is, else 200;
                    to a head with "Total: N" as many answers as "Answers: M" says, once N bytes came
    sink            reads, and never answers
    h2              answers each stream of HTTP/2 with 200
    rpc             the same as gRPC, with status OK
    again N         answers N requests, and is another service after each, by an exec of itself
    caller PORT N   N requests, each to another address of loopback and for another host
"""
import os
import re
import selectors
import socket
import sys

from frames import FRAME, PREFACE, frame

ANSWER = b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok"

class Http:
    """One head at a time; bytes of a body are only counted."""
    status = re.compile(rb"\S+ /\w+/(\d+)")
    total = re.compile(rb"\r\nTotal: (\d+)\r\nAnswers: (\d+)\r\n")

    def __init__(self):
        self.buffer = b""

    def take(self, data):
        self.buffer += data
        out = []
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                self.buffer = self.buffer if len(self.buffer) < 1 << 25 else b""
                return b"".join(out)
            told = self.total.search(self.buffer, 0, end + 2)
            if told:
                if len(self.buffer) < int(told.group(1)):
                    return b"".join(out)
                self.buffer = self.buffer[int(told.group(1)):]
                out += [ANSWER % 200] * int(told.group(2))
                continue
            found = self.status.match(self.buffer)
            self.buffer = self.buffer[end + 4:]
            out.append(ANSWER % (int(found.group(1)) if found else 200))


class Sink:
    def take(self, data):
        return b""


class H2:
    """Knows frames, not what is in them: a stream is answered when its headers end."""
    answer = b"\x88"  # the static table's :status 200

    def __init__(self):
        self.buffer, self.begun, self.out = b"", False, [frame(4, 0, 0)]

    def take(self, data):
        self.buffer += data
        if not self.begun:
            self.begun = len(self.buffer) >= len(PREFACE)
            self.buffer = self.buffer[len(PREFACE):] if self.begun else self.buffer
        while self.begun and len(self.buffer) >= 9:
            high, low, kind, flags, stream = FRAME.unpack_from(self.buffer)
            end = 9 + (high << 8 | low)
            if len(self.buffer) < end:
                break
            self.on_frame(kind, flags, stream)
            self.buffer = self.buffer[end:]
        out, self.out = b"".join(self.out), []
        return out

    def on_frame(self, kind, flags, stream):
        if kind in (1, 9) and flags & 4:
            self.respond(stream)
        elif kind == 4 and not flags & 1:
            self.out.append(frame(4, 1, 0))

    def respond(self, stream):
        self.out.append(frame(1, 5, stream, self.answer))


class Rpc(H2):
    head = b"\x88\x0f\x10\x10application/grpc"
    trailers = b"\x00\x0bgrpc-status\x010"

    def respond(self, stream):
        self.out += [frame(1, 4, stream, self.head), frame(1, 5, stream, self.trailers)]


def serve(listener, kind):
    """One thread, any number of connections."""
    sel = selectors.DefaultSelector()
    sel.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in sel.select():
            if key.fileobj is listener:
                conn, _ = listener.accept()
                sel.register(conn, selectors.EVENT_READ, kind())
                continue
            try:
                data = key.fileobj.recv(1 << 18)
                key.fileobj.sendall(key.data.take(data))
            except OSError:
                data = b""
            if not data:
                sel.unregister(key.fileobj)
                key.fileobj.close()


def again(listener, n):
    """The name has an escape sequence in it."""
    conn, _ = listener.accept()
    while b"\r\n\r\n" not in conn.recv(65536):
        pass
    conn.sendall(ANSWER % 200)
    conn.recv(1)
    conn.close()
    if n > 1:
        listener.set_inheritable(True)
        os.environ["OTEL_SERVICE_NAME"] = "v\x1b[31m%d\n" % n
        os.execv(sys.executable, [sys.executable, __file__, "again", str(n - 1), str(listener.fileno())])


def caller(port, n):
    sys.stdin.readline()
    for i in range(n):
        with socket.create_connection(("127.%d.%d.%d" % (1 + i % 3, i >> 8 & 255, i & 255), port)) as s:
            s.sendall(b"GET /c HTTP/1.1\r\nHost: h%d.example:%d\r\n\r\n" % (i, 1 + i))
            s.recv(4096)
    print("DONE", flush=True)
    sys.stdin.readline()


def main(mode, *rest):
    if mode == "caller":
        print("LISTEN 0", flush=True)
        return caller(int(rest[0]), int(rest[1]))
    if mode == "again" and len(rest) > 1:
        return again(socket.socket(fileno=int(rest[1])), int(rest[0]))
    listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
    print("LISTEN %d" % listener.getsockname()[1], flush=True)
    if mode == "again":
        return again(listener, int(rest[0]))
    return serve(listener, {"http": Http, "sink": Sink, "h2": H2, "rpc": Rpc}[mode])


main(*sys.argv[1:])
