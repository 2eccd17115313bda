# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bytes that no sane peer sends, in both directions: the parsers see them as they are."""

import random
import socket
import threading

from lib import check
from stress import case, promtool, size

ROUTES = ("/fixed/after", "/fixed")
KIB64 = 65536

# ---- the table of hostile messages ----------------------------------------------------

GOOD = (
    b"GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHELLO",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 301 Moved\r\nLocation: /\r\nConnection: close\r\n\r\n",
)


def garbage(r):
    return r.randbytes(r.randrange(1, 5000))


def half(r):
    whole = r.choice(GOOD)
    return whole[:r.randrange(1, len(whole))]


def mutated(r):
    data = bytearray(b"".join(r.choice(GOOD) for _ in range(r.randrange(1, 6))))
    for _ in range(r.randrange(1, 12)):
        data[r.randrange(len(data))] = r.choice(b"\r\n\0: /\xff,;\t019") if r.random() < 0.7 \
            else r.randrange(256)
    return bytes(data)


def huge_head(r):
    return b"GET /fixed HTTP/1.1\r\nX: " + b"y" * r.choice((4000, 16383, 16384, KIB64)) + b"\r\n\r\n"


def many_headers(r):
    return b"GET /fixed HTTP/1.1\r\n" + b"".join(b"H%d: %d\r\n" % (i, i) for i in range(3000)) + b"\r\n"


def control_names(r):
    names = b"".join(bytes([r.randrange(32)]) * 3 + b"n\x7f: \x00v\x1b[31m\r\n" for _ in range(20))
    return b"GET /fix\x1bed\x01 HTTP/1.1\r\nHost: \x02\x03\"\\\n\r\n" + names + b"\r\n"


def lengths(r):
    value = r.choice((b"-1", b"18446744073709551616", b"9223372036854775807", b"5, 5", b"5, 6", b"0x10",
                      b"", b" ", b"+3", b"9" * 400))
    return r.choice((b"POST /fixed HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n")) + \
        b"Content-Length: " + value + b"\r\n\r\nbody"


def chunks(r):
    value = r.choice((b"ffffffffffffffff", b"10000000000000000", b"-5", b"5;x=" + b"y" * 5000, b"\r\n",
                      b"0\r\nTrailer: " + b"z" * 5000, b"zz"))
    return r.choice((b"POST /fixed HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n")) + \
        b"Transfer-Encoding: chunked\r\n\r\n" + value + b"\r\n" + b"data" * 20


def statuses(r):
    return b"HTTP/%d.%d %s \xff\r\n\r\n" % (r.randrange(12), r.randrange(12), r.choice(
        (b"000", b"99", b"100", b"101", b"199", b"204", b"304", b"599", b"600", b"999", b"1000", b"2e2")))


def methods(r):
    return b"%s %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (
        r.choice((b"CONNECT", b"HEAD", b"TRACE", b"A" * 200, b"G-T", b"PRI", b"M-SEARCH")),
        r.choice((b"*", b"a:1", b"[::1]:99999", b"http://[", b"http://" + b"h" * 600 + b"/", b"//",
                  b"/" + b"%" * 9000)), r.choice((b"", b"[", b":", b"a:b:c", b"h" * 700, b"\xff:80")))


MESSAGES = (garbage, half, mutated, huge_head, many_headers, control_names, lengths, chunks,
            statuses, methods)


# ---- sending them --------------------------------------------------------------------------

def converse(address, r):
    """One connection, a few messages, cut into random writes; what comes back does not matter."""
    with socket.create_connection(address, 5) as s:
        s.settimeout(0.02)
        try:
            for _ in range(r.randrange(1, 4)):
                data = r.choice(MESSAGES)(r)
                cut = r.randrange(len(data)) if r.random() < 0.5 else 0
                for part in (data[:cut], data[cut:]):
                    s.sendall(part)
                s.recv(KIB64)
            if r.random() < 0.2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError:
            pass


def bytewise(address, n):
    """`n` connections in turn write one byte each, until all have made a request."""
    socks = [socket.create_connection(address, 5) for _ in range(n)]
    try:
        for s in socks:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(GOOD[0])):
            for s in socks:
                s.send(GOOD[0][i:i + 1])
        for s in socks:
            check(s.recv(100).startswith(b"HTTP/1.1 200"), "no answer to a request in single bytes")
    finally:
        for s in socks:
            s.close()


def attack(servers, seed, n):
    r = random.Random(seed)
    for _ in range(n):
        converse(r.choice(servers).address, r)


@case(timeout=120)
def hostile_bytes(t):
    """Also against a server that echoes: then they are answers."""
    servers = (t.serve(), t.serve("echo"))
    agent = t.watch(*servers, routes=ROUTES)
    threads = [threading.Thread(target=attack, args=(servers, seed, size(250, 80)), daemon=True)
               for seed in range(16)]
    for one in threads:
        one.start()
    while any(one.is_alive() for one in threads):
        agent.scrape()
        threads[0].join(0.2)
    metrics = agent.settle()
    for reason in ("malformed", "head_cut", "unmatched_response"):
        n = metrics.total("redeye_messages_irregular_total", reason=reason)
        check(n > 0, "nothing was hostile: no message is irregular because " + reason)
    text = agent.text
    agent.expect_no_connections()
    t.load(servers[0], 16).go(1009, "after")
    agent.expect_count(1009, http_route="/fixed/after")
    agent.finish()
    promtool(text)


@case(timeout=60)
def single_bytes(t):
    """Requests from hundreds of connections at once, a byte at a time: exact."""
    srv = t.serve()
    agent = t.watch(srv, routes=ROUTES, options=["--ring-size", "16MiB"])
    n = size(307, 101)
    bytewise(srv.address, n)
    agent.expect_count(n)
