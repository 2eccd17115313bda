# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Disks that are full or read-only: requests are counted as before, each line or span that is lost
is, too, redeye says it once, and goes on when there is room again."""

import json
import os

from faults import Disk, case, check_once, log_lines, size
from lib import Proc, check, free_port, settings, wait_for
from otlp import Receiver
from stress import differs

N, AFTER = 20011, 1009
CONNS = 16


def lines(agent, what="lines"):
    return agent.scrape().total("redeye_access_log_%s_total" % what)


class Log:
    """redeye with an access log on a small disk, and load."""

    def __init__(self, t, kib=512, fill=False):
        self.disk, self.srv = Disk(t, kib), t.serve()
        before = self.disk.before
        if fill:  # by the same shell that mounts it
            before = before[:-2] + before[-2:] + ["sh", "-c", 'dd if=/dev/zero of=%s/filler bs=64k '
                                                  '2>&-; exec "$0" "$@"' % self.disk.path]
        path = os.path.join(self.disk.path, "access.log")
        self.agent = self.disk.of(t.watch(self.srv, before=before, routes=("/fixed",), options=[
            "--no-tls", "--access-log", path, "--log-queue", "65536"]))
        self.load = t.load(self.srv, CONNS)
        self.made = 0

    def go(self, n):
        self.load.go(n)
        self.made += n
        self.agent.expect_count(self.made)

    def settle(self):
        """Waits until each request has a line, or is dropped; (lines, dropped)"""
        def problems(m):
            done = m.total("redeye_access_log_lines_total") + \
                m.total("redeye_access_log_dropped_total")
            yield from differs("lines and drops", done, self.made)
            yield from differs("queued", m.total("redeye_access_log_queued"), 0)
        self.agent.poll(problems, 20)
        return lines(self.agent), lines(self.agent, "dropped")

    def check_file(self, want):
        """Whole lines, as many as the metric says."""
        with open(os.path.join(self.disk.inside, "access.log")) as f:
            whole = [json.loads(line) for line in f.read().splitlines(True) if line.endswith("\n")]
        check(len(whole) == want, "%d lines in the file, want %d" % (len(whole), want))


COMPLAINT = "lines dropped: %s"


@case(timeout=120)
def disk_full_access_log(t):
    log = Log(t)
    log.go(101)
    check(log.settle() == (101, 0), "with room: %s" % (log.settle(),))
    log.disk.fill()
    log.go(N)
    written, dropped = log.settle()
    check(dropped > 0, "nothing was lost on a full disk")
    check(1 <= len(log_lines(log.agent, COMPLAINT % "No space left on device")) <= 2,
          "it complains %d times" % len(log_lines(log.agent, COMPLAINT % "")))
    log.check_file(written)
    log.disk.drain()
    log.go(AFTER)
    wait_for("what is written after the disk was emptied",
             lambda: log.settle() == (written + AFTER, dropped), 5)
    log.check_file(written + AFTER)


@case(timeout=120, long=True)
def disk_full_at_start(t):
    """It starts, and writes as soon as there is room."""
    log = Log(t, fill=True)
    log.go(N)
    written, dropped = log.settle()
    check(dropped > 0, "nothing was lost on a full disk")
    log.disk.drain()
    log.go(AFTER)
    check(log.settle() == (written + AFTER, dropped), "after the disk was emptied: %s, want %s" %
          (log.settle(), (written + AFTER, dropped)))


# ---- the spool ---------------------------------------------------------------------------------

class Spans:
    """redeye with a spool on a small disk, a collector that is away, and load."""

    def __init__(self, t, kib=1024, spool="spool"):
        self.disk, self.srv = Disk(t, kib), t.serve()
        self.port, self.made = free_port(), 0
        self.agent = self.disk.of(t.watch(
            self.srv, before=self.disk.before, routes=("/fixed",), options=[
                "--no-tls", "--otlp-endpoint", "http://127.0.0.1:%d" % self.port,
                "--otlp-protocol", "http/json", "--metrics-exporter", "none",
                "--spool-dir", os.path.join(self.disk.path, spool), "--span-delay", "100ms",
                "--span-queue", "65536", "--history-limit", "0"]))
        self.load = t.load(self.srv, CONNS)
        self.receiver = None

    def go(self, n):
        """No faster than spans are encoded."""
        self.load.go(n, rate=20000)
        self.made += n
        self.agent.expect_count(self.made)

    def total(self, name, **labels):
        return self.agent.scrape().total("redeye_export_%s" % name, signal="traces", **labels)

    def balance(self, waiting=None):
        """What was added was delivered, dropped, or waits, as soon as all is at rest."""
        def problems(m):
            def of(name, **labels):
                return m.total("redeye_export_" + name, signal="traces", **labels)
            yield from differs("items", of("items_total"), self.made)
            yield from differs("items", of("items_total") + of("recovered_total"),
                               of("delivered_total") + of("dropped_total") + of("waiting"))
            yield from differs("in the queue", of("waiting", place="queue"), 0)
            if waiting is not None:
                yield from differs("waiting", of("waiting"), waiting)
        self.agent.poll(problems, 30)

    def come_back(self):
        self.receiver = Receiver(self.port)

    def arrived(self):
        return {(s.trace_id, s.span_id) for s in self.receiver.spans()}

    def close(self):
        if self.receiver:
            self.receiver.close()


CANNOT = "cannot write to the spool: %s; kept in memory"


@case(timeout=180)
def disk_full_spool(t):
    """What the full disk does not take waits in memory, as far as that reaches. When there is room
    and a collector, all comes that was not counted as lost."""
    spans = Spans(t, kib=131072)  # room for all that waits in memory
    spans.go(AFTER)
    spans.balance()
    spans.disk.fill()
    spans.go(size(100003, N))
    spans.balance()
    lost = spans.total("dropped_total")
    check(1 <= len(log_lines(spans.agent, CANNOT % "No space left on device")) <= 2,
          "it said: %s" % log_lines(spans.agent, "spool"))
    spans.disk.drain()
    spans.go(AFTER)
    spans.balance()
    check(spans.total("dropped_total") == lost, "spans were lost while there was room")
    spans.come_back()
    try:
        spans.balance(waiting=0)
        want = spans.made - lost
        wait_for("%d spans" % want, lambda: len(spans.arrived()) >= want, 30)
        check(len(spans.arrived()) == want, "%d spans arrived, want %d" %
              (len(spans.arrived()), want))
        delivered = spans.total("delivered_total")
        check(delivered == want, "%d are said to be delivered, want %d" % (delivered, want))
    finally:
        spans.close()


@case(timeout=120)
def disk_read_only(t):
    """A spool and a socket on a read-only disk: said once each, and redeye serves without."""
    disk, srv, port = Disk(t), t.serve(), free_port()
    before = disk.before + ["sh", "-c", 'mount -o remount,ro %s && exec "$0" "$@"' % disk.path]
    agent = disk.of(t.watch(srv, before=before, routes=("/fixed",), options=[
        "--no-tls", "--otlp-endpoint", "http://127.0.0.1:%d" % port, "--otlp-protocol", "http/json",
        "--metrics-exporter", "none", "--spool-dir", disk.path + "/spool", "--span-delay", "100ms",
        "--socket", disk.path + "/api"]))
    load = t.load(srv, CONNS)
    load.go(AFTER)
    agent.expect_count(AFTER)
    check_once(agent, "no spool, what the collector does not take stays in memory: .*Read-only")
    check_once(agent, "Read-only file system: the API is not there")
    receiver = Receiver(port)
    try:
        wait_for("the spans", lambda: len(receiver.spans()) >= AFTER, 20)
        check(len(receiver.spans()) == AFTER, "%d spans" % len(receiver.spans()))
    finally:
        receiver.close()


@case(timeout=60)
def disk_read_only_log(t):
    """An access log that can never be written is a mistake: redeye says so and does not start."""
    disk, srv = Disk(t), t.serve()
    before = disk.before + ["sh", "-c", 'mount -o remount,ro %s && exec "$0" "$@"' % disk.path]
    path = disk.path + "/access.log"
    proc = Proc(before + t.command("--pid", srv.proc.pid, "--access-log", path),
                t.subfolder("redeye") + "/log")
    check(proc.wait(20) == 1, "it started")
    check("redeye: error: cannot write the access log to %s: Read-only file system\n" % path in
          proc.output(), "it said " + proc.output())


@case(timeout=60)
def disk_full_recording(t):
    """`redeye record` ends when it cannot write any more, and says so."""
    disk, srv = Disk(t, kib=256), t.serve()
    path = disk.path + "/f.red"
    proc = t.spawn(disk.before + [settings.redeye, "record", "--backend", t.backend, "--no-tls",
                                  "--pid", srv.proc.pid, "-o", path])
    proc.wait_line("redeye: info: ready:")
    t.load(srv, CONNS).go(N)
    check(proc.wait(10 * settings.slow) == 1, "it ended well")
    said = "redeye: error: cannot write %s: No space left on device\n" % path
    check(said in proc.output(), "it said " + proc.output())
