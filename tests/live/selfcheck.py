# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the tests: each endpoint of each server, the comparison of metrics, and the traffic
of every case, all without redeye."""

import os
import shutil

import client
import harness
import prom
from client import head, post
from lib import Failure, Skip, check, settings
from prom import ANY, server
from servers import BIG_BYTES, KINDS, Server

# endpoint -> (request, method, status, body or None)
ENDPOINTS = {
    "hello": (head("GET", "/hello"), "GET", 200, b"hello\n"),
    "head": (head("HEAD", "/hello"), "HEAD", 200, b""),
    "users": (head("GET", "/users/7"), "GET", 200, None),
    "big": (head("GET", "/big/%d" % BIG_BYTES), "GET", 200, b"x" * BIG_BYTES),
    "sleep": (head("GET", "/sleep/5"), "GET", 200, b"slept\n"),
    "echo": (post("/echo", b"echo"), "POST", 200, b"echo"),
    "chunked": (head("GET", "/chunked"), "GET", 200, b"one\ntwo\nthree\n"),
    "count": (head("GET", "/count"), "GET", 200, None),
}


def check_endpoint(srv, name):
    data, method, status, body = ENDPOINTS[name]
    response = client.one(srv.address, data, method)
    check(response.status == status, "%s: status %d" % (name, response.status))
    check(body is None or response.body == body, "%s: wrong body" % name)
    if name == "chunked":
        check("chunked" in response.headers.get("transfer-encoding", ""), "chunked: it is not")
    if name == "sleep":
        check(response.seconds >= 0.005, "sleep: it does not")


def check_server(name, folder, www):
    srv = Server(name, folder, www, upstream="127.0.0.1:1")
    try:
        for endpoint in sorted(srv.kind.can & set(ENDPOINTS)):
            check_endpoint(srv, endpoint)
        for status in srv.kind.statuses:
            got = client.one(srv.address, head("GET", "/status/%d" % status)).status
            check(got == status, "status/%d: got %d" % (status, got))
        if "call" in srv.kind.can:
            got = client.one(srv.address, head("GET", "/call?url=" + srv.url("/status/404")))
            check(got.body == b"404\n", "call: got %r" % got.body)
        return sorted(srv.kind.can)
    finally:
        srv.proc.stop()


# ---- the comparison -------------------------------------------------------------

COUNT = prom.FAMILY["server"]
SAMPLE = """# TYPE %(c)s histogram
%(c)s_bucket{%(labels)s,le="0.1"} 3
%(c)s_bucket{%(labels)s,le="+Inf"} %(inf)d
%(c)s_sum{%(labels)s} %(sum)s
%(c)s_count{%(labels)s} %(n)d
"""
BOOKS = """redeye_events_observed_total{hook="send"} %d
redeye_events_emitted_total{hook="send"} 5
redeye_events_dropped_total{hook="send",reason="ring_full"} 2
redeye_events_dropped_total{hook="send",reason="not_wanted"} 3
redeye_requests_observed_total{protocol="http"} %d
redeye_requests_emitted_total{protocol="http"} 4
redeye_requests_in_flight{protocol="http"} 1
"""


def sample(n=5, status="200", error="", total="0.5", inf=5):
    labels = 'service_name="a",http_route="/hello",http_request_method="GET",' \
        'http_response_status_code="%s",error_type="%s"' % (status, error)
    return prom.Metrics(SAMPLE % dict(c=COUNT, labels=labels, n=n, sum=total, inf=inf))


# (what, metrics, rows, how many problems)
COMPARISONS = (
    ("as expected", sample(), (server(5),), 0),
    ("too few", sample(4), (server(5),), 1),
    ("too many", sample(6), (server(5),), 1),
    ("none of it", prom.Metrics(""), (server(5),), 1),
    ("unexpected series", sample(), (), 1),
    ("another status", sample(status="500"), (server(5),), 2),
    ("any error", sample(status="", error="reset"), (server(5, status="", error=ANY),), 0),
    ("an error is due", sample(status=""), (server(5, status="", error=ANY),), 2),
    ("at most", sample(3), (server(5, at_most=True),), 0),
    ("more than at most", sample(6), (server(5, at_most=True),), 1),
    ("in time", sample(), (server(5, seconds=(0.4, 0.6)),), 0),
    ("too long", sample(total="0.7"), (server(5, seconds=(0.4, 0.6)),), 1),
    ("no time", sample(total="NaN"), (server(5, seconds=(0.4, 0.6)),), 1),
)
PARSED = (
    ('a{b="c"} 1', {"b": "c"}),
    ('a{b="x\\"y\\\\z\\nw",} 1e3', {"b": 'x"y\\z\nw'}),
    ('a 1 1700000000', {}),
    ('a{b="}"} NaN', {"b": "}"}),
)
REFUSED = ('a{b=c} 1', 'a{b="c" 1', 'a', 'a{b="c"} 1\na{b="c"} 2', 'a{b="c",b="d"} 1', 'a{} x')


def refuses(text):
    try:
        prom.Metrics(text)
        return False
    except ValueError:
        return True


def check_comparison():
    for what, metrics, rows, want in COMPARISONS:
        got = prom.compare(metrics, rows)
        check(len(got) == want, "%s: %d problems, want %d: %s" % (what, len(got), want, got))
    for text, labels in PARSED:
        check(prom.Metrics(text).get("a")[0][0] == labels, "parsed wrongly: %s" % text)
    for text in REFUSED:
        check(refuses(text), "accepted: %r" % text)
    for observed, requests, want in ((10, 5, 0), (11, 5, 1), (10, 6, 1), (9, 4, 2)):
        got = prom.accounting(prom.Metrics(BOOKS % (observed, requests)))
        check(len(got) == want, "accounting of %d, %d: %s" % (observed, requests, got))
    check(len(prom.accounting(prom.Metrics(""))) == 2, "accounting of nothing is accepted")
    check(not prom.histograms(sample()), "a right histogram is refused")
    check(prom.histograms(sample(inf=4)), "a wrong last bucket is accepted")
    return ["compare", "parse", "accounting", "histograms"]


# ---- the order of work -------------------------------------------------------------

def attempt(name, function, *args):
    try:
        print("ok   self %s: %s" % (name, " ".join(function(*args))), flush=True)
        return "ok"
    except Skip as e:
        print("SKIP self %s: %s" % (name, e), flush=True)
        return "SKIP"
    except (Failure, OSError, ValueError) as e:
        print("FAIL self %s: %s" % (name, e), flush=True)
        return "FAIL"


def run(pattern, www):
    """(passed, failed, skipped)"""
    verdicts = [attempt("comparison", check_comparison)]
    for name in (n for n in KINDS if KINDS[n].can):
        folder = settings.build("self-" + name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        verdicts.append(attempt("server-" + name, check_server, name, folder, www))
        if verdicts[-1] != "FAIL":
            shutil.rmtree(folder)
    verdicts += [harness.run_case(c, "self", www, dry=True) for c in harness.chosen(pattern)]
    return tuple(verdicts.count(v) for v in ("ok", "FAIL", "SKIP"))
