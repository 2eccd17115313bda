# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that calls another while it serves: proxy.py BACKEND-PORT.

Prints its own port. GET /MODE/N makes N calls, each on a connection of its own.
blocking: the thread that reads the request makes the calls. loop: the socket is in
non-blocking mode, as an event loop's. pool: another thread makes them. Requests may have a
body of a known length or in chunks, whose sender may wait for "100 Continue", and come several at once.
gone: when a request to `held` has come, its connection is reset, and the calls are made after that; then
that one is answered. left: the same, but its client ends it, and "left" is printed, before that other one has
come. among: as gone, but answered. late: it is answered first, and from then on its thread makes a call for each
request to `held`. upgrade: what comes then is echoed. greeted, preface: as a client of
the abstract UNIX socket redeye-BACKEND-PORT, it reads first, or begins HTTP/2, and stays connected. Others
(ANSWERS) are as blocking, and answered differently.

It listens at the abstract UNIX socket redeye-proxy-BACKEND-PORT as well. A header of the PROXY
protocol may come first.

HTTP/2 is spoken where a client's preface comes, as far as this: each request is answered when its
DATA has come; all but the first on a connection make a call, when a request to `held` has come,
which is answered then.
"""
import socket
import struct
import sys
import threading


def read_more(conn):
    while True:
        try:
            return conn.recv(65536)
        except BlockingIOError:
            continue


def read_head(conn, data=b""):
    """The head, and what came with it."""
    while b"\r\n\r\n" not in data:
        got = read_more(conn)
        if not got:
            return b"", b""
        data += got
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[2] if head.startswith(b"PROXY ") else head, rest


def read_chunks(conn, rest):
    """What is behind them."""
    size = 1
    while size:
        while b"\r\n" not in rest:
            rest += read_more(conn)
        line, _, rest = rest.partition(b"\r\n")
        size = int(line, 16)
        while size and len(rest) < size + 2:
            rest += read_more(conn)
        rest = rest[size + 2:] if size else rest
    while line:  # trailers
        while b"\r\n" not in rest:
            rest += read_more(conn)
        line, _, rest = rest.partition(b"\r\n")
    return rest


def read_request(conn, data):
    """As read_head(), and without the body."""
    head, rest = read_head(conn, data)
    length = next((int(line.split()[1]) for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    if b"100-continue" in head:
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if b"\r\nTransfer-Encoding: chunked" in head:
        return head, read_chunks(conn, rest)
    while len(rest) < length:
        rest += read_more(conn)
    return head, rest[length:]


def call(port):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(None)
        s.sendall(b"GET /backend HTTP/1.1\r\nHost: backend\r\n\r\n")
        read_head(s)


SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # an empty frame of it
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
# By mode, each piece a send of its own.
ANSWERS = {
    "pong": [OK % (4, b"PONG")],
    "late": [OK % (4, b"PONG")],
    "hints": [HINTS, OK % (0, b"")],
    "hinted": [HINTS + OK % (0, b"")],
}

came, done = threading.Event(), threading.Event()
connected = []


def connect(backend):
    s = socket.socket(socket.AF_UNIX)
    connected.append(s)
    s.connect("\0redeye-%d" % backend)
    return s


def echo(conn):
    conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    data = conn.recv(1000)
    while data:
        conn.sendall(data)
        data = conn.recv(1000)


def answer(conn, mode):
    for piece in ANSWERS.get(mode, [OK % (0, b"")]):
        conn.sendall(piece)


def late(conn, backend):
    answer(conn, "late")
    while True:
        came.wait()
        came.clear()
        call(backend)
        done.set()


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def left(conn):
    try:
        conn.recv(1)
    except ConnectionResetError:
        pass
    conn.close()
    print("left", flush=True)


def read_frame(conn, data):
    """Its type, its stream, and what came behind it; nothing of either at the end."""
    while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
        got = conn.recv(65536)
        if not got:
            return None, None, b""
        data += got
    return data[3], data[5:9], data[9 + int.from_bytes(data[:3], "big"):]


def speak_frames(conn, backend, data):
    conn.sendall(SETTINGS)
    kind, stream, data = read_frame(conn, data)
    while stream:
        if kind == 0 and stream != b"\0\0\0\1":
            came.wait()
            call(backend)
            done.set()
        if kind == 0:
            conn.sendall(b"\0\0\1\1\5" + stream + b"\x88")  # status 200
        kind, stream, data = read_frame(conn, data)


def handle(conn, backend):
    with conn:
        rest = b""
        while True:
            head, rest = read_request(conn, rest)
            if not head:
                return
            if head == b"PRI * HTTP/2.0":
                speak_frames(conn, backend, rest[len(b"SM\r\n\r\n"):])
                return
            mode, n = head.split()[1].decode().strip("/").split("/")
            if mode == "loop":
                conn.setblocking(False)  # known from the next request on
            if mode == "held":
                came.set()
                done.wait()
                came.clear()
                done.clear()
            if mode == "late":
                late(conn, backend)
            if mode == "left":
                left(conn)
            if mode in ("gone", "left", "among"):
                came.wait()
            if mode == "gone":
                reset(conn)
            if mode == "greeted":
                connect(backend).recv(1000)
            if mode == "preface":
                connect(backend).sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
            if mode == "upgrade":
                echo(conn)
                return
            for _ in range(int(n)):
                if mode == "pool":
                    t = threading.Thread(target=call, args=(backend,))
                    t.start()
                    t.join()
                else:
                    call(backend)
            if mode in ("gone", "left", "among"):
                done.set()
            if mode in ("gone", "left"):
                return
            answer(conn, mode)


def serve(listener, backend):
    while True:
        conn, _ = listener.accept()
        conn.setblocking(True)
        threading.Thread(target=handle, args=(conn, backend), daemon=True).start()


def main():
    backend = int(sys.argv[1])
    local = socket.socket(socket.AF_UNIX)
    local.bind("\0redeye-proxy-%d" % backend)
    local.listen()
    threading.Thread(target=serve, args=(local, backend), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    serve(listener, backend)


main()
