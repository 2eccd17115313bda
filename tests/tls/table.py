# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the cases showed, as the tables of docs/tls-support.md."""

import os

from programs import CLIENTS, KINDS, versions

SERVER_COLUMNS = (
    ("TLS 1.2", "requests-1.2"), ("TLS 1.3", "requests-1.3"), ("resumption", "resumption"),
    ("early data", "early-data"), ("client certificate", "client-certificate"),
    ("bodies", "bodies"), ("100 MB", "bodies-100-mb"), ("durations", "latency"),
    ("slow reader", "slow-reader"), ("pipelining", "pipelining"),
    ("plain beside", "plain-and-tls"), ("open before redeye", "attach-open"),
    ("starts under watch", "server-starts"), ("first request", "first-request"),
)
CLIENT_COLUMNS = (("TLS 1.2", "calls-1.2"), ("TLS 1.3", "calls-1.3"),
                  ("CONNECT", "through-proxy"), ("not seen, server right", "unseen-client"))
WORDS = {"ok": "yes", "FAIL": "**no**", "SKIP": "–"}


class Notes:
    """Reasons, each said once, by number."""

    def __init__(self):
        self.reasons = []

    def mark(self, reason):
        if reason not in self.reasons:
            self.reasons.append(reason)
        return "[%d]" % (self.reasons.index(reason) + 1)

    def lines(self):
        return ["%d. %s" % (i + 1, reason.replace("|", "\\|"))
                for i, reason in enumerate(self.reasons)]


def cell(results, base, kind, notes):
    found = results.get((base, kind))
    if not found:
        return ""
    verdict, reason = found
    return WORDS[verdict] + (" " + notes.mark(reason) if verdict != "ok" else "")


def section(title, kinds, columns, results, notes):
    lines = ["| %s | %s |" % (title, " | ".join(name for name, _ in columns)),
             "|---" * (len(columns) + 1) + "|"]
    for name, kind in kinds.items():
        cells = [cell(results, base, name, notes) for _, base in columns]
        if any(cells):
            lines.append("| %s | %s |" % (kind.what, " | ".join(cells)))
    return lines if len(lines) > 2 else []


def others(results, notes):
    """Cases that are not of one server or client in the tables."""
    shown = {base for _, base in SERVER_COLUMNS + CLIENT_COLUMNS}
    return ["- `%s`: %s" % ("-".join(filter(None, key)), cell(results, *key, notes))
            for key in results if key[0] not in shown]


def render(results, backend):
    """`results`: {(case, kind): (verdict, reason)} of one backend."""
    notes = Notes()
    lines = ["Linux %s, backend `%s`; %s." % (os.uname().release, backend, "; ".join(versions()))]
    for part in (section("server", KINDS, SERVER_COLUMNS, results, notes),
                 section("client", CLIENTS, CLIENT_COLUMNS, results, notes),
                 others(results, notes), notes.lines()):
        lines += [""] + part if part else []
    return "\n".join(lines) + "\n"


def write(path, results, render=render):
    """render: makes the text of one backend's results."""
    backends = list(dict.fromkeys(backend for _, backend, _, _ in results))
    with open(path, "w") as f:
        for backend in backends:
            mine = {(c.function.__name__.replace("_", "-"), c.kind): (verdict, reason)
                    for c, b, verdict, reason in results if b == backend}
            f.write(render(mine, backend) + "\n")
