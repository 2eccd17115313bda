# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Clients under watch, both ends of a connection, what is between, and the context of each stream."""

import os
import subprocess

import load
import prom
from harness import case
from kinds import Server, serve, source
from lib import Failure, check, free_port, need_programs, prime, settings, wait_for
from prom import WHATEVER
from seen import otlp, receiver_options, rows, watch
from wire import Conn

PATHS = (("/hello", 200), ("/users/7", 200), ("/nowhere", 404))


class Gated:
    """A program that begins when it is told to, with the pid that it had before."""

    def __init__(self, t, name, argv):
        need_programs(argv[0])
        self.name = name
        self.proc = t.spawn(["sh", "-c", 'read go; exec "$0" "$@"'] + argv,
                            {"OTEL_SERVICE_NAME": name}, stdin=subprocess.PIPE)
        self.pid = self.proc.pid

    def go(self, feed="go\n"):
        self.proc.popen.stdin.write(feed.encode())
        self.proc.popen.stdin.close()
        code = self.proc.wait(60 * settings.slow)
        check(code == 0, "%s ended with %d: %s" % (self.name, code, self.proc.output()[-300:]))


def by_h2load(t, srv, n):
    one = Gated(t, "h2load", load.h2load_argv(t, srv, n, 8, 3, PATHS))
    return one, one.go, load.expected(n, 3, PATHS)


def by_nghttp(t, srv, n):
    urls = [srv.url(path) for path, _ in PATHS]
    one = Gated(t, "nghttp", ["nghttp", "-n", "--no-dep", "-m", n] + urls)
    return one, one.go, {("GET", path, str(status)): n for path, status in PATHS}


def by_curl(t, srv, n):
    """Over TLS: 7.88 cannot send a second request in the clear. Its configuration comes when it
    has loaded its libraries."""
    need_programs("curl")
    ca = os.path.join(os.environ["TLS_CERTS"], "ca.pem")
    one = t.spawn(["curl", "-s", "--http2", "--cacert", ca, "-K", "-"],
                  {"OTEL_SERVICE_NAME": "curl"}, stdin=subprocess.PIPE)

    def mapped():
        with open("/proc/%d/maps" % one.pid) as f:
            return "libssl" in f.read()
    wait_for("curl to map its libraries", mapped)
    feed = "".join('url = "%s"\noutput = "/dev/null"\n' % srv.url(path) for path, _ in PATHS) * n

    def go():
        one.popen.stdin.write(feed.encode())
        one.popen.stdin.close()
        check(one.wait(60 * settings.slow) == 0, "curl failed: " + one.output()[-300:])
    return one, go, {("GET", path, str(status)): n for path, status in PATHS}


def by_script(script):
    def by(t, srv, n):
        one = script(t, srv.url("/users/#"))
        return one, lambda: one.ask(n, 8), {("GET", "/users/%d" % i, "200"): 1 for i in range(n)}
    return by


CLIENTS = {"h2load": by_h2load, "nghttp": by_nghttp, "curl": by_curl,
           "go": by_script(load.Go), "node": by_script(load.Node), "java": by_script(load.Java)}


def requests_of(t, kind, tls):
    """Each request of a client, with its method, path and status."""
    srv = serve(t, "nginx", tls)
    one, go, want = CLIENTS[kind](t, srv, prime(97))
    seen = watch(t, one)
    if tls and not t.dry:
        seen.probed()
    go()
    load.settled(srv, want)
    seen.expect_requests_of(srv, want, "client")
    seen.expect_regular()


@case(on=("h2load", "nghttp", "go", "node"))
def requests_of_plain(t, kind):
    requests_of(t, kind, False)


@case(on=("curl", "go", "node"))
def requests_of_tls(t, kind):
    requests_of(t, kind, True)


@case()
def upgrading_client(t):
    """java.net.http asks for an upgrade with its first request."""
    srv = serve(t, "jetty")
    one = load.Java(t, srv.url("/users/#"))
    seen = watch(t, one)
    one.ask(1)
    one.ask(30, 4)
    seen.agent.expect(prom.client(31, srv.port))


# ---- the context of each stream ---------------------------------------------------------

def spans_of(receiver, n, kind="server"):
    def some():
        found = [s for s in receiver.spans() if s.kind == kind]
        return found if len(found) >= n else None
    try:
        return wait_for("%d spans" % n, some)
    except Failure:
        raise Failure("%d %s spans came, want %d" % (sum(s.kind == kind for s in receiver.spans()),
                                                     kind, n))


@case(on=("node", "go", "nginx", "hyper", "jetty"))
def parents(t, kind):
    """Many streams at once, each with a traceparent of its own: see programs/node/get.js."""
    srv = serve(t, kind)
    receiver = otlp.Receiver()
    client = load.Node(t, srv.url("/users/#"))
    seen = watch(t, srv, options=receiver_options(receiver))
    n = prime(997)
    client.ask(n, 64, "traced")
    want = {("GET", "/users/%d" % i, "200"): 1 for i in range(n)}
    load.settled(srv, want)
    seen.expect_requests_of(srv, want)
    for span in [] if t.dry else spans_of(receiver, n):
        i = "%x" % (int(span.attributes["url.path"].rpartition("/")[2]) + 1)
        check(span.trace_id == i.rjust(32, "a") and span.parent_id == i.rjust(16, "b"),
              "%s has the parent %s of trace %s" %
              (span.attributes["url.path"], span.parent_id, span.trace_id))
    receiver.close()


@case(on=("node", "go"))
def both_ends(t, kind):
    """Client and server watched, no traceparent: each server span is the child of the span of
    its own request, though many are under way on one connection."""
    srv = serve(t, kind)
    receiver = otlp.Receiver()
    client = (load.Go if kind == "node" else load.Node)(t, srv.url("/users/#"))
    seen = watch(t, srv, client, options=receiver_options(receiver))
    n = prime(499)
    client.ask(n, 32)
    want = {("GET", "/users/%d" % i, "200"): 1 for i in range(n)}
    seen.agent.expect(*rows(want, srv), *rows(want, srv, "client"))
    if not t.dry:
        spans_of(receiver, n)
        sent = {s.span_id: s for s in spans_of(receiver, n, "client")}
        for span in spans_of(receiver, n):
            parent = sent.get(span.parent_id)
            path = span.attributes["url.path"]
            check(parent and parent.attributes["url.full"].endswith(path) and
                  parent.trace_id == span.trace_id, "%s has the parent %s" %
                  (path, parent and parent.attributes["url.full"]))
    receiver.close()


# ---- between two -------------------------------------------------------------------------

class Proxy:
    """Its front speaks HTTP/2."""

    def __init__(self, t, argv, port, tls=False):
        need_programs(argv[0])
        self.proc = t.spawn(argv, {"OTEL_SERVICE_NAME": "proxy"})
        self.port, self.tls, self.scheme = port, tls, "https" if tls else "http"
        self.address = ("127.0.0.1", port)
        wait_for("the proxy", lambda: Server._ready(self), 20)

    name = "proxy"

    class kind:
        processes = 1

    def pids(self):
        return Server.pids(self)


def nghttpx(t, tls, *backends):
    """backends: words for -b."""
    port = free_port()
    pem = os.path.join(os.environ["TLS_CERTS"], "server.pem")
    argv = ["nghttpx", "-f127.0.0.1,%d%s" % (port, "" if tls else ";no-tls"), "--workers=1",
            "--conf=/dev/null", "--no-ocsp"]
    return Proxy(t, argv + ["-b127.0.0.1," + b for b in backends] + ([pem, pem] if tls else []),
                 port, tls)


@case(on=("python", "node", "go"))
def behind_nghttpx(t, kind):
    """HTTP/2 in front, two runtimes behind that speak HTTP/1.1: three processes agree."""
    users, others = t.serve("go", service="users"), t.serve(kind, service="others")
    front = nghttpx(t, False, "%d;/users/" % users.port, "%d;/" % others.port)
    seen = watch(t, front, users, others)
    n = prime(97)
    with Conn(front) as conn:
        for _ in range(n):
            streams = [conn.send("GET", path) for path in ("/hello", "/users/7", "/users/8")]
            check(all(a.status == 200 for a in conn.wait(*streams)), "not all were answered")
    seen.agent.expect(
        prom.server(n, version="2"), prom.server(2 * n, "/users/{id}", version="2"),
        prom.client(3 * n, WHATEVER, address=WHATEVER, version="1.1"),
        prom.server(n, version="1.1", service="others"),
        prom.server(2 * n, "/users/{id}", version="1.1", service="users"))


@case(on=("go", "nginx", "node"))
def through_nghttpx(t, kind):
    """HTTP/2 on both sides, TLS in front."""
    srv = serve(t, kind)
    front = nghttpx(t, True, "%d;;proto=h2" % srv.port)
    seen = watch(t, front, srv)
    n = prime(97)
    with Conn(front) as conn:
        for _ in range(n):
            streams = [conn.send("GET", path) for path, _ in PATHS]
            check([a.status for a in conn.wait(*streams)] == [s for _, s in PATHS], "wrong answers")
    want = {("GET", path, str(status)): n for path, status in PATHS}
    seen.agent.expect(*rows(want, front), *rows(want, srv),
                      prom.client(2 * n, WHATEVER, address=WHATEVER, version="2"),
                      prom.client(n, WHATEVER, address=WHATEVER, version="2", status=404,
                                  error="404"))


@case(on=("go", "hyper"))
def through_haproxy(t, kind):
    """HTTP/2 on both sides of HAProxy."""
    need_programs("haproxy")
    srv, port = serve(t, kind), free_port()
    with open(source("haproxy.cfg")) as f:
        text = f.read().replace("@PORT@", str(port)).replace("@UPSTREAM@", str(srv.port))
    path = os.path.join(t.temp, "haproxy.cfg")
    with open(path, "w") as f:
        f.write(text)
    front = Proxy(t, ["haproxy", "-db", "-f", path], port)
    seen = watch(t, front, srv)
    n = prime(97)
    with Conn(front) as conn:
        for _ in range(n):
            streams = [conn.send("GET", path) for path, _ in PATHS]
            check([a.status for a in conn.wait(*streams)] == [s for _, s in PATHS], "wrong answers")
    want = {("GET", path, str(status)): n for path, status in PATHS}
    doubled = {key: 2 * n for key in want}  # of the proxy and of the server behind it
    seen.agent.expect(*rows(doubled, srv),
                      prom.client(2 * n, WHATEVER, address=WHATEVER, version="2"),
                      prom.client(n, WHATEVER, address=WHATEVER, version="2", status=404,
                                  error="404"))
