# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tables: columns of fixed width, a title above each, a line of explanation where needed."""

import os

from summary import of_data


def table(title, columns, rows, notes=()):
    """columns: (heading, how to show a row); the first two are words, the others numbers."""
    if not rows:
        return
    cells = [[heading for heading, _ in columns]] + \
        [[show(row) for _, show in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    words = sum(1 for heading, _ in columns if heading.isupper())
    print("\n" + title)
    for line in cells:
        print("  " + "  ".join(c.ljust(w) if i < words else c.rjust(w)
                               for i, (c, w) in enumerate(zip(line, widths))).rstrip())
    for note in notes:
        print("  " + note)


def number(value):
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 \
        else "%.2f" % value


def _maybe(value):
    return "-" if value is None else number(value)


def _spread(s):
    return "%s (%s .. %s)" % (number(s.median), number(s.low), number(s.high))


def _time(ns):
    for unit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if ns >= unit:
            return number(ns / unit) + " " + name
    return "%.0f ns" % ns


def mb(n):
    return "%.2f MB" % (n / 1e6)


WHO = (("SERVER", lambda r: r.server), ("BACKEND", lambda r: r.backend))
ROW = (("SERVER", lambda r: r.title), ("BACKEND", lambda r: r.backend))

def _ratio(key):
    return lambda w: "%.2f" % w.paired.ratio[key].median


def _drops(r):
    return " ".join("%s:%d" % kv for kv in r.dropped.items()) or "0"


WHOLE = (
    ("SERVER", lambda w: w.paired.title),
    ("BACKEND", lambda w: w.paired.backend),
    ("throughput", _ratio("per_second")),
    ("p50", _ratio("p50_ns")),
    ("p99", _ratio("p99_ns")),
    ("server ns", lambda w: number(w.paired.off["server_ns"].median)),
    ("added", lambda w: number(w.paired.added_ns.median)),
    ("redeye ns", lambda w: number(w.paired.redeye_ns.median)),
    ("BPF runs", lambda w: _maybe(w.bpf_runs)),
    ("x ns", lambda w: _maybe(w.bpf_run_ns)),
    ("= ns", lambda w: _maybe(w.bpf_ns)),
    ("records", lambda w: number(w.paired.records.median)),
    ("ring B", lambda w: number(w.paired.ring_bytes.median)),
    ("RSS", lambda w: mb(w.paired.rss)),
    ("dropped", lambda w: _drops(w.paired)),
    ("exact", lambda w: "yes" if w.paired.exact else "NO"),
)

THROUGHPUT = ROW + (
    ("req/s off", lambda r: number(r.off["per_second"].median)),
    ("on", lambda r: number(r.on["per_second"].median)),
    ("lost % (min .. max)", lambda r: _spread(r.loss)),
    ("p50 off", lambda r: _time(r.off["p50_ns"].median)),
    ("on", lambda r: _time(r.on["p50_ns"].median)),
    ("p99 off", lambda r: _time(r.off["p99_ns"].median)),
    ("on", lambda r: _time(r.on["p99_ns"].median)),
)

CPU = ROW + (
    ("server ns off", lambda r: number(r.off["server_ns"].median)),
    ("on", lambda r: number(r.on["server_ns"].median)),
    ("added ns (min .. max)", lambda r: _spread(r.added_ns)),
    ("redeye ns (min .. max)", lambda r: _spread(r.redeye_ns)),
)

CAPTURE = ROW + (
    ("records/req", lambda r: number(r.records.median)),
    ("ring B/req", lambda r: number(r.ring_bytes.median)),
    ("asked", lambda r: "%d" % r.requests),
    ("served", lambda r: "-" if r.served is None else "%d" % r.served),
    ("counted", lambda r: "%d" % r.counted),
    ("exact", lambda r: "yes" if r.exact else "NO"),
    ("dropped", _drops),
    ("RSS", lambda r: mb(r.rss)),
)

PROGRAMS = WHO + (
    ("PROGRAM", lambda p: p.name),
    ("runs/req", lambda p: number(p.runs)),
    ("ns/req", lambda p: number(p.ns)),
    ("ns/run", lambda p: number(p.run_ns)),
    ("events/req", lambda p: number(p.events)),
    ("ns/event", lambda p: _maybe(p.event_ns)),
    ("ns/run unselected", lambda p: _maybe(p.idle_run_ns)),
)

HISTORY = WHO + (
    ("redeye ns without", lambda r: number(r.without_ns.median)),
    ("with", lambda r: number(r.with_ns.median)),
    ("added ns (min .. max)", lambda r: _spread(r.added_ns)),
    ("to the server", lambda r: _spread(r.server_ns)),
    ("lost % (min .. max)", lambda r: _spread(r.lost)),
    ("exact", lambda r: "yes" if r.exact else "NO"),
    ("dropped", _drops),
    ("RSS without", lambda r: mb(r.rss_without)),
    ("with", lambda r: mb(r.rss)),
)

UPROBES = WHO + (
    ("added ns (min .. max)", lambda u: _spread(u.added_ns)),
    ("lost % (min .. max)", lambda u: _spread(u.lost)),
    ("entries/req", lambda u: number(u.entries)),
    ("returns/req", lambda u: number(u.returns)),
    ("BPF ns/req", lambda u: number(u.bpf_ns)),
    ("so ns/hit", lambda u: number(u.hit_ns)),
)

TRAPS = (
    ("KIND", lambda t: t["kind"]),
    ("INSTRUCTION", lambda t: t["instruction"]),
    ("ATTACHED", lambda t: t["way"]),
    ("ns (min .. max)", lambda t: "%(ns)d (%(min)d .. %(max)d)" % t),
)

AIMS = (
    ("WHAT", lambda a: a.text),
    ("measured", lambda a: number(a.value)),
    ("aim", lambda a: "%s %g %s" % (">=" if a.at_least else "<=", a.limit, a.unit)),
    ("", lambda a: a.verdict().ljust(28)),
)


def whole(rows):
    table("All of it, a request: with redeye by without it (medians of the pairs), then CPU time, "
          "programs and ring", WHOLE, rows,
          ("BPF: of the programs that see data, their runs for the load generator included; their "
           "times are", "in what is added, the traps of uprobes too. no probes: --no-tls."))


def pairs(rows):
    table("Throughput and latency: medians of the rounds; lost: of the pairs", THROUGHPUT, rows)
    _cpu(rows)
    table("Capture, all rounds with redeye together", CAPTURE, rows,
          ("exact: counted = served, or, where the server keeps no count, at most one request a "
           "connection over what was asked;", "without probes (--no-tls): none."))


def _cpu(rows):
    table("CPU time per request, of all threads and children", CPU, rows,
          ("added: on - off of each pair. What is below about 1 % of the server's own time is "
           "noise:", "ns/req of the programs then says more."))


def server_cost(rows):
    _cpu(rows)
    for r in rows:
        each = sorted(b["server_ns"] - a["server_ns"] for a, b in r.pairs)
        print("\n%s, %s: added ns/req of each pair, sorted" % (r.title, r.backend))
        print("  " + " ".join("%.0f" % ns for ns in each))


def programs(rows):
    table("BPF programs of the data path, in rounds of their own (--bpf-stats)", PROGRAMS,
          [p for p in rows if of_data(p)],
          ("Runs are the whole machine's, wrk's among them. events: runs that moved bytes of the "
           "server;", "unselected: what a run costs when it ends at the selection, from a round "
           "that selects neither. u(ret)probe_: of TLS libraries; their traps are not in it."))


def history(rows):
    table("The history of redeye's own page (--history-limit): pairs without it and with it",
          HISTORY, rows, ("With it spans have their places in traces; all is per request.",))


def uprobes(rows, traps, published):
    table("Uprobes, what they add to a server that is watched without them", UPROBES, rows,
          ("so ns/hit: what was added and is not BPF, by hits: traps, and what they do to caches. "
           "A return", "of a uretprobe and its entry share a trap."))
    table("A uprobe by itself, with an empty program", TRAPS, traps,
          ("emulated: the kernel does the instruction itself; stepped: a second trap behind it, "
           "which in a", "virtual machine leaves it. return: entry and return together.",
           published))


def _memory_rows(alone):
    for backend, m in alone.get("memory", {}).items():
        for key, text in (("idle", "just started"), ("series", "100 series")):
            parts = " + ".join("%s %.2f" % (name[3:].lower(), m[key][name] / 1e6)
                               for name in ("RssAnon", "RssFile", "RssShmem") if name in m[key])
            yield "memory, %s, %s" % (text, backend), "%s = %s; peak %s" % (
                mb(m[key]["VmRSS"]), parts, mb(m[key]["VmHWM"]))
        if "uprobes" in m:
            yield "uprobes, " + backend, (
                "%(files)d files read in %(scan_ms).1f ms, %(probes)d probes attached in "
                "%(attach_ms).1f ms" % dict(m["uprobes"], scan_ms=1e3 * m["uprobes"]["scan_s"],
                                            attach_ms=1e3 * m["uprobes"]["attach_s"]))


def _first_rows(alone):
    for backend, m in alone.get("first", {}).items():
        for key in ("open", "new"):
            yield ("first transaction, %s connection, %s" % (key, backend),
                   "%.0f ms, worst %.0f ms; /readyz answers after %.0f ms" %
                   (m[key]["median_ms"], m[key]["worst_ms"], m[key]["ready_ms"]))


def _replay_rows(alone):
    for key, text in (("replay", "replay, one core"), ("replay_real", "replay, of the recorded")):
        r = alone.get(key)
        if r:
            yield text, "%.2f M transactions/s (%d in %.2f s, %.0f bytes each; %s)" % (
                r["per_second"] / 1e6, r["transactions"], r["seconds"],
                r["file_bytes"] / r["transactions"], r["what"])


def alone(found):
    rows = list(_memory_rows(found)) + list(_first_rows(found)) + list(_replay_rows(found))
    if "size" in found:
        rows.append(("executable", ", ".join("%s %s" % (mb(n), k)
                                             for k, n in found["size"].items())))
    table("redeye by itself", (("WHAT", lambda r: r[0]), ("VALUE", lambda r: r[1])), rows)


def aims(rows):
    table("Aims", AIMS, rows)


def missing(title, reasons):
    table(title, (("WHAT", lambda r: r[0]), ("WHY", lambda r: r[1])), reasons)


def header(options, pinned):
    kernel = os.uname()
    print("redeye bench: %s %s, %d CPUs; %d pairs of %d s, %d connections, %s" % (
        kernel.sysname, kernel.release.split("-")[0], os.cpu_count(), options.n, options.d,
        options.connections,
        "server on a CPU of its own" if pinned else "nothing pinned"))
