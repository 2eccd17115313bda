# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Heads that are too long or never end, and messages of which two readers think two things."""

from hostile import *  # noqa: F403
from lib import prime, wait_read

KIB, MIB = 1024, 1 << 20
GET = b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n"


@case()
def long_heads(t):
    """64 KiB in one field and in thousands, then a plain request on each connection: all counted."""
    n = prime(101)
    heads = (b"GET /long HTTP/1.1\r\nX: " + b"y" * (64 * KIB) + b"\r\n\r\n",
             b"GET /long HTTP/1.1\r\n" + b"A: b\r\n" * 11000 + b"\r\n")
    victim = Victim(t, "http")
    with Attack(t, victim) as agent:
        for i in range(n):
            victim.exchange([heads[i % 2], GET])
        metrics = expect_total(agent, 2 * n)
        cut = metrics.total("redeye_messages_irregular_total", reason="head_cut")
        check(cut == n, "%d heads were cut, want %d" % (cut, n))
        expect_nothing_lost(metrics)


@case()
def giant_heads(t):
    """Of 16 MiB each. They are requests, and answered."""
    n = prime(size(13, 5))
    head = b"GET /giant HTTP/1.1\r\nX: " + b"y" * (16 * MIB) + b"\r\n\r\n"
    victim = Victim(t, "http")
    with Attack(t, victim) as agent:
        for _ in range(n):
            victim.exchange([head])
        expect_nothing_lost(expect_total(agent, n))


@case()
def endless_heads(t):
    """A thousand connections that add to their heads all the time and never end one: no request, and
    no more memory than an eighth of the limit for what waits."""
    n = size(1009, 401)
    victim = Victim(t, "http")
    with Attack(t, victim) as agent:
        socks = [victim.connect() for _ in range(n)]
        for s in socks:
            s.sendall(b"GET /endless HTTP/1.1\r\n")
        for i in range(40):
            for s in socks:
                s.sendall(b"X-%d: " % i + b"z" * 500 + b"\r\n")
        agent.settle()
        check(agent.count(service_name="victim") == 0, "a head without end was counted")
        for s in socks:
            s.close()
        victim.exchange([GET] * 7)
        agent.expect_count(7, service_name="victim", http_response_status_code="200")
        wait_closed(agent, 16)


# What a reader that follows RFC 9112 makes of it: so many requests. The victim reads it as such
# a reader, and answers as often.
POST = b"POST /p HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = (
    # 6.3: Transfer-Encoding overrides Content-Length
    (2, POST + b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n" + GET),
    (2, POST + CHUNKED + b"Content-Length: 400\r\n", b"3\r\nabc\r\n0\r\n\r\n" + GET),
    # 6.3: the same length twice is one
    (2, POST + b"Content-Length: 3, 3\r\n", b"abc" + GET),
    (2, POST + b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc" + GET),
    # a body that looks like a request
    (1, POST + b"Content-Length: %d\r\n" % len(GET), GET),
    (2, POST + CHUNKED, b"%x\r\n" % len(GET) + GET + b"\r\n0\r\n\r\n" + GET),
    # 7.1.1: extensions, with what looks like an end of them
    (2, POST + CHUNKED, b'3;a="\\"0"\r\nabc\r\n0;x\r\n\r\n' + GET),
    # 7.1.2: trailers that say something else
    (2, POST + CHUNKED, b"0\r\nContent-Length: 100\r\nHost: b\r\n\r\n" + GET),
    # 2.2: empty lines before a request
    (2, POST + b"Content-Length: 0\r\n", b"\r\n\r\n" + GET),
)


def two_minds(victim, answers, head, rest, cut):
    told = b"Total: %06d\r\nAnswers: %d\r\n\r\n"
    whole = len(head) + len(told % (0, answers)) + len(rest)
    data = head + told % (whole, answers) + rest
    with victim.connect() as s:
        s.sendall(data[:cut])
        wait_read(s)
        s.sendall(data[cut:])
        answer = b""
        while answer.count(b"ok") < answers:
            more = s.recv(4096)
            check(more, "the victim closed after %r" % data)
            answer += more


def unmatched(metrics):
    return metrics.total("redeye_messages_irregular_total", reason="unmatched_response")


@case()
def smuggled_requests(t):
    """Lengths that contradict each other: counted as RFC 9112 reads them."""
    victim = Victim(t, "http")
    want = 0
    with Attack(t, victim) as agent:
        for answers, head, rest in SMUGGLED:
            for cut in (0, 30, 1 << 20):
                two_minds(victim, answers, head, rest, cut)
                want += answers
        expect_nothing_lost(expect_total(agent, want))


@case()
def hidden_requests(t):
    """The same, read in two calls of which the second goes on with a body: the kernel side copies no
    bodies, and what begins within one is not seen. Its answer is: nothing is without a trace."""
    victim = Victim(t, "http")
    want = 0
    with Attack(t, victim) as agent:
        for answers, head, rest in SMUGGLED:
            for cut in (len(head) + 10, len(head) + 42):
                two_minds(victim, answers, head, rest, cut)
                want += answers
        agent.poll(lambda m: stress.differs("requests and answers without one", unmatched(m) + total(
            series(m, service_name="victim")), want), 20)
