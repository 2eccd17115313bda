# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whole traces, over every form of OTLP, as Jaeger shows them.

nginx -> Node -> Go -> Python and Ruby at once, Python -> Java: six services, each of
which makes the calls of its handler. Every request has to be there as the spans that
the services' logs call for, each within the one it belongs to. All is on one machine, so
that redeye sees both ends of each connection: one by one, every request is one trace.
With propagation the services are told, too, and other machines would be. At once, what
a process sends may have no parent, but never a wrong one.
"""

import json
import os

import redeye
import truth
from backends import Collector, Jaeger
from harness import case
from lib import Failure, Skip, check, settings
from load import Load, group_of
from otlp import Receiver

HOPS = 6       # requests that one at the front makes, itself included
HABIT = 31     # one by one, from which redeye learns what each service sends for one
EXACT = 101    # one by one: every span has to have its parent
UNHEARD = 10   # of those, with propagation, that may not have one
BUSY = 199     # at once: none may have a wrong one
SLACK_NS = 10 ** 8  # a sender's clock stops when its call returns, not when it was heard


class Chain:
    """The services, started from the last to the first. `keep`: nginx, Node and Go keep their
    connections; Python opens one for each call."""

    def __init__(self, t, keep):
        java = t.service("java")
        ruby = t.service("ruby")
        python = t.service("python", to=[java.url("/leaf")])
        go = t.service("go", to=[python.url("/one"), ruby.url("/leaf")], keep=keep)
        node = t.service("node", to=[go.url("/all")], keep=keep)
        self.front = t.service("nginx", to=[node.url("/one")], keep=keep)
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

def complete(got, every, propagate):
    """Of the requests that came one by one every span has its parent; `every`: those that came
    at once know at least who sent them. With propagation the kernel side decides, and may not
    have heard yet that the last request has been answered: then it says nothing."""
    clients = got.clients["exact"]
    yield clients.none <= (UNHEARD if propagate else 0), "clients, one by one: %s" % clients
    for group in got.servers if every else ("exact",):
        yield got.servers[group].none == 0, "servers, %s: %s" % (group, got.servers[group])


def apart(chain, spans):
    """No trace holds two requests of the load."""
    root = truth.roots(chain.truth())
    roots = {}
    for s in spans:
        roots.setdefault(s.trace_id, set()).add(root[s.id])
    yield all(len(r) == 1 for r in roots.values()), "a trace holds two requests of the load"


def whole(chain, spans, got):
    """A request that came alone is one trace: two spans of each hop, but the first. A span
    without its parent begins another one."""
    root = truth.roots(chain.truth())
    traces = {}
    for s in spans:
        if group_of(root[s.id]) == "exact":
            traces.setdefault(s.trace_id, []).append(s)
    want = EXACT + got.clients["exact"].none
    yield len(traces) == want, "%d traces of %d requests, not %d" % (len(traces), EXACT, want)
    size = 2 * HOPS - 1
    whole = sum(len(t) == size for t in traces.values())
    yield whole >= EXACT - got.clients["exact"].none, "%d traces have %d spans" % (whole, size)
    yield sum(map(len, traces.values())) == EXACT * size, "not %d spans" % (EXACT * size)


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


def judge(agent, chain, jaeger, got, every, propagate):
    spans = [s for found in got.spans.values() for s in found]
    check(not got.problems(), "; ".join(got.problems()))
    check(jaeger.services() == {s.name for s in chain.services},
          "Jaeger knows the services %s" % jaeger.services())
    for good, text in complete(got, every, propagate):
        if not good:
            raise Failure("%s; %s" % (text, redeye.says(agent, redeye.PARENTS)))
    demand(apart(chain, spans))
    demand(whole(chain, spans, got))
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


def traces(t, protocol, via, propagate=False, keep=True):
    if settings.self_check and protocol != "http/json":
        raise Skip("the stand-in for redeye speaks http/json only")
    where, jaeger, receiver = endpoint(t, protocol, via)
    chain = Chain(t, keep)
    log = os.path.join(t.folder, "access.log")
    more = ("--access-log", log) + (("--propagate",) if propagate else ())
    agent = t.redeye(where, *chain.services, protocol=protocol, more=more)
    load(chain)
    got = redeye.wait_complete(agent, lambda: chain.compare(everything(jaeger, chain)))
    RESULTS[propagate, keep] = got
    spans = judge(agent, chain, jaeger, got, propagate and not keep, propagate)
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
RESULTS = {}  # {(propagate, keep): Comparison}


@case(on=WAYS, timeout=120)
def jaeger(t, way):
    traces(t, *WAYS[way])


@case(on=WAYS, timeout=120)
def jaeger_propagated(t, way):
    """Each connection's first request is the least that propagation reaches."""
    redeye.need("context propagation")
    traces(t, *WAYS[way], propagate=True, keep=False)


@case(timeout=120)
def jaeger_propagated_kept(t):
    redeye.need("context propagation")
    traces(t, *WAYS["json-collector"], propagate=True)
