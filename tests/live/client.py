# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An HTTP/1.1 client on a bare socket.

It exists because the tests must decide what goes into each write, keep several
requests outstanding, and time a request from just before the first byte is
sent to just after the last byte was received, with nothing else in between.
"""

import socket
import struct
import threading
import time

from lib import check, settings

NO_BODY = (204, 304)


class Response:
    def __init__(self, status, headers, body, interim, end_ns):
        self.status = status
        self.headers = headers
        self.body = body
        self.interim = interim  # the 1xx statuses before it
        self.end_ns = end_ns
        self.seconds = 0.0


def head(method, path, host="live", **headers):
    """A request head; header names are written with _ for -."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + host]
    lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(path, body, **headers):
    return head("POST", path, Content_Length=len(body), **headers) + body


def chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


class Conn:
    """One connection. `address` is (host, port) or the path of a UNIX socket; `source` an
    address of this host to come from."""

    def __init__(self, address, timeout=20, rcvbuf=0, source=None):
        self.address = address
        family = socket.AF_UNIX if isinstance(address, str) else \
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout * settings.slow)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.last_ns = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def reopen(self):
        self.close()
        self.__init__(self.address)

    def reset(self):
        """Closes with a TCP reset instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_bytes(self, data, wait):
        """One write for each byte; `wait(sock)` is called between two of them."""
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            wait(self.sock)

    def request(self, data, method="GET"):
        start_ns = time.monotonic_ns()
        self.send(data)
        response = self.read(method)
        response.seconds = (response.end_ns - start_ns) / 1e9
        return response

    def get(self, path, **headers):
        return self.request(head("GET", path, **headers))

    # ---- reading ----

    def _fill(self):
        data = self.sock.recv(65536)
        self.last_ns = time.monotonic_ns()
        self.buf += data
        return len(data)

    def _line(self):
        while b"\r\n" not in self.buf:
            check(self._fill(), "the connection ended inside a line: %r" % self.buf[:80])
        line, _, self.buf = self.buf.partition(b"\r\n")
        return line.decode("latin-1")

    def exact(self, n):
        while len(self.buf) < n:
            check(self._fill(), "the connection ended inside a body")
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def read_head(self):
        status_line = self._line()
        check(status_line.startswith("HTTP/1."), "not a status line: %r" % status_line[:80])
        headers = {}
        for line in iter(self._line, ""):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(status_line.split()[1]), headers

    def _chunks(self):
        body = b""
        while True:
            size = int(self._line().split(";")[0], 16)
            if not size:
                break
            body += self.exact(size)
            self._line()
        while self._line():
            pass
        return body

    def _to_end(self):
        while self._fill():
            pass
        body, self.buf = self.buf, b""
        return body

    def _body(self, method, status, headers):
        if method == "HEAD" or status in NO_BODY or status == 101 or \
                (method == "CONNECT" and status == 200):
            return b""
        if "chunked" in headers.get("transfer-encoding", ""):
            return self._chunks()
        if "content-length" in headers:
            return self.exact(int(headers["content-length"]))
        return self._to_end()

    def read(self, method="GET"):
        interim = []
        status, headers = self.read_head()
        while 100 <= status < 200 and status != 101:
            interim.append(status)
            status, headers = self.read_head()
        body = self._body(method, status, headers)
        return Response(status, headers, body, interim, self.last_ns)


def one(address, data, method="GET"):
    """One request on a connection of its own."""
    with Conn(address) as conn:
        return conn.request(data, method)


def expect_status(response, status):
    check(response.status == status, "got status %d, want %d" % (response.status, status))
    return response


def repeat(conn, data, n, status=200, method="GET"):
    """n requests, one after the other; returns the sum of their durations."""
    return sum(expect_status(conn.request(data, method), status).seconds for _ in range(n))


def spread(address, data, n, conns=7):
    """n requests over `conns` connections that are open at once, a thread each."""
    totals, errors = [], []

    def work(share):
        try:
            with Conn(address) as conn:
                totals.append(repeat(conn, data, share))
        except Exception as e:  # handed to the main thread below
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n // conns + (i < n % conns),), daemon=True)
               for i in range(conns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sum(totals)
