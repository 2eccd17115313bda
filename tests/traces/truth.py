# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What happened, by the services' own word, and how spans compare with it.

A request is (id, parent, service): who served it, and for the sake of which other
request it was made. Its id begins with the name of who sent it. Of a request that
a watched service sent there has to be one client span, whose parent is the server
span of the request `parent`; of one that it served, one server span, whose parent,
if it has one, is the client span of the same request.
"""

import collections
import hashlib

from lib import check, wait_for

NONE = "none"
Context = collections.namedtuple("Context", "trace_id span_id")
Request = collections.namedtuple("Request", "id parent service")


def context(request_id):
    """(trace, span) that the load says it belongs to, where it says so."""
    text = hashlib.sha256(request_id.encode()).hexdigest()
    return text[:32], text[32:48]


def caller(request):
    return request.id.rpartition("-")[0]


def is_tick(request):
    return request.id.rpartition("-")[2].startswith("tick")


def roots(requests):
    """{id: id of the request of the load that led to it}"""
    parent = {r.id: r.parent for r in requests}

    def root(one):
        return one if parent.get(one, NONE) == NONE else root(parent[one])
    return {r.id: root(r.id) for r in requests}


def read(path):
    with open(path) as f:
        return [Request(*line.split()) for line in f if line.endswith("\n")]


def requests(services, n=None):
    """What these services served, ticks aside; `n`: waits until it is that many."""
    def all_of():
        return [r for s in services for r in read(s.truth)]

    def enough():
        return len([r for r in all_of() if not is_tick(r)]) >= (n or 0)
    wait_for("%s requests in the services' logs" % n, enough)
    found = all_of()
    counted = len([r for r in found if not is_tick(r)])
    check(n is None or counted == n, "the services wrote down %d requests, want %s" % (counted, n))
    return found


class Verdict:
    """Parents of one kind of span: how many are right, missing, wrong."""

    def __init__(self):
        self.right = self.none = self.wrong = 0
        self.without = collections.Counter()  # of `none`, by service
        self.roots = 0      # without a parent, as they have to be
        self.examples = []  # of wrong ones

    def count(self, span, parent):
        """`parent`: the span that has to be the parent, None if there must be none."""
        if not span.parent_id:
            self.roots += parent is None
            self.none += parent is not None
            self.without[span.service] += parent is not None
        elif parent and (span.trace_id, span.parent_id) == (parent.trace_id, parent.span_id):
            self.right += 1
        else:
            self.wrong += 1
            self.examples.append("%s %s of %s, made for %s, has the parent %s" % (
                span.kind, span.id, span.service, span.parent, span.parent_id))

    @property
    def all(self):
        return self.right + self.none + self.wrong

    def share(self):
        return "%d %%" % (100 * self.right // self.all) if self.all else ""

    def __str__(self):
        whose = ", ".join("%d of %s" % (n, name) for name, n in self.without.most_common() if n)
        return "%d right, %d without%s, %d wrong" % (
            self.right, self.none, whose and " (%s)" % whose, self.wrong)


def expected(truth, watched):
    """{(kind, id): request} of the spans that have to be there; ticks may be cut at the end."""
    spans = {}
    for r in truth:
        if r.service in watched:
            spans["server", r.id] = r
        if caller(r) in watched and not is_tick(r):
            spans["client", r.id] = r
    return spans


class Comparison:
    """Spans against the truth; `group(request)` names the verdict that its spans go to."""

    def __init__(self, spans, truth, watched, group=lambda request: "all"):
        self.want = expected(truth, watched)
        self.ticks = {r.id for r in truth if is_tick(r)}
        self.spans = collections.defaultdict(list)
        for s in spans:
            self.spans[s.kind, s.id].append(s)
        self.clients = collections.defaultdict(Verdict)
        self.servers = collections.defaultdict(Verdict)
        self.tick = Verdict()
        for key, found in self.spans.items():
            self._judge(key, found[0], group)

    def _judge(self, key, span, group):
        kind, request = key[0], self.want.get(key)
        if kind == "server" and request:
            # Whose request came from somebody who is not watched is the first of its trace,
            # but for one that says whose child it is.
            parent = self._one("client", span.id)
            if span.id.startswith("load-traced-"):
                parent = Context(*context(span.id))
            self.servers[group(request)].count(span, parent)
        elif request:
            parent = self._one("server", request.parent)
            if parent:  # else it is missing, which is said already
                self.clients[group(request)].count(span, parent)
        elif span.parent == NONE:
            self.tick.count(span, None)

    def _one(self, kind, request_id):
        found = self.spans.get((kind, request_id))
        return found[0] if found else None

    def missing(self):
        return [k for k in self.want if k not in self.spans]

    def twice(self):
        """Requests with two different spans of one kind: one was made up."""
        return [k for k, found in self.spans.items() if len({s.span_id for s in found}) > 1]

    def strange(self):
        """Spans of no request that anybody knows of."""
        return [k for k, found in self.spans.items()
                if k not in self.want and found[0].parent != NONE]

    def misplaced(self):
        """Spans that another service is said to have made."""
        return [k for k, r in self.want.items() if k in self.spans and
                self.spans[k][0].service != (r.service if k[0] == "server" else caller(r))]

    def verdicts(self):
        return [self.tick] + list(self.servers.values()) + list(self.clients.values())

    def problems(self):
        """What is wrong whatever redeye can know of parents on this machine."""
        found = []
        for name, keys in (("missing", self.missing()), ("two spans of one request", self.twice()),
                           ("no such request", self.strange()),
                           ("in the wrong service", self.misplaced())):
            if keys:
                found.append("%s: %d, such as %s" % (name, len(keys), " ".join(keys[0])))
        wrong = sum(v.wrong for v in self.verdicts())
        if wrong:
            examples = [e for v in self.verdicts() for e in v.examples]
            found.append("wrong parents: %d, such as %s" % (wrong, "; ".join(examples[:2])))
        return found
