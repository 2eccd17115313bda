# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One client: its requests to a server that we know, without redeye and with it.

The same program runs twice. The second time the server lets it wait for an answer where it is to
be looked at: warmed up, with redeye there for the last time, and when that has gone. It has its
connection open then, in all three.
"""

import threading

import programs
from exchange import Mirror
from lib import check
from unharmed import Rest, check_code, check_maps, check_rest
from watched import Comings, during

TLS_C, SIX = ("openssl-1.1", "boringssl"), 6  # tls.c wants just so many bytes
# Where a request may find its connection not yet given back, and take another one.
RACES = ("reqwest-rustls", "reqwest-native")
CONNECTIONS = 3


class Called:
    """A client that runs, watched like a server."""

    def __init__(self, t, subject, mirror):
        self.running = programs.Running(t, subject.key, "https://127.0.0.1:%d/hello" % mirror.port,
                                        mirror.n, env={"NO_PROXY": "*"})
        self.kind, self.proc = self.running.kind, self.running.proc
        self.problem = None
        self.thread = threading.Thread(target=self._go, daemon=True)

    def pids(self):
        return [self.running.pid]

    def start(self):
        """It goes on by itself: what it reads may be more than a pipe takes."""
        self.thread.start()

    def _go(self):
        stdin = self.proc.popen.stdin
        try:
            stdin.write(self.running.feed)
            stdin.close()
        except OSError as e:
            self.problem = e

    def finish(self):
        """Every answer must have been 200, and its end a good one."""
        self.thread.join()
        code = self.proc.wait(600)
        said = [s for s in self.kind.says.findall(self.proc.output()) if s != "READY"]
        good = sum(s == "200" for s in said)
        check(code == 0 and good == len(said) == self.running.n,
              "it ended with %d, %d of %d answers were 200: %s" %
              (code, good, self.running.n, self.proc.output()[-200:].strip()))


def whole(t, subject, mirror):
    """A run without redeye: what the server has got, and the files that it mapped in the end."""
    client = Called(t, subject, mirror)
    mirror.allow(mirror.n - 1)
    client.start()
    end = waiting(client, mirror, mirror.n - 1)
    mirror.allow(mirror.n)
    client.finish()
    files = {m.path for one in end.values() for m in one.maps if m.path.startswith("/")}
    return mirror.sum(), tuple(files)


def waiting(client, mirror, n):
    """What the client is while it waits for the answer to request n."""
    mirror.reached(n + 1)
    return Rest(client).take()


def interrupted(t, subject, mirror, options, result):
    """A run while redeye comes and goes."""
    client = Called(t, subject, mirror)
    n, last = mirror.n, mirror.n * 9 // 10
    comings = Comings(t, client)
    mirror.allow(n // 20)
    client.start()
    warm = waiting(client, mirror, n // 20)
    mirror.allow(n // 10)
    before = waiting(client, mirror, n // 10)
    mirror.n = last
    during(mirror, comings, options.times, n // 10)
    there = waiting(client, mirror, last)
    comings.go()
    after = Rest(client).take()
    mirror.n = n
    mirror.allow(n)
    client.finish()
    result.update(seen=comings.seen, times=comings.times)
    return warm, before, there, after


def check_client(t, subject, options, result):
    mirror = Mirror(t, options.requests, SIX if subject.key in TLS_C else 0)
    want, files = whole(t, subject, mirror)
    warm, before, there, after = interrupted(t, subject, mirror, options, result)
    got = mirror.sum()
    result.update(sums={"requests": int(got[0]), "bytes_sent": int(got[2]), "bytes_got": 0},
                  connections=int(got[3]))
    if subject.key in RACES:
        want[CONNECTIONS] = got[CONNECTIONS]
    check(got == want, "requests, hash, bytes, connections, resets, alerts: %s, without redeye %s" %
          (got, want))
    check_code(before, there, after, result)
    check_maps(warm, before, there, after, subject, result, files + subject.late)
    check_rest(before, after, subject, result)
    check(comings_saw(subject, result), "redeye saw only %d requests" % result["seen"])


def comings_saw(subject, result):
    return result["seen"] > result["requests"] // 10 or not subject.kind.seen
