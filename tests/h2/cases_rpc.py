# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""gRPC: each stack as server and as client; kinds of calls, codes, deadlines, ends."""

import collections
import os

import prom
from harness import case
from lib import check, prime, run, settings, wait_for
from prom import ANY, WHATEVER, within
from rpc import METHODS, STACKS, Client, Server
from seen import CODES, calls, otlp, receiver_options, watch

NAMES = list(STACKS)
RING = ["%s-%s" % (server, client) for server, client in zip(NAMES, NAMES[1:] + NAMES[:1])]
MATRIX = ["%s-%s" % (server, client) for server in NAMES for client in NAMES]


def both(t, pair, tls=False, options=()):
    """(server, client, what redeye sees of both)"""
    name, _, other = pair.partition("-")
    server = Server(t, name, tls)
    client = Client(t, other or name, server)
    return server, client, watch(t, server, client, options=options)


def each_side(count, server, **kw):
    """Rows: the client's calls are the server's."""
    return [calls("server", count, **kw), calls("client", count, port=server.port, **kw)]


def every_kind(t, pair, tls=False):
    server, client, seen = both(t, pair, tls)
    n = prime(31)
    sizes = {"count": 5, "size": 1009, "send_size": 2003}
    for method in METHODS:
        client.ask(method, times=n, together=4, send=7 if method in METHODS[2:] else 1, **sizes)
    client.ask("Unary", times=3, size=1000003, send_size=1000003)
    rows = []
    for method in METHODS:
        rows += each_side(n + 3 * (method == "Unary"), server, name=method)
    seen.expect_calls(*rows)
    return server


@case(on=RING)
def calls_ring(t, pair):
    """Four kinds of calls, small messages and large ones: SERVER-CLIENT."""
    every_kind(t, pair)


@case(on=[pair for pair in MATRIX if pair not in RING])
def calls_matrix(t, pair):
    """The other pairs."""
    every_kind(t, pair)


@case(on=["go-go", "go-node", "node-tonic", "tonic-go"])
def calls_tls(t, pair):
    """Where TLS can be seen."""
    every_kind(t, pair, tls=True)


@case(on=NAMES)
def codes(t, kind):
    """Each of the seventeen, seven times: unary (where most send trailers only) and after three
    messages. Served and asked for by the next of the ring."""
    pair = next(p for p in RING if p.startswith(kind + "-"))
    server, client, seen = both(t, pair)
    rows = []
    client.ask("Unary")  # a method that only ever was UNIMPLEMENTED has no name
    client.ask("ServerStream")
    for code, word in enumerate(CODES):
        for method in ("Unary", "ServerStream"):
            client.ask(method, times=7, status=code, count=3)
            rows += each_side(7 + (code == 0), server, name=method, code=word)
    seen.expect_calls(*rows)


@case()
def unknown_method(t):
    """A method that there is not has no series of its own."""
    server = Server(t, "go")
    client = Client(t, "go", server)
    seen = watch(t, server)
    client.ask("Nothing", want=(12,), times=13)
    seen.expect_calls(calls("server", 13, "_OTHER", code="UNIMPLEMENTED"))


def spans_of(t, receiver, n):
    def found():
        spans = [s for s in receiver.spans() if s.attributes.get("rpc.method")]
        return spans if len(spans) >= n else None
    return [] if t.dry else wait_for("%d spans of calls" % n, found)


@case(on=RING)
def attributes(t, pair):
    """What a span says: method, status, system, name; one trace for both ends."""
    receiver = otlp.Receiver()
    server, client, seen = both(t, pair, options=receiver_options(receiver))
    client.ask("Bidi", times=7, send=3, count=2)
    client.ask("Unary", times=7, status=5)
    seen.expect_calls(*each_side(7, server, name="Bidi"),
                      *each_side(7, server, name="Unary", code="NOT_FOUND"))
    by_id = {s.span_id: s for s in spans_of(t, receiver, 28)}
    for span in by_id.values():
        a = span.attributes
        unary = a["rpc.method"] == "redeye.test.Echo/Unary"
        check(span.name == a["rpc.method"] and a["rpc.system.name"] == "grpc", "span: %s" % a)
        check(a["rpc.response.status_code"] == ("NOT_FOUND" if unary else "OK"), "span: %s" % a)
        if span.kind == "server":
            parent = by_id.get(span.parent_id)
            check(parent and parent.kind == "client", "a server span without its client's")
    receiver.close()


# ---- ends ----------------------------------------------------------------------------------

def expect_ended(seen, server, method, words):
    """Seven calls of both ends, and the first one. What the server had said when its client gave
    up, and which of the two saw the deadline, is a race: the words are those that each may have."""
    wanted = (*each_side(1, server, name="ClientStream"),
              calls("client", 7, method, code=WHATEVER, error=ANY, port=server.port),
              calls("server", 7, method, code=WHATEVER, error=WHATEVER))
    metrics = seen.agent.expect(*wanted)
    for side in ("client", "server"):
        for labels, _ in metrics.get(prom.FAMILY["rpc " + side] + "_count"):
            code = labels.get("rpc_response_status_code", "")
            check(code in words + ("OK",), "a call of the %s ended with %r" % (side, code))


@case(on=["go-tonic", "python-go", "tonic-node", "node-java", "java-python"])
def deadline(t, pair):
    """It passes while the server waits. tonic, on either side, says CANCELLED at times."""
    server, client, seen = both(t, pair)
    client.ask("ClientStream")  # else some cancel a call that has not been sent
    client.ask("Unary", want=(4, 1), times=7, together=7, hold=3000, deadline=200)
    expect_ended(seen, server, "Unary", ("DEADLINE_EXCEEDED", "CANCELLED"))


@case(on=["go-python", "python-tonic", "tonic-go", "node-java", "java-node"])
def cancelled(t, pair):
    """By the client, between messages."""
    server, client, seen = both(t, pair)
    client.ask("ClientStream")
    client.ask("Bidi", want=(1,), times=7, together=7, hold=3000, send=2, cancel=200)
    expect_ended(seen, server, "Bidi", ("CANCELLED",))


@case(on=NAMES)
def server_dies(t, kind):
    """The calls that it had are over."""
    server = Server(t, kind)
    client = Client(t, "go", server)
    seen = watch(t, client)
    client.start("Bidi", times=7, together=7, hold=60000)
    if not t.dry:
        wait_for("the calls", lambda: seen.agent.scrape().total("redeye_requests_in_flight") == 7)
    server.proc.signal(9)
    said = client.wait()
    check(all(one["status"] == 14 for one in said), "the client was told: %s" % said)
    seen.agent.expect(prom.Row("rpc client", 7, system="grpc", call="redeye.test.Echo/Bidi",
                               error=ANY, port=server.port))


@case(on=NAMES)
def health(t, kind):
    """Health checks are left out, calls are not."""
    server = Server(t, kind)
    client = Client(t, "go", server)
    seen = watch(t, server, client, options=("--exclude-rpc-method", "grpc.health.v1.Health/*"))
    for _ in range(3):
        client.ask("Health", times=7)
        client.ask("Unary", times=7)
    seen.expect_calls(*each_side(21, server))


@case()
def health_counted(t):
    """Without the option they are calls like others."""
    server, client, seen = both(t, "go")
    client.ask("Health", times=7)
    seen.expect_calls(*each_side(7, server, name="grpc.health.v1.Health/Check"))


@case(timeout=150)
def long_streams(t):
    """A bidirectional stream of a minute lasts a minute, and has its trailer's status: one for
    each pair of the ring, at the same time."""
    servers = [Server(t, pair.partition("-")[0]) for pair in RING]
    clients = [Client(t, pair.partition("-")[2], srv) for pair, srv in zip(RING, servers)]
    seen = watch(t, *servers, *clients)
    for client in clients:  # a runtime that still loads its code is not what is timed
        client.ask("Bidi")
    half = 2500 if settings.core else 30000
    # between a call's beginning and its first byte, and at its end
    slack = 0.2 * settings.slow if settings.slow > 1 else 0
    for client in clients:
        client.start("Bidi", hold=half, pause=half, send=3, status=5)
    rows = []
    for server, client in zip(servers, clients):
        one, = client.wait(half / 500 + 20)
        check(one["status"] == 5 and half / 500 <= one["seconds"] < half / 400, "it said %s" % one)
        kw = {"name": "Bidi", "code": "NOT_FOUND", "seconds": within(one["seconds"], 0.01, slack)}
        for more in (kw, {"name": "Bidi"}):
            rows += [calls("client", 1, port=server.port, **more),
                     calls("server", 1, service=server.service, **more)]
    seen.expect_calls(*rows)


# ---- many ----------------------------------------------------------------------------------

@case(timeout=180)
def many_streams(t):
    """Ten thousand streams that are open at once, on one connection: what each costs redeye."""
    server = Server(t, "go")
    client = Client(t, "go", server)
    seen = watch(t, server)
    n = prime(1009 if settings.core else 10007)
    client.ask("Unary")
    before = 0 if t.dry else seen.agent.scrape().total("redeye_memory_usage_bytes")
    client.start("Bidi", times=n, together=n, pause=15000)
    if not t.dry:
        # the one call is over, and so many have begun
        wait_for("the streams", lambda: prom.active(seen.agent.scrape()) == n, 60, 0.1)
        after = seen.agent.scrape().total("redeye_memory_usage_bytes")
        print("%d open streams: %.0f bytes each" % (n, (after - before) / n), flush=True)
        check(after - before < n * 4096, "an open stream takes %d bytes" % ((after - before) / n))
    client.wait(90)
    seen.expect_calls(calls("server", 1), calls("server", n, "Bidi"))


@case(on=NAMES, timeout=120)
def load_of_calls(t, kind):
    """h2load with a message as its body, 64 streams on each of three connections."""
    server = Server(t, kind)
    seen = watch(t, server)
    n = prime(997 if settings.core else 10007)
    line = b"0 1 10 0\n"
    body = os.path.join(t.temp, "message")
    with open(body, "wb") as f:
        f.write(b"\0" + len(line).to_bytes(4, "big") + line)
    said = run(["h2load", "-n", n, "-c", 3, "-m", 64, "-d", body, "-H",
                "content-type: application/grpc", "-H", "te: trailers",
                "http://127.0.0.1:%d/redeye.test.Echo/Unary" % server.port])
    check("%d done, %d succeeded" % (n, n) in said, "h2load: " + said[-400:])
    want = collections.Counter({("Unary", "0", "1", "1"): n})
    wait_for("the server's log", lambda: server.truth() == want, 3)
    seen.expect_calls(calls("server", n))


@case(on=NAMES)
def late_calls(t, kind):
    """The channel was open before redeye. A method may be unknown, never wrong; the codes of
    what ends from then on are there, and every call."""
    server = Server(t, kind)
    client = Client(t, "go" if kind != "go" else "python", server)
    for method in METHODS:
        client.ask(method, times=7, send=2 if method in METHODS[2:] else 1)
    seen = watch(t, server)
    for status in (0, 5):
        for method in METHODS:
            client.ask(method, times=13, status=status)
    if t.dry:
        return

    def problems(metrics):
        n = sum(metrics.total(name) for name in (prom.FAMILY["rpc server"] + "_count",
                                                 prom.FAMILY["server"] + "_count"))
        return [] if n == 104 else ["%d calls, want 104" % n]
    metrics = seen.agent.poll(problems, 15)
    known = {"redeye.test.Echo/" + m for m in METHODS} | {"", "_OTHER"}
    for labels, n in metrics.get(prom.FAMILY["rpc server"] + "_count"):
        check(labels.get("rpc_method", "") in known, "a method that nobody called: %s" % labels)
        check(labels.get("rpc_response_status_code", "") in ("OK", "NOT_FOUND", ""),
              "a code that nobody had: %s" % labels)


