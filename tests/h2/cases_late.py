# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye comes while connections are open: what it does not know it says, nothing is wrong.

HPACK's tables are then unknown. A request's path may be "" (it referred to what was sent
before), never one that was not asked for; every request from some point on is there.
"""

import time

import load
from cases_load import each_way
from harness import case
from kinds import serve, that_can
from lib import check, need_programs, prime, settings, wait_for
from load import h2load_argv
from seen import watch
from wire import Conn

METHODS = ("GET", "_OTHER")
LONGEST_MS = 5000


def wrong(line, paths):
    """Why this line cannot be true, or nothing."""
    status = str(line.get("status_code", ""))
    if line["path"] and line["path"] not in paths:
        return "a path that nobody asked for"
    if line["method"] not in METHODS:
        return "a method that nobody used"
    if status and line["path"] and status != str(paths[line["path"]]):
        return "status %s, not %s" % (status, paths[line["path"]])
    if status and int(status) not in paths.values():
        return "a status that nobody had"
    if not 0 <= line["duration_ms"] < LONGEST_MS * settings.slow:
        return "it cannot have lasted so long"
    return ""


def check_lines(lines, paths):
    for line in lines:
        why = wrong(line, paths)
        check(not why, "%s: %s" % (why, line))


def count_problems(seen, low, high):
    def problems(metrics):
        n = metrics.total("http_server_request_duration_seconds_count")
        return [] if low <= n <= high else ["%d requests, want %d to %d" % (n, low, high)]
    seen.agent.poll(problems, 15)


def _next_prime(n):
    while any(n % d == 0 for d in range(2, int(n ** 0.5) + 1)):
        n += 1
    return n


def _rate(t, srv):
    """Requests a second, about, of a runtime that has loaded its code."""
    want = load.h2load(t, srv, 10007, 64)
    start = time.monotonic()
    want += load.h2load(t, srv, 10007, 64)
    seconds = time.monotonic() - start
    load.settled(srv, want)
    return 10007 / seconds


def answered(srv):
    return sum(srv.truth().values())


def begin_busy(t, srv, n):
    """redeye, started while h2load makes n requests; and between which numbers of them it must
    have seen. None when the load was over too early, which proves nothing."""
    before = answered(srv)
    proc = t.spawn(h2load_argv(t, srv, n, 64, 7))
    if srv.kind.truth:
        wait_for("load", lambda: answered(srv) > before + 1000)
    seen = watch(t, srv)
    gone = answered(srv) - before
    busy = proc.alive()
    check(proc.wait(90 * settings.slow) == 0, "h2load failed: " + proc.output()[-300:])
    check(load.done(proc.output()) == n, "h2load had no answer to some")
    if not busy:
        return seen, None
    # What was in flight when redeye began may be seen or not.
    return seen, (n - gone - 7 * 128 if srv.kind.truth else 1, n)


@each_way(that_can("404"))
def late_busy(t, kind, tls):
    """h2load has 64 streams on each of seven connections when redeye begins."""
    need_programs("h2load")
    srv = serve(t, kind, tls)
    rate = _rate(t, srv)
    for seconds in (5, 20):
        seen, span = begin_busy(t, srv, _next_prime(int(rate * seconds * settings.slow)))
        if span or t.dry:
            break
        seen.agent.end()
    check(span or t.dry, "the load was always over before redeye began")
    if t.dry:
        return
    seen.agent.settle()
    count_problems(seen, *span)
    check_lines(seen.log(), dict(load.PATHS))


@each_way(that_can("404"))
def late_heals(t, kind, tls):
    """What is sent as new after redeye began is known, whatever was before; and so is every
    further use of it."""
    srv = serve(t, kind, tls)
    conns = [Conn(srv) for _ in range(3)]
    old = ["/users/%d" % i for i in (7, 12345)]
    for conn in conns:
        for path in old * 5:
            conn.request("GET", path)
    seen = watch(t, srv)
    new = ["/hello", "/nowhere", "/big/1"]
    paths = {"/hello": 200, "/nowhere": 404, "/big/1": 200, **{p: 200 for p in old}}
    for conn in conns:
        for path in old * 3 + new * 7:
            conn.request("GET", path, paths[path])
        conn.close()
    if t.dry:
        return
    n = (27 - srv.kind.proof) * 3
    count_problems(seen, n, n)
    wait_for("the access log", lambda: len(seen.log()) == n, 3)
    lines = seen.log()
    check_lines(lines, paths)
    for path in new:
        n = sum(line["path"] == path for line in lines)
        check(n == 21, "%s: known %d times, want 21" % (path, n))


@case(on=("go", "node", "hyper"), timeout=90)
def late_load_heals(t, kind):
    """Go's client sends each path as new: under load, redeye soon knows them all; then, in
    quiet, each one."""
    srv = serve(t, kind)
    client = load.Go(t, srv.url("/users/#"))
    start = time.monotonic()
    client.ask(prime(10007), 64)
    rate = client.n / (time.monotonic() - start)
    client.start(_next_prime(int(rate * 4)), 64)
    seen = watch(t, srv)
    client.start(_next_prime(int(rate)), 64)  # it may have taken longer than the others
    client.wait()
    if t.dry:
        return
    before = int(seen.agent.settle().total("redeye_requests_emitted_total"))
    wait_for("a line for each of %d" % before, lambda: len(seen.log()) == before, 5)
    paths = {"/users/%d" % i: 200 for i in range(client.n)}
    check_lines(seen.log(), paths)
    last = client.n
    client.ask(13)
    wait_for("thirteen more", lambda: len(seen.log()) == before + 13, 5)
    got = sorted(line["path"] for line in seen.log()[before:])
    want = sorted("/users/%d" % i for i in range(last, last + 13))
    check(got == want, "the last ones are not known: %s" % got)


@case(on=("nghttpd", "nginx", "go"))
def late_mid_stream(t, kind):
    """A response of which redeye sees only the end is no request; what follows is."""
    srv = serve(t, kind)
    conn = Conn(srv, window=16384)
    stream = conn.send("GET", "/big/100003")
    conn.until(lambda: len(conn.streams[stream].body) == 16384)
    seen = watch(t, srv)
    conn.window = None
    conn.h2.increment_flow_control_window(200000, stream)
    conn.h2.increment_flow_control_window(200000)
    conn.flush()
    conn.wait(stream)
    for _ in range(13):
        conn.request("GET", "/hello")
    conn.close()
    if t.dry:
        return
    count_problems(seen, 13 - srv.kind.proof, 13)
    check_lines(seen.log(), {"/hello": 200})


