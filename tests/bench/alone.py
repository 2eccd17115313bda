# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Redeye by itself: size, memory, the time to its first transaction, replaying.

The first transaction is found by counting from the end. One client sends
requests one after the other, from before redeye starts until after it is
ready, and keeps the time of each. When nothing is lost from the first captured
request on, and redeye counted k of n, the first one was number n - k.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import cost
import prom
import rounds
from client import head
from lib import Failure, Proc, Skip, check, settings

SERIES = 100
STARTS = 5
EVERY_S = 0.002
REPLAYS = 3
MADE_CONNECTIONS = 64


# ---- size --------------------------------------------------------------------

def size():
    """Bytes of the executable as built and stripped."""
    path = os.path.realpath(settings.redeye)
    found = {"built": os.path.getsize(path)}
    if shutil.which("strip"):
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run(["strip", "-o", out.name, path], check=True)
            found["stripped"] = os.path.getsize(out.name)
    return found


# ---- memory ------------------------------------------------------------------

def memory(setup, loaded, backend, options=()):
    """redeye's memory when it just started and with a hundred series."""
    routes = ["/series/%d" % i for i in range(SERIES)]
    one = setup.agent(loaded.selection(), backend, routes, options)
    try:
        found = {}
        if loaded.workload.tls:
            found["uprobes"] = _prober(rounds.probed(one))
        found["idle"] = cost.memory(one.proc.pid)
        with loaded.connect() as conn:
            for route in routes:
                conn.get(route)
        series = one.settle().total("redeye_series")
        check(series >= SERIES, "redeye keeps %d series, want %d" % (series, SERIES))
        found["series"] = cost.memory(one.proc.pid)
    finally:
        one.proc.stop()
    return found


def _prober(metrics):
    """What finding and probing TLS libraries took."""
    names = {"files": "redeye_uprobe_scans_total", "probes": "redeye_uprobe_attached_total",
             "scan_s": "redeye_uprobe_scan_time_seconds_total",
             "attach_s": "redeye_uprobe_attach_time_seconds_total"}
    return {k: metrics.total(name) for k, name in names.items()}


# ---- the first transaction ---------------------------------------------------

class Ticker(threading.Thread):
    """Requests every few ms; `sent` has the time of each that was answered."""

    def __init__(self, connect, keep):
        super().__init__(daemon=True)
        self.connect = connect
        self.keep = keep  # one connection for all, or one for each
        self.sent = []
        self.error = None
        self.ended = threading.Event()
        self.start()

    def run(self):
        try:
            conn = self.connect()
            while not self.ended.wait(EVERY_S):
                if not self.keep:
                    conn.close()
                    conn = self.connect()
                now = time.monotonic_ns()
                conn.request(head("GET", "/hello"))
                self.sent.append(now)
            conn.close()
        except (OSError, Failure) as e:
            self.error = e

    def finish(self):
        self.ended.set()
        self.join()
        if self.error:
            raise Failure("the client: %s" % self.error)


def _first(setup, loaded, backend, keep, options):
    """(ms from just before redeye's fork and exec to its first request, to its readiness)"""
    ticker = Ticker(loaded.connect, keep)
    time.sleep(10 * EVERY_S)
    start = time.monotonic_ns()
    one = setup.agent(loaded.selection(), backend, options=options)
    try:
        ready = time.monotonic_ns()
        if loaded.workload.tls:
            rounds.probed(one)
        time.sleep(10 * EVERY_S)
        ticker.finish()
        counted = int(one.settle().total("redeye_requests_emitted_total"))
    finally:
        ticker.ended.set()
        one.proc.stop()
    check(0 < counted <= len(ticker.sent),
          "redeye counted %d of %d requests" % (counted, len(ticker.sent)))
    first = ticker.sent[len(ticker.sent) - counted]
    return (first - start) / 1e6, (ready - start) / 1e6


def first_transaction(setup, loaded, backend, options=()):
    """Medians and worst of a few starts, in ms."""
    found = {}
    for name, keep in (("open", True), ("new", False)):
        times = [_first(setup, loaded, backend, keep, options) for _ in range(STARTS)]
        found[name] = {"median_ms": statistics.median(t[0] for t in times),
                       "worst_ms": max(t[0] for t in times),
                       "ready_ms": statistics.median(t[1] for t in times)}
    return found


# ---- replay ------------------------------------------------------------------

def _replay_once(path):
    """(transactions, seconds by the clock, CPU seconds), on one CPU."""
    with tempfile.TemporaryFile("w+") as out, cost.on_cpus({cost.CPUS[-1]}):
        start = time.monotonic()
        child = subprocess.Popen([settings.redeye, "replay", "--metrics", path],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        check(child.returncode == 0, "redeye replay exited with %d" % child.returncode)
        out.seek(0)
        done = prom.Metrics(out.read()).total("redeye_requests_emitted_total")
    return done, seconds, usage.ru_utime + usage.ru_stime


def replay(path):
    runs = [_replay_once(path) for _ in range(REPLAYS)]
    done, seconds, used = min(runs, key=lambda r: r[1])
    check(done > 0, "the recording %s holds no transaction" % path)
    return {"transactions": done, "file_bytes": os.path.getsize(path), "seconds": seconds,
            "cpu_seconds": used, "per_second": done / seconds}


def made_recording(setup, maker, transactions):
    """A recording of that many transactions, by tests/bench/mkrecording."""
    if not os.access(maker, os.X_OK):
        raise Skip("%s is not built" % os.path.relpath(maker, settings.root))
    path = os.path.join(setup.folder, "made.rec")
    done = subprocess.run([maker, path, str(transactions), str(MADE_CONNECTIONS)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, "mkrecording exited with %d: %s" %
          (done.returncode, done.stdout.strip()[-300:]))
    return path


def real_recording(setup, loaded, backend, seconds):
    """A recording of this server under load, by redeye record."""
    path = os.path.join(setup.folder, "%s-%s.rec" % (loaded.name, backend))
    argv = [settings.redeye, "record", "--backend", backend, "-o", path, *rounds.BLIND]
    argv += loaded.selection()
    with cost.pinned("rest"):
        proc = Proc(argv, path + ".log")
    try:
        proc.wait_line("redeye: info: ready:")
        setup.load(loaded, seconds)
        cost.quiet(proc.pid)
    finally:
        code = proc.stop()
    check(code == 0, "redeye record exited with %d: %s" % (code, proc.output()[-300:]))
    return path
