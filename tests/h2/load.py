# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Clients that are programs: h2load, and scripts that ask for more when they are told to."""

import collections
import os
import re
import subprocess

from kinds import BUILDS, GO, JAVA, source
from lib import check, need_programs, run, settings, wait_for

PATHS = (("/hello", 200), ("/users/7", 200), ("/big/16384", 200), ("/nowhere", 404),
         ("/users/12345", 200))


def _shares(n, conns):
    return [n // conns + (i < n % conns) for i in range(conns)]


def expected(n, conns, paths=PATHS, method="GET"):
    """What h2load asks for: each of its connections begins with the first path."""
    want = collections.Counter()
    for share in _shares(n, conns):
        for i, (path, status) in enumerate(paths):
            count = share // len(paths) + (i < share % len(paths))
            want[method, path, str(status)] += count
    return +want


def h2load_argv(t, srv, n, streams, conns, paths=PATHS, body=None, headers=()):
    uris = os.path.join(t.temp, "uris")
    with open(uris, "w") as f:
        f.writelines(srv.url(path) + "\n" for path, _ in paths)
    argv = ["h2load", "-n", n, "-c", conns, "-m", streams, "-i", uris]
    if body is not None:
        with open(os.path.join(t.temp, "body"), "wb") as f:
            f.write(body)
        argv += ["-d", f.name]
    for name, value in headers:
        argv += ["-H", "%s: %s" % (name, value)]
    return argv


def done(said):
    """How many requests h2load says were answered; all of them must have been."""
    total, finished, failed = map(int, re.search(
        r"requests: (\d+) total, .* (\d+) done, .* (\d+) failed", said).groups())
    check(total == finished, "h2load got %d answers to %d requests" % (finished, total))
    del failed  # a 404 counts as one
    return finished


def h2load(t, srv, n, streams, conns=7, seconds=60, **kw):
    """n requests, `streams` at once on each connection; returns what they were."""
    need_programs("h2load")
    paths, body = kw.get("paths", PATHS), kw.get("body")
    said = run(h2load_argv(t, srv, n, streams, conns, **kw), seconds)
    check(done(said) == n, "h2load made %d requests, not %d" % (done(said), n))
    return expected(n, conns, paths, "GET" if body is None else "POST")


def few(counter):
    text = ", ".join("%d %s" % (n, " ".join(key)) for key, n in counter.most_common(3))
    return "%d (%s)" % (sum(counter.values()), text)


def settled(srv, want):
    """A server writes its log after its client has the answer."""
    if not srv.kind.truth:
        return
    want = collections.Counter(want)
    try:
        wait_for("the server's log", lambda: srv.truth() == want, 3)
    except Exception:
        got = srv.truth()
        check(got == want, "%s says that it answered %s too much, and not %s" %
              (srv.name, few(got - want), few(want - got)))


class Script:
    """A program that makes requests over one connection for each line that it gets."""

    argv = None
    builds = ()
    needs = ()
    env = None

    def __init__(self, t, url, service=None):
        need_programs(*self.needs)
        for build in self.builds:
            BUILDS[build].make()
        self.proc = t.spawn(self.argv + [url], dict(self.env or {}, OTEL_SERVICE_NAME=service or
                                                    self.name), stdin=subprocess.PIPE)
        self.pid, self.n = self.proc.pid, 0
        self.proc.wait_line("READY")

    def start(self, n, together=1, kind="plain", first=None):
        """Asks for n requests; "#" in the URL counts on."""
        self.first = self.n if first is None else first
        self.n += n
        line = "%d %d %d %s\n" % (self.first, n, together, kind)
        self.proc.popen.stdin.write(line.encode())
        self.proc.popen.stdin.flush()

    def said(self):
        return self.proc.output().split()[1:]

    def wait(self, status=200, seconds=60):
        """Until all that was asked for is done; each must have ended with this status."""
        wait_for("%s to make its requests" % self.name, lambda: len(self.said()) >= self.n, seconds)
        bad = [s for s in self.said() if s != str(status)]
        check(not bad, "%d requests of %s ended with: %s" % (len(bad), self.name, bad[:3]))

    def ask(self, n, together=1, kind="plain", **kw):
        self.start(n, together, kind)
        self.wait(**kw)

    def close(self):
        self.proc.popen.stdin.close()
        code = self.proc.wait(20 * settings.slow)
        check(code == 0, "%s ended with %d" % (self.name, code))


class Go(Script):
    name, argv, builds = "go", [GO, "get"], ("go",)


class Node(Script):
    name, argv, needs = "node", ["node", source("node", "get.js")], ("node",)


class Java(Script):
    name, argv, needs, builds = "java", JAVA + ["get"], ("java",), ("java",)


SCRIPTS = {one.name: one for one in (Go, Node, Java)}
