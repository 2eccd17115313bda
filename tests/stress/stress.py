# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the stress cases get in their hands: programs, load, and a redeye that is watched.

Everything else comes from tests/live. A case that was registered with build=PLAIN
runs the build without sanitizers, because it measures memory.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import agent
import harness
import servers
from lib import Failure, check, need_programs, settings, wait_for
from prom import FAMILY

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZED, PLAIN = "sanitized", "plain"
REPORT = re.compile(r"^.*(?:ERROR: (?:Address|Leak)Sanitizer|runtime error: |SUMMARY: \w+Sanitizer)"
                    r".*$", re.M)
LIMIT_BYTES = 64 << 20
SANITIZED_BYTES = 1 << 30  # a sanitizer's own memory is not redeye's

quick = False
redeye = {}   # build: its path, or None
builds = {}   # case: build, when it is not SANITIZED


def size(full, short):
    return short if quick else full


def case(build=SANITIZED, **kw):
    def register(function):
        harness.case(**kw)(function)
        builds[harness.CASES[-1].name] = build
        return function
    return register


# ---- builds of redeye ---------------------------------------------------------

def find_build(name, given, *make):
    """The path of a build; the tree's own is first made of the sources as they are now."""
    path = os.path.abspath(given or os.path.join(settings.root, name))
    if not given:
        done = subprocess.run(("make", "-C", settings.root) + make, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Failure("make %s: %s" % (" ".join(make), done.stdout.strip()[-300:]))
    if not os.access(path, os.X_OK):
        raise Failure("%s is not there" % path)
    return path


# ---- our programs -------------------------------------------------------------

def program(name):
    """Builds tests/stress/NAME.c when needed; its path."""
    path = os.path.join(settings.root, "build", "stress", "bin", name)
    source = os.path.join(HERE, name + ".c")
    headers = [os.path.join(HERE, h) for h in ("wire.h", "shapes.h")]
    cc = os.environ.get("CC", "cc")
    return servers.Build((path,), [source] + headers, cc,
                         [[cc, "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", path,
                           source]]).make()


class Serve:
    """serve.c; redeye's --pid wants its process."""

    def __init__(self, test, *mode, service="serve"):
        self.proc = test.spawn([program("serve")] + list(mode), {"OTEL_SERVICE_NAME": service})
        self.port = int(self.proc.wait_line("LISTEN").split()[1])
        self.address = ("127.0.0.1", self.port)

    def pids(self):
        return [self.proc.pid]

    def release(self):
        self.proc.signal(signal.SIGUSR1)


class Load:
    """load.c: requests when told to; `answered` and `failed` are the truth."""

    def __init__(self, test, server, connections, depth=1):
        self.proc = test.spawn([program("load"), server.port, connections, depth],
                               stdin=subprocess.PIPE)
        self.proc.wait_line("READY", 60)
        self.done = self.answered = self.failed = 0

    def pids(self):
        return [self.proc.pid]

    def tell(self, line):
        self.proc.popen.stdin.write(line.encode() + b"\n")
        self.proc.popen.stdin.flush()

    def finished(self, seconds=120):
        """Waits for the end of what it was told; how many requests were answered by it."""
        def probe():
            check(self.proc.alive(), "load ended: " + self.proc.output()[-300:])
            lines = re.findall(r"^DONE (\d+) (\d+)\n", self.proc.output(), re.M)
            return lines[self.done] if len(lines) > self.done else None
        before = self.answered
        self.answered, self.failed = map(int, wait_for("the load's end", probe, seconds))
        self.done += 1
        check(self.failed == 0, "%d requests failed" % self.failed)
        return self.answered - before

    def go(self, count, shape="fixed", rate=0):
        self.begin(shape, rate, count)
        check(self.finished() == count, "the load did not make %d requests" % count)

    def begin(self, shape="fixed", rate=0, count=0):
        self.tell("go %d %d %s" % (count, rate, shape))

    def stop(self):
        self.tell("stop")
        return self.finished()

    def each(self, shape="fixed"):
        self.tell("each " + shape)

    def wait(self):
        self.tell("wait")
        return self.finished()

    def at(self):
        """Answers so far, while it runs."""
        lines = re.findall(r"^AT (\d+) \d+\n", self.proc.output(), re.M)
        return int(lines[-1]) if lines else 0

    def close(self):
        self.proc.popen.stdin.close()
        self.proc.wait(20)


# ---- redeye ----------------------------------------------------------------------

class Agent(agent.Agent):
    def settle(self):
        """As in tests/live, but other programs of this machine may start and end meanwhile."""
        last = [None]

        def quiet(metrics):
            now = [metrics.total("redeye_events_observed_total", hook=h)
                   for h in ("send", "recv", "connection")]
            same, last[0] = now == last[0], now
            if not same:
                time.sleep(0.1)
            return [] if same else ["the event counters do not come to rest"]
        return self.poll(quiet)

    def end(self):
        """As in tests/live, with time for the leak check."""
        self.proc.signal(signal.SIGTERM)
        code = self.proc.wait(20 * settings.slow)
        check(code == 0, "redeye exited with %d on SIGTERM" % code)

    def status_bytes(self, field):
        with open("/proc/%d/status" % self.proc.pid) as f:
            return int(re.search(r"^%s:\s+(\d+) kB" % field, f.read(), re.M).group(1)) * 1024

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.proc.pid))

    def settled_fds(self):
        """The same, when what is loaded behind the start (the uprobes' programs) is there."""
        seen = []

        def quiet():
            seen.append(self.fds())
            return len(seen) > 200 and len(set(seen[-200:])) == 1
        wait_for("redeye's descriptors to stay as they are", quiet)
        return seen[-1]

    def count(self, **labels):
        """All server requests of the last scrape, or those with these labels."""
        return server_count(self.scrape(), **labels)

    def dropped(self, reason):
        return self.scrape().total("redeye_events_dropped_total", reason=reason)

    def lost(self):
        """What the ring did not take."""
        return self.dropped("ring_full") + self.dropped("share")

    def expect_count(self, n, **labels):
        self.poll(lambda m: differs("requests %s" % labels, server_count(m, **labels), n))

    def expect_value(self, name, n, seconds=10.0, **labels):
        self.poll(lambda m: differs(name, m.total(name, **labels), n), seconds)

    def expect_no_connections(self):
        for name in ("redeye_connections_open", "redeye_bpf_map_entries"):
            self.expect_value(name, 0, 20)

    def check_memory(self):
        peak = self.status_bytes("VmHWM")
        check(peak <= LIMIT_BYTES, "redeye took %.1f MiB of memory, limit 64 MiB" %
              (peak / 1024 / 1024))


def differs(what, got, want):
    return [] if got == want else ["%s: %d, want %d" % (what, got, want)]


def server_count(metrics, **labels):
    return metrics.total(FAMILY["server"] + "_count", **labels)


AFTER = 1009


def check_recovered(t, agent, srv, load):
    """After a loss: books in balance, nothing in flight for ever, all is exact again, on the
    connections that lost something and on new ones."""
    agent.settle()
    agent.expect_active(0)
    agent.expect_value("redeye_requests_in_flight", 0)
    # After a loss a client that pipelines is believed when it has been silent for a second
    # (agent/http1.c, QUIET_NS): the pause is what is tested, not a way to wait for redeye.
    time.sleep(1.2)
    load.go(AFTER, "after", rate=2000)
    agent.expect_count(AFTER, http_route="/fixed/after")
    t.load(srv, 23).go(AFTER, "after", rate=2000)
    agent.expect_count(2 * AFTER, http_route="/fixed/after")


def promtool(text):
    """promtool reads it; what it thinks of names (exit code 3) is not this test's matter. The last
    of a case: without promtool it is skipped."""
    need_programs("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30)
    check(done.returncode in (0, 3), "promtool: " + done.stdout.strip()[:300])


class Test(harness.Test):
    build = SANITIZED

    def agent(self, *selection, **kw):
        settings.redeye = redeye[self.build]
        limit = LIMIT_BYTES if self.build == PLAIN else SANITIZED_BYTES
        one = Agent(self.backend, self.subfolder("redeye"),
                    [str(s) for s in selection] + ["--memory-limit", str(limit)], **kw)
        self.agents.append(one)
        self.procs.append(one.proc)
        return one

    def command(self, *selection):
        """The plain command line, for a redeye that is not asked anything."""
        return [redeye[self.build], "run", "--backend", self.backend, "--listen", "none"] + \
            [str(s) for s in selection]

    def serve(self, *mode, **kw):
        return Serve(self, *mode, **kw)

    def load(self, server, connections=64, depth=1):
        return Load(self, server, connections, depth)

    def reports(self):
        """The first line of each sanitizer's report, whatever became of the case."""
        return [found.group(0).strip() for proc in self.procs
                for found in REPORT.finditer(proc.output())]


# ---- running a case -----------------------------------------------------------------

def _verdict(one, test):
    if not redeye[test.build]:
        return "SKIP", "there is no %s build of redeye" % test.build
    verdict, reason = harness._attempt(one, test)
    reports = test.reports()
    return ("FAIL", reports[0]) if reports else (verdict, reason)


def run_case(one, backend, suite="stress", kind=Test):
    """As harness.run_case, and a sanitizer's report is a failure."""
    folder = os.path.join(settings.root, "build", suite, "%s-%s" % (one.name, backend))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    test = kind(backend, folder, None)
    test.build = builds[one.name]
    start = time.monotonic()
    verdict, reason = _verdict(one, test)
    tail = " (%.1f s)" % (time.monotonic() - start) if verdict == "ok" else ": " + reason
    if verdict != "FAIL" and not settings.verbose:
        shutil.rmtree(folder, ignore_errors=True)
    print("%-4s %s %s%s" % (verdict, backend, one.name, tail), flush=True)
    return verdict
