# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The collector is gone, hangs, or its name does not resolve: requests are counted as before, and
every span is delivered once it answers."""

import itertools
import os
import socket
import struct
import threading

from cases_disk import CONNS
from faults import case, size
from lib import Skip, check, free_port, wait_for
from otlp import Receiver
from stress import differs

N = 1009
NAME = "collector.faults.test"
HOSTS = itertools.count(1)


class Spans:
    """redeye that sends spans to a port, and load on what it watches."""

    def __init__(self, t, port, host="127.0.0.1", before=(), options=()):
        self.srv, self.port, self.made = t.serve(), port, 0
        self.agent = t.watch(self.srv, before=before, routes=("/fixed",), options=[
            "--no-tls", "--otlp-endpoint", "http://%s:%d" % (host, port), "--otlp-protocol",
            "http/json", "--metrics-exporter", "none", "--spool-dir", "none",
            "--span-delay", "100ms", "--span-queue", "65536", "--otlp-timeout", "1s", *options])
        self.load = t.load(self.srv, CONNS)

    def go(self):
        self.load.go(N)
        self.made += N
        self.agent.expect_count(self.made)

    def expect(self, delivered, away, seconds=40):
        """None is dropped; the rest waits."""
        def problems(m):
            def of(name, **labels):
                return m.total("redeye_export_" + name, signal="traces", **labels)
            yield from differs("delivered", of("delivered_total"), delivered)
            yield from differs("waiting", of("waiting"), self.made - delivered)
            yield from differs("dropped", of("dropped_total"), 0)
            yield from differs("away", of("away"), away)
        self.agent.poll(problems, seconds)

    def expect_all(self, receiver):
        self.expect(self.made, 0)
        ids = [(s.trace_id, s.span_id) for s in receiver.spans()]
        check(len(set(ids)) == self.made, "%d spans came, want %d" % (len(set(ids)), self.made))
        return len(ids)


@case(timeout=120, long=True)
def collector_gone(t):
    """Refuses connections, comes back, goes again in the middle of a connection."""
    receiver = Receiver(free_port())
    receiver.pause()
    spans = Spans(t, receiver.port)
    try:
        spans.go()
        spans.expect(0, away=1)
        receiver.resume()
        check(spans.expect_all(receiver) == N, "spans came twice")
        receiver.pause()
        spans.go()
        spans.expect(N, away=1)
        receiver.resume()
        spans.expect_all(receiver)
    finally:
        receiver.close()


class Hang:
    """Accepts connections and never says a word."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.conns = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                self.conns.append(self.listener.accept()[0])
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for conn in self.conns:
            conn.close()


@case(timeout=120)
def collector_hangs(t):
    """It accepts, reads nothing and answers nothing, until redeye gives up; scrapes do not wait,
    and an end is not held up either."""
    port = free_port()
    hang = Hang(port)
    spans = Spans(t, port)
    spans.go()
    spans.expect(0, away=1)
    check(len(hang.conns) > 0, "it was never asked")
    hang.close()
    receiver = Receiver(port)
    try:
        check(spans.expect_all(receiver) == N, "spans came twice")
    finally:
        receiver.close()
    hang = Hang(port)
    spans.go()
    wait_for("a connection", lambda: hang.conns)
    spans.agent.end()
    hang.close()


# ---- names ---------------------------------------------------------------------------------------

class Names:
    """A DNS server on port 53 of a loopback address of its own. `mode`: "answers", "silent", or
    "nothing" (the name does not exist)."""

    def __init__(self, t):
        self.mode, self.asked = "answers", 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        pid = os.getpid()
        self.address = "127.%d.%d.%d" % (pid >> 8 & 127 | 64, pid & 255, next(HOSTS))
        try:
            self.sock.bind((self.address, 53))
        except OSError as e:
            raise Skip("no DNS server can listen on %s: %s" % (self.address, e))
        threading.Thread(target=self._run, daemon=True).start()
        path = os.path.join(t.temp, "resolv.conf")
        with open(path, "w") as f:
            f.write("nameserver %s\noptions timeout:1 attempts:1\n" % self.address)
        self.before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                       'mount --bind %s /etc/resolv.conf && exec "$0" "$@"' % path]

    def _answer(self, query):
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4:end - 2] == b"\0\1"
        found = self.mode == "answers" and is_a
        flags = 0x8183 if self.mode == "nothing" else 0x8180
        head = query[:2] + struct.pack(">HHHHH", flags, 1, int(found), 0, 0)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton("127.0.0.1")
        return head + query[12:end] + (answer if found else b"")

    def _run(self):
        while True:
            try:
                query, whom = self.sock.recvfrom(512)
            except OSError:
                return
            self.asked += 1
            if self.mode != "silent":
                self.sock.sendto(self._answer(query), whom)

    def close(self):
        self.sock.close()


@case(timeout=180)
def names_gone(t):
    """A DNS server that is silent, and one that does not know the name, from the start and later;
    later libcurl knows the address for a minute."""
    for mode in ("silent", "nothing")[:size(2, 1)]:
        names, receiver = Names(t), Receiver(free_port())
        try:
            names.mode = mode
            spans = Spans(t, receiver.port, NAME, names.before)
            spans.go()
            spans.expect(0, away=1)
            check(names.asked > 0, "nobody asked for the name")
            names.mode = "answers"
            spans.expect_all(receiver)
            names.mode = mode
            receiver.pause()  # the connection that is open needs no name
            spans.go()
            spans.expect(N, away=1)
            receiver.resume()
            spans.expect_all(receiver)
            spans.agent.finish()
        finally:
            receiver.close()
            names.close()
