# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The collector is away, redeye is killed meanwhile and started again: what is lost?

Nothing: once redeye says that nothing waits in its memory, what was observed is on disk.
Each span arrives at least once, with the ids that the access log gave it at the time.
"""

import json
import os
import re
import signal

from harness import case
from lib import Skip, check, is_prime, settings, wait_for
from load import Load
from otlp import Receiver

RATE = 500   # requests a second
CONNS = 8
AWAY = 10    # seconds; QUICK in the quick form, LONG with --long
QUICK, LONG = 4, 300
BACK = 400   # until everything has arrived, at most

# Spans that a SIGKILL would take along.
IN_MEMORY = re.compile(r'redeye_(export_waiting\{.*place="(memory|queue)".*\}|'
                       r"trace_spans_held(\{.*\})?) (\S+)$")


def prime(n):
    return next(m for m in range(int(n), 2, -1) if is_prime(m))


class Log:
    """redeye's access log; read on from where it was read to."""

    def __init__(self, path):
        self.path, self.offset, self.ids = path, 0, {}

    def read(self):
        """{id of the request: (trace, span)}"""
        if os.path.exists(self.path):
            with open(self.path, "rb") as f:
                f.seek(self.offset)
                whole = f.read().rpartition(b"\n")[0]
            for line in map(json.loads, whole.splitlines()):
                self.ids[line["headers"]["x-truth-id"]] = (line["trace_id"], line["span_id"])
            self.offset += len(whole) + bool(whole)
        return self.ids


class Outage:
    def __init__(self, t):
        self.t = t
        self.service = t.service("nginx")
        self.receiver = t.receiver(Receiver())
        self.log = Log(os.path.join(t.folder, "access.log"))
        self.spool = os.path.join(t.folder, "spool")
        self.requests = self.looked_at = 0
        self.ids = set()
        self.start()

    def start(self):
        self.agent = self.t.redeye(self.receiver.endpoint(), self.service, spool=self.spool,
                                   more=("--access-log", self.log.path))

    def load(self, group, seconds):
        n = prime(RATE * seconds)
        Load(self.service.address, "/leaf", group, n, CONNS, RATE).wait()
        self.requests += n
        wait_for("%d lines in the access log" % self.requests,
                 lambda: len(self.log.read()) == self.requests, 20)

    def kill(self):
        """When nothing is left in memory."""
        def held(metrics):
            said = [m for m in map(IN_MEMORY.match, self.agent.text.splitlines()) if m]
            if not said:
                return ["redeye does not say what waits in its memory"]
            return [m.group(0) for m in said if float(m.group(4))]
        self.agent.poll(held, 30)
        self.agent.proc.signal(signal.SIGKILL)
        self.agent.proc.stop()

    def balance(self):
        """What came, and what the first redeye left, is what became of it."""
        def problems(metrics):
            def of(*names):
                return sum(metrics.total("redeye_export_" + n, signal="traces") for n in names)
            if not of("recovered_total"):
                yield "redeye has recovered nothing"
            into = of("items_total", "recovered_total")
            out = of("delivered_total", "dropped_total", "waiting")
            if into != out:
                yield "%d items and recovered ones are not the %d of which it is said what " \
                    "became" % (into, out)
        self.agent.poll(problems, 30)

    def arrived(self):
        """{(trace, span)}; only what is new is looked at."""
        spans = self.receiver.spans()
        self.ids.update((s.trace_id, s.span_id) for s in spans[self.looked_at:])
        self.looked_at = len(spans)
        return self.ids

    def wait_all(self):
        want = set(self.log.read().values())
        check(len(want) == self.requests, "%d ids for %d requests" % (len(want), self.requests))
        wait_for("all of %d spans to arrive" % len(want),
                 lambda: len(self.arrived()) >= len(want) <= len(self.ids & want), BACK, 0.25)


@case(timeout=1800)
def spool(t):
    if settings.self_check:
        raise Skip("the stand-in for redeye has no spool")
    away = LONG if settings.long else QUICK if settings.quick else AWAY
    o = Outage(t)
    o.load("before", 2)
    o.wait_all()
    o.receiver.pause()
    o.load("first", away / 2)
    o.kill()
    o.start()
    o.load("second", away / 2)
    early = len(o.arrived())
    o.receiver.resume()
    o.wait_all()
    o.balance()
    check(early < o.requests, "everything had arrived before the collector was back")
    twice = len(o.receiver.spans()) - len(o.arrived())
    check(len(o.arrived()) == o.requests, "%d spans of %d requests" %
          (len(o.arrived()), o.requests))
    print("NOTE spool: away for %d s, %d spans, %d of them twice" % (away, o.requests, twice),
          flush=True)
