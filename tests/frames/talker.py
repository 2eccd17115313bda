#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""talker.py MODE SEED FILE: a process that speaks HTTP/2 with itself over one TCP connection, frames
of random kinds cut at random places by its calls. Begins when told by a line on stdin, prints the
port of the accepting end, and leaves what was sent in FILE.0 (by the connecting end) and FILE.1.

Modes: plain, bytes (few by each call), vectors (up to 1024), many (1,500 frames by a call), more
(6,000: too many), records (60 HEADERS by a call, more than 40 records take), file (DATA by sendfile), blind (whole frames by sendfile).
"""

import os
import random
import socket
import sys
import tempfile

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, EXTENSION = 0, 1, 4, 6, 0x20
END_HEADERS = 4


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def random_frame(r):
    stream = r.randrange(1, 1 << 31)
    kind = r.choice((DATA, DATA, DATA, HEADERS, HEADERS, PING, SETTINGS, EXTENSION))
    if kind == DATA:
        n = r.choice((0, r.randrange(80), r.randrange(1000), r.randrange(20000)))
        return frame(DATA, r.choice((0, 1)), stream, r.randbytes(n))
    if kind == HEADERS:
        n = r.choice((r.randrange(1, 60), r.randrange(1, 9000)))
        return frame(HEADERS, END_HEADERS, stream, r.randbytes(n))
    if kind == PING:
        return frame(PING, 0, 0, r.randbytes(8))
    if kind == SETTINGS:
        return frame(SETTINGS, 0, 0, r.randbytes(6 * r.randrange(6)))
    return frame(EXTENSION, r.randrange(256), stream, r.randbytes(r.randrange(100)))


class End:
    """One end of the connection: sends its stream, reads the other's."""

    def __init__(self, sock, mode, r, first):
        self.sock, self.mode, self.r = sock, mode, r
        self.sent, self.unread = b"", 0
        self.send_all(first)

    def send_all(self, data):
        self.sock.sendall(data)
        self.sent += data

    def send_file(self, data):
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            at = 0
            while at < len(data):
                at += os.sendfile(self.sock.fileno(), file.fileno(), at, len(data) - at)
        self.sent += data

    def send_vectors(self, data):
        vectors, at = [], 0
        while at < len(data) and len(vectors) < 1024:
            n = self.r.choice((1, 5, 9, self.r.randrange(1, 200)))
            vectors.append(data[at:at + n])
            at += n
        n = self.sock.sendmsg(vectors)
        self.sent += data[:n]
        return n

    def send(self, data):
        """Some of it. Returns how much."""
        if self.mode == "vectors":
            return self.send_vectors(data)
        most = 20 if self.mode == "bytes" else 70000
        n = self.sock.send(data[:self.r.randrange(1, most)])
        self.sent += data[:n]
        return n

    def read(self):
        """Some of what is there, at least a byte."""
        n = self.r.choice((9, self.r.randrange(1, 20), self.r.randrange(1, 70000)))
        n = min(n, self.unread)
        if self.mode == "vectors" and self.r.randrange(2):
            sizes = [self.r.randrange(1, 60) for _ in range(100)]
            got = self.sock.recvmsg_into([bytearray(size) for size in sizes])[0]
        else:
            got = len(self.sock.recv(n))
        self.unread -= got


def talk(ends, mode, r):
    todo = [b"", b""]
    for _ in range(300 if mode == "bytes" else 1500):
        i = r.randrange(2)
        if not todo[i]:
            todo[i] = b"".join(random_frame(r) for _ in range(r.choice((1, 2, 30))))
        n = ends[i].send(todo[i])
        todo[i] = todo[i][n:]
        ends[not i].unread += n
        while ends[not i].unread > 200000 or (ends[not i].unread and r.randrange(3)):
            ends[not i].read()
    for i in range(2):
        ends[i].send_all(todo[i])
        ends[not i].unread += len(todo[i])


def send_script(end, mode, r):
    """What is done to one end that tests the bounds."""
    small = frame(HEADERS, END_HEADERS, 1, r.randbytes(20))
    before = len(end.sent)
    if mode in ("many", "more"):
        end.send_all(frame(PING, 0, 0, bytes(8)) * (1500 if mode == "many" else 6000))
    if mode == "records":
        end.send_all(b"".join(frame(HEADERS, END_HEADERS, 1, r.randbytes(3000)) for _ in range(60)))
    for n in (100, 16384, 300000):
        body = frame(DATA, 0, 1, r.randbytes(n))
        if mode == "file":
            end.send_all(body[:9])
            end.send_file(body[9:])
        elif mode == "blind":
            end.send_file(body)
        else:
            end.send_all(body)
        end.send_all(small)
    return len(end.sent) - before


def main():
    mode, seed, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    r = random.Random(seed)
    sys.stdin.readline()
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    for s in (client, server):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    settings = frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64")
    ends = (End(client, mode, r, PREFACE + settings), End(server, mode, r, settings))
    ends[1].unread, ends[0].unread = len(PREFACE + settings), len(settings)
    if mode in ("plain", "bytes", "vectors"):
        talk(ends, mode, r)
    else:
        ends[1].unread += send_script(ends[0], mode, r)
    for end in ends:
        while end.unread:
            end.read()
    for i in range(2):
        with open(f"{path}.{i}", "wb") as file:
            file.write(ends[i].sent)
    client.close()
    server.close()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


main()
