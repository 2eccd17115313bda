# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A request without a whole answer is an error with an error.type, never silence."""

import signal

from client import Conn, expect_status, head, one, repeat
from harness import case
from lib import check, wait_read
from prom import ANY, WHATEVER, server

HOLD = head("GET", "/hold")
RELEASE = head("GET", "/release")


def ends_early(conn, data):
    """Sends a request and reads until the server ends the connection; returns what came."""
    got = b""
    try:
        conn.send(data)
        while True:
            more = conn.sock.recv(65536)
            if not more:
                return got
            got += more
    except ConnectionError:
        return got


def unanswered(t, path, status, error):
    """Five requests that the server breaks off, then thirteen that it answers."""
    srv = t.serve("python")
    agent = t.watch(srv)
    for _ in range(5):
        with Conn(srv.address) as conn:
            check(b"HTTP/1.1 200" not in ends_early(conn, head("GET", path)) or status,
                  "%s was answered" % path)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/hello"), 13)
    agent.expect(server(5, path, status=status, error=error), server(13))


@case()
def close_without_answer(t):
    """The server reads the request and closes."""
    unanswered(t, "/close", "", "connection_closed")


@case()
def reset_without_answer(t):
    """The server reads the request and resets the connection."""
    unanswered(t, "/reset", "", ANY)


@case()
def partial_answer(t):
    """The server promises 1000 bytes, sends ten and closes."""
    unanswered(t, "/partial", 200, "connection_closed")


@case()
def closed_after_some(t):
    """Three good answers on a connection, then none for the fourth."""
    srv = t.serve("python")
    agent = t.watch(srv)
    for _ in range(5):
        with Conn(srv.address) as conn:
            repeat(conn, head("GET", "/hello"), 3)
            ends_early(conn, head("GET", "/close"))
    agent.expect(server(15), server(5, "/close", status="", error="connection_closed"))


def held(srv, n):
    """n connections with a request that the server has read and does not answer."""
    conns = [Conn(srv.address) for _ in range(n)]
    for conn in conns:
        conn.send(HOLD)
        wait_read(conn.sock)
    return conns


@case()
def client_abort(t):
    """The client resets the connection before the answer."""
    srv = t.serve("python")
    agent = t.watch(srv)
    for conn in held(srv, 3):
        conn.reset()
    expect_status(one(srv.address, RELEASE), 200)
    agent.expect(server(3, "/hold", status="", error="connection_reset"), server(1, "/release"))


@case()
def client_leaves(t):
    """The client closes before the answer, without a reset: it is still one request each. The
    server may yet answer, it cannot know; so both ends are right."""
    srv = t.serve("python")
    agent = t.watch(srv)
    for conn in held(srv, 3):
        conn.close()
    expect_status(one(srv.address, RELEASE), 200)
    agent.expect(server(3, "/hold", status=WHATEVER, error=WHATEVER), server(1, "/release"))


def abort_inside(t, kind, path, route):
    srv = t.serve(kind)
    agent = t.watch(srv)
    for _ in range(3):
        conn = Conn(srv.address, rcvbuf=65536)
        conn.send(head("GET", path))
        conn.exact(1000)
        conn.reset()
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/hello"), 13)
    agent.expect(server(3, route, status=200, error="connection_reset"), server(13))


@case(on=("python", "node", "go"))
def client_abort_inside(t, kind):
    """The client resets the connection inside a body of 50 MB."""
    abort_inside(t, kind, "/big/50000003", "/big/{bytes}")


@case()
def client_abort_sendfile(t):
    """The client resets the connection inside a sendfile of 200 MB."""
    abort_inside(t, "nginx", "/download", "/download")


@case()
def killed(t):
    """The server gets SIGKILL while it works on three requests."""
    srv = t.serve("python")
    agent = t.watch(srv)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/hello"), 13)
    conns = held(srv, 3)
    srv.proc.signal(signal.SIGKILL)
    for conn in conns:
        check(not ends_early(conn, b""), "a killed server answered")
        conn.close()
    agent.expect(server(13), server(3, "/hold", status="", error="process_exited"))


@case()
def active_requests(t):
    """Requests that are being worked on show in http.server.active_requests."""
    srv = t.serve("python")
    agent = t.watch(srv)
    agent.expect_active(0)
    conns = held(srv, 3)
    agent.expect_active(3)
    expect_status(one(srv.address, RELEASE), 200)
    for conn in conns:
        expect_status(conn.read(), 200)
        conn.close()
    agent.expect(server(3, "/hold"), server(1, "/release"))
    agent.expect_active(0)
