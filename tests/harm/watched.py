# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye that comes and goes while the exchange runs."""

import signal

from exchange import HOURS
from lib import check, settings, wait_for
from prom import FAMILY


class Comings:
    """One redeye at a time on these processes. Each counts what it has seen before it goes."""

    def __init__(self, t, server, options=()):
        self.t, self.server, self.options = t, server, options
        self.agent, self.seen, self.plaintext, self.times = None, 0, 0, 0

    def come(self):
        self.agent = self.t.watch(self.server, options=self.options)
        self.agent.poll(_unprobed, 30)
        self.times += 1

    def look(self):
        metrics = self.agent.scrape()
        names = (FAMILY["server"] + "_count", FAMILY["client"] + "_count",
                 "rpc_server_call_duration_seconds_count")
        self.seen += int(sum(metrics.total(name) for name in names))
        self.plaintext += int(metrics.total("redeye_tls_connections_joined_total"))

    def go(self, kill=False):
        """Ends it, or has it killed; in both cases the kernel takes all of it away."""
        self.look()
        if kill:
            self.agent.proc.signal(signal.SIGKILL)
            self.agent.proc.wait(30 * settings.slow)
        else:
            self.agent.end()
        self.agent = None


def _unprobed(metrics):
    waiting = metrics.total("redeye_uprobe_waiting")
    return ["%d processes are not probed yet" % waiting] if waiting else []


def during(exchange, comings, times, first=0):
    """The exchange is let go on as redeye comes, from request `first` to its last: while redeye
    comes and goes there is traffic."""
    def part(i):
        return first + int((exchange.n - first) * i / times)
    for i in range(times):
        if i:
            wait_for("part %d" % i, lambda: exchange.made() >= part(i - 0.5), HOURS)
            comings.go(kill=i % 2 == 0)
        comings.come()
        exchange.allow(part(i + 1))
    check(comings.times == times, "redeye came %d times" % comings.times)
