# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ever new names: of paths, methods, hosts, services, peers, remote procedures. The URLs of a million
requests are in tests/stress."""

import random
import subprocess
import threading
import socket

import h2wire
from hostile import *  # noqa: F403
from lib import prime
from prom import FAMILY

LIMIT = 40
WORDS = "abcdefghijklmnopqrstuvwxyz-_.~%/0123456789"


def check_limit(metrics, family, limit, **labels):
    """As many series as are allowed, one of them for the rest, which says what it took."""
    rows = series(metrics, family, **labels)
    over = [value for have, value in rows if have.get("otel_metric_overflow") == "true"]
    check(len(rows) == limit, "%d series of %s, limit %d" % (len(rows), labels, limit))
    check(len(over) == 1, "%d overflow series" % len(over))
    counted = metrics.total("redeye_series_overflowed_total")
    check(over[0] == counted > 0, "the overflow series has %d, %d overflowed" % (over[0], counted))


def word(r):
    return "".join(r.choices(WORDS, k=r.randrange(1, 30))).encode()


def odd_request(r):
    return b"%s /%s/%d/%s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: %s\r\n\r\n" % (
        r.choice((b"GET", b"POST", b"X" + word(r).replace(b"/", b"").replace(b"%", b"").upper())),
        r.choice((b"a", b"b", b"c%d" % r.randrange(9))), r.randrange(200, 600), word(r), word(r),
        r.randrange(65536), word(r))


@case()
def names_of_requests(t):
    """Paths, methods, statuses and hosts of a server, all of them new each time."""
    n = prime(size(50021, 5003))
    victim = Victim(t, "http")
    with Attack(t, victim, options=["--cardinality-limit", str(LIMIT)]) as agent:
        r = random.Random(1)
        victim.exchange(odd_request(r) for _ in range(n))
        metrics = expect_total(agent, n)
        check_limit(metrics, FAMILY["server"], LIMIT, service_name="victim")
        methods = {have["http_request_method"] for have, _ in series(metrics, service_name="victim")
                   if "http_request_method" in have}
        check(methods == {"GET", "POST", "_OTHER"}, "methods: %s" % methods)
        check(metrics.total("redeye_routes_learned") <= 100, "more routes than are allowed")
        expect_nothing_lost(metrics)


@case()
def names_of_services(t):
    """A process that is another service after each exec, with an escape sequence in its name."""
    n = prime(size(211, 43))
    victim = Victim(t, "again", n)
    with Attack(t, victim) as agent:
        for _ in range(n):
            victim.exchange([b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"])

        def problems(metrics):
            rows = [row for row in series(metrics) if row[0]["service_name"] != "neighbour"]
            names = {have["service_name"] for have, _ in rows}
            if len(rows) != n or total(rows) != n:
                yield "%d requests of %d services, want %d of each" % (total(rows), len(names), n)
            for name in names:
                if name != "victim" and not name.startswith("v[31m"):
                    yield "a service called %r" % name
        agent.poll(problems, 20)


@case()
def names_of_peers(t):
    """A client that never calls the same address, host or port twice."""
    n = prime(size(20011, 2003))
    listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
    threading.Thread(target=answer_all, args=(listener,), daemon=True).start()
    victim = Victim(t, "caller", listener.getsockname()[1], n, stdin=subprocess.PIPE)
    with Attack(t, victim, options=["--cardinality-limit", str(LIMIT)], cpu=20) as agent:
        victim.proc.popen.stdin.write(b"\n")
        victim.proc.popen.stdin.flush()
        victim.proc.wait_line("DONE", 100)
        metrics = expect_total(agent, n, FAMILY["client"])
        check_limit(metrics, FAMILY["client"], LIMIT, service_name="victim")
        expect_nothing_lost(metrics)
    listener.close()


def answer_all(listener):
    while True:
        try:
            conn, _ = listener.accept()
            with conn:
                conn.recv(4096)
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            return


@case()
def names_of_procedures(t):
    """gRPC methods that all exist, so it seems: the first hundred have a name."""
    n = prime(size(20011, 2003))
    victim = Victim(t, "rpc")
    with Attack(t, victim) as agent:
        with h2wire.Client(victim) as client:
            for i in range(n):
                client.request(b"/p%d.S/M%d" % (i % 7, i), h2wire.GRPC)
                client.answered(i + 1)
        metrics = expect_total(agent, n, "rpc_server_call_duration_seconds")
        rows = series(metrics, "rpc_server_call_duration_seconds", service_name="victim")
        methods = {have["rpc_method"] for have, _ in rows}
        check(len(methods) == 101 and "_OTHER" in methods, "%d methods have a name" % len(methods))
        expect_nothing_lost(metrics)
