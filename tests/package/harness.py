# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Cases, and what each has at hand: servers of its own, redeye that watches them, what it said."""

import http.client
import json
import os
import re
import ssl
import subprocess
import sys

import lib
import prom
from lib import Failure, Proc, Skip, check, free_port, settings, wait_for

OUT = os.path.join(settings.root, "build", "package")
HERE = os.path.dirname(os.path.abspath(__file__))
CASES = []

# capability.h
CAPS = {"dac_override": 1, "dac_read_search": 2, "setpcap": 8, "net_bind_service": 10,
        "net_admin": 12, "sys_ptrace": 19, "sys_admin": 21, "sys_nice": 23, "sys_resource": 24,
        "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
KEPT = ("bpf", "perfmon", "sys_ptrace", "dac_read_search")
NOBODY = 65534


def case(fn):
    CASES.append(fn)
    return fn


def mask(names):
    return sum(1 << CAPS[n] for n in names)


def status(pid, task=None):
    """/proc/PID/status (or a task's) as a dictionary."""
    path = "/proc/%d/task/%d/status" % (pid, task) if task else "/proc/%d/status" % pid
    with open(path) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def documented(pattern):
    """What docs/security.md says, so that it says what is so."""
    with open(os.path.join(settings.root, "docs", "security.md")) as f:
        found = re.search(pattern, f.read())
    check(found, "docs/security.md does not say %s" % pattern)
    return found.group(1)


def have(*capabilities):
    """Skips where this machine does not have them itself (a container)."""
    mine = int(status(os.getpid())["CapEff"], 16)
    lacks = [c for c in capabilities if not mine >> CAPS[c] & 1]
    if lacks:
        raise Skip("this machine gives nobody CAP_%s" % ", CAP_".join(lacks).upper())


def as_nobody(capabilities):
    """The start of a command line: another user, with these capabilities and no others."""
    names = ",".join("+" + c for c in capabilities)
    return ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups",
            "--bounding-set", "-all" + ("," + names if names else ""),
            "--inh-caps", "-all" + ("," + names if names else ""),
            "--ambient-caps", "-all" + ("," + names if names else "")]


def multi():
    """Whether this kernel links uprobes to files: then they take no CAP_SYS_ADMIN."""
    done = subprocess.run([settings.redeye, "doctor", "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=60 * settings.slow)
    rows = {r["name"]: r for r in json.loads(done.stdout)["features"]}
    if not rows["uprobes"]["available"]:
        raise Skip("uprobes: " + rows["uprobes"]["reason"])
    return "perf events" not in rows["uprobes"]["reason"]


def paranoid():
    """Debian's kernels have a level on which CAP_PERFMON is not enough for perf events."""
    try:
        with open("/proc/sys/kernel/perf_event_paranoid") as f:
            return int(f.read()) > 2
    except OSError:
        return False


def given():
    """What the unit and the container give on this kernel."""
    names = ["bpf", "perfmon", "sys_ptrace", "dac_read_search", "checkpoint_restore"]
    have(*names)
    return names + ([] if multi() and not paranoid() else ["sys_admin"])


class Server:
    """tests/package/server.py, in plain or TLS; a route for each of the two."""

    def __init__(self, t, name, tls=False, env=None, argv=(), uid=None):
        self.tls, self.name = tls, name
        command = [sys.executable, os.path.join(HERE, "server.py")] + (["--tls", t.pem()] if tls else [])
        log = t.path(name + ".log")
        start = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"] if uid else []
        self.proc = Proc(start + list(argv) + command, log, env=env)
        t.procs.append(self.proc)
        self.pid = self.proc.pid
        self.port = int(self.proc.wait_line("listening ").split()[1])

    def connect(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * settings.slow)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context,
                                           timeout=10 * settings.slow)

    def ask(self, n, path=None, each=False):
        """n requests, on one connection or on one each."""
        path = path or ("/secure" if self.tls else "/hello")
        conn = self.connect()
        for _ in range(n):
            conn.request("GET", path)
            answer = conn.getresponse()
            answer.read()
            check(answer.status == 200, "%s answered %d" % (self.name, answer.status))
            if each:
                conn.close()
                conn = self.connect()
        conn.close()


class Agent:
    def __init__(self, t, *options, start=(), binary=None, name="redeye", env=None, ready=True):
        self.port = free_port()
        self.socket = t.path(name + ".sock")
        full = dict(env or {}, REDEYE_SOCKET=self.socket)
        argv = list(start) + [binary or settings.redeye, "run", "--listen",
                              "127.0.0.1:%d" % self.port, *options]
        self.proc = Proc(argv, t.path(name + ".log"), env=full)
        t.procs.append(self.proc)
        self.pid = self.proc.pid
        if ready:
            self.proc.wait_line("redeye: info: ready:")

    def scrape(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5 * settings.slow)
        conn.request("GET", "/metrics")
        return prom.Metrics(conn.getresponse().read().decode())

    def expect(self, *rows):
        problems = [["not scraped"]]

        def same():
            problems[0] = list(prom.compare(self.scrape(), rows))
            return not problems[0]
        try:
            wait_for("the counts", same, 10, 0.02)
        except Failure:
            raise Failure("; ".join(problems[0][:4]) + " | " + self.proc.output()[-300:])

    def measure(self, name):
        for labels, value in self.scrape().get("redeye_hardening"):
            if labels["measure"] == name:
                return value
        raise Failure("no redeye_hardening of %s" % name)

    def end(self):
        self.proc.signal(15)
        code = self.proc.wait(10 * settings.slow)
        check(code == 0, "redeye ended with %d: %s" % (code, self.proc.output()[-300:]))


class Bench:
    def __init__(self, folder):
        self.folder, self.procs, self.undo = folder, [], []

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def pem(self):
        path = self.path("pem")
        if not os.path.exists(path):
            lib.need_programs("openssl")
            lib.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                     "-subj", "/CN=localhost", "-keyout", path + ".key", "-out", path + ".crt"])
            with open(path, "w") as f:
                for part in (".key", ".crt"):
                    with open(path + part) as piece:
                        f.write(piece.read())
            os.chmod(path, 0o644)
        return path

    def close(self):
        for proc in reversed(self.procs):
            proc.stop()
        for fn in reversed(self.undo):
            fn()
