# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our own ends of a connection, whose every byte is known: the client of watched servers
(client/), the server of watched clients (server/mirror.c)."""

import glob
import os
import re
import subprocess

import servers
from lib import Failure, Skip, check, settings, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = ("requests", "errors", "resets", "alerts", "bytes_sent", "bytes_got")
HOURS = 7200


def program(name, folder, *libraries):
    path = os.path.join(settings.root, "build", "harm", "bin", name)
    sources = sorted(glob.glob(os.path.join(HERE, folder, "*.c")))
    headers = glob.glob(os.path.join(HERE, folder, "*.h"))
    cc = os.environ.get("CC", "cc")
    command = [cc, "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
               "-Wno-unused-parameter", "-o", path] + sources + ["-lssl", "-lcrypto", "-lpthread"]
    try:
        return servers.Build((path,), sources + headers, cc, [command + list(libraries)]).make()
    except Skip as e:
        raise Skip("%s (tests/harm/deps)" % e)


class Gate:
    """A program that goes on as far as it is allowed, and says how far it is."""

    def allow(self, n):
        self.tell("to %d" % n)

    def tell(self, line):
        self.proc.popen.stdin.write(line.encode() + b"\n")
        self.proc.popen.stdin.flush()

    def made(self):
        if not self.proc.alive():
            raise Failure("%s ended: %s" % (self.proc.name, self.proc.output()[-200:]))
        with open(self.proc.log, "rb") as f:
            f.seek(max(0, os.path.getsize(self.proc.log) - 512))
            lines = re.findall(rb"^AT (\d+)\n", f.read(), re.M)
        return int(lines[-1]) if lines else 0


class Exchange(Gate):
    """A run of n requests, of which so many may be made as allow() has said."""

    def __init__(self, t, subject, port, name, n, rate=0):
        self.n, self.path = n, os.path.join(t.folder, name + ".records")
        self.http2 = subject.http2
        argv = [program("exchange", "client", "-lnghttp2"), self.path, n, rate,
                "http2" if subject.http2 else "http1", port, subject.menu,
                ",".join(map(str, subject.statuses))]
        if subject.tls:
            argv += [os.path.join(os.environ["TLS_CERTS"], "ca.pem"), ",".join(subject.versions)]
        self.proc = t.spawn(argv, stdin=subprocess.PIPE)

    def wait(self):
        """Its sums, when all is done."""
        wait_for("the exchange", lambda: not self.proc.alive(), HOURS)
        self.proc.stop()
        found = re.search(r"^DONE (.+)\n", self.proc.output(), re.M)
        check(found, "the client failed: %s" % self.proc.output()[-200:])
        self.sums = dict(zip(FIELDS, map(int, found.group(1).split())))
        return self.sums

    def run(self):
        self.allow(self.n)
        return self.wait()

    def records(self):
        """For each connection the hashes of both directions, and more. How many bytes HTTP/2
        takes on the wire is a matter of time: frames, and what HPACK remembers of Date."""
        with open(self.path) as f:
            lines = [line.split() for line in f]
        return [line[:4] + line[6:] for line in lines] if self.http2 else lines


class Mirror(Gate):
    """mirror.c: answers as far as it is allowed."""

    def __init__(self, t, n, size):
        self.n, self.sums = n, 0
        self.proc = t.spawn([program("mirror", "server"),
                             os.path.join(os.environ["TLS_CERTS"], "server.pem"), size],
                            stdin=subprocess.PIPE)
        self.port = int(self.proc.wait_line("LISTEN").split()[1])

    def reached(self, n, seconds=HOURS):
        wait_for("request %d" % n, lambda: self.made() >= n, seconds)

    def sum(self):
        """What it has counted: [requests, hash, bytes, connections, resets, alerts]."""
        self.tell("sum")
        self.sums += 1

        def said():
            lines = re.findall(r"^SUM (.+)\n", self.proc.output(), re.M)
            return lines[-1].split() if len(lines) >= self.sums else None
        return wait_for("its sum", said)


def differences(before, after, whole=True):
    """Numbers of connections whose bytes are others; of the shorter run the last one is cut."""
    n = len(after) if whole else len(after) - 1
    check(n > 0, "there is nothing to compare")
    return [i for i, (a, b) in enumerate(zip(before[:n], after[:n])) if a != b]
