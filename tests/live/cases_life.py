# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Processes, sockets and redeye itself come and go; the counts stay exact."""

import http.client
import os
import signal
import socket
import subprocess
import sys

import prom
from client import Conn, expect_status, head, one, repeat, spread
from harness import case
from lib import Skip, check, free_port, need_programs, prime, run
from prom import WHATEVER, client, server
from servers import source
from cases_count import HELLO
from cases_errors import RELEASE, held

# ---- redeye comes later -----------------------------------------------------------


@case(on=("python", "nginx", "node", "go"))
def attach_open(t, kind):
    """Connections that were open before redeye: all requests from then on."""
    srv = t.serve(kind)
    conns = [Conn(srv.address) for _ in range(3)]
    for conn in conns:
        repeat(conn, HELLO, 1)
    agent = t.watch(srv)
    for conn, n in zip(conns, (7, 11, 13)):
        repeat(conn, HELLO, n)
        conn.close()
    # A thread per connection waits in its receive, which those backends hook at the
    # entry: the first message of each was under way before them.
    unseen = 3 if kind == "python" and t.backend in ("fentry", "kprobe") else 0
    agent.expect(server(31 - unseen))


@case()
def attach_mid_request(t):
    """The answer to a request from before redeye is no request; the next ones are."""
    srv = t.serve("python")
    conn, = held(srv, 1)
    agent = t.watch(srv)
    expect_status(one(srv.address, RELEASE), 200)
    expect_status(conn.read(), 200)
    repeat(conn, HELLO, 13)
    conn.close()
    agent.expect(server(1, "/release"), server(13))


# ---- the server comes later --------------------------------------------------------

@case(on=("python", "node", "go", "nginx"))
def late_server(t, kind):
    """Selected by port: a server that starts after redeye, from its first request on."""
    port = free_port()
    agent = t.agent("--port", port)
    srv = t.serve(kind, port=port)
    with Conn(srv.address) as conn:
        repeat(conn, HELLO, 13)
    agent.expect(server(13, service=srv.service))


def shell_to_be(t, port):
    """A shell that becomes a server on `port` after a line on standard input."""
    return t.spawn(["sh", "-c", 'read go; exec "$0" "$@"', sys.executable,
                    source("python_server.py"), str(port)],
                   {"OTEL_SERVICE_NAME": "live-exec"}, stdin=subprocess.PIPE)


def become(shell):
    """Its address."""
    shell.popen.stdin.write(b"go\n")
    shell.popen.stdin.flush()
    return "127.0.0.1", int(shell.wait_line("LISTEN")[6:])


@case()
def late_server_excluded(t):
    """Servers that start later on an excluded port: selected by another rule until then, by
    none, and on one that a reload has excluded. What is not excluded is seen beside them."""
    mine, others, later, seen = (free_port() for _ in range(4))
    config = os.path.join(t.temp, "redeye.yaml")

    def exclude(*ports):
        with open(config, "w") as f:
            f.write("exclude-port: [%s]\n" % ", ".join(str(port) for port in ports))

    def ask(address):
        with Conn(address) as conn:
            repeat(conn, HELLO, 13)

    exclude(mine, others)
    shells = [shell_to_be(t, port) for port in (mine, later)]
    agent = t.agent("--pid", shells[0].pid, "--pid", shells[1].pid, "--port", seen,
                    "--config", config)
    ask(become(shells[0]))
    ask(t.serve("go", port=others).address)
    ask(t.serve("python", port=seen).address)
    agent.expect(server(13, service="live-python"))
    exclude(mine, others, later)
    agent.reload()
    ask(become(shells[1]))
    metrics = agent.expect(server(13, service="live-python"))
    watched = metrics.total("redeye_processes_selected")
    check(t.dry or watched == 1, "%d processes are watched" % watched)


@case()
def restart(t):
    """A server is replaced by another on its port."""
    port = free_port()
    agent = t.agent("--port", port)
    for service, n in (("live-first", 7), ("live-second", 11)):
        srv = t.serve("python", port=port, service=service)
        with Conn(srv.address) as conn:
            repeat(conn, HELLO, n)
        srv.proc.stop()
    agent.expect(server(7, service="live-first"), server(11, service="live-second"))


@case()
def exec_later(t):
    """A selected shell becomes the server by exec."""
    shell = shell_to_be(t, 0)
    agent = t.watch(shell)
    with Conn(become(shell)) as conn:
        repeat(conn, HELLO, 13)
    agent.expect(server(13, service="live-exec"))


# ---- workers -------------------------------------------------------------------------

def each_alone(address, n):
    for _ in range(n):
        expect_status(one(address, HELLO), 200)


@case()
def fork_later(t):
    """Workers inherit the selection when they are forked."""
    srv = t.serve("python", args=["--workers", "3", "--wait"], stdin=subprocess.PIPE)
    agent = t.agent("--pid", srv.proc.pid)
    srv.proc.popen.stdin.write(b"go\n")
    srv.proc.popen.stdin.flush()
    each_alone(srv.address, prime(97))
    agent.expect(server(prime(97), service=srv.service))


@case()
def prefork(t):
    """Workers that share the socket, selected by port."""
    srv = t.serve("python", args=["--workers", "3"])
    agent = t.agent("--port", srv.port)
    each_alone(srv.address, prime(97))
    agent.expect(server(prime(97), service=srv.service))


@case()
def reuseport(t):
    """Workers with a socket each on one port."""
    srv = t.serve("python", args=["--workers", "3", "--reuseport"])
    agent = t.agent("--port", srv.port)
    each_alone(srv.address, prime(97))
    agent.expect(server(prime(97), service=srv.service))


@case()
def nginx_workers(t):
    """nginx with SO_REUSEPORT, selected by port: the workers hold the connections."""
    srv = t.serve("nginx", listen="reuseport", workers=3)
    agent = t.agent("--port", srv.port)
    each_alone(srv.address, prime(97))
    n = prime(211)
    spread(srv.address, HELLO, n, conns=13)
    agent.expect(server(prime(97) + n, service=srv.service))


@case()
def two_services(t):
    """Two servers under one agent keep their names; a third, not selected, is not seen."""
    one_, two, other = t.serve("python"), t.serve("go"), t.serve("node")
    agent = t.watch(one_, two)
    for srv, n in ((one_, 13), (two, 17), (other, 19)):
        with Conn(srv.address) as conn:
            repeat(conn, HELLO, n)
    agent.expect(server(13, service="live-python"), server(17, service="live-go"))


@case()
def many_connections(t):
    """499 connections that are open at once."""
    srv = t.serve("go")
    agent = t.watch(srv)
    n = prime(499)
    conns = [Conn(srv.address) for _ in range(n)]
    for conn in conns:
        conn.send(HELLO)
    for conn in conns:
        expect_status(conn.read(), 200)
        conn.close()
    agent.expect(server(n))


# ---- kinds of sockets -------------------------------------------------------------------

def need_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError as e:
        raise Skip("no IPv6 here: %s" % e)


@case()
def ipv6(t):
    need_ipv6()
    srv = t.serve("python", host="::1")
    agent = t.watch(srv)
    spread(srv.address, HELLO, prime(97))
    agent.expect(server(prime(97)))


@case()
def ipv4_mapped(t):
    """IPv4 clients of a server that listens on [::]."""
    need_ipv6()
    srv = t.serve("python", host="::")
    agent = t.watch(srv)
    spread(("127.0.0.1", srv.port), HELLO, prime(97))
    agent.expect(server(prime(97)))


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


@case()
def unix(t):
    """http.client over a UNIX stream socket: kept connections and new ones."""
    srv = t.serve("python", unix=t.unix_path())
    agent = t.watch(srv)
    n = prime(97)
    kept = UnixHTTP(srv.address)
    for i in range(2 * n):
        conn = kept if i < n else UnixHTTP(srv.address)
        conn.request("GET", "/hello")
        answer = conn.getresponse()
        check(answer.status == 200 and answer.read() == b"hello\n", "wrong answer")
        if conn is not kept:
            conn.close()
    kept.close()
    agent.expect(server(2 * n))


def fast_opened(t, role, *options):
    need_programs("unshare", "ip")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Skip("this machine has no TUN devices")
    one = t.spawn(["unshare", "-n", sys.executable, source("fastopen.py"), role, "13"],
                  {"OTEL_SERVICE_NAME": "live-fastopen"}, stdin=subprocess.PIPE)
    one.wait_line("READY")
    agent = t.watch(one, options=options)
    one.popen.stdin.close()
    one.wait_line("DONE")
    return agent


@case()
def fast_open(t):
    """A request that comes with the SYN and is read before the handshake has ended, at the
    address of an earlier connection's socket or not: it has its answer, and no error."""
    agent = fast_opened(t, "server")
    agent.expect(server(26))
    agent.expect_forgotten()


@case()
def fast_open_client(t):
    """A request that leaves with the SYN: it has its answer, also where headers are written into
    those that leave later."""
    agent = fast_opened(t, "client", "--propagate")
    agent.expect(client(26, 80, address="live", service="live-fastopen"))
    agent.expect_forgotten()


# ---- redeye itself -----------------------------------------------------------------------

@case()
def ring_full(t):
    """A small ring that nobody reads for a while: losses are counted, later it is exact again."""
    need_programs("wrk")
    srv = t.serve("nginx")
    agent = t.watch(srv, options=("--ring-size", "64KiB"))
    if not t.dry:
        agent.proc.signal(signal.SIGSTOP)
    run(["wrk", "-t", 1, "-c", 7, "-d", "1s", srv.url()])
    if not t.dry:
        agent.proc.signal(signal.SIGCONT)
    before = agent.settle()
    dropped = sum(before.total("redeye_events_dropped_total", reason=reason)
                  for reason in ("ring_full", "share"))
    check(t.dry or dropped > 0, "nothing was dropped, though nobody read the ring")
    lost = server(len(srv.truth()), at_most=True, status=WHATEVER, error=WHATEVER)
    agent.expect(lost)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/users/1"), 97)
    agent.expect(lost, server(97, "/users/{id}"))


@case(vm=True)
def whole_machine(t):
    """--all: the server is among what is seen, and redeye does not see itself."""
    srv = t.serve("go")
    agent = t.agent("--all", "--exclude-pid", str(os.getpid()))
    n = prime(97)
    spread(srv.address, HELLO, n)

    def problems(metrics):
        rows = [(labels, v) for labels, v in
                metrics.get("http_server_request_duration_seconds_count")]
        mine = sum(v for labels, v in rows if labels[prom.LABELS["service"]] == srv.service)
        itself = sum(v for labels, v in rows if "/metrics" in labels[prom.LABELS["route"]])
        return ([] if mine == n else ["%d requests, want %d" % (mine, n)]) + \
            (["redeye saw its own /metrics"] if itself else [])
    agent.poll(problems)
