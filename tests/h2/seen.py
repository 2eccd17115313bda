# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye on servers and clients of HTTP/2 and gRPC, and what it must have seen.

Two witnesses: /metrics counts by route, the access log has a line for each request with its
method, path and status, which are compared with the truth, one by one.
"""

import collections
import os
import sys

import prom
import watch as tls_watch
from agent import ROUTES
from kinds import HERE
from lib import Failure, check, wait_for
from load import few
from prom import WHATEVER

sys.path.append(os.path.join(os.path.dirname(HERE), "traces"))
import otlp  # noqa: E402  of tests/traces

# Beside the requests that are HTTP and nothing else there are calls.
for _side in ("server", "client"):
    prom.FAMILY["rpc " + _side] = "rpc_%s_call_duration_seconds" % _side
prom.LABELS.update(call="rpc_method", code="rpc_response_status_code", system="rpc_system_name",
                   version="network_protocol_version")
prom.KEYS["server"] += ("version",)
prom.KEYS["client"] += ("version",)
prom.KEYS["rpc server"] = ("service", "system", "call", "code", "error")
prom.KEYS["rpc client"] = prom.KEYS["rpc server"] + ("address", "port")

MORE_ROUTES = ("/sink", "/nowhere", "/trailers", "/early", "/reset", "/refuse", "/goaway")
CODES = ("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
         "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
         "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
         "UNAUTHENTICATED")
SERVER_ERRORS = ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
                 "DATA_LOSS")


def route_of(path):
    """The template that redeye was given for it."""
    words = path.split("/")
    for route in ROUTES + MORE_ROUTES:
        parts = route.split("/")
        if len(parts) == len(words) and all(p == w or p[:1] == "{" for p, w in zip(parts, words)):
            return route
    return path


def rows(truth, srv, kind="server", port=None):
    """The series that this truth makes; several paths may be of one route."""
    counts = collections.Counter()
    for (method, path, status), n in truth.items():
        failed = int(status) >= (500 if kind == "server" else 400)
        counts[method, route_of(path), status, status if failed else ""] += n
    if kind == "server":
        return [prom.server(n, route, method=method, status=status, error=error, version="2",
                            scheme=srv.scheme) for (method, route, status, error), n
                in counts.items()]
    merged = collections.Counter()
    for (method, _, status, error), n in counts.items():
        merged[method, status, error] += n
    return [prom.client(n, port or srv.port, method=method, status=status, error=error,
                        version="2") for (method, status, error), n in merged.items()]


def calls(side, count, name="Unary", code="OK", error=None, port=None, **kw):
    """`count` calls of one method that ended with one code."""
    if error is None:
        failed = code in SERVER_ERRORS if side == "server" else code != "OK"
        error = code if failed else ""
    if side == "client":
        kw.update(address=WHATEVER, port=port or WHATEVER)
    path = name if "/" in name or name == "_OTHER" else "redeye.test.Echo/" + name
    return prom.Row("rpc " + side, count, system="grpc", call=path, code=code, error=error,
                    service=kw.pop("service", WHATEVER), **kw)


class Seen(tls_watch.Watched):
    """An agent with an access log."""

    def truth(self, kind="server"):
        return collections.Counter((line["method"], line["path"], str(line.get("status_code", "")))
                                   for line in self.log() if line["kind"] == kind)

    def expect_truth(self, want, kind="server"):
        """Each request that there was, with its method, path and status, once; no other."""
        if self.t.dry:
            return
        want = collections.Counter(want)
        try:
            wait_for("the access log", lambda: self.truth(kind) == want, 5)
        except Failure:
            got = self.truth(kind)
            raise Failure("access log: too much %s, missing %s" % (few(got - want),
                                                                    few(want - got)))

    def expect_requests_of(self, srv, want, kind="server"):
        self.agent.expect(*rows(want, srv, kind))
        self.expect_truth(want, kind)

    def expect_calls(self, *wanted):
        """These calls, and no request that is not one."""
        self.agent.expect(*wanted)

    def irregular(self):
        """{reason: messages}"""
        return {dict(key)["reason"]: n for key, n in self.agent.scrape().by(
            "redeye_messages_irregular_total", ignore=()).items() if n}

    def expect_regular(self):
        """Nothing was unknown, cut or malformed."""
        check(self.t.dry or not self.irregular(), "irregular: %s" % self.irregular())


def watch(t, *watched, options=()):
    """redeye on every process of these."""
    path = os.path.join(t.subfolder("log"), "access.json")
    agent = t.watch(*watched, routes=ROUTES + MORE_ROUTES,
                    options=("--access-log", path, "--access-log-max-size", "0") + tuple(options))
    agent.poll(tls_watch.unprobed, 30)
    return Seen(t, agent, path)


def receiver_options(receiver):
    """Every span to this one, soon."""
    return ("--otlp-endpoint", receiver.endpoint(), "--otlp-protocol", "http/json",
            "--metrics-exporter", "none", "--spool-dir", "none", "--span-delay", "100ms")
