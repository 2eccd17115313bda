# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the cases of faults get in their hands: redeye with something broken around it.

Servers, load and the watched redeye are those of tests/stress and tests/live. What fails
is chosen by a library that is loaded before redeye's own (shim.h), or is really so: a full
disk, a collector that hangs, a name that does not resolve.
"""

import ctypes
import mmap
import os
import re
import shutil
import subprocess

import harness
import programs
import servers
import stress
from lib import Failure, check, run, settings
from stress import PLAIN, SANITIZED, size  # noqa: F401  for the cases

HERE = os.path.dirname(os.path.abspath(__file__))
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:verify_asan_link_order=0:quarantine_size_mb=32",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": "exitcode=99",
}


LONG = set()  # names of cases that the short form leaves out


def case(build=PLAIN, long=False, **kw):
    def register(function):
        stress.case(build, **kw)(function)
        if long:
            LONG.add(harness.CASES[-1].name)
        return function
    return register


def out(*parts):
    return os.path.join(settings.root, "build", "faults", *parts)


def shim():
    """The library, built when needed; its path."""
    sources = sorted(os.path.join(HERE, n) for n in os.listdir(HERE) if n.endswith((".c", ".h")))
    cc = os.environ.get("CC", "cc")
    return servers.Build((out("shim.so"),), sources, cc,
                         [[cc, "-O2", "-g", "-std=gnu17", "-D_GNU_SOURCE", "-fno-builtin", "-Wall",
                           "-Wextra", "-Wno-unused-parameter", "-Werror", "-shared", "-fPIC", "-o",
                           out("shim.so")] + [s for s in sources if s.endswith(".c")] +
                          ["-lbpf", "-ldl"]]).make()


class Control(ctypes.Structure):
    """struct control of shim.h, shared with the process that has it."""

    _fields_ = [("realtime_ns", ctypes.c_int64), ("one_in", ctypes.c_uint32),
                ("seed", ctypes.c_uint32), ("allocations", ctypes.c_uint64),
                ("failed", ctypes.c_uint64), ("fail_at", ctypes.c_uint64),
                ("calls", ctypes.c_uint64)]

    @classmethod
    def at(cls, path):
        with open(path, "w+b") as f:
            f.truncate(mmap.PAGESIZE)
            return cls.from_buffer(mmap.mmap(f.fileno(), mmap.PAGESIZE))


def shimmed(build=PLAIN, **settings_of_shim):
    """env(1) with the library, to stand before redeye: maps="conns=13" is FAULTS_MAPS."""
    words = ["env", "LD_PRELOAD=" + shim()]
    words += ["FAULTS_%s=%s" % (k.upper(), v) for k, v in settings_of_shim.items()]
    if build == SANITIZED:
        words += ["FAULTS_SANITIZED=1"] + ["%s=%s" % kv for kv in SANITIZERS.items()]
    return words


# ---- file systems -----------------------------------------------------------------------------

class Disk:
    """A small file system that redeye alone sees, at `path`; this side sees it as `inside`.

    redeye is to be started with `before` and then given to `of`."""

    def __init__(self, t, kib=1024):
        self.path = os.path.join(t.temp, "disk%d" % len(t.procs))
        os.makedirs(self.path)
        self.before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                       'mount -t tmpfs -o mode=755,size=%dk disk "$1" && shift && exec "$@"' % kib,
                       "sh", self.path]

    def of(self, agent):
        self.pid = agent.proc.pid
        self.inside = "/proc/%d/root%s" % (self.pid, self.path)
        return agent

    def fill(self):
        """To the last block."""
        with open(os.path.join(self.inside, "filler"), "ab", 0) as f:
            for block in (65536, 4096, 1):
                try:
                    while f.write(bytes(block)):
                        pass
                except OSError:
                    pass

    def drain(self):
        os.remove(os.path.join(self.inside, "filler"))

    def remount(self, how):
        """"ro" or "rw"."""
        run(["nsenter", "-t", str(self.pid), "-m", "mount", "-o", "remount," + how, self.path])


# ---- a client that is watched before it connects -------------------------------------------------

class HeldLoad(stress.Load):
    """load.c, which begins when `connect` is called; a shell has its process until then."""

    def __init__(self, t, server, connections):
        self.proc = t.spawn(["sh", "-c", 'read go; exec "$0" "$@"', stress.program("load"),
                             server.port, connections, 1], stdin=subprocess.PIPE)
        self.done = self.answered = self.failed = 0

    def connect(self):
        self.tell("go")
        self.proc.wait_line("READY", 60)


# ---- running a case -----------------------------------------------------------------------------

class Test(stress.Test):
    build = PLAIN
    files = www = None  # what nginx serves

    def serve(self, kind=None, **options):
        """tests/stress's server, which is fast, or one of tests/live's."""
        if not kind:
            return super().serve()
        return harness.Test.serve(self, kind, **options)

    def nginx(self):
        """With TLS, and without on another port."""
        self.www = self.files
        return programs.serve(self, "nginx")

    def control(self):
        """(Control, path of its file)"""
        path = os.path.join(self.temp, "control%d" % len(self.procs))
        return Control.at(path), path


def log_lines(agent, pattern):
    return re.findall(r"^redeye: \w+: .*%s.*$" % pattern, agent.proc.output(), re.M)


def check_once(agent, pattern):
    lines = log_lines(agent, pattern)
    check(len(lines) == 1, "%d lines of the log have %r: %s" % (len(lines), pattern, lines[:3]))


def need_root_tools(*names):
    for name in names:
        if not shutil.which(name):
            raise Failure("%s is not there" % name)
