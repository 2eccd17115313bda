# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the hostile cases get in their hands: who is attacked, an honest neighbour, and what has to
hold of redeye whatever happens. The rest is from tests/stress and tests/live."""

import os
import socket
import sys

import stress
from lib import check, settings, wait_for
from prom import FAMILY

HERE = os.path.dirname(os.path.abspath(__file__))
NEIGHBOUR = 2003      # its requests, all of which are counted whatever its neighbour does
RING = ["--ring-size", "16MiB"]
sanitized = False     # memory and time are a sanitizer's own then


def size(full, short):
    return short if stress.quick else full


def case(timeout=120):
    return stress.case(build=stress.SANITIZED if sanitized else stress.PLAIN, timeout=timeout)


class Victim:
    """victim.py, as service `victim`."""

    def __init__(self, t, *mode, **kw):
        env = {"OTEL_SERVICE_NAME": kw.pop("name", "victim")}
        self.proc = t.spawn([sys.executable, os.path.join(HERE, "victim.py"), *mode], env=env, **kw)
        self.port = int(self.proc.wait_line("LISTEN").split()[1])
        self.address = ("127.0.0.1", self.port)

    def pids(self):
        return [self.proc.pid]

    def connect(self):
        s = socket.create_connection(self.address, 20)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def exchange(self, requests):
        """One after the other on one connection, each answered by "ok"."""
        with self.connect() as s:
            for data in requests:
                s.sendall(data)
                answer = b""
                while not answer.endswith(b"ok"):
                    more = s.recv(4096)
                    check(more, "the victim closed the connection after %r" % data[:60])
                    answer += more


class Neighbour(stress.Serve):
    """Serves honest clients all the while."""

    def __init__(self, t):
        self.proc = t.spawn([stress.program("serve")], env={"OTEL_SERVICE_NAME": "neighbour"})
        self.port = int(self.proc.wait_line("LISTEN").split()[1])
        self.load = t.load(self, 8)

    def begin(self):
        self.load.begin("fixed", 1000, NEIGHBOUR)

    def finish(self, agent):
        done = self.load.finished()
        check(done == NEIGHBOUR, "the neighbour served %d of %d" % (done, NEIGHBOUR))
        agent.expect_count(NEIGHBOUR, service_name="neighbour")


class Attack:
    """with Attack(t, victim, options...) as agent: ... The neighbour works meanwhile; at the end
    its requests were counted to the last, memory was kept, and so was the processor."""

    def __init__(self, t, *victims, options=(), cpu=10.0):
        self.neighbour = Neighbour(t)
        self.agent = t.watch(self.neighbour, *victims, routes=("/fixed",), options=RING + list(options))
        self.cpu = cpu

    def __enter__(self):
        self.before = cpu_seconds(self.agent)
        self.neighbour.begin()
        return self.agent

    def __exit__(self, kind, *unused):
        if kind:
            return
        self.neighbour.finish(self.agent)
        self.agent.settle()
        if not sanitized:
            self.agent.check_memory()
            used = cpu_seconds(self.agent) - self.before
            check(used <= self.cpu, "redeye took %.1f s of processor time, limit %.1f" % (used, self.cpu))


def cpu_seconds(agent):
    with open("/proc/%d/stat" % agent.proc.pid) as f:
        row = f.read().rpartition(")")[2].split()
    return (int(row[11]) + int(row[12])) / os.sysconf("SC_CLK_TCK")


# ---- what is counted -----------------------------------------------------------------------

def series(metrics, family=FAMILY["server"], **labels):
    return [(have, value) for have, value in metrics.get(family + "_count")
            if all(have.get(k, "") == w for k, w in labels.items())]


def total(rows):
    return sum(value for _, value in rows)


def expect_total(agent, n, family=FAMILY["server"], service="victim"):
    """Exactly n requests of the service, in however many series; the scrape that says so."""
    return agent.poll(lambda m: stress.differs(
        "requests of " + service, total(series(m, family, service_name=service)), n), 20)


LOSS = ("ring_full", "share", "conn_table_full")


def expect_nothing_lost(metrics, nested=()):
    """`nested`: programs of which one run may come in the middle of another, and is left out."""
    missed = "redeye_bpf_program_missed_total"
    lost = metrics.total("redeye_requests_dropped_total")
    check(lost == 0, "%d requests were dropped" % lost)
    lost = metrics.total(missed) - sum(metrics.total(missed, program=p) for p in nested)
    check(lost == 0, "%s is %d" % (missed, lost))
    for reason in LOSS:
        lost = metrics.total("redeye_events_dropped_total", reason=reason)
        check(lost == 0, "%d events were dropped: %s" % (lost, reason))


def wait_closed(agent, n=0):
    wait_for("connections to be forgotten",
             lambda: agent.scrape().total("redeye_connections_open") <= n, 30, 0.1)


__all__ = [n for n in dir() if not n.startswith("_")] + ["settings"]
