# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A collector that does as it is told: OTLP/HTTP and Zipkin over HTTP/1, OTLP/gRPC over
HTTP/2. It knows what each body of the driver must be, and keeps which ones it took.

`faults` is a list of functions, one for each of the next requests; each takes the
exchange and answers it, or does not. Without one a request is taken.
"""

import gzip
import re
import socket
import socketserver
import ssl
import struct
import threading

try:
    import h2.config
    import h2.connection
    import h2.events
except ImportError:
    h2 = None

BODY = re.compile(rb"body (\d+) ")
PARTIAL = b"\x0a\x07\x08\x01\x12\x03bad"  # partial_success: 1 rejected, "bad"


def expected(n, size):
    head = b"body %d " % n
    return head + bytes((n + i) & 255 for i in range(len(head), size))


class Collector:
    """One listening address, `grpc` or HTTP. Closing it refuses connections; `open` listens again."""

    def __init__(self, grpc=False, tls=None, port=0):
        self.grpc, self.tls = grpc, tls
        self.lock = threading.Lock()
        self.taken = []         # numbers, in the order they were answered with success
        self.wrong = []         # what was not as it should be: sentences
        self.faults = []
        self.requests = []      # headers of each, as a dict with lower-case names
        self.connections = 0
        self.grants = True      # HTTP/2: opens its windows again
        self.released = threading.Event()
        self.port = port
        self.server = None
        self.sockets = set()
        self.open()

    def open(self):
        collector = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                collector.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.released.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        with self.lock:
            sockets, self.sockets = self.sockets, set()
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def url(self, path="/v1/traces"):
        return "http%s://localhost:%d%s" % ("s" if self.tls else "", self.port,
                                            "" if self.grpc else path)

    def serve(self, sock):
        with self.lock:
            self.connections += 1
            self.sockets.add(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            (Http2 if self.grpc else Http1)(self, sock).run()
        except (OSError, ssl.SSLError, EOFError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(sock)
            try:
                sock.close()
            except OSError:
                pass

    def fault(self):
        with self.lock:
            return self.faults.pop(0) if self.faults else None

    def take(self, exchange):
        """Checks a body and notes that it was taken."""
        body = exchange.body
        match = BODY.match(body)
        with self.lock:
            if not match or body != expected(int(match[1]), len(body)):
                self.wrong.append("a body of %d bytes that begins with %r" % (len(body), body[:40]))
            else:
                self.taken.append(int(match[1]))

    def complain(self, text):
        with self.lock:
            self.wrong.append(text)


class Http1:
    """A connection; itself the exchange that a fault is given."""

    def __init__(self, collector, sock):
        self.collector, self.sock = collector, sock
        self.file = sock.makefile("rb")

    def run(self):
        while self.read():
            fault = self.collector.fault()
            if (fault(self) if fault else self.ok()) == "close":
                return

    def read(self):
        line = self.file.readline()
        if not line:
            return False
        self.headers = {":path": line.decode().split(" ")[1]}
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.body = self.file.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            self.body = gzip.decompress(self.body)
        with self.collector.lock:
            self.collector.requests.append(self.headers)
        return True

    def status(self, code, body=b"", *headers):
        kind = "application/json" if self.headers["content-type"] == "application/json" and \
            body.startswith(b"{") else "application/x-protobuf"
        head = ["HTTP/1.1 %d x" % code, "Content-Length: %d" % len(body),
                "Content-Type: " + kind, *headers]
        self.sock.sendall("\r\n".join(head + ["", ""]).encode() + body)

    def ok(self, body=b""):
        self.collector.take(self)
        self.status(200, body)

    def partial(self):
        if self.headers["content-type"] == "application/json":
            self.ok(b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"bad"}}')
        else:
            self.ok(PARTIAL)


class Http2:
    """The same for gRPC: one stream at a time, as redeye uses it."""

    def __init__(self, collector, sock):
        self.collector, self.sock = collector, sock
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config=config)
        self.stream, self.headers, self.raw = None, {}, b""

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        for data in iter(lambda: self.sock.recv(65536), b""):
            for event in self.h2.receive_data(data):
                if self.handle(event) == "close":
                    return
            self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.stream, self.headers, self.raw = event.stream_id, dict(event.headers), b""
        elif isinstance(event, h2.events.DataReceived):
            self.raw += event.data
            if self.collector.grants:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.unframe()
            fault = self.collector.fault()
            return fault(self) if fault else self.ok()
        return None

    def unframe(self):
        compressed, length = struct.unpack(">BI", self.raw[:5])
        if length != len(self.raw) - 5:
            self.collector.complain("a gRPC frame of %d that says %d" % (len(self.raw), length))
        self.body = gzip.decompress(self.raw[5:]) if compressed else self.raw[5:]
        with self.collector.lock:
            self.collector.requests.append(self.headers)

    def send_headers(self, headers, end=False):
        self.h2.send_headers(self.stream, headers, end_stream=end)
        self.flush()

    def head(self):
        self.send_headers([(":status", "200"), ("content-type", "application/grpc")])

    def message(self, body):
        body = struct.pack(">BI", 0, len(body)) + body
        while body:
            room = min(self.h2.local_flow_control_window(self.stream), 16384, len(body))
            if not room:
                for event in self.h2.receive_data(self.sock.recv(65536)):
                    if isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                        return
                self.flush()
                continue
            self.h2.send_data(self.stream, body[:room])
            body = body[room:]
            self.flush()

    def ok(self, body=b""):
        self.collector.take(self)
        self.head()
        self.message(body)
        self.send_headers([("grpc-status", "0")], end=True)

    def partial(self):
        self.ok(PARTIAL)

    def status(self, code, *extra):
        """Trailers-only."""
        self.send_headers([(":status", "200"), ("content-type", "application/grpc"),
                           ("grpc-status", str(code)), ("grpc-message", "told%20so"), *extra],
                          end=True)

    def trailers(self, code):
        self.head()
        self.send_headers([("grpc-status", str(code))], end=True)


# ---- faults of both -------------------------------------------------------------

def answer(name, *arguments):
    return lambda exchange: getattr(exchange, name)(*arguments)


def silence(exchange):
    """Until the collector is closed, or for the longest time that a test takes."""
    exchange.collector.released.wait(20)
    return "close"


def slow(seconds):
    def fault(exchange):
        exchange.collector.released.wait(seconds)
        return exchange.ok()
    return fault


def hang_up(exchange):
    return "close"


def reset(exchange):
    exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return "close"


def garbage(exchange):
    exchange.sock.sendall(b"\x00\xff garbage \r\n\r\n\x00" * 9)
    return "close"


def half_head(exchange):
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    return "close"


def half_body(exchange):
    """The status came: it was taken."""
    exchange.collector.take(exchange)
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
    return finish(exchange)


def finish(exchange):
    """What still comes is read: closing before would be a reset, which takes away from redeye
    what it has not read yet."""
    exchange.sock.shutdown(socket.SHUT_WR)
    while exchange.sock.recv(65536):
        pass
    return "close"


def ok_then_close(exchange):
    """An idle connection that is gone when the next request wants it."""
    exchange.ok()
    return finish(exchange)


def oversize(exchange):
    try:
        exchange.ok(b"\x12" + bytes(5 << 20))
    except OSError:  # redeye has read enough
        return "close"
    return finish(exchange)


# ---- faults of gRPC ---------------------------------------------------------------

def grpc_half(exchange):
    """A head and half a message: the call did not end."""
    exchange.head()
    exchange.h2.send_data(exchange.stream, b"\0\0\0\0\x20half")
    exchange.flush()
    return "close"


def grpc_reset(exchange):
    exchange.h2.reset_stream(exchange.stream, 2)
    exchange.flush()


def http_status(code):
    def fault(exchange):
        exchange.send_headers([(":status", str(code)), ("content-type", "text/plain")], end=True)
    return fault
