#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""http.server with threads; besides the common endpoints it can misbehave on demand.

python_server.py PORT [--host H] [--unix PATH] [--workers N] [--reuseport] [--wait]
PORT 0: choose one. Prints "LISTEN <port>" when it accepts connections.
--workers: fork N processes that share the socket; with --reuseport each has its own.
--wait: fork only after a line on standard input.
"""

import argparse
import base64
import hashlib
import http.server
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

RELEASED = threading.Event()
handled = [0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    # ---- answering ----

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and body:
            self.wfile.write(body)

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return data

    # ---- endpoints ----

    def hello(self):
        self.answer(body=b"hello\n")

    def sleep(self, ms):
        time.sleep(int(ms) / 1000)
        self.answer(body=b"slept\n")

    def status(self, code):
        headers = {"Location": "/hello"} if code.startswith("3") else {}
        self.answer(int(code), b"" if code in ("204", "304") else b"status\n", **headers)

    def echo(self):
        self.answer(body=self.body())

    def pieces(self, pause=0.0):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"one\n", b"two\n", b"three\n"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def drip(self, ms):
        self.pieces(int(ms) / 1000)

    def big(self, n):
        self.answer(body=b"x" * int(n))

    def users(self, n):
        self.answer(body=b"user %s\n" % n.encode())

    def call(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        try:
            with urllib.request.urlopen(query["url"][0], timeout=20) as r:
                r.read()
                code = r.status
        except urllib.error.HTTPError as e:
            e.read()
            code = e.code
        self.answer(body=b"%d\n" % code)

    def count(self):
        self.answer(body=b"%d\n" % handled[0])

    def hold(self):
        RELEASED.wait(120)
        self.answer(body=b"held\n")

    def release(self):
        RELEASED.set()
        self.answer(body=b"released\n")

    def hints(self):
        self.send_response_only(103)
        self.send_header("Link", "</style.css>; rel=preload")
        self.end_headers()
        self.answer(body=b"after hints\n")

    def unsized(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"until the end\n")
        self.close_connection = True

    def close(self):
        self.close_connection = True

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def partial(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"0123456789")
        self.close_connection = True

    def websocket(self):
        key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.answer(101, Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Accept=accept)
        while True:
            first, size = self.rfile.read(2) or (0x88, 0)
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size & 0x7f)))
            if first & 0x0f == 8:
                break
            self.wfile.write(bytes((first, len(data))) + data)
        self.close_connection = True

    def serve(self):
        path = urllib.parse.urlsplit(self.path).path
        handled[0] += path != "/count"
        for pattern, endpoint in ROUTES:
            m = pattern.fullmatch(path)
            if m:
                return endpoint(self, *m.groups())
        return self.answer(404, b"not found\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = serve


ROUTES = [(re.compile(p), f) for p, f in (
    (r"/hello", Handler.hello),
    (r"/sleep/(\d+)", Handler.sleep),
    (r"/status/(\d+)", Handler.status),
    (r"/echo", Handler.echo),
    (r"/chunked", Handler.pieces),
    (r"/drip/(\d+)", Handler.drip),
    (r"/big/(\d+)", Handler.big),
    (r"/users/(\d+)", Handler.users),
    (r"/call", Handler.call),
    (r"/count", Handler.count),
    (r"/hold", Handler.hold),
    (r"/release", Handler.release),
    (r"/hints", Handler.hints),
    (r"/unsized", Handler.unsized),
    (r"/close", Handler.close),
    (r"/reset", Handler.reset),
    (r"/partial", Handler.partial),
    (r"/ws", Handler.websocket),
)]


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, options, port, listen=True):
        self.options = options
        self.address_family = socket.AF_UNIX if options.unix else \
            socket.AF_INET6 if ":" in options.host else socket.AF_INET
        super().__init__(options.unix or (options.host, port), Handler, False)
        self.server_bind()
        if listen:
            self.server_activate()

    def server_bind(self):
        if self.options.unix:
            self.socket.bind(self.options.unix)
            return
        if self.options.reuseport:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self.options.host == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)

    def get_request(self):
        sock, address = super().get_request()
        if not self.options.unix:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, address or ("unix", 0)

    def handle_error(self, request, client_address):
        pass  # a client that went away is what the tests do on purpose


def fork_workers(server, options, port):
    """Each worker says on a pipe that it listens; the parent's own socket never does with
    --reuseport, or it would get a share of the connections."""
    ready, say = os.pipe()
    for _ in range(options.workers):
        if os.fork() == 0:
            mine = Server(options, port) if options.reuseport else server
            os.write(say, b".")
            mine.serve_forever()
    for _ in range(options.workers):
        os.read(ready, 1)


def wait_forever():
    while True:
        signal.pause()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--unix")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--reuseport", action="store_true")
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    server = Server(options, options.port, listen=not options.reuseport)
    port = 0 if options.unix else server.socket.getsockname()[1]
    if options.wait:
        print("LISTEN", port, flush=True)
        sys.stdin.readline()
    if options.workers:
        fork_workers(server, options, port)
    if not options.wait:
        print("LISTEN", port, flush=True)
    if options.workers:
        wait_forever()
    server.serve_forever()


if __name__ == "__main__":
    main()
