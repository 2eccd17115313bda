# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same traffic whatever system calls move the bytes: the same counts and times."""

import os

from client import Conn, expect_status, head, post, repeat
from harness import case
from lib import Skip, prime
from prom import server
from cases_count import HELLO

FLAVOURS = ("read-write", "recv-send", "recvfrom-send", "recvmsg-sendmsg", "readv-writev", "peek",
            "empty-reads", "eager", "tiny-reads", "tiny-writes", "msg-more", "zerocopy", "sendfile",
            "splice", "recvmmsg", "sendmmsg", "dup", "passed")
BODIES = {"sendmmsg": 200003}  # more than a socket takes at once; else 10007


def traffic(address, n, body):
    """n GETs and n POSTs on a kept connection, n GETs on new ones, eleven in one write;
    returns the duration of the kept ones."""
    with Conn(address) as conn:
        seconds = repeat(conn, HELLO, n)
        repeat(conn, post("/echo", b"e" * body), n)
    for _ in range(n):
        with Conn(address) as conn:
            repeat(conn, head("GET", "/users/7"), 1)
    with Conn(address) as conn:
        conn.send(head("GET", "/count") * 11)
        for _ in range(11):
            expect_status(conn.read(), 200)
    return seconds


@case(on=FLAVOURS)
def syscalls(t, flavour):
    if flavour == "splice" and not hasattr(os, "splice"):
        raise Skip("this Python has no os.splice")
    srv = t.serve("syscalls", args=[flavour])
    agent = t.watch(srv)
    n = prime(31)
    seconds = traffic(srv.address, n, BODIES.get(flavour, 10007))
    agent.expect(server(n, seconds=(0, seconds + n * 0.001)),
                 server(n, "/echo", method="POST"), server(n, "/users/{id}"),
                 server(11, "/count"))
