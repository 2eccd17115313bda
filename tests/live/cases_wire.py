# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What HTTP/1 allows, and what is not HTTP at all, byte for byte."""

import os
import socket

import client
from client import Conn, expect_status, head, repeat
from harness import case
from lib import check, need_programs, prime, run, wait_read
from prom import WHATEVER, client as client_row, server
from servers import that_can

HELLO = head("GET", "/hello")
SHORT = head("GET", "/hello", host="a")  # 32 bytes: 31 places to split it
DEPTHS = (2, 5, 7, 11, 13, 17, 19, 23, 29, 31)  # 157 requests


def pipeline(conn, depth):
    """`depth` requests in one write, every second one for /users; returns how many those were."""
    requests = [head("GET", "/users/%d" % i) if i % 2 else HELLO for i in range(depth)]
    conn.send(b"".join(requests))
    for _ in requests:
        expect_status(conn.read(), 200)
    return depth // 2


@case(on=that_can("hello", "users"))
def pipelining(t, kind):
    """2 to 31 requests in one write."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    users = 0
    for depth in DEPTHS:
        with Conn(srv.address) as conn:
            users += pipeline(conn, depth)
    agent.expect(server(sum(DEPTHS) - users), server(users, "/users/{id}"))


@case(on=("nginx", "python", "node", "go"))
def pipelining_cut(t, kind):
    """Eleven requests in two writes, cut at every byte of the first two heads."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    data = SHORT * 11
    cuts = range(1, 2 * len(SHORT))
    with Conn(srv.address) as conn:
        for cut in cuts:
            conn.send(data[:cut])
            wait_read(conn.sock)
            conn.send(data[cut:])
            for _ in range(11):
                expect_status(conn.read(), 200)
    agent.expect(server(11 * len(cuts)))


@case(on=("nginx", "apache", "python", "node", "go", "rust"))
def split(t, kind):
    """A head in two writes, split at every byte."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    with Conn(srv.address) as conn:
        for cut in range(1, len(SHORT)):
            conn.send(SHORT[:cut])
            wait_read(conn.sock)
            conn.send(SHORT[cut:])
            expect_status(conn.read(), 200)
    agent.expect(server(len(SHORT) - 1))


@case(on=("nginx", "python", "node", "go"))
def slow_writer(t, kind):
    """One byte in each write."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    with Conn(srv.address) as conn:
        for _ in range(3):
            conn.send_bytes(SHORT, wait_read)
            expect_status(conn.read(), 200)
    agent.expect(server(3))


@case(on=("nginx", "python", "node", "go"))
def cut_requests(t, kind):
    """A connection that ends inside a head, at any byte, is not counted as answered."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    for cut in range(len(SHORT)):
        with Conn(srv.address) as conn:
            if cut:
                conn.send(SHORT[:cut])
                wait_read(conn.sock)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/users/7"), 13)
    agent.expect(server(13, "/users/{id}"),
                 server(len(SHORT), at_most=True, route=WHATEVER, method=WHATEVER,
                        status=WHATEVER, error=WHATEVER))


@case(on=("nginx", "python", "node", "go"))
def half_close(t, kind):
    """A client that ends its own direction first still gets its answer: no error."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    for _ in range(13):
        with Conn(srv.address) as conn:
            conn.send(HELLO)
            conn.sock.shutdown(socket.SHUT_WR)
            expect_status(conn.read(), 200)
    agent.expect(server(13))
    agent.expect_forgotten()


JUNK = (
    b"\r\n\r\n",
    b"HELLO\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /hello HTTP/9.9\r\n\r\n",
    b"GET /hello\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /hello HTTP/1.1\r\nno colon here\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: minus one\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa5" * 40 + b"\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    bytes(range(256)) + b"\n",
    b"\x00" * 5000 + b"\n",
    b"*1\r\n$4\r\nPING\r\n",
)


@case(on=("nginx", "python", "node", "go"))
def malformed(t, kind):
    """What is no HTTP is answered with 400, or in kindness, or not at all; what follows is
    counted exactly."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    for junk in JUNK:
        with Conn(srv.address) as conn:
            try:
                conn.send(junk)
                conn.sock.shutdown(socket.SHUT_WR)
                while conn.sock.recv(65536):
                    pass
            except ConnectionError:
                pass  # the server may reset it
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/users/7"), 13)
    agent.expect(server(13, "/users/{id}"),
                 server(len(JUNK), at_most=True, route=WHATEVER, method=WHATEVER,
                        status=WHATEVER, error=WHATEVER))


@case(on=("nginx", "apache", "python", "go", "rust"))
def unknown_method(t, kind):
    """A method outside the conventions' set is _OTHER, whatever the server thinks of it."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    for _ in range(7):
        status = client.one(srv.address, head("BREW", "/hello", Connection="close")).status
    agent.expect(server(7, method="_OTHER", status=status,
                        error=status if status >= 500 else ""))


@case(on=("python", "node", "go", "java", "fastapi", "rust"))
def expect_continue(t, kind):
    """100 Continue, as curl asks for it, is not the answer."""
    need_programs("curl")
    srv = t.serve(kind)
    agent = t.watch(srv)
    body = os.path.join(t.temp, "body")
    with open(body, "wb") as f:
        f.write(b"b" * 20011)
    for _ in range(7):
        said = run(["curl", "-sv", "--stderr", "-", "-o", os.devnull, "-H",
                    "Expect: 100-continue", "--data-binary", "@" + body, srv.url("/echo")])
        check("100 Continue" in said and " 200 OK" in said, "no 100 Continue from " + kind)
    agent.expect(server(7, "/echo", method="POST"))


@case()
def early_hints(t):
    """103, then 200: one request."""
    srv = t.serve("python")
    agent = t.watch(srv)
    with Conn(srv.address) as conn:
        for _ in range(13):
            response = expect_status(conn.get("/hints"), 200)
            check(response.interim == [103], "no 103 came")
    agent.expect(server(13, "/hints"))


@case()
def unsized(t):
    """A body without length or chunks ends with its connection: no error."""
    srv = t.serve("python")
    agent = t.watch(srv)
    for _ in range(13):
        check(client.one(srv.address, head("GET", "/unsized")).body == b"until the end\n",
              "wrong body")
    agent.expect(server(13, "/unsized"))


@case(on=("nginx", "apache", "python", "go"))
def http_1_0(t, kind):
    """HTTP/1.0: the server ends the connection."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    for _ in range(13):
        expect_status(client.one(srv.address, b"GET /hello HTTP/1.0\r\n\r\n"), 200)
    agent.expect(server(13))


# ---- connections that stop being HTTP ------------------------------------------

def frame(text):
    """A masked WebSocket text frame (mask 0)."""
    return bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text


@case()
def websocket(t):
    """101 is the answer; frames after it are no requests, even if they look like one."""
    srv = t.serve("python")
    agent = t.watch(srv)
    text = b"GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n"
    for _ in range(5):
        with Conn(srv.address) as conn:
            expect_status(conn.get("/ws", Connection="Upgrade", Upgrade="websocket",
                                   Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
                                   Sec_WebSocket_Version="13"), 101)
            for _ in range(11):
                conn.send(frame(text))
                check(conn.exact(2 + len(text))[2:] == text, "wrong frame")
            conn.send(b"\x88\x80\0\0\0\0")
    agent.expect(server(5, "/ws", status=101))


@case()
def connect_tunnel(t):
    """CONNECT is one request; what goes through the tunnel is the proxy's client side."""
    target = t.serve("python")
    proxy = t.serve("proxy")
    agent = t.watch(proxy)
    connect = head("CONNECT", target.authority(), target.authority())
    for _ in range(3):
        with Conn(proxy.address) as conn:
            expect_status(conn.request(connect, "CONNECT"), 200)
            repeat(conn, head("GET", "/hello", target.authority()), 7)
    agent.expect(server(3, "", method="CONNECT"), client_row(21, target.port))


@case()
def absolute_form(t):
    """GET http://host/path has the route of /path."""
    target = t.serve("python")
    proxy = t.serve("proxy")
    agent = t.watch(proxy)
    with Conn(proxy.address) as conn:
        repeat(conn, head("GET", target.url(), target.authority()), prime(13))
    agent.expect(server(prime(13)), client_row(prime(13), target.port))
