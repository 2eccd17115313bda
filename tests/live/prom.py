# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads Prometheus text and compares it with what a case expects.

A case lists rows: so many requests with these labels. The comparison is exact
in both directions: every row must be there with its count, and no series of
the same family may be left over. Labels that a row does not know about (the
scope, the protocol version) are ignored; a label that is missing is "".
"""

import re

ANY = object()       # some value, not ""
WHATEVER = object()  # also ""

FAMILY = {"server": "http_server_request_duration_seconds",
          "client": "http_client_request_duration_seconds"}
LABELS = {
    "service": "service_name",
    "method": "http_request_method",
    "route": "http_route",
    "status": "http_response_status_code",
    "error": "error_type",
    "address": "server_address",
    "port": "server_port",
}
KEYS = {"server": ("service", "method", "route", "status", "error"),
        "client": ("service", "method", "status", "error", "address", "port")}

_SAMPLE = re.compile(r'^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\S+)?$')
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)="((?:[^"\\\n]|\\.)*)"\s*(?:,|$)')
_ESCAPE = re.compile(r'\\(.)')


def _unescape(text):
    return _ESCAPE.sub(lambda m: "\n" if m.group(1) == "n" else m.group(1), text)


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        m = _LABEL.match(text, at)
        if not m:
            raise ValueError("bad label: %r" % text[at:])
        if m.group(1) in labels:
            raise ValueError("label twice: %r" % text)
        labels[m.group(1)] = _unescape(m.group(2))
        at = m.end()
    return labels


class Metrics:
    """The samples of one scrape: {name: [(labels, value)]}."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        self.types = {}
        seen = set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(None, 3)
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self._sample(line, seen)

    def _sample(self, line, seen):
        m = _SAMPLE.match(line)
        if not m:
            raise ValueError("bad sample: %r" % line)
        labels = _labels(m.group(2) or "")
        key = (m.group(1), tuple(sorted(labels.items())))
        if key in seen:
            raise ValueError("series twice: %r" % line)
        seen.add(key)
        self.samples.setdefault(m.group(1), []).append((labels, float(m.group(3))))

    def get(self, name):
        return self.samples.get(name, [])

    def total(self, name, **labels):
        return sum(v for have, v in self.get(name)
                   if all(have.get(k, "") == w for k, w in labels.items()))

    def by(self, name, ignore=("reason",)):
        """{labels without `ignore`: sum}."""
        sums = {}
        for labels, value in self.get(name):
            key = tuple(sorted((k, v) for k, v in labels.items() if k not in ignore))
            sums[key] = sums.get(key, 0) + value
        return sums


class Row:
    """`count` requests with these labels; see server() and client()."""

    def __init__(self, side, count, at_most=False, seconds=None, **want):
        self.side = side
        self.count = count
        self.at_most = at_most  # up to `count`, also none
        self.seconds = seconds  # (low, high) of the sum of durations
        self.want = {k: v if v in (ANY, WHATEVER) else str(v) for k, v in want.items()}

    def matches(self, have):
        return all(want is WHATEVER or (have[k] != "" if want is ANY else have[k] == want)
                   for k, want in self.want.items())

    def __str__(self):
        names = {id(ANY): "<some>", id(WHATEVER): "<any>"}
        return self.side + " " + " ".join(
            "%s=%s" % (k, names.get(id(v), v)) for k, v in self.want.items() if v != "")


def server(count, route="/hello", method="GET", status=200, error="", service=WHATEVER, **kw):
    return Row("server", count, route=route, method=method, status=status, error=error,
               service=service, **kw)


def client(count, port, address="127.0.0.1", method="GET", status=200, error="",
           service=WHATEVER, **kw):
    return Row("client", count, port=port, address=address, method=method, status=status,
               error=error, service=service, **kw)


def within(value, fraction=0.0, slack=0.0):
    margin = max(abs(value) * fraction, slack)
    return (value - margin, value + margin)


def _series(metrics, side):
    """[({short label: value}, count, sum of seconds)] of one family."""
    sums = {tuple(sorted(l.items())): v for l, v in metrics.get(FAMILY[side] + "_sum")}
    for labels, count in metrics.get(FAMILY[side] + "_count"):
        short = {k: labels.get(LABELS[k], "") for k in KEYS[side]}
        yield short, count, sums.get(tuple(sorted(labels.items())), float("nan"))


def _describe(have):
    return " ".join("%s=%s" % kv for kv in have.items() if kv[1])


def _check_row(row, count, seconds):
    if count > row.count or (count < row.count and not row.at_most):
        yield "%s: %d, want %s%d" % (row, count, "at most " if row.at_most else "", row.count)
    elif row.seconds and not row.seconds[0] <= seconds <= row.seconds[1]:
        yield "%s: lasted %.6f s in all, want %.6f to %.6f" % ((row, seconds) + row.seconds)


def compare(metrics, rows):
    """The list of differences, empty when the scrape says just what the rows say."""
    problems = []
    for side in FAMILY:
        mine = [r for r in rows if r.side == side]
        got = {id(r): [0, 0.0] for r in mine}
        for have, count, seconds in _series(metrics, side):
            row = next((r for r in mine if r.matches(have)), None)
            if row is None:
                problems.append("unexpected: %s %s: %d" % (side, _describe(have), count))
            else:
                got[id(row)][0] += count
                got[id(row)][1] += seconds
        for row in mine:
            problems += _check_row(row, *got[id(row)])
    return problems


# ---- what must hold whatever the traffic was --------------------------------

def _balance(metrics, left, right):
    """For each label set: the counter `left` is the sum of the counters `right`."""
    have = metrics.by(left)
    parts = [metrics.by(name) for name in right]
    for key in sorted(set(have).union(*parts)):
        terms = [p.get(key, 0) for p in parts]
        if have.get(key, 0) != sum(terms):
            yield "%s%s = %d is not %s" % (
                left, dict(key), have.get(key, 0),
                " + ".join("%s %d" % t for t in zip(right, terms)))


def accounting(metrics):
    """observed = emitted + dropped, for events and for requests."""
    problems = ["%s is missing" % name
                for name in ("redeye_events_observed_total", "redeye_requests_observed_total")
                if not metrics.get(name)]
    problems += _balance(metrics, "redeye_events_observed_total",
                         ("redeye_events_emitted_total", "redeye_events_dropped_total"))
    problems += _balance(metrics, "redeye_requests_observed_total",
                         ("redeye_requests_emitted_total", "redeye_requests_in_flight",
                          "redeye_requests_dropped_total"))
    return problems


def histograms(metrics):
    """Each histogram's buckets ascend and end in its count."""
    problems = []
    for name in (n for n, kind in metrics.types.items() if kind == "histogram"):
        counts = {tuple(sorted(l.items())): v for l, v in metrics.get(name + "_count")}
        last = {}
        for labels, value in metrics.get(name + "_bucket"):
            key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            if value < last.get(key, 0):
                problems.append("%s: buckets do not ascend: %s" % (name, dict(key)))
            last[key] = value
        if last != counts:
            problems.append("%s: the last bucket is not the count" % name)
    return problems


def active(metrics, side="server"):
    return metrics.total("http_%s_active_requests" % side)
