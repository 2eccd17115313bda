# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections for their own sake, and hostile clients of redeye's own server."""

import socket
import threading

from hostile import *  # noqa: F403
from lib import prime

GET = b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n"


@case()
def idle_connections(t):
    """Ten times as many as there is room for; none says anything, a third is closed on one side only."""
    n = size(10007, 4003)
    room = n // 10
    victim = Victim(t, "http")
    with Attack(t, victim, options=["--max-connections", str(room)]) as agent:
        socks = [victim.connect() for _ in range(n)]
        for s in socks[::3]:
            s.shutdown(socket.SHUT_WR)
        metrics = agent.settle()
        check(metrics.total("redeye_connections_open") <= room, "more connections than there is room for")
        victim.exchange([GET] * 7)
        agent.expect_count(7, service_name="victim")
        for s in socks:
            s.close()
        wait_closed(agent, 16)


@case()
def connection_churn(t):
    """Opened, and closed or reset, without a byte or in the middle of a request."""
    n = prime(size(50021, 10007))
    victim = Victim(t, "http")
    with Attack(t, victim) as agent:
        for i in range(n):
            s = socket.create_connection(victim.address, 20)
            if i % 4 == 1:
                s.send(b"GET /half HTTP/1.1\r\nHo")
            elif i % 4 == 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        agent.settle()
        check(agent.count(service_name="victim") == 0, "half a head was counted")
        victim.exchange([GET] * 7)
        # An interrupt within a state change may bring another one: a poll tells what that was.
        expect_nothing_lost(expect_total(agent, 7), nested=("tp_set_state",))
        wait_closed(agent, 16)


def pester(port, data, n, held):
    """n connections that stay; what becomes of the data is the server's affair."""
    for _ in range(n):
        try:
            s = socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            return  # too few are held, which is noticed
        held.append(s)
        try:
            s.settimeout(0.01)
            s.sendall(data)
            s.recv(100)
        except OSError:
            pass


@case()
def clients_of_redeye(t):
    """Heads without end, of 64 KiB, of nonsense, and clients that take nothing, at redeye's own port:
    /metrics answers others, and what it watches is counted."""
    victim = Victim(t, "http")
    heads = (b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 65536 + b"\r\n\r\n",
             b"\x00\xff\x16\x03\x01" * 1000, b"GET /" + b"%" * 9000 + b" HTTP/1.1\r\n\r\n",
             b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             b"GET /api/v1/series?" + b"a=b&" * 1000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
             b"POST /metrics HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n")
    n, each = prime(2003), size(60, 20)
    with Attack(t, victim) as agent:
        held = []
        threads = [threading.Thread(target=pester, args=(agent.port, head, each, held), daemon=True)
                   for head in heads]
        for one in threads:
            one.start()
        victim.exchange([GET] * n)
        for one in threads:
            one.join()
        check(len(held) == each * len(heads), "only %d of %d connections came about" %
              (len(held), each * len(heads)))
        expect_nothing_lost(expect_total(agent, n))
        for s in held:
            s.close()
