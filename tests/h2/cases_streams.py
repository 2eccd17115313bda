# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What streams can do: bodies, trailers, resets, pushes, goodbyes, tunnels, upgrades."""

import collections
import time

import client as http1
import prom
from cases_load import each_way
from harness import case
from kinds import BIG, serve, that_can
from lib import check, need_programs, prime, run, wait_for
from prom import ANY, WHATEVER
from seen import rows, watch
from wire import Conn

MANY = 10 * 1000 * 1000 + 19


class Truth(collections.Counter):
    """What was asked for, with what became of it."""

    def add(self, method, path, status=200, n=1):
        self[method, path, str(status)] += n


def several(conn, truth, *requests):
    """All at once; each (method, path, status, body or None)."""
    streams = [conn.send(method, path, body=body) for method, path, _, body in requests]
    for answer, (method, path, status, _) in zip(conn.wait(*streams), requests):
        check(answer.status == status and answer.reset is None, "%s %s: %d, want %d" %
              (method, path, answer.status, status))
        truth.add(method, path, status)


@each_way(that_can("hello"))
def one_of_each(t, kind, tls):
    """Methods, statuses, answers without a body, in turn and at once, on three connections."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    truth = Truth()
    batch = [("GET", "/hello", 200, None), ("HEAD", "/hello", 200, None),
             ("GET", "/users/7", 200, None), ("GET", "/nowhere", 404, None),
             ("GET", "/big/%d" % BIG, 200, None), ("POST", "/sink", 200, b"p" * 1009)]
    if "empty" in srv.kind.can:
        batch += [("GET", "/status/%d" % s, s, None) for s in (204, 304)]
    if kind not in ("nghttpd", "jetty"):
        batch += [("GET", "/status/500", 500, None)]
    for _ in range(3):
        with Conn(srv) as conn:
            several(conn, truth, *batch * 7)
            for one in batch:
                several(conn, truth, one)
    seen.expect_requests_of(srv, truth)
    seen.expect_regular()


@each_way(that_can("echo"))
def bodies(t, kind, tls):
    """Around the size of a DATA frame, and 10 MB, both ways; the sizes are exact."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    truth, want = Truth(), collections.Counter()
    with Conn(srv, timeout=60) as conn:
        for size in (1, 16383, 16384, 16385, MANY):
            conn.request("GET", "/big/%d" % size)
            truth.add("GET", "/big/%d" % size)
            want["GET", 0, size] += 1
            conn.request("POST", "/sink", body=b"s" * size)
            truth.add("POST", "/sink")
            want["POST", size, len("%d\n" % size)] += 1
        answer = conn.request("POST", "/echo", body=b"e" * 100003)
        check(answer.body == b"e" * 100003, "the echo is not what was sent")
        truth.add("POST", "/echo")
        want["POST", 100003, 100003] += 1
    seen.expect_requests_of(srv, truth)
    if not t.dry:
        got = seen.sizes()
        check(got == want, "sizes of bodies: %s, want %s" % (dict(got - want), dict(want - got)))


@case(on=that_can("trailers"))
def trailers(t, kind):
    """A response ends with its trailers; and so does a request."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    truth = Truth()
    with Conn(srv) as conn:
        for _ in range(13):
            answer = conn.request("GET", "/trailers")
            check(answer.trailers, "there were no trailers")
            truth.add("GET", "/trailers")
            stream = _with_trailers(conn)
            check(conn.wait(stream)[0].status == 200, "a request with trailers was refused")
            truth.add("POST", "/sink")
    seen.expect_requests_of(srv, truth)
    seen.expect_regular()


def _with_trailers(conn):
    fields = [(":method", "POST"), (":scheme", conn.scheme), (":authority", conn.authority),
              (":path", "/sink"), ("trailer", "x-sum")]
    stream = conn.open(fields)
    conn.data(stream, b"d" * 7)
    conn.h2.send_headers(stream, [("x-sum", "7")], end_stream=True)
    conn.flush()
    return stream


@case(on=that_can("early"))
def interim(t, kind):
    """103 before 200: one response, whose status is the last."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    truth = Truth()
    with Conn(srv) as conn:
        for _ in range(13):
            answer = conn.request("GET", "/early")
            check(answer.interim == [103], "interim responses: %s" % answer.interim)
            truth.add("GET", "/early")
    seen.expect_requests_of(srv, truth)


@each_way(("nginx", "apache", "node", "go", "hyper", "jetty"))
def continuation(t, kind, tls):
    """Header blocks of 12 kB in frames of 4 kB; with priority; DATA with padding."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    truth = Truth()
    n = prime(97)
    with Conn(srv) as conn:
        conn.h2.max_outbound_frame_size = 4096
        for i in range(n):
            fields = [("x-filler-%d" % j, ("%07d" % (i * 3 + j)) * 571) for j in range(3)]
            conn.request("GET", "/hello", headers=fields)
            truth.add("GET", "/hello")
            stream = conn.send("GET", "/users/%d" % i, priority_weight=99)
            check(conn.wait(stream)[0].status == 200, "not answered")
            truth.add("GET", "/users/%d" % i)
        stream = conn.open([(":method", "POST"), (":scheme", conn.scheme),
                            (":authority", conn.authority), (":path", "/sink")])
        conn.h2.send_data(stream, b"padded", end_stream=True, pad_length=200)
        conn.flush()
        if "post" in srv.kind.can:
            check(conn.wait(stream)[0].status == 200, "padding was refused")
        truth.add("POST", "/sink")
    seen.expect_requests_of(srv, truth)
    seen.expect_regular()


# ---- ends that are not the usual ones ------------------------------------------------------

@each_way(that_can("sleep"))
def client_resets(t, kind, tls):
    """CANCEL while the server works: the others on the connection go on."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    n = 13
    with Conn(srv) as conn:
        held = [conn.send("GET", "/sleep/3000") for _ in range(n)]
        for _ in range(n):
            conn.request("GET", "/hello")
        for stream in held:
            conn.reset(stream)
        for _ in range(n):
            conn.request("GET", "/users/7")
        truth = Truth()
        truth.add("GET", "/hello", n=n)
        truth.add("GET", "/users/7", n=n)
        seen.agent.expect(*rows(truth, srv), prom.server(
            n, "/sleep/{ms}", status="", error="client_closed", version="2", scheme=srv.scheme))


@each_way(that_can("reset"))
def server_resets(t, kind, tls):
    """RST_STREAM in the middle of a response; hyper's comes instead of one."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    n, statuses = 13, set()
    with Conn(srv) as conn:
        for _ in range(n):
            answer, = conn.wait(conn.send("GET", "/reset"))
            check(answer.reset is not None, "it was not reset")
            statuses.add(answer.status or "")
            conn.request("GET", "/hello")
        wanted = rows({("GET", "/hello", "200"): n}, srv)
        check(len(statuses) == 1, "the server sent its answer at times: %s" % statuses)
        wanted.append(prom.server(n, "/reset", status=statuses.pop(), error=ANY, version="2",
                                  scheme=srv.scheme))
        if "refuse" in srv.kind.can:
            conn.wait(*[conn.send("GET", "/refuse") for _ in range(n)])
            wanted.append(prom.server(n, "/refuse", status="", error=ANY, version="2",
                                      scheme=srv.scheme))
        seen.agent.expect(*wanted)


@case(on=that_can("sleep", "hello"))
def killed_client(t, kind):
    """Its connection is reset with streams open: each is a request that had no answer."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    conn = Conn(srv)
    for _ in range(7):
        conn.send("GET", "/sleep/3000")
    conn.request("GET", "/hello")
    http1.Conn.reset(conn)
    seen.agent.expect(prom.server(1, version="2"), prom.server(
        7, "/sleep/{ms}", status="", error=ANY, version="2"))


@case(on=that_can("goaway", "sleep"))
def goaway(t, kind):
    """The server says goodbye; what it had begun it ends."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    truth = Truth()
    with Conn(srv) as conn:
        slow = [conn.send("GET", "/sleep/300") for _ in range(7)]
        conn.request("GET", "/goaway")
        conn.wait(*slow)
        conn.until(lambda: conn.goaway is not None)
        check(all(conn.streams[s].status == 200 for s in slow), "a stream was not ended")
    truth.add("GET", "/sleep/300", n=7)
    truth.add("GET", "/goaway")
    seen.expect_requests_of(srv, truth)


@case()
def graceful_nginx(t):
    """SIGQUIT: GOAWAY, after the streams of the connection have ended."""
    srv = serve(t, "nginx")
    seen = watch(t, srv)
    with Conn(srv) as conn:
        for _ in range(13):
            conn.request("GET", "/hello")
        srv.proc.signal(3)
        conn.until(lambda: conn.goaway is not None)
    seen.expect_requests_of(srv, {("GET", "/hello", "200"): 13})


@case(on=("nginx", "node", "go", "hyper"), timed=True)
def slow_reader(t, kind):
    """The client opens the window late: the response ends when its last frame was sent, which is
    after that and before the client has it; the request began before what came first."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    with Conn(srv, window=16384) as conn:
        start = time.monotonic()
        stream = conn.send("GET", "/big/%d" % BIG)
        conn.until(lambda: len(conn.streams[stream].body) == 16384)
        came = time.monotonic()
        conn.request("GET", "/hello")
        # a reader that takes its time, nothing waits for it
        time.sleep(max(0.0, came + 0.5 - time.monotonic()))
        least = time.monotonic() - came
        conn.h2.increment_flow_control_window(2 * BIG, stream)
        conn.h2.increment_flow_control_window(2 * BIG)
        conn.flush()
        conn.wait(stream)
        most = time.monotonic() - start
    check(len(conn.streams[stream].body) == BIG, "the body was not whole")
    seen.agent.expect(prom.server(1, version="2"), prom.server(
        1, "/big/{bytes}", version="2", seconds=(least, most)))


@case(on=that_can("sleep"), timed=True)
def durations(t, kind):
    """Thirty-one streams at once, each of which waits 50 ms, among others that do not."""
    srv = serve(t, kind)
    with Conn(srv) as conn:  # a runtime that still loads its code is not what is timed
        for _ in range(31):
            conn.request("GET", "/sleep/1")
    seen = watch(t, srv)
    truth = Truth()
    with Conn(srv) as conn:
        start = time.monotonic()
        slow = [conn.send("GET", "/sleep/50") for _ in range(31)]
        for _ in range(7):
            conn.request("GET", "/hello")
        conn.wait(*slow)
        seconds = time.monotonic() - start
    truth.add("GET", "/hello", n=7)
    seen.agent.expect(*rows(truth, srv), prom.server(
        31, "/sleep/{ms}", version="2", seconds=(31 * 0.050, 31 * seconds)))


# ---- more than requests -------------------------------------------------------------------

@case(on=that_can("push"))
def push(t, kind):
    """nghttpd pushes two files with each /hello: nobody asked for them, they are counted apart."""
    srv = serve(t, kind, words=["--push=/hello=/users/7,/sink"])
    seen = watch(t, srv)
    truth = Truth()
    with Conn(srv) as conn:
        for _ in range(13):
            conn.request("GET", "/hello")
            pushed = dict(conn.pushed)
            conn.wait(*pushed)
        check(len(conn.pushed) == 26, "%d streams were pushed, want 26" % len(conn.pushed))
    truth.add("GET", "/hello", n=13)
    seen.expect_requests_of(srv, truth)
    check(t.dry or seen.irregular() == {"pushed": 26}, "irregular: %s" % seen.irregular())


@case(on=that_can("connect"))
def tunnel(t, kind):
    """CONNECT on a stream, HTTP/1.1 inside: the tunnel is one request, its content is none of
    the proxy's on this side."""
    srv, target = serve(t, kind), t.serve("python")
    seen = watch(t, srv)
    with Conn(srv) as conn:
        stream = conn.open([(":method", "CONNECT"), (":authority", target.authority())])
        conn.until(lambda: conn.streams[stream].status == 200)
        for i in range(7):
            conn.data(stream, http1.head("GET", "/hello"))
            conn.until(lambda: conn.streams[stream].body.count(b"hello\n") == i + 1)
            conn.request("GET", "/hello")
        conn.data(stream, b"", end=True)
        conn.wait(stream)
    wanted = rows({("GET", "/hello", "200"): 7}, srv)
    # It speaks HTTP/1.1 as a client of the target: what it relays is seen there.
    seen.agent.expect(*wanted, prom.server(1, "", method="CONNECT", version="2"),
                      prom.client(7, WHATEVER, address=WHATEVER, at_most=True))


@case(on=that_can("upgrade"))
def upgrade(t, kind):
    """A request of HTTP/1.1 that asks for h2c: its answer comes on stream 1; the two are one."""
    need_programs("curl")
    srv = serve(t, kind)
    seen = watch(t, srv)
    for _ in range(13):
        said = run(["curl", "-s", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                    srv.url("/hello")])
        check(said == "2 200", "curl said: %s" % said)
    seen.agent.expect(prom.server(13))
    seen.expect_truth({("GET", "/hello", "200"): 13})


@case()
def http1_beside(t):
    """HTTP/1.1 and HTTP/2 on the same port and in the same process."""
    srv = serve(t, "go")
    seen = watch(t, srv)
    with Conn(srv) as conn, http1.Conn(srv.address) as old:
        for n in (7, 11):
            http1.repeat(old, http1.head("GET", "/hello"), n)
            for _ in range(n + 1):
                conn.request("GET", "/hello")
    seen.agent.expect(prom.server(18, version="1.1"), prom.server(20, version="2"))
    wait_for("both", lambda: t.dry or sum(seen.truth().values()) == 38, 3)
