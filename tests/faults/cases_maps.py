# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each table of the kernel side full, one by one: what had no room was counted, what had is exact.

Their sizes are changed as the kernel is asked for them (kernel.c). Tables that cannot be full are
not here: per-processor scratch, counters, and the ring (cases_ring.py).
"""

import secure
from cases_refused import doctor, expect_schemes, plain, scheme_counts
from client import Conn, head, repeat
from faults import HeldLoad, case, check_once, log_lines, shimmed
from lib import Skip, check
from prom import FAMILY, server
from stress import differs

HELLO = head("GET", "/hello")
FIXED = head("GET", "/fixed")
N = 13    # what there is room for
MORE = 17


@case()
def full_connections(t):
    """13 of 17 connections find room. The others' events are counted, each; when some of the 13
    have closed, others are seen."""
    srv = t.serve()
    agent = t.watch(srv, before=shimmed(maps="conns=%d" % N), routes=("/fixed",))
    conns = [Conn(srv.address) for _ in range(MORE)]
    for _ in range(7):
        for conn in conns:
            repeat(conn, FIXED, 1)
    agent.expect_count(7 * N)
    # A request is received, and answered, by one call each; the end is none of theirs.
    check(agent.dropped("conn_table_full") == 2 * 7 * (MORE - N),
          "conn_table_full is %d" % agent.dropped("conn_table_full"))
    agent.expect_value("redeye_bpf_map_entries", N, map="conns")
    for conn in conns[:N]:
        conn.close()
    agent.expect_value("redeye_bpf_map_entries", 0, map="conns")
    for conn in conns[N:]:
        repeat(conn, FIXED, 11)
        conn.close()
    with Conn(srv.address) as conn:
        repeat(conn, FIXED, 11)
    agent.expect(server(7 * N + 11 * (MORE - N + 1), "/fixed"))


@case()
def full_targets(t):
    """The table of processes has no place for numbers above kernel.pid_max of the start."""
    srv, other = t.serve("python"), t.serve("python")
    before = shimmed(maps="targets=%d" % (min(srv.proc.pid, other.proc.pid) // 64))
    agent = t.watch(srv, other, before=before)
    agent.expect_value("redeye_processes_refused_total", 2)
    check_once(agent, "cannot be watched: kernel.pid_max")
    with Conn(srv.address) as conn:
        repeat(conn, HELLO, 7)
    agent.settle()
    agent.expect()


@case()
def full_tls_objects(t):
    """TLS objects: 13 of 17 connections are joined, and the plaintext of the rest is counted as not
    joined."""
    srv = t.nginx()
    agent = t.watch(srv, before=shimmed(maps="tls_objs=%d" % N))
    conns = [secure.Conn(srv.address) for _ in range(MORE)]
    for _ in range(7):
        for conn in conns:
            repeat(conn, HELLO, 1)
    plain(t, srv, 97)
    expect_schemes(agent, 97, 7 * N)
    check(agent.dropped("not_joined") >= 2 * 7 * (MORE - N),
          "not_joined is %d" % agent.dropped("not_joined"))
    metrics = agent.scrape()
    for name, n in (("", MORE), ("_joined", N)):
        name = "redeye_tls_connections%s_total" % name
        check(metrics.total(name) == n, "%s is %d, want %d" % (name, metrics.total(name), n))
    for conn in conns[:N]:
        conn.close()
    agent.expect_value("redeye_connections_open", MORE - N, seconds=20)
    with secure.Conn(srv.address) as conn:
        repeat(conn, HELLO, 11)
    expect_schemes(agent, 97, 7 * N + 11)
    for conn in conns[N:]:
        conn.close()


@case()
def full_tls_calls(t):
    """Calls of TLS libraries: those that are not under way make way."""
    srv = t.nginx()
    agent = t.watch(srv, before=shimmed(maps="tls_calls=64,tls_came=64"))
    conns = [secure.Conn(srv.address) for _ in range(MORE)]
    for _ in range(7):
        for conn in conns:
            repeat(conn, HELLO, 1)
    for conn in conns:
        conn.close()
    agent.settle()
    seen, lost = scheme_counts(agent.scrape())["https"], agent.dropped("tls_calls_full")
    check(seen == 7 * MORE or lost > 0, "%d of %d requests are seen, %d calls are lost" %
          (seen, 7 * MORE, lost))


class Clients:
    """load.c's connections, watched as a client with --propagate from the first on."""

    def __init__(self, t, **maps):
        self.srv = t.serve()
        text = ",".join("%s=%d" % one for one in maps.items())
        self.load = HeldLoad(t, self.srv, MORE)
        self.agent = t.watch(self.load, before=shimmed(maps=text),
                             options=["--propagate", "--no-tls"])
        if log_lines(self.agent, "propagation is off"):
            raise Skip(log_lines(self.agent, "propagation is off")[0])
        self.load.connect()

    def connections(self, event):
        return self.agent.scrape().total("redeye_propagation_connections_total", event=event)

    def expect(self, n):
        self.load.go(n)
        self.agent.poll(lambda m: differs("requests of the client",
                                          m.total(FAMILY["client"] + "_count"), n))


@case()
def full_sockhash(t):
    """--propagate: connections without room go as they are and are counted; no request fails."""
    clients = Clients(t, prop_hash=N)
    clients.expect(1009)
    taken, refused = clients.connections("taken"), clients.connections("refused")
    # In some kernels they are given back with each send, and taken again when they are idle.
    check(taken >= N and refused == MORE - N, "%d taken, %d refused" % (taken, refused))


@case()
def full_contexts(t):
    """--propagate: what requests are part of is not kept. Only traces are poorer by it."""
    clients = Clients(t, contexts=1, serving=1, regular=1)
    clients.expect(1009)
    injected = clients.agent.scrape().total("redeye_propagation_requests_total",
                                            outcome="injected")
    check(injected >= MORE, "%d contexts were written" % injected)


@case()
def full_stash(t):
    """kprobe keeps the arguments of calls that are under way: those without room are counted."""
    if not doctor([])[1]["kprobe"]["available"]:
        raise Skip("no kprobe backend here")
    t.backend = "kprobe"
    srv = t.serve("python")
    agent = t.watch(srv, before=shimmed(maps="stash=%d" % N))
    conns = [Conn(srv.address) for _ in range(MORE)]  # a thread each, which waits in its receive
    for conn in conns:
        repeat(conn, HELLO, 2)
    agent.settle()
    check(agent.dropped("stash_full") > 0, "the table never was full")
    check(agent.count() + agent.dropped("stash_full") >= 2 * MORE, "requests are missing")
