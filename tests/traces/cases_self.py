# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The comparison itself: it accepts what is right, and notices each thing that is not."""

import copy
import json

import fake
import otlp
import truth
from harness import case
from lib import check
from truth import Request

WATCHED = {"a", "b"}
TRUTH = [Request("load-1-1", "none", "a"), Request("load-1-2", "none", "a"),
         Request("a-1", "load-1-1", "b"), Request("a-2", "load-1-2", "b"),
         Request("b-1", "a-1", "leaf"), Request("b-2", "a-2", "leaf"),
         Request("b-tick1", "none", "leaf")]


def lose(found):
    del found[0]


def unlink(found):
    find(found, 3)["parentSpanId"] = ""


def exchange(found):
    """The parents of two calls of one service."""
    calls = [s for service, s in found if s["kind"] == 3 and service == "a"]
    for name in ("parentSpanId", "traceId"):
        calls[0][name], calls[1][name] = calls[1][name], calls[0][name]


def other_trace(found):
    find(found, 3)["traceId"] = "7" * 32


def invent(found):
    find(found, 3)["attributes"][0]["value"] = {"stringValue": "b-77"}


def repeat(found):
    again = copy.deepcopy(find(found, 2))
    again["spanId"] = "1" * 16
    found.append(("a", again))


def misname(found):
    found[0] = ("b" if found[0][0] == "a" else "a", found[0][1])


def tie_tick(found):
    """A call of the background with a parent."""
    tick = next(s for s in spans_of_kind(found, 3) if "tick" in json.dumps(s))
    tick["parentSpanId"] = find(found, 2)["spanId"]


def wrong_root(found):
    """A server span below one that sent another request."""
    servers = [s for service, s in found if s["kind"] == 2 and service == "b"]
    servers[0]["parentSpanId"], servers[0]["traceId"] = \
        servers[1]["parentSpanId"] or "3" * 16, servers[1]["traceId"]


def spans_of_kind(found, kind):
    return [s for _, s in found if s["kind"] == kind]


def find(found, kind):
    return spans_of_kind(found, kind)[0]


NOTICED = {lose: "missing: 1", exchange: "wrong parents: ", other_trace: "wrong parents: ",
           invent: "no such request: 1", repeat: "two spans of one request: 1",
           misname: "in the wrong service: 1", tie_tick: "wrong parents: ",
           wrong_root: "wrong parents: "}


def compared(propagate, change=None):
    found = fake.spans(TRUTH, WATCHED, propagate)
    if change:
        change(found)
    body = json.dumps(fake.message(found))
    return truth.Comparison(list(otlp.spans_of(body)), TRUTH, WATCHED)


@case(on=("parted", "propagated"))
def comparison(t, kind):
    propagate = kind == "propagated"
    good = compared(propagate)
    check(not good.problems(), "the truth itself has problems: %s" % good.problems())
    clients, servers = good.clients["all"], good.servers["all"]
    check(clients.right == 4 and servers.right == (2 if propagate else 0) and servers.roots == 2,
          "clients: %s; servers: %s" % (clients, servers))
    check(compared(propagate, unlink).clients["all"].none == 1, "a parent that is none is counted")
    for change, want in NOTICED.items():
        problems = "; ".join(compared(propagate, change).problems())
        check(want in problems, "%s: got %r, want %s" % (change.__name__, problems, want))
