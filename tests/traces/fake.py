# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stands in for redeye in --self-check: spans made from the services' own logs.

It shows that services, load, collectors and comparison work by themselves, and, by
leaving something out or changing it, that the comparison notices.
"""

import hashlib
import http.client
import json
import time
import urllib.parse

import truth

KIND = {"server": 2, "client": 3}
BASE = time.time_ns() - 10 ** 9


def digest(text, size):
    return hashlib.sha256(text.encode()).hexdigest()[:2 * size]


def depth(request, by_id):
    return 1 + depth(by_id[request.parent], by_id) if request.parent in by_id else 0


def root(request, by_id):
    while request.parent in by_id:
        request = by_id[request.parent]
    return request


def place(kind, request, by_id, watched, propagate):
    """(what names the trace, what names the parent or "")"""
    if kind == "client":
        known = request.parent in by_id and by_id[request.parent].service in watched
        parent = "server" + request.parent if known else ""
    else:
        known = propagate and truth.caller(request) in watched
        parent = "client" + request.id if known else ""
    # Without propagation a trace is one process's part of it.
    first = root(request, by_id).id if propagate else \
        request.parent if kind == "client" and known else request.id
    return first, parent


def span(kind, request, by_id, watched, propagate):
    """One OTLP span as JSON; a call lies within the request it was made for."""
    trace, parent = place(kind, request, by_id, watched, propagate)
    inside = 2 * depth(request, by_id) + (kind == "server")
    start = BASE + inside * 1000
    trace_id, parent_id = digest("trace" + trace, 16), digest(parent, 8) if parent else ""
    if trace.startswith("load-traced-"):
        trace_id = truth.context(trace)[0]
        parent_id = parent_id or truth.context(trace)[1]
    return {
        "traceId": trace_id, "spanId": digest(kind + request.id, 8),
        "parentSpanId": parent_id, "kind": KIND[kind],
        "name": "GET /%s" % request.service if kind == "server" else "GET",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10 ** 6 - 2000 * inside),
        "attributes": [{"key": "http.request.header.x-truth-" + name,
                        "value": {"arrayValue": {"values": [{"stringValue": value}]}}}
                       for name, value in (("id", request.id), ("parent", request.parent))]}


def spans(requests, watched, propagate=False):
    """[(service, span)] as a redeye that knows everything would export them."""
    by_id = {r.id: r for r in requests}
    wanted = truth.expected(requests, watched)
    wanted.update({("client", r.id): r for r in requests
                   if truth.is_tick(r) and truth.caller(r) in watched})
    return [(r.service if key[0] == "server" else truth.caller(r),
             span(key[0], r, by_id, watched, propagate)) for key, r in wanted.items()]


def message(found):
    return {"resourceSpans": [
        {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
         "scopeSpans": [{"scope": {"name": "redeye"}, "spans": [one]}]}
        for service, one in found]}


def post(endpoint, found):
    url = urllib.parse.urlsplit(endpoint)
    conn = http.client.HTTPConnection(url.netloc, timeout=20)
    conn.request("POST", "/v1/traces", json.dumps(message(found)),
                 {"Content-Type": "application/json"})
    answer = conn.getresponse()
    answer.read()
    conn.close()
    return answer.status


class FakeRedeye:
    """Exports everything at once when it is asked to."""

    text = ""

    def __init__(self, endpoint, services, watched):
        self.endpoint, self.services = endpoint, services
        self.watched = {s.name for s in watched}
        self.sent = False

    def flush(self):
        if not self.sent:
            self.sent = True
            found = spans(truth.requests(self.services), self.watched, True)
            for i in range(0, len(found), 500):
                post(self.endpoint, found[i:i + 500])

    def scrape(self):
        pass

    def finish(self):
        pass

    def keep(self):
        pass
