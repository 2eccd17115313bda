# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the cases showed, as the tables of docs/h2-support.md."""

import os

from cases_clients import CLIENTS
from kinds import KINDS, versions
from rpc import STACKS
from table import Notes, cell, section  # of tests/tls

SERVERS = (
    ("h2load", "loads-plain"), ("TLS", "loads-tls"), ("request bodies", "posts-plain"),
    ("10 MB", "bodies-plain"), ("4 KiB of headers", "large-headers"),
    ("CONTINUATION", "continuation-plain"), ("trailers", "trailers"), ("1xx", "interim"),
    ("client resets", "client-resets-plain"), ("server resets", "server-resets-plain"),
    ("GOAWAY", "goaway"), ("push", "push"), ("CONNECT", "tunnel"), ("h2c upgrade", "upgrade"),
    ("slow reader", "slow-reader"), ("durations", "durations"), ("traceparent", "parents"),
    ("open before redeye", "late-heals-plain"), ("the same, TLS", "late-heals-tls"),
    ("the same, under load", "late-busy-plain"),
    ("the same, TLS", "late-busy-tls"),
)
PROGRAMS = (("in the clear", "requests-of-plain"), ("TLS", "requests-of-tls"))
CALLS = (
    ("17 codes", "codes"), ("spans", "attributes"), ("deadline", "deadline"),
    ("cancelled", "cancelled"), ("server dies", "server-dies"), ("health left out", "health"),
    ("h2load", "load-of-calls"), ("open before redeye", "late-calls"),
)


class Name:
    def __init__(self, what):
        self.what = what


def matrix(results, notes):
    """Servers down, clients across."""
    lines = ["| server \\ client | %s |" % " | ".join(s.what for s in STACKS.values()),
             "|---" * (len(STACKS) + 1) + "|"]
    for server, stack in STACKS.items():
        cells = []
        for client in STACKS:
            pair = "%s-%s" % (server, client)
            base = "calls-ring" if ("calls-ring", pair) in results else "calls-matrix"
            cells.append(cell(results, base, pair, notes))
        lines.append("| %s | %s |" % (stack.what, " | ".join(cells)))
    return lines


def by_server(results):
    """Cases of a pair are of its server."""
    return {(base, (kind or "").partition("-")[0]): found
            for (base, kind), found in results.items() if base in dict(CALLS).values()}


def others(results, notes):
    """Cases that are of no table."""
    shown = {base for _, base in SERVERS + PROGRAMS + CALLS} | {"calls-ring", "calls-matrix"}
    return ["- `%s`: %s" % ("-".join(filter(None, key)), cell(results, *key, notes))
            for key in results if key[0] not in shown]


def render(results, backend):
    """`results`: {(case, kind): (verdict, reason)} of one backend."""
    notes = Notes()
    lines = ["Linux %s, backend `%s`; %s." % (os.uname().release, backend, "; ".join(versions()))]
    programs = {name: Name(name) for name in CLIENTS}
    for part in (section("server", KINDS, SERVERS, results, notes),
                 section("client", programs, PROGRAMS, results, notes),
                 matrix(results, notes),
                 section("gRPC server", STACKS, CALLS, by_server(results), notes),
                 others(results, notes), notes.lines()):
        lines += [""] + part if part else []
    return "\n".join(lines) + "\n"
