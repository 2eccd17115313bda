# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One server: the exchange before, during and after redeye, and what must be the same."""

import collections
import glob
import os
import re

import snapshot
import watch
from exchange import Exchange, differences
from lib import Failure, check, wait_for
from watched import Comings, during

SHORT_RATE = 5000   # so that a short run is not over before redeye has come and gone
SHORT_RUN = 100000
NUMBER = re.compile(r"(0x)?[0-9a-f]*\d[0-9a-f]*|\d+")


# ---- its logs --------------------------------------------------------------------------

class Logs:
    """What the server says of itself: its output and its error log, numbers aside."""

    def __init__(self, server):
        folder = os.path.dirname(server.proc.log)
        self.paths = [p for p in glob.glob(os.path.join(folder, "*.log"))
                      if os.path.basename(p) not in ("access.log", "calls.log")]
        self.at = {}

    def news(self):
        """{line: how often} since the last time."""
        lines = collections.Counter()
        for path in self.paths:
            with open(path, errors="replace") as f:
                f.seek(self.at.get(path, 0))
                for line in f:
                    lines[NUMBER.sub("#", line.strip())] += 1
                self.at[path] = f.tell()
        return lines


# ---- what it is --------------------------------------------------------------------------

class Rest:
    """Snapshots of a server that has no connections."""

    def __init__(self, server):
        self.server = server

    def take(self, like=None):
        """When descriptors are as few as in `like`, or no fewer than a moment before."""
        last = [None]

        def at_rest():
            now = snapshot.take(self.server.pids(), False)
            state = {pid: (one.fds, one.threads) for pid, one in now.items()}
            same, last[0] = state == last[0], state
            return same and (like is None or
                             snapshot.total(now, "fds") <= snapshot.total(like, "fds"))
        try:
            wait_for("the server to be at rest", at_rest, 15, 0.2)
        except Failure:
            pass  # what is compared says it
        return snapshot.take(self.server.pids())


def check_code(before, there, after, result):
    """Machine code: probes while redeye is there, the same bytes when it has gone."""
    places = snapshot.probes(before, there)
    left = snapshot.probes(before, after)
    long = [str(place) for place in places if place.size > snapshot.PROBE_MAX]
    result["probes"] = len(places)
    result["kernel_maps"] = sorted(set().union(*(one.of_kernel() for one in there.values())))
    check(not long, "changed by more than a probe: %s" % long[:3])
    check(not left, "not as it was: %s" % [str(place) for place in left[:3]])


def check_maps(warm, before, there, after, subject, result, late=()):
    """Mappings of files are the same throughout, but for `late` files, which the runtime maps at
    some time without redeye, too. Whether all mappings are the same is told; it is asked of native
    programs that changed none by themselves, from the warm-up on."""
    for what, now in (("while redeye is there", there), ("when redeye has gone", after)):
        for pid, one in before.items():
            if pid not in now:
                continue
            lines, mine = set(now[pid].file_lines()), set(one.file_lines())
            others = [line for line in lines ^ mine if line in mine or not line.endswith(late)]
            check(not others, "mappings %s: %s" % (what, sorted(others)[:3]))

    def every(process):
        return process.all_lines()
    steady = snapshot.same(warm, before, every)
    same = snapshot.same(before, there, every) and snapshot.same(before, after, every)
    result["maps"] = "all" if same else "files"
    result["steady"] = steady
    check(same or not steady or not subject.native, "its anonymous mappings are others: %s" %
          (snapshot.changed(before, there, every) or snapshot.changed(before, after, every)))


def check_rest(before, after, subject, result):
    """Nothing opened, nothing started; but for the runtime's own late files, and its threads where
    it starts some whenever others are busy."""
    result["processes"] = len(before)
    check(set(before) == set(after), "processes: %s before, %s after" %
          (sorted(before), sorted(after)))
    for field in ("fds", "threads"):
        result[field] = [snapshot.total(one, field) for one in (before, after)]
    opened = snapshot.opened(before, after)
    late = sum(n for name, n in opened.items() if name.endswith(subject.late))
    check(result["fds"][1] - late <= result["fds"][0], "descriptors: %d before, %d after: %s" %
          (*result["fds"], opened))
    check(result["threads"][1] <= result["threads"][0] or subject.elastic,
          "threads: %d before, %d after" % tuple(result["threads"]))


# ---- what was exchanged --------------------------------------------------------------------

def check_exchange(what, want, got, whole=True):
    """The same records; errors are part of them, but said by themselves, too."""
    for field in ("errors", "resets", "alerts"):
        if whole:
            check(got.sums[field] == want.sums[field], "%s: %d %s, without redeye %d" %
                  (what, got.sums[field], field, want.sums[field]))
    others = differences(want.records(), got.records(), whole)
    check(not others, "%s: the bytes of %d connections are others, the first is number %s" %
          (what, len(others), others[:1]))


def check_logs(want, got):
    news = {line: n for line, n in got.items() if n > want.get(line, 0)}
    check(not news, "its log has more: %s" % list(news.items())[:2])


def retransmitted():
    with open("/proc/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")])


# ---- all of it ------------------------------------------------------------------------------

def check_server(t, subject, options, result):
    server = subject.start(t)
    n = options.requests
    logs, rest = Logs(server), Rest(server)
    comings = Comings(t, server, watch.signatures(t, [server]))
    Exchange(t, subject, server.port, "warm", n // 10).run()
    warm = rest.take()
    logs.news()
    first = Exchange(t, subject, server.port, "before", n)
    first.run()
    check(first.sums["errors"] == 0, "without redeye %d requests fail" % first.sums["errors"])
    before, said, segments = rest.take(), logs.news(), retransmitted()
    second = Exchange(t, subject, server.port, "during", n, SHORT_RATE if n < SHORT_RUN else 0)
    during(second, comings, options.times)
    second.wait()
    there, segments = rest.take(before), retransmitted() - segments
    comings.go()
    after, said_then = rest.take(before), logs.news()
    last = Exchange(t, subject, server.port, "after", max(n // 10, 1009))
    last.run()
    result.update(seen=comings.seen, joined=comings.plaintext, times=comings.times,
                  retransmitted=segments, sums=second.sums, connections=len(second.records()))
    check_exchange("with redeye", first, second)
    check_exchange("after redeye", first, last, whole=False)
    check_logs(said, said_then)
    check_code(before, there, after, result)
    check_maps(warm, before, there, after, subject, result, subject.late)
    check_rest(before, after, subject, result)
    check(comings.seen > n // 10, "redeye saw only %d requests" % comings.seen)
