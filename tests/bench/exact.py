# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the kernel side does for each request of a load that is always the same: one connection,
one request at a time, a prime number of them.

Events, records, their bytes, and runs of uprobes' programs are of the server alone, and exact. A
program on a tracepoint also runs for everybody else. So a load is repeated until others make
few socket calls, and the least counts; when they never do, the runs of those programs are not
said at all.
"""

import os
import time

import rounds
from lib import Skip, check
from summary import HOOKS
from workloads import WORKLOADS, h2load

N = 2003
REPEATED = 3
FEW = 0.05      # runs a request: of what a connection does once
OTHERS = 0.02   # of the runs, at most, may be others'

# How many requests are under way. nginx writes an answer of HTTP/2 in three, and with one alone
# each of them waits for a delayed acknowledgement.
SERVERS = {"nginx": 1, "nginx-h2": 2, "grpc-go": 1, "nginx-tls": 1, "go-tls": 1}
# How many calls Go makes for a request depends on which of its goroutines runs first: the next
# request's first byte is read by another, answers fall together or not.
SCHEDULED = {"grpc-go": 0.5, "go-tls": 0.2}


def tolerated(server, row):
    """How much dearer than the baseline a row may be; None: as any."""
    return None if row.startswith("runs of uprobe") else SCHEDULED.get(server)


def _by_chance(server, program):
    """A client of HTTP/2 reads what has come so far: how often, nobody can say."""
    return WORKLOADS[server].streams and _on_tracepoint(program) and "send" not in program


def _on_tracepoint(program):
    """Of calls that move data: those of processes and connections run when somebody forks."""
    return any(part in program for part in HOOKS)


def _during(agent, what):
    before = agent.settle()
    what()
    found = rounds.delta(before, agent.settle())
    found["runs"] = {n: p["runs"] for n, p in found["programs"].items()
                     if n.startswith("u") or _on_tracepoint(n)}
    return found


def _for_all(found):
    return sum(runs for n, runs in found["runs"].items() if _on_tracepoint(n))


def _one(setup, loaded, agent):
    """A load, and as long without one."""
    began = time.monotonic()
    found = _during(agent, lambda: h2load(loaded, setup.folder, N, 1, SERVERS[loaded.name]))
    took = time.monotonic() - began
    check(found["counted"] == N, "%s: redeye counted %d of %d requests" %
          (loaded.name, found["counted"], N))
    quiet = _during(agent, lambda: time.sleep(took))
    found["others"] = _for_all(quiet) / _for_all(found)
    return found


def _runs(found):
    """{program: the least runs a request}"""
    names = set().union(*(f["runs"] for f in found))
    least = {n: min(f["runs"].get(n, 0) for f in found) / N for n in names}
    return {n: runs for n, runs in least.items() if runs > FEW}


def measure(setup, loaded, backend):
    """({row: value}, why its runs are not among them, or "")"""
    agent = setup.agent(loaded.selection(), backend, options=["--bpf-stats"])
    try:
        if WORKLOADS[loaded.name].tls:
            rounds.probed(agent)
        h2load(loaded, setup.folder, 13, 1, 1)  # what is done only once
        found = [_one(setup, loaded, agent)]
        while found[-1]["others"] > OTHERS and len(found) < REPEATED:
            found.append(_one(setup, loaded, agent))
    finally:
        agent.proc.stop()
    rows = {"events": min(rounds.of_traffic(f["observed"]) for f in found) / N,
            "records": min(f["records"] for f in found) / N,
            "ring bytes": min(f["ring_bytes"] for f in found) / N}
    others = min(f["others"] for f in found)
    rows.update(("runs of " + n, runs) for n, runs in _runs(found).items()
                if not _by_chance(loaded.name, n) and (others <= OTHERS or not _on_tracepoint(n)))
    if others <= OTHERS:
        return rows, ""
    return rows, "%.0f %% of the tracepoints' runs are for others" % (100 * others)


def backends(known, loaded):
    """Of redeye doctor, those that this server is measured with: what TLS adds is the same
    with all."""
    usable = [b for b, reason in known.items() if not reason]
    if not usable:
        raise Skip("no backend is available: " + "; ".join(known.values()))
    return usable[:1] if loaded.workload.tls else usable


def need_root():
    if os.geteuid():
        raise Skip("loading BPF programs takes root")
