# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Numbers that are used again, and processes that are gone while redeye looks at them: each request
is counted once, of the service that served it, on its own connection."""

import os
import signal
import subprocess
import sys
import time

from client import Conn, head, repeat
from faults import HERE, case, size
from lib import Failure, Skip, check, free_port
from prom import WHATEVER, client, server
from servers import source
from stress import program

HELLO = head("GET", "/hello")


def helper(name):
    return os.path.join(HERE, "programs", name)


# ---- process numbers ---------------------------------------------------------------------------

class Born:
    """A server of tests/live with a process number of our choice."""

    def __init__(self, t, pid, service, port):
        self.proc = t.spawn([sys.executable, helper("reborn.py"), pid, sys.executable,
                             source("python_server.py"), port], {"OTEL_SERVICE_NAME": service})
        try:
            self.proc.wait_line("LISTEN")
        except Failure:
            if "clone3: " in self.proc.output():
                raise Skip("process numbers cannot be chosen here: " + self.proc.output().strip())
            raise
        check("BORN %d\n" % pid in self.proc.output(), "it is not process %d" % pid)
        self.address = ("127.0.0.1", int(port))


def free_pid():
    """A number that was in use a moment ago, and will not come up again soon."""
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid


@case(timeout=60)
def pid_reused(t):
    """One number for a server that is selected, one that is not, and again one that is."""
    port, other = free_port(), free_port()
    agent = t.agent("--port", port)
    pid = free_pid()
    for service, listens, n in (("live-first", port, 7), ("live-other", other, 13),
                                ("live-second", port, 11)):
        srv = Born(t, pid, service, listens)
        with Conn(srv.address) as conn:
            repeat(conn, HELLO, n)
        srv.proc.stop()
    agent.expect(server(7, service="live-first"), server(11, service="live-second"))


@case(timeout=60)
def pid_reused_at_once(t):
    """Killed in the middle of a request, and the number is another's before redeye has read so."""
    port = free_port()
    agent = t.agent("--port", port)
    pid = free_pid()
    first = Born(t, pid, "live-first", port)
    conn = Conn(first.address)
    repeat(conn, HELLO, 7)
    agent.expect(server(7, service="live-first"))
    conn.send(head("GET", "/hold"))
    agent.expect_active(1)
    agent.proc.signal(signal.SIGSTOP)
    first.proc.stop()
    second = Born(t, pid, "live-second", port)
    with Conn(second.address) as conn:
        repeat(conn, HELLO, 11)
    agent.proc.signal(signal.SIGCONT)
    agent.expect(server(7, service="live-first"),
                 server(1, "/hold", status="", error=WHATEVER, service="live-first"),
                 server(11, service="live-second"))


# ---- descriptors --------------------------------------------------------------------------------

@case(timeout=60)
def fd_reused(t):
    """close() and accept(), dup2() over a live connection, a file in a connection's place."""
    proc = t.spawn([sys.executable, helper("fds.py"), 0], {"OTEL_SERVICE_NAME": "live-fds"})
    address = ("127.0.0.1", int(proc.wait_line("LISTEN")[6:]))
    agent = t.watch(proc, routes=("/{path}",))
    n = 0
    for _ in range(7):
        for path in ("/close", "/dup", "/file"):
            with Conn(address) as conn:
                repeat(conn, HELLO, 3)
                repeat(conn, head("GET", path), 1)
                n += 4
                if path == "/dup":
                    with Conn(address) as over:
                        check(conn.sock.recv(1) == b"", "the connection beneath did not end")
                        repeat(over, HELLO, 5)
                    n += 5
    agent.expect(server(n, "/{path}", service="live-fds"))


# ---- /proc --------------------------------------------------------------------------------------

@case(timeout=180)
def scanned_while_ending(t):
    """Short processes, each a new program, while redeye looks at all processes over and over."""
    rate, seconds = 100, size(11, 5)
    srv = t.serve()
    storm = t.spawn([program("storm"), srv.port, rate, seconds], stdin=subprocess.PIPE)
    agent = t.agent("--pid", storm.pid, routes=("/fixed/storm",), options=["--no-tls"])
    storm.popen.stdin.write(b"go\n")
    storm.popen.stdin.flush()
    reloads = 0
    end = time.monotonic() + 60
    while "DONE" not in storm.output() and time.monotonic() < end:
        agent.reload()
        reloads += 1
    n = rate * seconds
    check(storm.output().split() == ["DONE", str(n), "0"], "the storm: " + storm.output())
    scans = agent.scrape().total("redeye_processes_scans_total")
    check(reloads > 50 and scans > reloads, "%d reloads, %d scans" % (reloads, scans))
    agent.expect(client(n, 8080, address="storm"), server(n // 4, "/fixed/storm"))
    agent.expect_value("redeye_processes_selected", 1)
    agent.expect_value("redeye_connections_open", 0)
