# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""From rounds to rows: medians, spreads, and the aims they are held against."""

import statistics

from workloads import WORKLOADS

MB = 1e6


class Spread:
    """The median of some values, and the least and the greatest."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.low, self.high = min(values), max(values)

    def dict(self):
        return {"median": self.median, "min": self.low, "max": self.high}


def _over(rounds, key):
    return Spread([r[key] for r in rounds])


class Paired:
    """What the pairs of one server and one backend say; `blind`: redeye was to see no TLS."""

    def __init__(self, server, backend, pairs, blind=False):
        offs, ons = [p[0] for p in pairs], [p[1] for p in pairs]
        self.server, self.backend, self.pairs, self.blind = server, backend, pairs, blind
        self.title = server + ", no probes" if blind else server
        self.off = {k: _over(offs, k) for k in ("per_second", "server_ns", "p50_ns", "p99_ns")}
        self.on = {k: _over(ons, k) for k in ("per_second", "server_ns", "p50_ns", "p99_ns")}
        self.ratio = {k: Spread([b[k] / a[k] for a, b in pairs])
                      for k in ("per_second", "p50_ns", "p99_ns")}
        self.loss = Spread([100 * (1 - b["per_second"] / a["per_second"]) for a, b in pairs])
        self.added_ns = Spread([b["server_ns"] - a["server_ns"] for a, b in pairs])
        self.redeye_ns = _over(ons, "redeye_ns")
        self.records = Spread([r["records"] / r["requests"] for r in ons])
        self.ring_bytes = Spread([r["ring_bytes"] / r["requests"] for r in ons])
        self.requests = sum(r["requests"] for r in ons)
        self.counted = sum(r["counted"] for r in ons)
        self.served = None if ons[0]["served"] is None else sum(r["served"] for r in ons)
        self.exact = all((not r["counted"]) if blind else r["exact"] for r in ons)
        self.dropped = _sum_drops(ons)
        self.rss = max(r["memory"]["VmRSS"] for r in ons)

    def dict(self):
        plain = ("server", "backend", "blind", "requests", "counted", "served", "exact",
                 "dropped", "rss")
        spreads = ("loss", "added_ns", "redeye_ns", "records", "ring_bytes")
        found = {k: getattr(self, k) for k in plain}
        found.update((k, getattr(self, k).dict()) for k in spreads)
        found.update(off={k: v.dict() for k, v in self.off.items()},
                     on={k: v.dict() for k, v in self.on.items()},
                     ratio={k: v.dict() for k, v in self.ratio.items()},
                     pairs=[{"off": a, "on": b} for a, b in self.pairs])
        return found


class Remembered:
    """What the history costs: pairs of rounds without it and with it."""

    def __init__(self, server, backend, pairs):
        self.server, self.backend = server, backend
        self.without_ns = _over([p[0] for p in pairs], "redeye_ns")
        self.with_ns = _over([p[1] for p in pairs], "redeye_ns")
        self.added_ns = Spread([b["redeye_ns"] - a["redeye_ns"] for a, b in pairs])
        self.server_ns = Spread([b["server_ns"] - a["server_ns"] for a, b in pairs])
        self.lost = Spread([100 * (1 - b["per_second"] / a["per_second"]) for a, b in pairs])
        self.rss = max(b["memory"]["VmRSS"] for _, b in pairs)
        self.rss_without = max(a["memory"]["VmRSS"] for a, _ in pairs)
        self.dropped = _sum_drops([b for _, b in pairs])
        self.exact = all(r["exact"] for pair in pairs for r in pair)

    def dict(self):
        return {k: v.dict() if isinstance(v, Spread) else v for k, v in self.__dict__.items()}


def _sum_drops(rounds):
    sums = {}
    for r in rounds:
        for reason, n in r["dropped"].items():
            sums[reason] = sums.get(reason, 0) + n
    return sums


class Program:
    """One BPF program in the rounds that timed it; runs and ns are per request."""

    def __init__(self, server, backend, name, one, idle):
        p, unselected = one["programs"][name], idle["programs"].get(name)
        self.server, self.backend, self.name = server, backend, name
        self.run_ns = p["ns"] / p["runs"]
        self.idle_run_ns = unselected["ns"] / unselected["runs"] if unselected else None
        self.runs = p["runs"] / one["requests"]
        self.ns = p["ns"] / one["requests"]
        self.events = _events(name, one["observed"]) / one["requests"]
        self.event_ns = self._event_ns()

    def _event_ns(self):
        """What a run costs that moved a selected process's bytes."""
        if not self.idle_run_ns or not self.events:
            return None
        return (self.ns - self.idle_run_ns * (self.runs - self.events)) / self.events

    def dict(self):
        return dict(self.__dict__)


# Hooks whose events a program sees, by what its name contains.
HOOKS = {"send": ("send",), "recv": ("recv",), "sys_exit": ("send", "recv")}


def _events(name, observed):
    """Events of a program; 0 for those that watch processes and connections."""
    hooks = next((h for part, h in HOOKS.items() if part in name), ())
    return sum(observed.get(h, 0) for h in hooks)


def programs(server, backend, one, idle):
    return [Program(server, backend, name, one, idle)
            for name, p in sorted(one["programs"].items(), key=lambda kv: -kv[1]["ns"])]


def of_data(program):
    """Whether it runs for calls that move data, those of TLS libraries included."""
    return program.event_ns is not None or program.name.startswith("u")


class Whole:
    """A server and a backend: what pairs of rounds and the kernel's clock say, in one row."""

    def __init__(self, paired, all_programs):
        mine = [p for p in all_programs if of_data(p) and not paired.blind and
                (p.server, p.backend) == (paired.server, paired.backend)]
        self.paired = paired
        self.bpf_runs = sum(p.runs for p in mine) if mine else None
        self.bpf_ns = sum(p.ns for p in mine) if mine else None
        self.bpf_run_ns = self.bpf_ns / self.bpf_runs if mine else None


# ---- aims --------------------------------------------------------------------

class Aim:
    """A measured value beside what it should be."""

    def __init__(self, text, value, limit, unit, at_least=False, spread=None):
        self.text, self.value, self.limit, self.unit = text, value, limit, unit
        self.at_least = at_least
        self.met = value >= limit if at_least else value <= limit
        self.unsure = bool(spread) and spread.low <= limit < spread.high

    def verdict(self):
        return ("met" if self.met else "not met") + (" (spread crosses it)" if self.unsure else "")

    def dict(self):
        return dict(self.__dict__, verdict=self.verdict())


def pair_aims(row):
    if row.blind:
        return []
    where = "%s, %s: " % (row.server, row.backend)
    loss = WORKLOADS[row.server].loss
    found = []
    if loss is not None:
        found.append(Aim(where + "throughput lost", row.loss.median, loss, "%", spread=row.loss))
    return found + [
        Aim(where + "added to the server per request", row.added_ns.median / 1e3, 1.0, "us",
            spread=_scaled(row.added_ns, 1e3)),
        Aim(where + "redeye's CPU per request", row.redeye_ns.median / 1e3, 1.0, "us",
            spread=_scaled(row.redeye_ns, 1e3))]


def whole_aims(whole):
    """What TLS costs but for its traps, which are the machine's."""
    if not WORKLOADS[whole.paired.server].tls or whole.bpf_ns is None:
        return []
    return [Aim("%s, %s: programs and redeye's CPU per request" %
                (whole.paired.server, whole.paired.backend),
                (whole.bpf_ns + whole.paired.redeye_ns.median) / 1e3, 3.0, "us")]


def _scaled(spread, by):
    return Spread([spread.low / by, spread.high / by])


# ---- redeye by itself ---------------------------------------------------------

def _memory(alone):
    for backend, m in alone.get("memory", {}).items():
        yield Aim("%s: memory with 100 series" % backend, m["series"]["VmRSS"] / MB, 15.0, "MB")


def _first(alone):
    for backend, m in alone.get("first", {}).items():
        yield Aim("%s: first transaction after the start" % backend,
                  max(m[key]["median_ms"] for key in ("open", "new")), 300.0, "ms")


def _replay(alone):
    if "replay" in alone:
        yield Aim("a replayed transaction, one core",
                  1e9 / alone["replay"]["per_second"], 300, "ns")


def _size(alone):
    if "size" in alone:
        size = alone["size"]
        yield Aim("executable, as it is installed", size.get("stripped", size["built"]) / MB, 3.0,
                  "MB")


def alone_aims(alone):
    return [aim for part in (_memory, _first, _replay, _size) for aim in part(alone)]
