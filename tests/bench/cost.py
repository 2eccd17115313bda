# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a process costs: CPU time to the nanosecond, memory; and on which CPUs it may run.

CPU time comes from the process's CPU clock: the scheduler's sum_exec_runtime
of all its threads, ended ones included, which /proc/PID/schedstat shows for
one thread only and /proc/PID/stat in ticks of 10 ms.
"""

import contextlib
import os
import time

CPUCLOCK_SCHED = 2


def cpu_ns(pids):
    """CPU time of these processes since they began, user and system."""
    return sum(time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED) for pid in pids)


def quiet(pid, seconds=5.0):
    """Waits until the process has used under 1 % of a CPU for 50 ms: it has read its ring."""
    end = time.monotonic() + seconds
    now = cpu_ns([pid])
    while True:
        time.sleep(0.05)
        before, now = now, cpu_ns([pid])
        if now - before < 500000 or time.monotonic() > end:
            return


MEMORY = ("VmRSS", "VmHWM", "RssAnon", "RssFile", "RssShmem")


def memory(pid):
    """{VmRSS: bytes, ...}"""
    with open("/proc/%d/status" % pid) as f:
        rows = dict(line.split(":", 1) for line in f)
    return {name: int(rows[name].split()[0]) * 1024 for name in MEMORY if name in rows}


# ---- CPUs --------------------------------------------------------------------

CPUS = sorted(os.sched_getaffinity(0))
_roles = {}


def pin():
    """The server gets a CPU for itself; wrk, redeye and this script share the others."""
    if len(CPUS) < 2:
        return False
    _roles.update(server={CPUS[0]}, rest=set(CPUS[1:]))
    os.sched_setaffinity(0, _roles["rest"])
    return True


@contextlib.contextmanager
def pinned(role):
    """What is started inside runs on the CPUs of this role; everywhere without pin()."""
    with on_cpus(_roles.get(role, CPUS)):
        yield


@contextlib.contextmanager
def on_cpus(cpus):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
