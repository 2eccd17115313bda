# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The wall clock jumps: what lasts, lasts as long as before, and nobody waits for a time that was.

redeye's CLOCK_REALTIME is moved (shim.c); what happens in the kernel is timed by CLOCK_MONOTONIC.
Not tested: a machine that sleeps. CLOCK_MONOTONIC stands still then, for redeye and the kernel
alike, so that a request that was under way lasts as long as the machine was awake.
"""

import json
import os
import time
from datetime import datetime

from agent import fetch
from client import Conn, head, repeat
from faults import case, shimmed
from lib import check, free_port, settings, wait_for
from otlp import Receiver
from prom import FAMILY, server

HOUR = 3600
JUMPS = (HOUR, -2 * HOUR, 48 * HOUR, -10 * 365 * 24 * HOUR, 0)
EACH = 7  # requests after each
SLEEP = head("GET", "/sleep/50")


class Jumped:
    def __init__(self, t):
        self.control, path = t.control()
        self.srv, self.receiver = t.serve("python"), Receiver(free_port())
        self.log = os.path.join(t.temp, "access.log")
        self.agent = t.watch(
            self.srv, before=shimmed(control=path), options=[
                "--no-tls", "--access-log", self.log, "--otlp-endpoint", self.receiver.endpoint(),
                "--otlp-protocol", "http/json", "--metrics-exporter", "none", "--spool-dir", "none",
                "--span-delay", "100ms"])
        self.made = 0

    def jump(self, seconds):
        self.control.realtime_ns = int(seconds * 1e9)

    def requests(self, conn, n):
        repeat(conn, SLEEP, n)
        self.made += n
        self.agent.expect_count(self.made)

    def lines(self):
        """Those of the access log, when there are all."""
        def whole():
            with open(self.log) as f:
                lines = [json.loads(line) for line in f]
            return lines if len(lines) == self.made else None
        return wait_for("%d lines in the access log" % self.made, whole)


def check_duration(agent, n):
    """Sums are right to 50 %, on a machine that is busy: a jump is an hour."""
    total = agent.scrape().total(FAMILY["server"] + "_sum")
    check(0.05 * n <= total <= 0.2 * n * settings.slow, "%d requests lasted %.3f s" % (n, total))


def check_spans(jumped):
    """Each lasts what it lasted, wherever the clock stood; starts ascend between two jumps."""
    spans = wait_for("%d spans" % jumped.made, lambda: jumped.receiver.spans()
                     if len(jumped.receiver.spans()) == jumped.made else None, 20)
    for one in spans:
        seconds = (one.end_ns - one.start_ns) / 1e9
        check(0.05 <= seconds < 5, "a span lasts %.3f s" % seconds)
    for i in range(0, len(spans), EACH):
        starts = [one.start_ns for one in spans[i:i + EACH]]
        check(starts == sorted(starts), "spans %d to %d do not ascend" % (i, i + EACH))


def check_history(jumped, seconds):
    """Its last second is now, wherever now is."""
    def now():
        status, body = fetch(jumped.agent.port, "/api/v1/services")
        behind = time.time() + seconds - json.loads(body)["to"]
        return status == 200 and -1 <= behind < 10 * settings.slow
    wait_for("the history, %d s from here" % seconds, now)


def calls_a_second(control):
    """A loop that waits for a time that does not come spins."""
    before, start = control.calls, time.monotonic()
    time.sleep(1)
    return (control.calls - before) / (time.monotonic() - start)


@case(timeout=120)
def clock_jumps(t):
    """An hour on, two back, two days on, ten years back: counts, durations, /metrics, the API,
    spans and the access log."""
    jumped = Jumped(t)
    quiet = calls_a_second(jumped.control)
    try:
        with Conn(jumped.srv.address) as conn:
            for seconds in JUMPS:
                jumped.jump(seconds)
                jumped.requests(conn, EACH)
                check_history(jumped, seconds)
                for path in ("/metrics", "/api/v1/services", "/api/v1/routes", "/healthz"):
                    start = time.monotonic()
                    status, _ = fetch(jumped.agent.port, path)
                    check(status == 200, "%s answered %d after %d s" % (path, status, seconds))
                    check(time.monotonic() - start < 2 * settings.slow, "%s took %.1f s" %
                          (path, time.monotonic() - start))
        check_duration(jumped.agent, jumped.made)
        for line in jumped.lines():
            check(50 <= line["duration_ms"] < 5000, "a line says %s ms" % line["duration_ms"])
        check_spans(jumped)
        busy = calls_a_second(jumped.control)
        check(busy < 10 * quiet + 1000, "%d looks at the clock a second, %d before" % (busy, quiet))
        jumped.agent.expect(server(jumped.made, "/sleep/{ms}"))
    finally:
        jumped.receiver.close()


@case(timeout=60)
def clock_namespace(t):
    """redeye in a time namespace, whose CLOCK_MONOTONIC is ahead of the kernel's, or behind."""
    for offset in (86400, -int(time.monotonic()) + 1):
        srv, log = t.serve(), os.path.join(t.temp, "log%d" % offset)
        agent = t.watch(srv, routes=("/fixed",), options=["--no-tls", "--access-log", log],
                        before=["unshare", "-T", "--monotonic", str(offset)])
        check(os.readlink("/proc/%d/ns/time" % agent.proc.pid) != os.readlink("/proc/self/ns/time"),
              "redeye has no time namespace of its own")
        load = t.load(srv, 7)
        load.go(1009)
        agent.expect(server(1009, "/fixed"))
        load.close()
        agent.expect_value("redeye_connections_open", 0)
        agent.expect_value("redeye_access_log_lines_total", 1009)
        with open(log) as f:
            starts = [datetime.fromisoformat(json.loads(line)["timestamp"][:19]) for line in f]
        ages = [(datetime.utcnow() - one).total_seconds() for one in starts]
        check(-2 < min(ages) and max(ages) < 60, "lines are %d to %d s old" %
              (min(ages), max(ages)))
        agent.finish()
