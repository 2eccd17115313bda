# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye is killed at any moment, stopped, started again: no client notices, nothing is left."""

import ctypes
import errno
import os
import platform
import random
import re
import signal
import threading
import time

import faults
import secure
from client import expect_status, head
from faults import case, size
from lib import Skip, check, settings, wait_for
from prom import FAMILY
from stress import check_recovered, differs, program, server_count

HELLO = head("GET", "/hello")

# ---- what the kernel keeps of redeye ------------------------------------------------

NR_BPF = {"x86_64": 321, "aarch64": 280}
GET_NEXT_ID = {"prog": 11, "map": 12, "btf": 23, "link": 31}  # enum bpf_cmd
libc = ctypes.CDLL(None, use_errno=True)
TRACEFS = "/sys/kernel/tracing"


def objects(pid):
    """{(kind, id)} of the BPF objects whose descriptors the process holds."""
    found = set()
    folder = "/proc/%d/fdinfo" % pid
    for fd in os.listdir(folder):
        try:
            with open(os.path.join(folder, fd)) as f:
                text = f.read()
        except OSError:
            continue
        found.update((kind, int(n)) for kind, n in
                     re.findall(r"^(prog|map|btf|link)_id:\s+(\d+)$", text, re.M))
    return found


def exists(kind, number):
    """Without taking hold of it: a program array whose last descriptor is closed twice while it is
    being cleared stays for ever (Linux 6.18, prog_array_map_clear())."""
    attr = (ctypes.c_uint32 * 3)(number - 1)
    if not libc.syscall(NR_BPF[platform.machine()], GET_NEXT_ID[kind], attr, ctypes.sizeof(attr)):
        return attr[1] == number
    code = ctypes.get_errno()
    check(code == errno.ENOENT, "bpf: %s" % os.strerror(code))
    return False


def kill(proc):
    """SIGKILL at this very moment; returns what the process had in the kernel."""
    proc.signal(signal.SIGSTOP)
    held = objects(proc.pid)
    proc.signal(signal.SIGKILL)
    proc.stop()
    return held


def left_behind(held):
    """What is still there of it; freeing takes the kernel a moment."""
    deadline = time.monotonic() + 10 * settings.slow
    while True:
        held = {one for one in held if exists(*one)}
        if not held or time.monotonic() > deadline:
            return held
        time.sleep(0.02)


def defined_probes(pids):
    """Probes that are defined in tracefs and named after one of these processes. A later redeye
    removes those of one that was killed (agent/kretprobe.c)."""
    found = []
    for name in ("kprobe_events", "uprobe_events"):
        path = os.path.join(TRACEFS, name)
        if os.path.exists(path):
            with open(path) as f:
                found += [line for line in f if re.search(r"redeye_(\d+)/", line) and
                          int(re.search(r"redeye_(\d+)/", line).group(1)) in pids]
    return found


# ---- a redeye that does not live long --------------------------------------------------

class Killer:
    """Starts redeye again and again, and kills it after a time that is chosen at random."""

    def __init__(self, t, selection, options=()):
        if platform.machine() not in NR_BPF:
            raise Skip("the number of bpf(2) is not known here")
        self.t, self.options = t, list(options)
        self.selection = [str(s) for s in selection]
        self.socket = os.path.join(t.temp, "redeye.sock")
        self.random = random.Random(faults.seed)
        self.pids = set()

    def once(self):
        """Within its start, or somewhat later than that."""
        command = [w for w in self.t.command() if w != "none"]
        command[command.index("--listen"):] = ["--listen", "none"]
        proc = self.t.spawn(command + ["--socket", self.socket] + self.selection + self.options)
        if self.random.random() < 0.5:
            proc.wait_line("redeye: info: ready:")
        time.sleep(self.random.uniform(0, 0.7))
        check(proc.alive(), "redeye ended by itself: " + proc.output()[-300:])
        check("the API is not there" not in proc.output(),
              "a socket that was left is in the way: " + proc.output())
        self.pids.add(proc.pid)
        left = left_behind(kill(proc))
        check(not left, "left in the kernel: %s" % sorted(left))

    def run(self, times):
        for _ in range(times):
            self.once()

    def last(self):
        """One that lives, started with the same and with /metrics. Removes what may be left."""
        agent = self.t.agent(*self.selection, options=self.options)
        check(not defined_probes(self.pids), "left in tracefs: %s" % defined_probes(self.pids))
        return agent


class Requests:
    """Requests on kept connections, a thread each, until told to stop; exact numbers."""

    def __init__(self, connect, n=5, every=0.004):
        self.ended, self.errors, self.answered = threading.Event(), [], 0
        self.lock, self.every, self.pause = threading.Lock(), every, threading.Event()
        self.conns = [connect() for _ in range(n)]
        self.threads = [threading.Thread(target=self._run, args=(c,), daemon=True)
                        for c in self.conns]
        for one in self.threads:
            one.start()

    def _run(self, conn):
        try:
            while not self.ended.wait(self.every):
                expect_status(conn.request(HELLO), 200)
                with self.lock:
                    self.answered += 1
        except Exception as e:  # handed to the main thread
            self.errors.append(e)

    def stop(self):
        """All that were made are answered; the connections stay open."""
        self.ended.set()
        for one in self.threads:
            one.join()
        check(not self.errors, "a request failed: %s" % (self.errors[:1],))
        check(self.answered > 0, "no request was made")

    def repeat(self, n):
        for conn in self.conns:
            for _ in range(n):
                expect_status(conn.request(HELLO), 200)
        return n * len(self.conns)

    def close(self):
        for conn in self.conns:
            conn.close()


# ---- kill -9 -----------------------------------------------------------------------------

@case(timeout=1200)
def killed(t):
    """Plain HTTP, 5,000 requests a second."""
    srv = t.serve()
    load = t.load(srv, 16)
    load.begin(rate=5000)
    killer = Killer(t, ["--pid", srv.proc.pid])
    killer.run(size(200, 5))
    agent = killer.last()
    agent.poll(lambda m: [] if server_count(m) else ["no request seen"], 1.0)
    load.stop()
    before = server_count(agent.settle())
    load.go(1009)
    agent.expect_count(before + 1009)


@case(timeout=1200)
def killed_tls(t):
    """TLS: uprobes in nginx and its connections."""
    srv = t.nginx()
    load = Requests(lambda: secure.Conn(srv.address))
    selection = [w for pid in srv.pids() for w in ("--pid", pid)]
    killer = Killer(t, selection)
    killer.run(size(67, 3))
    agent = killer.last()
    agent.poll(lambda m: [] if server_count(m) else ["no request seen"], 1.0)
    load.stop()
    before = server_count(agent.settle())
    n = load.repeat(101)
    agent.expect_count(before + n)
    load.close()


@case(timeout=1200)
def killed_propagating(t):
    """--propagate: sockets in a sockhash whose owner is gone go on as if nothing had been."""
    srv = t.serve()
    load = t.load(srv, 16)
    killer = Killer(t, ["--exe", program("load")], ["--propagate", "--no-tls"])
    load.begin(rate=3000)
    for _ in range(size(67, 3)):
        more = t.load(srv, 7)  # which it takes in as they are opened
        more.begin(rate=1000)
        killer.once()
        more.stop()
        more.close()
    agent = killer.last()
    agent.poll(lambda m: [] if m.total(FAMILY["client"] + "_count") else ["no request seen"], 1.0)
    load.stop()
    before = agent.settle().total(FAMILY["client"] + "_count")
    load.go(1009)
    agent.poll(lambda m: differs("requests", m.total(FAMILY["client"] + "_count"), before + 1009))


# ---- SIGSTOP -----------------------------------------------------------------------------

ROUTES = ("/fixed/after", "/fixed")


@case(timeout=180)
def stopped(t):
    """redeye does not run for a minute: the server goes on as before, redeye takes no more memory,
    and counts to the last event what it could not read."""
    srv = t.serve()
    agent = t.watch(srv, routes=ROUTES)
    load = t.load(srv, 64)
    rate, pause = 10000, size(60, 4)
    load.begin(rate=rate)
    agent.poll(lambda m: [] if server_count(m) else ["no request seen"], 1.0)
    agent.proc.signal(signal.SIGSTOP)
    before, start = load.at(), time.monotonic()
    wait_for("the load to go on", lambda: time.monotonic() - start > pause, pause + 5, 0.1)
    meanwhile = load.at() - before
    agent.proc.signal(signal.SIGCONT)
    load.stop()
    check(meanwhile > rate * pause * 0.5, "%d requests in %d s, want about %d" %
          (meanwhile, pause, rate * pause))
    metrics = agent.settle()
    check(metrics.total("redeye_events_dropped_total", reason="share") > 0,
          "nothing was lost in %d s" % pause)
    observed, emitted, dropped = (metrics.total("redeye_events_%s_total" % name)
                                  for name in ("observed", "emitted", "dropped"))
    check(observed == emitted + dropped, "%d events are not %d + %d" % (observed, emitted, dropped))
    agent.check_memory()
    check_recovered(t, agent, srv, load)
