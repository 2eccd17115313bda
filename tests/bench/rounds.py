# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rounds of load: without redeye, with it, and with the kernel's clock in its programs.

A machine's speed drifts by more than redeye costs, so one number with and one
without it say nothing. Rounds come in pairs, off then on, and what is reported
is the median of the pairs' ratios and how far they spread. The server lives
through all pairs; redeye starts anew for each. Servers that speak TLS have a
third round, with redeye but without its uprobes.

CPU time is divided by the requests that wrk or h2load completed. Requests in flight when
wrk stops, one a connection at most, are served and counted by redeye but not
by wrk; `counted` is therefore held against the server's own count where it
keeps one, and must else lie between wrk's count and that plus the connections.
"""

import os
import shutil
import time

import cost
from agent import Agent
from lib import Proc

NO_LOSS = ("not_wanted", "ciphertext")  # the bytes are in the connection's counters
BLIND = ("--no-tls",)
FORGETFUL = ("--history-limit", "0")


class Setup:
    """What all rounds share."""

    def __init__(self, folder, seconds, connections):
        self.folder = folder
        self.seconds = seconds
        self.connections = connections

    def load(self, loaded, seconds=0):
        return loaded.load(self.folder, seconds or self.seconds, self.connections)

    def agent(self, selection, backend, routes=(), options=()):
        folder = os.path.join(self.folder, "redeye")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with cost.pinned("rest"):
            return Agent(backend, folder, selection, routes=routes,
                         options=("--uprobe-scope", "process") + tuple(options))


def _loaded_round(setup, loaded):
    before = cost.cpu_ns(loaded.pids)
    load = setup.load(loaded)
    used = cost.cpu_ns(loaded.pids) - before
    return {"requests": load.requests, "per_second": load.per_second,
            "p50_ns": load.p50_ns, "p99_ns": load.p99_ns, "server_ns": used / load.requests}


def off(setup, loaded):
    return _loaded_round(setup, loaded)


def on(setup, loaded, backend, options=()):
    looked = loaded.look()
    agent = setup.agent(loaded.selection(), backend, options=options)
    try:
        if loaded.workload.tls and not set(BLIND) <= set(options):
            probed(agent)
        result = _watched_round(setup, loaded, agent)
    finally:
        agent.proc.stop()
    result["served"] = loaded.between(looked, loaded.look())
    result["exact"] = _exact(result, setup.connections)
    return result


def probed(agent):
    """Waits until all uprobes are in place: there are some, and for 0.2 s no more came."""
    last = []

    def problems(metrics):
        last.append(metrics.total("redeye_uprobe_links"))
        if last[-1] and len(last) > 4 and len(set(last[-5:])) == 1:
            return []
        time.sleep(0.05)
        return ["the TLS library has no probes, or ever more"]
    return agent.poll(problems)


def _closed(agent):
    """Waits until the server has served what wrk left behind and closed its connections, and
    redeye has read its ring: on a busy machine either may not have had a processor yet."""
    def problems(metrics):
        left = {name: metrics.total(name)
                for name in ("redeye_connections_open", "redeye_ring_used_bytes")}
        if any(left.values()):
            time.sleep(0.02)
        return ["%s is %d" % item for item in left.items() if item[1]]
    agent.poll(problems)


def _watched_round(setup, loaded, agent):
    before = agent.settle()
    cost.quiet(agent.proc.pid)
    idle, used = cost.memory(agent.proc.pid), cost.cpu_ns([agent.proc.pid])
    result = _loaded_round(setup, loaded)
    _closed(agent)
    cost.quiet(agent.proc.pid)
    used = cost.cpu_ns([agent.proc.pid]) - used
    result.update(redeye_ns=used / result["requests"], idle=idle)
    result.update(delta(before, agent.settle()), memory=cost.memory(agent.proc.pid))
    return result


# ---- what /metrics says -------------------------------------------------------

def _labelled(metrics, name, label):
    """{value of one label: sum}"""
    sums = {}
    for labels, value in metrics.get(name):
        sums[labels.get(label, "")] = sums.get(labels.get(label, ""), 0) + value
    return sums


def _differences(before, after, name, label):
    was = _labelled(before, name, label)
    return {k: v - was.get(k, 0) for k, v in _labelled(after, name, label).items()}


def of_traffic(by_hook):
    """Every exec of the machine, others' too, is an event of hook `process`."""
    return sum(n for hook, n in by_hook.items() if hook != "process")


def delta(before, after):
    drops = _differences(before, after, "redeye_events_dropped_total", "reason")
    runs = _differences(before, after, "redeye_bpf_program_runs_total", "program")
    seconds = _differences(before, after, "redeye_bpf_program_time_seconds_total", "program")
    return {
        "observed": _differences(before, after, "redeye_events_observed_total", "hook"),
        "counted": sum(_differences(before, after, "redeye_requests_emitted_total", "").values()),
        "records": of_traffic(_differences(before, after, "redeye_events_emitted_total", "hook")),
        "ring_bytes": of_traffic(_differences(before, after, "redeye_events_size_bytes_total",
                                               "hook")),
        "dropped": {k: v for k, v in drops.items() if k not in NO_LOSS and v},
        "programs": {k: {"runs": n, "ns": seconds[k] * 1e9} for k, n in runs.items() if n},
    }


def _exact(r, connections):
    if r["served"] is not None:
        return r["counted"] == r["served"]
    return 0 <= r["counted"] - r["requests"] <= connections


# ---- series of rounds ---------------------------------------------------------

def pairs(setup, loaded, backend, n, progress):
    """[(off, on)]"""
    setup.load(loaded, 1)
    found = []
    for i in range(n):
        progress("%s, %s: pair %d of %d" % (loaded.name, backend, i + 1, n))
        found.append((off(setup, loaded), on(setup, loaded, backend)))
    return found


def triples(setup, loaded, backend, n, progress):
    """[(off, on, on but blind for TLS)], which differ by the uprobes and what they see. Each
    round is a third shorter, so that three last as long as a pair."""
    shorter = Setup(setup.folder, max(1, setup.seconds * 2 // 3), setup.connections)
    shorter.load(loaded, 1)
    found = []
    for i in range(n):
        progress("%s, %s: three rounds, %d of %d" % (loaded.name, backend, i + 1, n))
        found.append((off(shorter, loaded), on(shorter, loaded, backend),
                      on(shorter, loaded, backend, BLIND)))
    return found


def remembering(setup, loaded, backend, n, progress):
    """[(on without a history, on)]: what redeye's own page costs, looked at or not."""
    setup.load(loaded, 1)
    found = []
    for i in range(n):
        progress("%s, %s: history, pair %d of %d" % (loaded.name, backend, i + 1, n))
        found.append((on(setup, loaded, backend, FORGETFUL), on(setup, loaded, backend)))
    return found


def programs(setup, loaded, backend, progress):
    """Two rounds in which the kernel times the BPF programs, which costs time itself.

    The programs also run for wrk, which nobody selected. What such a run costs
    shows in a round that selects neither wrk nor the server.
    """
    progress("%s, %s: the programs' own time" % (loaded.name, backend))
    selected = on(setup, loaded, backend, ["--bpf-stats"])
    return selected, _bystander(setup, loaded, backend)


def _bystander(setup, loaded, backend):
    sleeper = Proc(["sleep", "3600"], os.path.join(setup.folder, "sleep.log"))
    try:
        agent = setup.agent(["--pid", str(sleeper.pid)], backend, options=["--bpf-stats"])
        try:
            return _watched_round(setup, loaded, agent)
        finally:
            agent.proc.stop()
    finally:
        sleeper.stop()
