# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tables of docs/traces-parents.md, from the results of the cases that ran."""

import re

import cases_jaeger
import cases_parents
import services

COLUMNS = ("1", "50", "two", "all", "late", "stream", "after", "named", "traced",
           "tick1", "tick50")


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def parents():
    head = ["", "1", "50", "two calls", "at once", "after a timer", "streaming", "afterwards",
            "`X-Request-ID`", "`traceparent`", "background, 1", "background, 50", "wrong"]
    rows = []
    for kind in services.KINDS:
        got = cases_parents.RESULTS.get(kind, {})
        cells = [got[c].share() if c in got else "" for c in COLUMNS]
        rows.append([services.KINDS[kind].what] + cells + [str(sum(v.wrong for v in got.values()))])
    return markdown(head, rows)


def chain():
    head = ["", "calls, 1", "calls, 20", "served, 1", "served, 20", "wrong"]
    rows = []
    for (propagate, keep), got in sorted(cases_jaeger.RESULTS.items()):
        cells = [side[group].share() for side in (got.clients, got.servers)
                 for group in ("exact", "busy")]
        name = "%s `--propagate`, %s" % ("with" if propagate else "without", "connections kept"
                                         if keep else "a connection for each call")
        rows.append([name] + cells + [str(sum(v.wrong for v in got.verdicts()))])
    return markdown(head, rows)


def update(path):
    """Replaces what stands between <!-- NAME --> and <!-- /NAME -->, where there is something
    to say."""
    with open(path) as f:
        text = f.read()
    for name, results, make in (("parents", cases_parents.RESULTS, parents),
                                ("chain", cases_jaeger.RESULTS, chain)):
        if results:
            text = re.sub(r"(<!-- %s -->\n).*(<!-- /%s -->)" % (name, name),
                          lambda m: m.group(1) + make() + m.group(2), text, flags=re.DOTALL)
    with open(path, "w") as f:
        f.write(text)
