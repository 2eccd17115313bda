# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Does a client span have the server span as its parent for whose sake it was sent?

A service of each runtime is asked at concurrency 1 and 50, by handlers of several
shapes; then again while it also calls the same peer every 5 ms for no request's sake.
None may have a wrong parent, and none may lack one where redeye can know it for certain: what
a thread does that serves one request after the other, and what hands headers on. How many
have none elsewhere is what is measured; the results are kept for the table of
docs/traces-parents.md.
"""

import collections

import redeye
import services
import truth
from harness import case
from lib import check, settings
from load import Load, group_of
from otlp import Receiver

# concurrency, requests, in the quick form, a second (0: as fast as it goes)
Phase = collections.namedtuple("Phase", "name path conns n quick rate", defaults=(0,))
PHASES = (
    Phase("1", "one", 1, 499, 101),
    Phase("50", "one", 50, 2003, 499),
    Phase("two", "two", 50, 997, 211),
    Phase("all", "all", 50, 997, 211),
    Phase("late", "late", 50, 997, 211),
    Phase("stream", "stream", 50, 997, 211),
    Phase("after", "after", 50, 997, 211),
    Phase("named", "one", 50, 997, 211),
    Phase("traced", "one", 50, 997, 211),
)
TICKING = (
    Phase("tick1", "one", 1, 499, 101, 200),
    Phase("tick50", "one", 50, 997, 211, 500),
)
PASSED = ("named", "traced")  # where the service hands headers on
BLOCKING = ("python", "python-pool")  # a thread for each connection, without an event loop
CALLS = {"two": 2, "all": 2}
RESULTS = {}  # kind: {phase: Verdict}


def leaf(t):
    return t.service("nginx", "leaf")


def play(service, phases):
    """Sends what the phases want; returns how many calls the service made for it."""
    calls = 0
    for phase in phases:
        n = phase.quick if settings.quick else phase.n
        Load(service.address, "/" + phase.path, phase.name, n, phase.conns, phase.rate).wait()
        calls += n * CALLS.get(phase.path, 1)
    return calls


def compare(service, peer, receiver, agent, calls):
    def comparison():
        log = truth.requests([service], None) + truth.requests([peer], calls)
        return truth.Comparison(receiver.spans(), log, {service.name},
                                lambda r: group_of(r.id if r.parent == truth.NONE else r.parent))
    return redeye.wait_complete(agent, comparison)


def measure(t, kind, phases, ticking=False):
    """{phase: Verdict} of the client spans."""
    peer = leaf(t)
    to = peer.url("/leaf")
    service = t.service(kind, to=[to, to], tick=to if ticking else None,
                        hand_on=True)
    receiver = t.receiver(Receiver())
    agent = t.redeye(receiver.endpoint(), service)
    calls = play(service, phases)
    got = compare(service, peer, receiver, agent, calls)
    service.proc.stop()
    RESULTS.setdefault(kind, {}).update(got.clients)
    check(not got.problems(), "; ".join(got.problems()))
    return got


def certain(kind, phase):
    """Whether each client span of the phase has to have a parent: not where other threads call."""
    return phase.name in PASSED or (kind in BLOCKING and phase.name != "all")


def check_known(verdict, phase, what):
    n = phase.quick if settings.quick else phase.n
    check(verdict.none == 0 and verdict.right >= n, "%s of %s: %s" % (what, phase.name, verdict))


@case(on=[k for k in services.KINDS], timeout=180)
def parents(t, kind):
    can = services.KINDS[kind].can
    phases = [p for p in PHASES if p.path in can and (p.name not in PASSED or "pass" in can)]
    got = measure(t, kind, phases)
    for phase in phases:
        if certain(kind, phase):
            check_known(got.clients[phase.name], phase, "client spans")
        if phase.name == "traced":
            check_known(got.servers[phase.name], phase, "server spans")


@case(on=[name for name, kind in services.KINDS.items() if "tick" in kind.can], timeout=120)
def background(t, kind):
    got = measure(t, kind, TICKING, ticking=True)
    check(got.tick.roots > 10, "only %d calls from the background were seen" % got.tick.roots)
