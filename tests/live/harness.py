# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table of cases, what a case gets in its hands, and how one is run."""

import contextlib
import fnmatch
import os
import shutil
import signal
import tempfile
import time
import traceback

import agent
import servers
from lib import Failure, Proc, Skip, settings

CLI = "cli"  # the group of cases that need no backend
CASES = []
RESULTS = []  # (case, backend, verdict, reason) of those that ran

# A busy machine wakes the client after redeye's clock has stopped, or the server before it
# has started. So timed cases, servers included, run with a high priority where that is
# allowed, and fail only when they fail three times: a duration that is wrong is always wrong.
TIMED_TRIES = 3


class Case:
    def __init__(self, name, function, kind, timeout, vm, group, timed):
        self.name = name
        self.function = function
        self.kind = kind
        self.timeout = timeout
        self.vm = vm        # only in a virtual machine
        self.group = group  # CLI, or None: once for each backend
        self.timed = timed  # compares durations with a client's


def case(on=(), timeout=60, vm=False, group=None, timed=False):
    """Registers a function as a case, or as one case for each server in `on`."""
    def register(function):
        base = function.__name__.replace("_", "-")
        for kind in on or (None,):
            full = "%s-%s" % (base, kind) if kind else base
            CASES.append(Case(full, function, kind, timeout, vm, group, timed))
        return function
    return register


# One case or two of each kind: what each kernel of the matrix has to show with each backend.
CORE = ("keepalive-nginx", "keepalive-python", "keepalive-go", "new-connection-node", "bodies-go",
        "static-files-nginx", "pipelining-nginx", "pipelining-cut-python", "split-go",
        "malformed-python", "websocket", "syscalls-*", "streaming-response",
        "close-without-answer", "client-abort-inside-python", "killed", "calls-python",
        "proxy-nginx", "attach-open-python", "late-server-python", "fork-later", "prefork",
        "ipv6", "ipv4-mapped", "unix", "whole-machine")


def chosen(patterns):
    """The cases whose name matches one of the globs, or contains one of the texts.

    The whole name of a case means that case alone.
    """
    names = {c.name for c in CASES}
    return [c for c in CASES if not patterns or
            any(fnmatch.fnmatch(c.name, p) or (p not in names and p in c.name) for p in patterns)]


class Test:
    """One run of one case. Whatever it starts ends with it."""

    def __init__(self, backend, folder, www, dry=False):
        self.backend = backend
        self.folder = folder
        self.www = www
        self.dry = dry
        self.procs = []
        self.agents = []
        self.temp = tempfile.mkdtemp(prefix="redeye-live-")

    def subfolder(self, name):
        path = os.path.join(self.folder, "%d-%s" % (len(self.procs) + len(self.agents), name))
        os.makedirs(path)
        return path

    def unix_path(self):
        return os.path.join(self.temp, "s%d" % len(self.procs))

    def serve(self, kind, **options):
        server = servers.Server(kind, self.subfolder(kind), self.www, **options)
        self.procs.append(server.proc)
        return server

    def spawn(self, argv, env=None, **kw):
        folder = self.subfolder(os.path.basename(str(argv[0])))
        proc = Proc(argv, os.path.join(folder, "output.log"), env, **kw)
        self.procs.append(proc)
        return proc

    def agent(self, *selection, **kw):
        """redeye with this selection, capturing."""
        if self.dry:
            return agent.DryAgent()
        one = agent.Agent(self.backend, self.subfolder("redeye"), [str(s) for s in selection],
                          **kw)
        self.agents.append(one)
        self.procs.append(one.proc)
        return one

    def watch(self, *watched, **kw):
        """redeye on every process of these servers (or plain processes)."""
        selection = []
        for one in watched:
            for pid in (one.pids() if hasattr(one, "pids") else [one.pid]):
                selection += ["--pid", pid]
        return self.agent(*selection, **kw)

    def finish(self):
        for one in self.agents:
            one.finish()

    def cleanup(self):
        for one in self.agents:
            one.keep()
        for proc in reversed(self.procs):
            proc.stop()
        shutil.rmtree(self.temp, ignore_errors=True)


class _Timeout(Failure):
    pass


def _alarm(seconds):
    def handler(*unused):
        raise _Timeout("did not end within %d s" % seconds)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)


@contextlib.contextmanager
def priority(nice=-15):
    """A higher priority for this process and what it starts, where that is allowed."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        pass
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _attempt(one, test):
    """("ok" | "SKIP" | "FAIL", reason)"""
    try:
        _alarm(one.timeout * settings.slow)
        if one.kind:
            one.function(test, one.kind)
        else:
            one.function(test)
        test.finish()
        return "ok", ""
    except Skip as e:
        return "SKIP", str(e)
    except Failure as e:
        return "FAIL", str(e)
    except Exception as e:
        with open(os.path.join(test.folder, "traceback.txt"), "w") as f:
            traceback.print_exc(file=f)
        return "FAIL", "%s: %s" % (type(e).__name__, e)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        test.cleanup()


def run_case(one, backend, www, dry=False):
    """Runs it and prints its line; returns "ok", "SKIP" or "FAIL"."""
    if one.vm and not settings.vm:
        verdict, reason, seconds = "SKIP", "only in a virtual machine", 0
    else:
        folder = settings.build("%s-%s" % (one.name, backend))
        start = time.monotonic()
        for _ in range(TIMED_TRIES if one.timed else 1):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            with priority() if one.timed else contextlib.nullcontext():
                verdict, reason = _attempt(one, Test(backend, folder, www, dry))
            if verdict != "FAIL":
                break
        seconds = time.monotonic() - start
        if verdict != "FAIL" and not settings.verbose:
            shutil.rmtree(folder, ignore_errors=True)
    RESULTS.append((one, backend, verdict, reason))
    tail = "(%.1f s)" % seconds if verdict == "ok" else ""
    print("%-4s %s %s%s" % (verdict, backend, one.name, " " + tail if tail else ": " + reason),
          flush=True)
    return verdict
