# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The programs of a run: 500 servers, the client of their 10,000 connections, and processes that
live for one request. Each says what it did; what they say is the truth."""

import collections
import os
import re
import struct
import subprocess

import servers
import stress
from lib import check, settings, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = (("/items/{id}", 200), ("/missing/{id}", 404), ("/broken/{id}", 500))
SLOT = struct.Struct("<II4Q24x")  # farm.h
WIRE = os.path.join(HERE, os.pardir, "stress", "wire.h")


def program(name):
    """Builds NAME.c when needed; its path."""
    path = os.path.join(settings.root, "build", "load", "bin", name)
    sources = [os.path.join(HERE, name + ".c"), os.path.join(HERE, "farm.h"), WIRE]
    cc = os.environ.get("CC", "cc")
    return servers.Build((path,), sources, cc,
                         [[cc, "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", path,
                           sources[0]]]).make()


class Program:
    """One that is told what to do on its standard input."""

    def __init__(self, t, *argv):
        self.proc = t.spawn(argv, stdin=subprocess.PIPE)
        self.pid = self.proc.pid

    def tell(self, line):
        self.proc.popen.stdin.write(line.encode() + b"\n")
        self.proc.popen.stdin.flush()

    def end(self):
        """Closes its standard input: it ends by itself."""
        self.proc.popen.stdin.close()
        code = self.proc.wait(30 * settings.slow)
        check(code == 0, "%s ended with %d" % (self.proc.name, code))


class Farm(Program):
    """farm.c: starts its servers when told to, so that who watches it watches them all."""

    def __init__(self, t, n, services):
        self.path, self.n, self.services = os.path.join(t.temp, "slots"), n, services
        super().__init__(t, program("farm"), self.path, n, services)

    def start(self):
        self.tell("go")
        self.proc.wait_line("READY", 60)

    def slots(self):
        with open(self.path, "rb") as f:
            return list(SLOT.iter_unpack(f.read()))

    def truth(self):
        """{(service, route, status): requests answered}; nothing else may have come."""
        counts = collections.Counter()
        for i, (_, _, *answered, torn) in enumerate(self.slots()):
            check(torn == 0, "server %d got %d requests in pieces" % (i, torn))
            for (route, status), n in zip(KINDS, answered):
                counts["load-%02d" % (i % self.services), route, status] += n
        return counts


class Report:
    """A line of drive.c."""

    def __init__(self, words):
        self.answered, self.failed, self.skipped = map(int, words[:3])
        self.kinds = tuple(map(int, words[3:6]))
        self.p50_us, self.p99_us = map(float, words[6:8])


class Drive(Program):
    """drive.c: requests at a rate over many connections."""

    def __init__(self, t, farm, connections):
        super().__init__(t, program("drive"), farm.path, farm.n, connections)
        self.connections = connections // farm.n * farm.n
        self.proc.wait_line("READY", 120)

    def said(self, word):
        """The last line of this kind, or nothing."""
        with open(self.proc.log, "rb") as f:
            f.seek(max(0, os.path.getsize(self.proc.log) - 4096))
            lines = re.findall(r"^%s (.+)\n" % word, f.read().decode(), re.M)
        return Report(lines[-1].split()) if lines else None

    def rate(self, n):
        self.tell("rate %d" % n)

    def stop(self):
        self.tell("stop")
        return wait_for("all answers", lambda: self.said("DONE"), 60)


class Storm(Program):
    """storm.c of the stress tests: `rate` processes a second, each for one request; every fourth
    is a server, whose child asks it."""

    def __init__(self, t, rate, seconds):
        self.n = rate * seconds
        self.service = "storm"
        target = stress.Serve(t)
        super().__init__(t, stress.program("storm"), target.port, rate, seconds)

    def start(self):
        self.tell("go")

    def over(self):
        words = self.proc.output().split()
        if words[:1] != ["DONE"] or len(words) < 3:
            return False
        check(words == ["DONE", str(self.n), "0"], "the storm: %s" % " ".join(words))
        return True
