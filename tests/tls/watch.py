# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye on servers and clients, and two witnesses of what it saw: /metrics and the access log."""

import collections
import json
import os
import subprocess

import prom
from agent import ROUTES
from lib import Failure, settings, wait_for
from prom import ANY, WHATEVER

# Server rows tell http from https; nothing of these series may be left over.
prom.LABELS["scheme"] = "url_scheme"
prom.KEYS["server"] += ("scheme",)


LINKS = "redeye_uprobe_links"


def https(count, route="/hello", **kw):
    return prom.server(count, route, scheme="https", **kw)


def plain(count, route="/hello", **kw):
    return prom.server(count, route, scheme="http", **kw)


def client(count, port, **kw):
    return prom.client(count, port, **kw)


class Watched:
    """An agent with an access log; wants both to say the same."""

    def __init__(self, t, agent, path):
        self.t = t
        self.agent = agent
        self.path = path
        self.most = 0  # probes, as probed() found them

    def links(self):
        """Probes on libraries now."""
        return self.agent.scrape().total(LINKS)

    def limit(self):
        return self.agent.scrape().total(LINKS + "_max")

    def expect_links(self, n, seconds=30.0):
        """So many probes in the end: the kernel takes its time for those that go."""
        def problems(metrics):
            links, on, off = (metrics.total("redeye_uprobe_" + name)
                              for name in ("links", "attached_total", "detached_total"))
            if links != n:
                yield "%s: %d, want %d" % (LINKS, links, n)
            if on != off + links:
                yield "%d probes were put on, %d taken off, %d are left" % (on, off, links)
        self.agent.poll(problems, seconds)

    def expect_requests(self, least):
        """So many of clients, or more."""
        def problems(metrics):
            n = metrics.total("http_client_request_duration_seconds_count")
            if n < least and not self.t.dry:
                yield "%d requests of clients, want %d or more" % (n, least)
        self.agent.poll(problems)

    def probed(self):
        """Waits until what runs has its probes: some, nobody who waits for his, and no more in the
        next scrape."""
        last = [0]

        def growing(metrics):
            links = metrics.total(LINKS)
            same, last[0] = links and links == last[0], links
            self.most = links
            return unprobed(metrics) + ([] if same or self.t.dry else ["%s: %d" % (LINKS, links)])
        self.agent.poll(growing)
        return self

    def log(self):
        with open(self.path, errors="replace") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def expect(self, *rows):
        self.agent.expect(*rows)
        if not self.t.dry:
            self._expect_log(rows)

    def _expect_log(self, rows):
        """Each line belongs to a row; each row has its lines."""
        try:
            wait_for("the access log", lambda: not log_problems(self.log(), rows), 3)
        except Failure:
            problems = log_problems(self.log(), rows)
            if problems:
                raise Failure("access log: " + "; ".join(problems[:4]))

    def sizes(self):
        """{(method, request bytes, response bytes): how often} in the access log."""
        return collections.Counter((line["method"], line["request_bytes"], line["response_bytes"])
                                   for line in self.log())


def short(line):
    """A line of the log with the keys of a Row."""
    host, _, port = line.get("server", "").rpartition(":")
    return {"service": line.get("service", ""), "method": line["method"],
            "route": line.get("route", ""), "status": str(line.get("status_code", "")),
            "error": line.get("error", ""), "address": host, "port": port}


def log_problems(lines, rows):
    """The log knows no scheme: rows that differ in it alone are counted together."""
    counts, most, least = (collections.Counter() for _ in range(3))
    for row in rows:
        most[label(row)] += row.count
        least[label(row)] += 0 if row.at_most else row.count
    for line in lines:
        row = next((r for r in rows if matches(r, line)), None)
        if row is None:
            return ["unexpected: %s" % json.dumps(line)]
        counts[label(row)] += 1
    return ["%s: %d lines, want %d" % (name, counts[name], most[name]) for name in most
            if not least[name] <= counts[name] <= most[name]]


def matches(row, line):
    have = short(line)
    keys = [k for k in prom.KEYS[line["kind"]] if k != "scheme" and k in row.want]
    return row.side == line["kind"] and \
        all(row.want[k] is WHATEVER or
            (have[k] != "" if row.want[k] is ANY else have[k] == row.want[k]) for k in keys)


def label(row):
    return "%s %s" % (row.side, " ".join("%s=%s" % (k, "*" if v in (ANY, WHATEVER) else v)
                                         for k, v in sorted(row.want.items()) if k != "scheme"))


def unprobed(metrics):
    waiting = metrics.total("redeye_uprobe_waiting")
    return ["%d processes are not probed yet" % waiting] if waiting else []


def signatures(t, watched):
    """The option for those that have no symbols of their own."""
    debug = [w.kind.debug for w in watched if getattr(getattr(w, "kind", None), "debug", "")]
    if not debug or t.dry:
        return ()
    path = os.path.join(t.subfolder("signatures"), "list")
    with open(path, "w") as f:
        for image in sorted(set(debug)):
            subprocess.run([settings.redeye, "signatures", image], stdout=f, check=True)
    return ("--tls-signatures", path)


def watch(t, *watched, options=()):
    """redeye on every process of these."""
    path = os.path.join(t.subfolder("log"), "access.json")
    agent = t.watch(*watched, routes=ROUTES + ("/sink",),
                    options=("--access-log", path) + signatures(t, watched) + tuple(options))
    agent.poll(unprobed, 30)  # a slow machine is ready before all of them are
    return Watched(t, agent, path)
