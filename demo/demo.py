# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The demo: starts shop, orders and stock, load on them, and `redeye run --table`.

Nothing in the services knows of redeye. When it ends, the load stops first;
then what each service wrote into its own access log must be just what redeye
counted, at the server and at its callers. A difference is printed and makes
the demo fail.
"""

import collections
import json
import os
import re
import shutil
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "live"))

import agent
import prom
from lib import Failure, Proc, check, free_port, settings, wait_for

FOLDER = os.path.join(settings.root, "build", "demo")
REDEYE = os.path.join(settings.root, "redeye")
SCOPE = "REDEYE_UPROBE_SCOPE"  # by lib.py: no probes in the memory of others
ACCESS = re.compile(r"([A-Z]+) \S+ (\d{3})")
PORT = 9464
started = []


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


def start(name, *argv):
    """Starts a program of this folder and returns it with the port it listens on."""
    proc = Proc(argv, os.path.join(FOLDER, name + ".log"))
    proc.name = name
    started.append(proc)
    return proc


def start_service(name, *argv):
    proc = start(name, *argv)
    proc.port = int(proc.wait_line("LISTEN ")[7:])
    print("started %-6s  %-24s pid %d, 127.0.0.1:%d" %
          (name, " ".join(os.path.basename(str(a)) for a in argv[:2]), proc.pid, proc.port),
          flush=True)
    return proc


def start_services():
    stock = start_service("stock", "ruby", os.path.join(HERE, "stock.rb"))
    orders = start_service("orders", "python3", os.path.join(HERE, "orders.py"), stock.port)
    shop = start_service("shop", "node", os.path.join(HERE, "shop.js"), orders.port, stock.port)
    return [shop, orders, stock]


def choose_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", PORT))
            return PORT
        except OSError:
            port = free_port()
            print("note: somebody else has port %d; metrics are on port %d" % (PORT, port))
            return port


class Redeye(Proc):
    """Its table goes to our standard output, what it logs to a file."""

    def __init__(self, services):
        self.port = choose_port()
        print("starting redeye\n", flush=True)
        super().__init__([REDEYE, "run", "--table", "--listen", "127.0.0.1:%d" % self.port,
                          "--pid", ",".join(str(s.pid) for s in services)],
                         os.path.join(FOLDER, "redeye.log"), stdout=sys.stdout)
        started.append(self)
        self.wait_line("redeye: info: ready:")

    def metrics(self):
        return prom.Metrics(agent.fetch(self.port, "/metrics")[1])


# ---- waiting -------------------------------------------------------------------

def watch(seconds):
    """Waits until the time is over or somebody stops us; a Failure when something dies."""
    end = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end:
        for proc in started:
            if not proc.alive():
                lines = proc.output().strip().splitlines()[-5:]
                raise Failure("%s ended%s" % (proc.name, ": " + "\n".join(lines) if lines else ""))
        time.sleep(min(0.1, max(0, end - time.monotonic())))


def on_signal(number, frame):
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stop


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Foreground:
    """A process group of our own in the terminal's foreground: Ctrl-C reaches the demo and
    not also the make above it, which would call that a failure."""

    def __enter__(self):
        self.before = None
        try:
            self.tty = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
            if os.tcgetpgrp(self.tty) == os.getpgrp():
                self.before = os.getpgrp()
                signal.signal(signal.SIGTTOU, signal.SIG_IGN)
                os.setpgid(0, 0)
                os.tcsetpgrp(self.tty, os.getpgrp())
        except OSError:
            pass  # no terminal

    def __exit__(self, *unused):
        if self.before:
            os.tcsetpgrp(self.tty, self.before)


# ---- the comparison --------------------------------------------------------------

def received(service):
    """{"METHOD STATUS": requests}, by the service's own access log."""
    return collections.Counter("%s %s" % m.groups() for m in
                               map(ACCESS.fullmatch, service.output().splitlines()) if m)


def counted(metrics, side, **labels):
    """The same as redeye says."""
    counts = collections.Counter()
    for have, value in metrics.get(prom.FAMILY[side] + "_count"):
        if all(have.get(prom.LABELS[k]) == str(v) for k, v in labels.items()):
            counts["%s %s" % (have.get(prom.LABELS["method"], "-"),
                              have.get(prom.LABELS["status"], "-"))] += int(value)
    return counts


def sent_to(service, metrics, load):
    """What its callers sent: the load counts for itself, redeye for the others."""
    return load if service.name == "shop" else counted(metrics, "client", port=service.port)


def differences(services, metrics, load):
    for service in services:
        truth = received(service)
        for where, have in (("sent to", sent_to(service, metrics, load)),
                            ("counted by redeye at", counted(metrics, "server",
                                                             service=service.name))):
            for key in sorted(set(truth) | set(have)):
                if truth[key] != have[key]:
                    yield "%s %s: %d in its access log, %d %s it" % (
                        service.name, key, truth[key], have[key], where)


def summary(services, metrics, load):
    line = "%-8s %9s  %-18s %9s  %9s"
    yield line % ("SERVICE", "SENT", "COUNTED BY", "RECEIVED", "REDEYE")
    for service in services:
        by = "the load" if service.name == "shop" else "redeye, at callers"
        yield line % (service.name, sum(sent_to(service, metrics, load).values()), by,
                      sum(received(service).values()),
                      sum(counted(metrics, "server", service=service.name).values()))


def compare(services, redeye, load):
    """Prints the books; a Failure when they do not balance within some seconds."""
    end = time.monotonic() + 5
    while True:
        metrics = redeye.metrics()
        found = list(differences(services, metrics, load))
        if not found or time.monotonic() > end:
            break
        time.sleep(0.05)
    redeye.stop()  # its last table comes before our lines
    print("\n" + "\n".join(summary(services, metrics, load)))
    check(not found, "the counts differ:\n  " + "\n  ".join(found))
    print("RECEIVED is by the access logs. All equal: redeye counted each request once.")


def stop_load(load):
    load.signal(signal.SIGTERM)
    check(load.wait(30) == 0, "the load failed: " + load.output()[-500:])
    counts = collections.Counter(json.loads(load.output()))
    failed = [k for k in counts if k.startswith("failed")]
    check(not failed, "the load could not send: " + "; ".join(failed))
    return counts


# ---- life --------------------------------------------------------------------------

def run(seconds):
    services = start_services()
    redeye = Redeye(services)
    load = start("load", "python3", os.path.join(HERE, "load.py"), services[0].port)
    try:
        watch(seconds)
    except Stop:
        pass
    counts = stop_load(load)
    started.remove(load)
    compare(services, redeye, counts)
    check(redeye.popen.returncode == 0, "redeye exited with %d" % redeye.popen.returncode)


def duration():
    text = os.environ.get("DURATION", "0")
    try:
        return float(re.fullmatch(r"(\d+(?:\.\d+)?)s?", text).group(1))
    except AttributeError:
        raise Failure("DURATION is a number of seconds, not %r" % text)


def main():
    for number in SIGNALS:
        signal.signal(number, on_signal)
    for name in [n for n in os.environ if n.startswith(("OTEL_", "REDEYE_")) and n != SCOPE]:
        del os.environ[name]  # the names are for redeye to find out
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    try:
        run(duration())
        code = 0
    except Stop:  # before there was anything to compare
        code = 0
    except Failure as e:
        print("\ndemo: %s\n(logs are in %s)" % (e, os.path.relpath(FOLDER)), file=sys.stderr)
        code = 1
    finally:
        for proc in reversed(started):
            proc.stop()
    if code == 0:
        shutil.rmtree(FOLDER)
    return code


with Foreground():
    result = main()
sys.exit(result)
