#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that moves its bytes with a chosen pair of system calls.

syscalls.py PORT FLAVOUR        PORT 0: choose one. Prints "LISTEN <port>".
One connection at a time; GET /hello, and POST /echo with a Content-Length.
"""

import ctypes
import os
import re
import select
import socket
import sys
import tempfile

SIZE = 65536
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


# ---- calls that Python does not have ----

class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


class Messages:
    """A vector of messages, one buffer each, which is always at the same place."""

    def __init__(self, n, size):
        self.buffers = [ctypes.create_string_buffer(size) for _ in range(n)]
        self.iovs = [Iovec(ctypes.addressof(b), size) for b in self.buffers]
        self.vector = (Mmsghdr * n)()
        for message, iov in zip(self.vector, self.iovs):
            message.hdr.iov, message.hdr.iovlen = ctypes.pointer(iov), 1

    def call(self, function, sock, n, *rest):
        """Returns the length of each message that was handled."""
        done = function(sock.fileno(), self.vector, n, *rest)
        if done < 0:
            raise OSError(ctypes.get_errno(), "the call failed")
        return [self.vector[i].len for i in range(done)]


LIBC = ctypes.CDLL(None, use_errno=True)
INCOMING, OUTGOING = Messages(4, SIZE), Messages(2, 4 * SIZE)
MSG_WAITFORONE = 0x10000


# ---- receiving: socket -> bytes ----

def read(sock):
    return os.read(sock.fileno(), SIZE)


def read_one(sock):
    return os.read(sock.fileno(), 1)


def recv(sock):
    return sock.recv(SIZE)


def recvfrom(sock):
    return sock.recvfrom(SIZE)[0]


def recvmsg(sock):
    return sock.recvmsg(SIZE)[0]


def readv(sock):
    """The head is spread over small buffers."""
    bufs = [bytearray(7), bytearray(1), bytearray(13), bytearray(SIZE)]
    n = os.readv(sock.fileno(), bufs)
    return b"".join(bufs)[:n]


def peek(sock):
    """A peek moves nothing: the same bytes are read again."""
    sock.recv(SIZE, socket.MSG_PEEK)
    sock.recv(10, socket.MSG_PEEK)
    return os.read(sock.fileno(), SIZE)


def empty(sock):
    """Asks for no bytes and gets none, which is not the end."""
    sock.recv(1, socket.MSG_PEEK)
    sock.recvmsg(0)
    os.read(sock.fileno(), 0)
    return os.read(sock.fileno(), SIZE)


def eager(sock):
    """Reads before there is anything: EAGAIN, then a wait, then the bytes."""
    while True:
        try:
            return sock.recv(SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            select.select([sock], [], [])


def recvmmsg(sock):
    """Up to four messages; the stream has one, and the call ends before the second."""
    sizes = INCOMING.call(LIBC.recvmmsg, sock, 4, MSG_WAITFORONE, None)
    return b"".join(b.raw[:n] for b, n in zip(INCOMING.buffers, sizes))


# ---- sending: socket, bytes -> how many went ----

def write(sock, data):
    return os.write(sock.fileno(), data)


def write_one(sock, data):
    return os.write(sock.fileno(), data[:1])


def send(sock, data):
    return sock.send(data)


def sendmsg(sock, data):
    return sock.sendmsg([data[:5], data[5:6], data[6:]])


def writev(sock, data):
    return os.writev(sock.fileno(), [data[:7], data[7:8], data[8:20], data[20:]])


def more(sock, data):
    """Two calls, the first with MSG_MORE."""
    n = sock.send(data[:10], socket.MSG_MORE)
    return n + (sock.send(data[10:]) if data[10:] else 0)


def zerocopy(sock, data):
    """What the error queue then gives, no bytes, is not the end."""
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    n = sock.send(data, MSG_ZEROCOPY)
    failed = select.poll()
    failed.register(sock, 0)
    failed.poll()
    sock.recvmsg(0, 1024, socket.MSG_ERRQUEUE)
    return n


def as_file(data):
    f = tempfile.TemporaryFile()
    f.write(data)
    f.flush()
    return f


def sendfile(sock, data):
    with as_file(data) as f:
        return os.sendfile(sock.fileno(), f.fileno(), 0, len(data))


def sendfile_body(sock, data):
    """The head by write, the body by sendfile, as web servers do."""
    end = data.find(b"\r\n\r\n") + 4
    return os.write(sock.fileno(), data[:end]) if end > 3 else sendfile(sock, data)


def splice(sock, data):
    out, into = os.pipe()
    with as_file(data) as f:
        n = os.splice(f.fileno(), into, len(data), offset_src=0)
    n = os.splice(out, sock.fileno(), n)
    os.close(out)
    os.close(into)
    return n


def splice_body(sock, data):
    end = data.find(b"\r\n\r\n") + 4
    return os.write(sock.fileno(), data[:end]) if end > 3 else splice(sock, data)


def write_dup(sock, data):
    """Another descriptor of the same socket, a new one each time."""
    fd = os.dup(sock.fileno())
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def sendmmsg(sock, data):
    """One message or two, the head in the first. What does not go as a whole ends the call."""
    end = data.find(b"\r\n\r\n") + 4
    cut = max(end, len(data) - 1000)
    pieces = [data[:cut], data[cut:]] if cut < len(data) and len(data) > 1000 else [data]
    for buffer, iov, piece in zip(OUTGOING.buffers, OUTGOING.iovs, pieces):
        iov.len = len(piece)
        ctypes.memmove(buffer, piece, len(piece))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    while True:
        try:
            return sum(OUTGOING.call(LIBC.sendmmsg, sock, len(pieces), socket.MSG_DONTWAIT))
        except BlockingIOError:
            select.select([], [sock], [])


FLAVOURS = {
    "read-write": (read, write),
    "recv-send": (recv, send),
    "recvfrom-send": (recvfrom, send),
    "recvmsg-sendmsg": (recvmsg, sendmsg),
    "readv-writev": (readv, writev),
    "peek": (peek, write),
    "empty-reads": (empty, write),
    "eager": (eager, send),
    "tiny-reads": (read_one, write),
    "tiny-writes": (read, write_one),
    "msg-more": (read, more),
    "zerocopy": (recv, zerocopy),
    "sendfile": (read, sendfile_body),
    "splice": (read, splice_body),
    "recvmmsg": (recvmmsg, send),
    "sendmmsg": (read, sendmmsg),
    "dup": (read, write_dup),
    "passed": (read, write),
}


# ---- HTTP, as little as is needed ----

class Connection:
    def __init__(self, sock, flavour):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.receive, self.transmit = FLAVOURS[flavour]
        self.buf = b""

    def fill(self):
        data = self.receive(self.sock)
        self.buf += data
        return bool(data)

    def take(self, n):
        while len(self.buf) < n and self.fill():
            pass
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def send_all(self, data):
        while data:
            data = data[self.transmit(self.sock, data):]

    def serve(self):
        while True:
            while b"\r\n\r\n" not in self.buf:
                if not self.fill():
                    return
            head = self.take(self.buf.index(b"\r\n\r\n") + 4)
            length = LENGTH.search(head)
            body = self.take(int(length.group(1))) if length else b"hello\n"
            self.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def serve(sock, flavour):
    try:
        Connection(sock, flavour).serve()
    except ConnectionError:
        pass
    sock.close()


def fork_worker(listener):
    """Starts a worker that serves the descriptors it gets over the socket returned here."""
    ours, theirs = socket.socketpair()
    if os.fork():
        theirs.close()
        return ours
    listener.close()
    ours.close()
    while True:
        _, fds, _, _ = socket.recv_fds(theirs, 1, 1)
        if not fds:
            os._exit(0)
        serve(socket.socket(fileno=fds[0]), "passed")


def pass_on(sock, worker):
    socket.send_fds(worker, [b"."], [sock.fileno()])
    sock.close()


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(128)
    flavour = sys.argv[2]
    if flavour == "splice" and not hasattr(os, "splice"):
        sys.exit("this Python has no os.splice")
    worker = fork_worker(listener) if flavour == "passed" else None
    print("LISTEN", listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        if worker:
            pass_on(sock, worker)
        else:
            serve(sock, flavour)


if __name__ == "__main__":
    main()
