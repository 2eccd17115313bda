# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye is killed and told to reload while the servers work."""

import ctypes
import errno
import os
import platform
import random
import re
import signal
import time

from lib import Skip, check, settings, wait_for
from stress import case, differs, server_count, size

# ---- what the kernel keeps of redeye ------------------------------------------------

NR_BPF = {"x86_64": 321, "aarch64": 280}
GET_FD_BY_ID = {"prog": 13, "map": 14, "btf": 19, "link": 30}  # enum bpf_cmd
libc = ctypes.CDLL(None, use_errno=True)


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
    attr = (ctypes.c_uint32 * 4)(number)
    fd = libc.syscall(NR_BPF[platform.machine()], GET_FD_BY_ID[kind], attr, ctypes.sizeof(attr))
    if fd >= 0:
        os.close(fd)
        return True
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


def killed_early(t, srv):
    """Somewhere between its start and the first records."""
    proc = t.spawn(t.command("--pid", srv.proc.pid))
    time.sleep(random.uniform(0, 1.0))
    check(proc.alive(), "redeye ended by itself: " + proc.output()[-300:])
    return kill(proc)


def killed_late(t, srv):
    """After it has found the connections that were there before it, within a second."""
    agent = t.watch(srv)
    agent.poll(lambda m: [] if server_count(m) else ["no request seen"], 1.0)
    time.sleep(random.uniform(0, 0.3))
    held = kill(agent.proc)
    kinds = {kind for kind, _ in held}
    check(kinds >= {"prog", "map", "link"}, "it held only %s" % kinds)
    return held


@case(timeout=180)
def killed(t):
    """kill -9, again and again: no client notices, the kernel keeps nothing."""
    if platform.machine() not in NR_BPF:
        raise Skip("the number of bpf(2) is not known here")
    srv = t.serve()
    load = t.load(srv, 16)
    load.begin(rate=5000)
    for i in range(size(20, 8)):
        held = (killed_late if i % 2 else killed_early)(t, srv)
        left = left_behind(held)
        check(not left, "left in the kernel: %s" % sorted(left))
    agent = t.watch(srv)
    agent.poll(lambda m: [] if server_count(m) else ["no request seen"], 1.0)
    load.stop()
    before = agent.settle()
    load.go(1009)
    agent.poll(lambda m: differs("requests", server_count(m), server_count(before) + 1009))


# ---- SIGHUP ---------------------------------------------------------------------------

CONFIGS = (  # what the file says, what redeye answers
    ("exclude-port: [%d]\nlog-level: info\n", "redeye: info: configuration reloaded"),
    ("exclude-exe: ['*/nobody%d']\nlog-level: warn\n", None),
    ("exclude-port: [\n# %d", "redeye: error: configuration not reloaded"),
    ("pid: [%d]\nlog-level: info\n", "redeye: info: configuration reloaded"),
)


def reload(agent, path, config, i):
    text, answer = config
    with open(path + ".new", "w") as f:
        f.write(text % (i + 1))
    os.rename(path + ".new", path)
    if answer:
        agent.reload(answer)
    else:
        agent.proc.signal(signal.SIGHUP)
        time.sleep(0.05)


@case(timeout=90)
def sighup_storm(t):
    """50 reloads under load, good and bad ones: not a request is lost."""
    srv = t.serve()
    path = os.path.join(t.temp, "redeye.yaml")
    with open(path, "w") as f:
        f.write("log-level: info\n")
    agent = t.watch(srv, options=["--config", path])
    load = t.load(srv, 16)
    load.begin(rate=3000)
    for i in range(50):
        reload(agent, path, CONFIGS[i % len(CONFIGS)], i)
    agent.expect_count(load.stop())
    check(agent.lost() == 0, "events were lost")
    wait_for("the last log line", lambda: "reloaded" in agent.proc.output())
