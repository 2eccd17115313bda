# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Exact counts by label, for each server."""

import re

import client
from client import head, post, repeat, spread
from harness import case, priority
from lib import Failure, check, need_programs, prime, run, wait_for
from prom import ANY, WHATEVER, server
from servers import BIG_BYTES, that_can

HELLO = head("GET", "/hello")
LIKE_HTTP = (b"GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n"
             b"HTTP/1.1 500 Trap\r\nContent-Length: 0\r\n\r\n") * 3


@case(on=that_can("hello"))
def keepalive(t, kind):
    """Many requests over seven connections that stay open."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(997)
    seconds = spread(srv.address, HELLO, n)
    agent.expect(server(n, service=srv.service, seconds=(0, seconds + n * 0.001)))


@case(on=that_can("hello"))
def new_connection(t, kind):
    """Each request on a connection of its own."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(211)
    for _ in range(n):
        client.expect_status(client.one(srv.address, HELLO), 200)
    agent.expect(server(n, service=srv.service))


@case(on=that_can("hello"))
def prompt_client(t, kind):
    """A client so prompt that its next request is there before the server's call that sent the
    answer has returned. Another thread may read it; Go then reads its first byte alone."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    hellos, sleeps = prime(499), prime(97) if "sleep" in srv.kind.can else 0
    with client.Conn(srv.address) as conn, priority():
        repeat(conn, HELLO, hellos)
        repeat(conn, head("GET", "/sleep/2"), sleeps)
    agent.expect(server(hellos), *([server(sleeps, "/sleep/{ms}")] if sleeps else []))


@case(on=that_can("status"))
def statuses(t, kind):
    """Seven of each status; 5xx is an error on the server side, 4xx is not."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    with client.Conn(srv.address) as conn:
        for status in srv.kind.statuses:
            for _ in range(7):
                response = conn.get("/status/%d" % status)
                client.expect_status(response, status)
                if response.headers.get("connection", "").lower() == "close":
                    conn.reopen()
    agent.expect(*(server(7, "/status/{code}", status=s, error=s if s >= 500 else "")
                   for s in srv.kind.statuses))


@case(on=that_can("hello", "head", "echo", "chunked"))
def bodies(t, kind):
    """Every way to frame a body, in turn on one connection."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(13)
    chunks = head("POST", "/echo", Transfer_Encoding="chunked") + \
        client.chunked([b"one", b"two", b"x" * 5000])
    requests = (
        (HELLO, "GET", "/hello", b"hello\n"),
        (head("HEAD", "/hello"), "HEAD", "/hello", b""),
        (post("/echo", b"small"), "POST", "/echo", b"small"),
        (chunks, "POST", "/echo", b"onetwo" + b"x" * 5000),
        (head("GET", "/chunked"), "GET", "/chunked", b"one\ntwo\nthree\n"),
        (post("/echo", b"y" * 100003), "POST", "/echo", b"y" * 100003),
        (head("GET", "/big/%d" % BIG_BYTES), "GET", "/big/{bytes}", b"x" * BIG_BYTES),
        (head("GET", "/users/12345"), "GET", "/users/{id}", b"user 12345\n"),
    )
    with client.Conn(srv.address) as conn:
        for _ in range(n):
            for data, method, route, want in requests:
                response = client.expect_status(conn.request(data, method), 200)
                check(response.body == want, "%s %s: wrong body" % (method, route))
    agent.expect(server(n), server(n, method="HEAD"), server(3 * n, "/echo", method="POST"),
                 server(n, "/chunked"), server(n, "/big/{bytes}"), server(n, "/users/{id}"))


@case(on=("nginx", "apache"))
def static_files(t, kind):
    """sendfile of small and large files, and HEAD of them, on one connection."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(31)
    with client.Conn(srv.address) as conn:
        for _ in range(n):
            repeat(conn, HELLO, 1)
            repeat(conn, head("HEAD", "/hello"), 1, method="HEAD")
            repeat(conn, head("GET", "/big/%d" % BIG_BYTES), 1)
            repeat(conn, head("HEAD", "/big/%d" % BIG_BYTES), 1, method="HEAD")
    agent.expect(*(server(n, route, method=method)
                   for route in ("/hello", "/big/{bytes}") for method in ("GET", "HEAD")))


@case(on=("python", "node", "go"))
def body_like_http(t, kind):
    """Bodies that look like HTTP messages are not messages."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(31)
    chunks = head("POST", "/echo", Transfer_Encoding="chunked") + \
        client.chunked([LIKE_HTTP, LIKE_HTTP])
    with client.Conn(srv.address) as conn:
        repeat(conn, post("/echo", LIKE_HTTP), n)
        repeat(conn, chunks, n)
        repeat(conn, HELLO, n)
    agent.expect(server(2 * n, "/echo", method="POST"), server(n))


@case(on=("nginx", "python", "go"))
def long_head(t, kind):
    """Heads of 12 kB, far more than one record holds."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(31)
    filler = {"X_Filler_%d" % i: "f" * 4000 for i in range(3)}
    with client.Conn(srv.address) as conn:
        repeat(conn, head("GET", "/hello", **filler), n)
        repeat(conn, HELLO, n)
    agent.expect(server(2 * n))


@case()
def learned_routes(t):
    """Without configured routes numbers in a path become {id}."""
    srv = t.serve("go")
    agent = t.watch(srv, routes=())
    n = prime(97)
    with client.Conn(srv.address) as conn:
        for i in range(n):
            repeat(conn, head("GET", "/users/%d" % (1000 + 7 * i)), 1)
        repeat(conn, HELLO, n)
    agent.expect(server(n, "/users/{id}"), server(n))


# ---- load --------------------------------------------------------------------

def _handled(srv):
    """(requests that the server answered, how many /count requests that took).

    wrk leaves requests unanswered when it ends, so the server's word counts; it
    is asked until it says the same twice.
    """
    if srv.name == "nginx":
        last = [-1]

        def settled():
            now = len(srv.truth())
            same, last[0] = now == last[0], now
            return same
        wait_for("the access log to come to rest", settled, every=0.1)
        return last[0], 0
    answers = []
    with client.Conn(srv.address) as conn:
        while len(answers) < 2 or answers[-1] != answers[-2]:
            answers.append(int(conn.get("/count").body))
            if len(answers) > 50:
                raise Failure("the server's count does not come to rest")
    return answers[-1], len(answers)


@case(on=("nginx", "node", "go"))
def wrk(t, kind):
    """Load by wrk: as many requests as the server says it handled."""
    need_programs("wrk")
    srv = t.serve(kind)
    agent = t.watch(srv)
    conns = 7
    said = run(["wrk", "-t", 1, "-c", conns, "-d", "2s", srv.url()])
    answered = int(re.search(r"(\d+) requests in", said).group(1))
    n, asked = _handled(srv)
    check(answered <= n <= answered + conns, "wrk got %d answers, %s gave %d" %
          (answered, kind, n))
    rows = [server(n, status=WHATEVER, error=WHATEVER)]
    metrics = agent.expect(*rows, *([server(asked, "/count")] if asked else []))
    failed = metrics.total("http_server_request_duration_seconds_count", http_route="/hello") - \
        metrics.total("http_server_request_duration_seconds_count", http_route="/hello",
                      error_type="")
    check(failed <= conns, "%d requests have an error.type; only %d connections were cut" %
          (failed, conns))


@case()
def wrk_statuses(t):
    """Load on an error page: every one is an error with its status."""
    need_programs("wrk")
    srv = t.serve("nginx")
    agent = t.watch(srv)
    run(["wrk", "-t", 1, "-c", 3, "-d", "1s", srv.url("/status/500")])
    n, _ = _handled(srv)
    agent.expect(server(n, "/status/{code}", status=WHATEVER, error=ANY))
