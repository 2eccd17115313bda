# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whole traces, over every form of OTLP, as Jaeger shows them.

nginx -> Node -> Go -> Python and Ruby at once, Python -> Java: six services, each of
which makes the calls of its handler. Every request has to be there as the spans that
the services' logs call for, each within the one it belongs to. With propagation it is
one trace; without, redeye may know only a part of the edges, but none may be wrong.
"""

import json
import os

import redeye
import truth
from backends import Collector, Jaeger
from harness import case
from lib import Skip, check, settings
from load import Load, group_of
from otlp import Receiver

HOPS = 6       # requests that one at the front makes, itself included
HABIT = 31     # one by one, from which redeye learns what each service sends for one
EXACT = 101    # one by one: every span has to have its parent
BUSY = 199     # at once: none may have a wrong one
SLACK_NS = 10 ** 8  # a sender's clock stops when its call returns, not when it was heard


class Chain:
    """The services, started from the last to the first."""

    def __init__(self, t):
        java = t.service("java")
        ruby = t.service("ruby")
        python = t.service("python", to=[java.url("/leaf")])
        go = t.service("go", to=[python.url("/one"), ruby.url("/leaf")])
        node = t.service("node", to=[go.url("/all")])
        self.front = t.service("nginx", to=[node.url("/one")])
        self.services = [self.front, node, go, python, ruby, java]
        self.sent = 0

    def load(self, group, n, conns=1):
        Load(self.front.address, "/one", group, n, conns).wait()
        self.sent += n * HOPS

    def truth(self):
        return truth.requests(self.services, self.sent)

    def compare(self, spans):
        """By the groups of the load."""
        requests = self.truth()
        root = truth.roots(requests)
        return truth.Comparison(spans, requests, {s.name for s in self.services},
                                lambda r: group_of(root[r.id]))


# ---- what has to hold ----------------------------------------------------------------------

def complete(got, propagate):
    """Of the requests that came one by one every span has its parent."""
    verdict = got.clients["exact"]
    yield verdict.none == 0, "clients, one by one: %s" % verdict
    if propagate:
        for name, one in got.servers.items():
            yield one.none == 0, "servers, %s: %s" % (name, one)


def apart(chain, spans):
    """No trace holds two requests of the load."""
    root = truth.roots(chain.truth())
    roots = {}
    for s in spans:
        roots.setdefault(s.trace_id, set()).add(root[s.id])
    yield all(len(r) == 1 for r in roots.values()), "a trace holds two requests of the load"


def whole(chain, spans):
    """With propagation a request that came alone is one trace of 1 + 2 * 5 + 1 spans."""
    root = truth.roots(chain.truth())
    traces = {}
    for s in spans:
        if group_of(root[s.id]) == "exact":
            traces.setdefault(s.trace_id, []).append(s)
    yield len(traces) == EXACT, "%d traces of %d requests" % (len(traces), EXACT)
    size = 2 * HOPS - 1
    yield all(len(t) == size for t in traces.values()), "a trace has not %d spans" % size


def nested(spans):
    """A child begins after its parent and ends before it."""
    by_id = {(s.trace_id, s.span_id): s for s in spans}
    for s in spans:
        parent = by_id.get((s.trace_id, s.parent_id))
        if parent:
            yield parent.start_ns <= s.start_ns, "%s begins before its parent" % s.id
            yield s.end_ns <= parent.end_ns + SLACK_NS, "%s ends after its parent" % s.id


def named(spans):
    for s in spans:
        good = s.name.startswith("GET /") if s.kind == "server" else s.name == "GET"
        yield good, "a %s span is called %r" % (s.kind, s.name)


def ids(spans):
    return {(s.trace_id, s.span_id) for s in spans}


def logged(path):
    """(trace, span) of each line of redeye's access log."""
    with open(path) as f:
        return {(line["trace_id"], line["span_id"]) for line in map(json.loads, f)}


def demand(facts):
    for good, text in facts:
        check(good, text)


# ---- the case ------------------------------------------------------------------------------

def load(chain):
    chain.load("habit", HABIT)
    chain.load("exact", EXACT)
    chain.load("busy", BUSY, 20)


def judge(chain, jaeger, got, propagate):
    spans = [s for found in got.spans.values() for s in found]
    check(not got.problems(), "; ".join(got.problems()))
    check(jaeger.services() == {s.name for s in chain.services},
          "Jaeger knows the services %s" % jaeger.services())
    demand(complete(got, propagate))
    demand(apart(chain, spans))
    if propagate:
        demand(whole(chain, spans))
    demand(nested(spans))
    demand(named(spans))
    return spans


def everything(jaeger, chain):
    """Each span that Jaeger has, once: a trace comes with each service that it went through."""
    found = {}
    for service in chain.services:
        for s in jaeger.spans(service.name):
            found[s.trace_id, s.span_id] = s
    return list(found.values())


def endpoint(t, protocol, via):
    """(where redeye sends to, Jaeger, the receiver behind the Collector or None)"""
    jaeger = Jaeger(t.subfolder("jaeger"))
    t.procs.append(jaeger.proc)
    jaeger.wait()
    target, receiver = jaeger, None
    if via == "collector":
        receiver = t.receiver(Receiver())
        target = Collector(t.subfolder("collector"), jaeger, receiver)
        t.procs.append(target.proc)
        target.wait()
    port = target.grpc if protocol == "grpc" else target.http
    return "http://127.0.0.1:%d" % port, jaeger, receiver


def traces(t, protocol, via, propagate):
    if settings.self_check and protocol != "http/json":
        raise Skip("the stand-in for redeye speaks http/json only")
    where, jaeger, receiver = endpoint(t, protocol, via)
    chain = Chain(t)
    log = os.path.join(t.folder, "access.log")
    more = ("--access-log", log) + (("--propagate",) if propagate else ())
    agent = t.redeye(where, *chain.services, protocol=protocol, more=more)
    load(chain)
    got = redeye.wait_complete(agent, lambda: chain.compare(everything(jaeger, chain)))
    RESULTS[propagate] = got
    spans = judge(chain, jaeger, got, propagate)
    if receiver:
        check(ids(receiver.spans()) == ids(spans), "Jaeger and the Collector have other spans")
    if not settings.self_check:
        check(logged(log) == ids(spans), "the access log has other ids than Jaeger")
    for service in chain.services:
        service.proc.stop()


WAYS = {"protobuf-collector": ("http/protobuf", "collector"),
        "grpc-collector": ("grpc", "collector"), "json-collector": ("http/json", "collector"),
        "protobuf-jaeger": ("http/protobuf", "jaeger"), "grpc-jaeger": ("grpc", "jaeger")}
LONGER = ("jaeger-grpc-collector", "jaeger-protobuf-jaeger", "jaeger-propagated-grpc-collector",
          "jaeger-propagated-protobuf-jaeger", "jaeger-propagated-grpc-jaeger")
RESULTS = {}  # {propagate: Comparison}


@case(on=WAYS, timeout=120)
def jaeger(t, way):
    traces(t, *WAYS[way], propagate=False)


@case(on=WAYS, timeout=120)
def jaeger_propagated(t, way):
    redeye.need("context propagation")
    traces(t, *WAYS[way], propagate=True)
