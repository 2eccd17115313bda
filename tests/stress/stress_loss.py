# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What redeye cannot take it counts, the servers do not notice, and afterwards all is exact."""

import math
import socket
import threading
import time

import agent as live_agent
from lib import Failure, check
from stress import case, check_recovered, size

ROUTES = ("/fixed/after", "/fixed")


@case(timeout=60)
def ring_overflow(t):
    """A ring that is far too small."""
    srv = t.serve()
    agent = t.watch(srv, routes=ROUTES, options=["--ring-size", "64KiB"])
    load = t.load(srv, 64, depth=4)
    n = size(1000000, 300000)
    load.go(n)
    agent.settle()
    check(agent.lost() > 0, "the ring never was full")
    check(0 < agent.count() < n, "%d of %d requests reported" % (agent.count(), n))
    check_recovered(t, agent, srv, load)


# ---- scrapers ----------------------------------------------------------------------

class SlowScrapers:
    """Half of them never finish the request, the others read a byte a second; those that
    redeye throws out come back."""

    def __init__(self, port, n=40):
        self.port = port
        self.socks = [self._connect(i) for i in range(n)]
        self.reconnects = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _connect(self, i):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(5)
        s.connect(("127.0.0.1", self.port))
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
        s.sendall(request if i % 2 else request + b"\r\n")
        s.setblocking(False)
        return s

    def _over(self, i):
        try:
            return i % 2 == 0 and self.socks[i].recv(1) == b"" or \
                i % 2 == 1 and self.socks[i].recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _run(self):
        while not self.ended.wait(1):
            for i in range(len(self.socks)):
                if self._over(i):
                    self.socks[i].close()
                    self.socks[i] = self._connect(i)
                    self.reconnects += 1

    def stop(self):
        self.ended.set()
        self.thread.join()
        for s in self.socks:
            s.close()


def scrape_times(port, seconds):
    """Seconds that each scrape of a well-behaved scraper took."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            status, _ = live_agent.fetch(port, "/metrics")
        except TimeoutError:
            raise Failure("a scrape was not answered within 5 s")
        check(status == 200, "/metrics answered %d" % status)
        times.append(time.monotonic() - start)
        time.sleep(0.02)
    return sorted(times)


@case(timeout=90)
def slow_scraper(t):
    """40 scrapers that stall: neither capture nor another scraper waits for them."""
    srv = t.serve()
    agent = t.watch(srv, routes=ROUTES)
    load = t.load(srv, 16)
    load.begin(rate=3000)
    scrape_times(agent.port, 2)
    slow = SlowScrapers(agent.port)
    try:
        times = scrape_times(agent.port, 15)  # more than 100, else p99 is the maximum
    finally:
        slow.stop()
    n = load.stop()
    agent.expect_count(n)
    check(agent.lost() == 0, "events were lost")
    p99 = times[math.ceil(len(times) * 0.99) - 1]  # nearest rank
    check(len(times) > 100, "only %d scrapes in 15 s" % len(times))
    check(p99 < 1, "p99 of %d scrapes: %.3f s" % (len(times), p99))
    check(agent.fds() < 100, "%d descriptors are open" % agent.fds())
