# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What redeye takes, looked at each second: memory, descriptors, the kernel's maps, time."""

import os
import re
import time

from lib import Failure

LOSS_FREE = ("not_wanted", "ciphertext", "not_stream", "peek")  # docs/metrics.md: no loss
SCRAPE_SECONDS = 5
GAUGES = {  # of redeye itself, with each scrape
    "connections": "redeye_connections_open",
    "series": "redeye_series",
    "aggregation_bytes": "redeye_aggregation_memory_bytes",
    "history_bytes": "redeye_history_memory_bytes",
    "map_entries": "redeye_bpf_map_entries",
    "ring_bytes": "redeye_ring_used_bytes",
}
TICKS = os.sysconf("SC_CLK_TCK")


def _status(pid, *fields):
    with open("/proc/%d/status" % pid) as f:
        text = f.read()
    return [int(re.search(r"^%s:\s+(\d+) kB" % field, text, re.M).group(1)) * 1024
            for field in fields]


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def kernel_bytes(pid):
    """(descriptors, bytes that the kernel holds for its maps and programs)"""
    folder, total, fds = "/proc/%d/fdinfo" % pid, 0, os.listdir("/proc/%d/fd" % pid)
    for fd in fds:
        try:
            with open(os.path.join(folder, fd)) as f:
                found = re.search(r"^memlock:\s+(\d+)", f.read(), re.M)
        except FileNotFoundError:  # closed meanwhile
            continue
        total += int(found.group(1)) if found else 0
    return len(fds), total


def losses(metrics):
    """{"hook/reason": how many} of what was not counted for want of room."""
    lost = {}
    for name in ("redeye_events_dropped_total", "redeye_requests_dropped_total"):
        for labels, value in metrics.get(name):
            if value and labels["reason"] not in LOSS_FREE:
                key = "%s/%s" % (labels.get("hook") or labels.get("protocol"), labels["reason"])
                lost[key] = lost.get(key, 0) + int(value)
    return lost


class Sampler:
    """A row each second, of redeye and of the load."""

    def __init__(self, agent, drive):
        self.agent, self.drive, self.rows = agent, drive, []
        self.begin, self.scraped = time.monotonic(), 0.0
        self.gauges, self.missed = {"history_bytes": 0}, 0

    def take(self):
        pid, now = self.agent.proc.pid, time.monotonic()
        rss, anon = _status(pid, "VmRSS", "RssAnon")
        fds, kernel = kernel_bytes(pid)
        said = self.drive.said("AT")
        if now - self.scraped >= SCRAPE_SECONDS:
            self.scraped = now
            self._scrape()
        row = {"t": round(now - self.begin, 2), "rss": rss, "anon": anon, "fds": fds,
               "kernel": kernel, "cpu": cpu_seconds(pid)}
        if said:
            row.update(answered=said.answered, skipped=said.skipped, p50=said.p50_us,
                       p99=said.p99_us)
        self.rows.append(dict(row, **self.gauges))

    def _scrape(self):
        """A machine that is full may take more than the five seconds of a scrape: that is told."""
        try:
            metrics = self.agent.scrape()
        except Failure:
            if not self.agent.proc.alive():
                raise
            self.missed += 1
            return
        self.gauges = {key: int(metrics.total(name)) for key, name in GAUGES.items()}
        self.gauges["lost"] = sum(losses(metrics).values())

    def until(self, over):
        """A row each second until over() is true."""
        while not over():
            self.take()
            time.sleep(max(0.0, 1.0 - (time.monotonic() - self.begin) % 1.0))
