# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each server over TLS: exact counts, whatever the version, the session and the bodies."""

import collections
import os
import subprocess
import threading
import time

import client
from client import expect_status, head, repeat
from harness import case
from lib import Skip, check, prime, settings
from prom import within
from programs import HUGE, KINDS, SIZES, serve, that_can
from secure import VERSIONS, Conn, one, spread
from watch import https, plain, watch

HELLO = head("GET", "/hello")
USER = head("GET", "/users/7")
EVERY = list(KINDS)
DOTNETS = tuple(name for name in KINDS if name.startswith("dotnet"))


def each_version(function):
    """One case for each server and TLS version: NAME-1.2-SERVER."""
    def of(version):
        def run(t, kind):
            if version not in KINDS[kind].versions:
                raise Skip("it has no TLS %s" % version)
            function(t, kind, version)
        run.__name__ = "%s-%s" % (function.__name__, version)
        run.__doc__ = function.__doc__
        return run
    for version in VERSIONS:
        case(on=EVERY)(of(version))
    return function


@each_version
def requests(t, kind, version):
    """Seven kept connections, new ones, and the statuses."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    n, new = prime(97), prime(31)
    spread(srv.address, HELLO, n, version=version)
    for _ in range(new):
        expect_status(one(srv.address, USER, version=version), 200)
    with Conn(srv.address, version) as conn:
        for status in (200, 404, 500) * 7:
            expect_status(conn.get("/status/%d" % status), status)
            if status >= 400 and KINDS[kind].template:  # some close after an error
                conn.close()
                conn.__init__(srv.address, version)
    agent.expect(https(n), https(new, "/users/{id}"),
                 *(https(7, "/status/{code}", status=s, error=s if s >= 500 else "")
                   for s in (200, 404, 500)))


# ---- sessions ---------------------------------------------------------------------

def resumed(address, n, **kw):
    """n connections, each of which resumes the session of the one before."""
    last = None
    for _ in range(n + 1):
        last = Conn(address, resume=last, **kw)
        repeat(last, HELLO, 2)
        last.close()


@case(on=[name for name, kind in KINDS.items() if kind.resumes])
def resumption(t, kind):
    """By ticket with TLS 1.2 and 1.3, by session id with 1.2: the client asserts that they are."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    ways = {"1.2": {"version": "1.2"}, "1.3": {"version": "1.3"},
            "id": {"version": "1.2", "tickets": False}}
    for way in srv.kind.resumes:
        resumed(srv.address, 13, **ways[way])
    agent.expect(https(28 * len(srv.kind.resumes)))


def s_client(srv, *words, data=b""):
    argv = ["openssl", "s_client", "-connect", srv.authority(), "-tls1_3", "-ign_eof",
            "-CAfile", os.path.join(os.environ["TLS_CERTS"], "ca.pem")]
    done = subprocess.run(argv + list(words), input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=20 * settings.slow)
    return done.stdout.decode("latin-1")


@case(on=[name for name, kind in KINDS.items() if kind.early])
def early_data(t, kind):
    """The request comes with the ClientHello; openssl says that it was accepted."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    session, early = os.path.join(t.temp, "session"), os.path.join(t.temp, "early")
    request = head("GET", "/hello", Connection="close")
    with open(early, "wb") as f:
        f.write(head("GET", "/users/7", Connection="close"))
    for _ in range(13):
        said = s_client(srv, "-sess_out", session, data=request)
        check("HTTP/1.1 200" in said, "no answer: " + said[-300:])
        said = s_client(srv, "-sess_in", session, "-early_data", early)
        check("Early data was accepted" in said, "it was not accepted: " + said[-300:])
        check("HTTP/1.1 200" in said, "no answer to early data: " + said[-300:])
    agent.expect(https(13), https(13, "/users/{id}"))


@case(on=that_can("verify"))
def client_certificate(t, kind):
    """Clients with a certificate; those without get no answer and are no request."""
    srv = serve(t, kind, verify=True)
    agent = watch(t, srv)
    n = prime(31)
    for version in VERSIONS:
        spread(srv.address, HELLO, n, version=version, certificate=True)
        for _ in range(3):
            try:
                answer = one(srv.address, HELLO, version=version)
            except Exception:
                continue
            check(answer.status == 400, "a client without a certificate got %d" % answer.status)
    bad = 6 if KINDS[kind].template == KINDS["nginx"].template else 0  # it says why, by HTTP
    rows = [https(bad, status=400, route=route, at_most=True) for route in ("", "/hello")]
    agent.expect(https(2 * n), *(rows if bad else ()))


# ---- bodies -------------------------------------------------------------------------

def upload(conn, size):
    """POST of so many bytes, in pieces that are no whole number of TLS records."""
    piece = b"u" * 100003
    conn.send(head("POST", "/sink", Content_Length=size))
    for at in range(0, size, len(piece)):
        conn.send(piece[:size - at])
    answer = expect_status(conn.read(), 200)
    check(answer.body == b"%d\n" % size, "the server got %r bytes" % answer.body)
    return len(answer.body)


def download(conn, size):
    """GET of so many bytes, none of which is kept."""
    conn.send(head("GET", "/big/%d" % size))
    status, headers = conn.read_head()
    check(status == 200 and int(headers["content-length"]) == size, "got %d" % status)
    left, conn.buf = size - len(conn.buf), b""
    while left:
        n = len(conn.sock.recv(min(left, 262144)))
        check(n, "the connection ended inside a body")
        left -= n


def exchange(t, kind, sizes, version, times):
    srv = serve(t, kind)
    agent = watch(t, srv)
    want = collections.Counter()
    with Conn(srv.address, version, timeout=60) as conn:
        for size in sizes * times:
            download(conn, size)
            want["GET", 0, size] += 1
            if "sink" in srv.kind.can:
                want["POST", size, upload(conn, size)] += 1
    n = len(sizes) * times
    posts = [https(n, "/sink", method="POST")] if "sink" in srv.kind.can else []
    agent.expect(https(n, "/big/{bytes}"), *posts)
    if not t.dry:
        got = agent.sizes()
        check(got == want, "sizes of bodies: %s, want %s" % (dict(got - want), dict(want - got)))


def need_speed(kind):
    if kind == "ruby":
        raise Skip("WEBrick takes minutes for a body of 100 MB")


@case(on=that_can("big"))
def bodies(t, kind):
    """Around the size of a TLS record, and a megabyte, both ways; the sizes are exact."""
    exchange(t, kind, SIZES, "1.3", 3)


@case(on=that_can("big"), timeout=120)
def bodies_100_mb(t, kind):
    """100 MB both ways over TLS 1.2."""
    need_speed(kind)
    exchange(t, kind, (HUGE,), "1.2", 1)


# ---- time -----------------------------------------------------------------------------

def near(seconds, n):
    """2 %, or 200 us a request; in a slow guest 10 % or 10 ms."""
    if settings.slow > 1:
        return within(seconds, 0.10, n * 0.010)
    return within(seconds, 0.02, n * 0.0002)


@case(on=that_can("sleep"), timed=True)
def latency(t, kind):
    """A handler that waits 50 ms."""
    srv = serve(t, kind)
    with Conn(srv.address) as conn:  # a runtime that still loads its code is not what is timed
        repeat(conn, head("GET", "/sleep/1"), 31)
    agent = watch(t, srv)
    n = prime(13)
    with Conn(srv.address) as conn:
        repeat(conn, HELLO, 1)
        seconds = repeat(conn, head("GET", "/sleep/50"), n)
    check(seconds >= n * 0.05, "the server did not wait")
    agent.expect(https(1), https(n, "/sleep/{ms}", seconds=near(seconds, n)))


def pace(conn, size, bytes_per_second=50e6):
    """Seconds that /big took when read at this rate."""
    start = time.monotonic()
    conn.send(head("GET", "/big/%d" % size))
    conn.read_head()
    got = len(conn.buf)
    while got < size:
        got += len(conn.sock.recv(262144))
        # the pace of the traffic, nothing waits for it
        time.sleep(max(0.0, got / bytes_per_second - (time.monotonic() - start)))
    return time.monotonic() - start


@case(on=that_can("big"), timeout=90, timed=True)
def slow_reader(t, kind):
    """A library with memory BIOs has the whole body at once, in one call; the request lasts until
    the socket has it. What the two sockets hold the client has not read by then."""
    need_speed(kind)
    srv = serve(t, kind)
    agent = watch(t, srv)
    with Conn(srv.address, rcvbuf=262144, timeout=60) as conn:
        seconds = pace(conn, HUGE)
    check(seconds > 1.9, "the client was too fast: %.3f s" % seconds)
    with open("/proc/sys/net/ipv4/tcp_wmem") as f:
        held = int(f.read().split()[2]) + 524288
    low = 0.95 * seconds * (1 - held / HUGE)
    agent.expect(https(1, "/big/{bytes}", seconds=(low, within(seconds, 0.02)[1])))


# ---- connections -------------------------------------------------------------------------

@case(on=that_can("pipeline"))
def pipelining(t, kind):
    """2 to 13 requests in one write."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    depths = (2, 5, 7, 11, 13)
    for depth in depths:
        with Conn(srv.address) as conn:
            conn.send(b"".join(USER if i % 2 else HELLO for i in range(depth)))
            for _ in range(depth):
                expect_status(conn.read(), 200)
    users = sum(d // 2 for d in depths)
    agent.expect(https(sum(depths) - users), https(users, "/users/{id}"))


def visit(srv, source, path, gate, errors):
    """Three requests of a connection of its own, which begins with many others."""
    try:
        gate.wait(20 * settings.slow)
        with Conn(srv.address, source=source) as conn:
            for _ in range(3):
                expect_status(conn.get(path), 200)
    except Exception as e:  # handed to the main thread below
        errors.append(e)


def at_once(srv, visits):
    gate, errors = threading.Barrier(len(visits)), []
    threads = [threading.Thread(target=visit, args=(srv, source, path, gate, errors))
               for source, path in visits.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@case(on=("python", "asyncio", "uvloop", "node-24", "rustls", "rustls-0.21") + DOTNETS)
def crowd(t, kind):
    """47 handshakes at once, five times: each comes from an address of its own and asks for what
    no other does, so a connection that is taken for another one is found out."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    visits = {"127.1.%d.%d" % (i // 47, 1 + i % 47): "/users/%d" % i for i in range(5 * 47)}
    for i in range(5):
        start = "127.1.%d." % i
        at_once(srv, {k: v for k, v in visits.items() if k.startswith(start)})
    agent.expect(https(3 * len(visits), "/users/{id}"))
    if not t.dry:
        wrong = [line for line in agent.log() if visits[line["client"]] != line["path"]]
        check(not wrong, "%d requests on a connection of others, one: %s" % (len(wrong), wrong[:1]))


@case(on=that_can("plain"))
def plain_and_tls(t, kind):
    """One process, one handler, two ports: each request once, with its scheme."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    with client.Conn(srv.plain_address) as bare, Conn(srv.address) as conn:
        for n in (13, 17):
            repeat(bare, HELLO, n)
            repeat(conn, HELLO, n + 2)
    for _ in range(7):
        expect_status(client.one(srv.plain_address, USER), 200)
        expect_status(one(srv.address, USER), 200)
    agent.expect(plain(30), https(34), plain(7, "/users/{id}"), https(7, "/users/{id}"))


@case(on=EVERY)
def attach_open(t, kind):
    """Connections that were open before redeye: all requests from then on. But what waits in a
    blocking read of its library entered it before the probes: the first of each is missed."""
    srv = serve(t, kind)
    conns = [Conn(srv.address) for _ in range(3)]
    for conn in conns:
        repeat(conn, HELLO, 1)
    agent = watch(t, srv)
    for conn, n in zip(conns, (7, 11, 13)):
        repeat(conn, HELLO, n)
        conn.close()
    unseen = 3 if srv.kind.blocks else 0
    agent.expect(https(31 - unseen))
