# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Processes, ports and waiting: what every live test needs and nothing about HTTP.

A process that a test starts leads its own session, so that it and its workers
can be ended together. It stays unreaped until Proc.stop: its pid and its
process group can therefore not belong to anybody else when they are signalled.
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import time


# A probe of a file would be in the memory of everybody who maps it. In a virtual machine
# nobody else is there, and redeye chooses by itself.
VM = os.environ.pop("REDEYE_VM_KERNEL", "")  # redeye knows no such variable
if not VM:
    os.environ.setdefault("REDEYE_UPROBE_SCOPE", "process")
os.environ.setdefault("REDEYE_SOCKET", "none")  # many agents run at once
KEPT = ("REDEYE_UPROBE_SCOPE", "REDEYE_SOCKET")


def clear_environment(*starts):
    """What a user has set for his own redeye is not for the one under test."""
    for name in [n for n in os.environ if n.startswith(starts) and n not in KEPT]:
        os.environ.pop(name)


class Failure(Exception):
    """The behaviour under test is wrong."""


class Skip(Exception):
    """This machine cannot run the case; the text says why."""


class Settings:
    """What the command line chose; one instance, `settings`."""

    slow = 1.0          # how much slower than a plain machine this one is
    end = 5.0           # seconds that redeye may take to end: probes take some
    verbose = False
    vm = False
    redeye = None
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def build(self, *parts):
        return os.path.join(self.root, "build", "live", *parts)


settings = Settings()
HERE = os.path.join(settings.root, "tests", "live")


def check(condition, text):
    if not condition:
        raise Failure(text)


def need_programs(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip("%s is not installed" % name)


def wait_for(what, probe, seconds=10.0, every=0.005):
    """Polls until probe() is true and returns what it returned."""
    end = time.monotonic() + seconds * settings.slow
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("waited %.1f s for %s" % (seconds * settings.slow, what))
        time.sleep(every)


# ---- numbers ---------------------------------------------------------------

def is_prime(n):
    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))


def prime(n):
    """n on a plain machine; on a slow one the largest prime up to n / slow, at least 13."""
    check(is_prime(n), "%d is not a prime" % n)
    if settings.slow > 1:
        n = max(min(n, 13), int(n / settings.slow))
        while not is_prime(n):
            n -= 1
    return n


# ---- ports -----------------------------------------------------------------

_ports = set()


def free_port():
    """A loopback port that nobody uses, below the range the kernel hands to clients. Never one
    that it gave before: that may be bound only later."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        if port in _ports:
            continue
        _ports.add(port)
        with socket.socket(socket.AF_INET6) as s:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("::", port))
                return port
            except OSError:
                continue
    raise Failure("found no free port")


def accepts(address):
    """Whether a server listens there; connects and says nothing."""
    family = socket.AF_UNIX if isinstance(address, str) else \
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(1)
        return s.connect_ex(address) == 0


def _queues(sock):
    """(bytes not acknowledged, bytes unread) at the other end of a loopback TCP connection."""
    ends = (":%04X" % sock.getpeername()[1], ":%04X" % sock.getsockname()[1])
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        with open(table) as f:
            for line in f:
                row = line.split()
                if row[1].endswith(ends[0]) and row[2].endswith(ends[1]):
                    return tuple(int(q, 16) for q in row[4].split(":"))
    return None


def wait_read(sock):
    """Waits until the peer has read every byte that we sent."""
    wait_for("the server to read what was sent", lambda: (_queues(sock) or (0, 1))[1] == 0,
             every=0.0005)


# ---- processes -------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def tree(pid):
    """The process and its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    ppid = int(f.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(ppid, []).append(int(name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


class Proc:
    """A child process with its own session; output goes to the file `log`, but for what
    goes to another `stdout`."""

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL, stdout=None):
        self.argv = [str(a) for a in argv]
        self.name = os.path.basename(self.argv[0])
        self.log = log
        full_env = dict(os.environ)
        full_env.update(env or {})
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=stdout or out,
                                          stderr=out, env=full_env, start_new_session=True,
                                          preexec_fn=_end_with_parent)
        self.pid = self.popen.pid
        self.stopped = False

    def alive(self):
        if self.stopped:
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is None

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def wait_line(self, start, seconds=20.0):
        """The first output line that begins with `start`; a Failure if the process ends first."""
        def probe():
            alive = self.alive()
            for line in self.output().splitlines(True):
                if line.startswith(start) and line.endswith("\n"):
                    return line.rstrip("\n")
            check(alive, "%s ended: %s" % (self.name, self.output()[-500:].strip()))
            return None
        return wait_for("%r from %s" % (start, self.name), probe, seconds)

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit code (negative: a signal's number), after at most `seconds`, not scaled."""
        wait_for("%s to end" % self.name, lambda: not self.alive(), seconds / settings.slow, 0.001)
        return self.stop()

    def stop(self, seconds=5.0):
        """Ends the process and its whole group; returns the exit code."""
        if self.stopped:
            return self.popen.returncode
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            wait_for("its end", lambda: not self.alive(), seconds)
        except Failure:
            pass
        os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()
        self.stopped = True
        if self.popen.stdin:
            self.popen.stdin.close()
        return self.popen.returncode


def run(argv, seconds=60, env=None, ok=(0,)):
    """Runs a client program to its end and returns its standard output."""
    full_env = dict(os.environ)
    full_env.update(env or {})
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, env=full_env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=seconds * settings.slow)
    check(done.returncode in ok, "%s exited with %d: %s" %
          (argv[0], done.returncode, done.stderr.strip()[-500:]))
    return done.stdout
