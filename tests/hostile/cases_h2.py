# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTTP/2 as the attacks of the last years have it: CONTINUATION without end, HPACK bombs, floods of
SETTINGS and PING, rapid resets. After each a plain request, which is counted."""

from h2wire import (CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS,
                    WINDOW_UPDATE, Client, block, frame, indexed, literal)
from hostile import *  # noqa: F403
from lib import prime, wait_read

FILL = literal(b"x-fill", b"y" * 1000) * 15  # of one frame: the least that all must take is 16 KiB
CANCEL = b"\0\0\0\x08"


def after(agent, victim, counted, n=7):
    """Plain requests on a new connection."""
    with Client(victim) as client:
        for i in range(n):
            client.request(b"/after")
            client.answered(i + 1)
    return expect_total(agent, counted + n)


@case()
def endless_continuation(t):
    """Header blocks that go on for megabytes and do not end."""
    victim = Victim(t, "h2")
    with Attack(t, victim) as agent:
        clients = [Client(victim) for _ in range(size(31, 7))]
        for client in clients:
            client.send(frame(HEADERS, END_STREAM, 1, block(b"/endless")))
            for _ in range(size(500, 200)):
                client.send(frame(CONTINUATION, 0, 1, FILL))
        agent.settle()
        for client in clients:
            client.sock.close()
        agent.settle()
        open_at_end = agent.scrape().total("redeye_requests_in_flight")
        check(open_at_end == 0, "%d requests are in flight" % open_at_end)
        before = agent.count(service_name="victim")
        check(before <= len(clients), "%d requests from %d connections" % (before, len(clients)))
        after(agent, victim, before)


@case()
def waiting_heads(t):
    """Connections that send half a head of HTTP/1 and wait take all the room there is for such; the
    oldest give way, so that blocks of another service's HTTP/2 find some."""
    n, asked = size(701, 547), prime(101)
    idle, other = Victim(t, "http"), Victim(t, "h2", name="other")
    with Attack(t, idle, other) as agent:
        socks = [idle.connect() for _ in range(n)]
        for piece in (b"GET /half HTTP/1.1\r\nX: ", b"", b""):
            for s in socks:  # a call of more than 4 KiB is not copied whole: its head does not wait
                s.sendall(piece + b"y" * 2800)
                wait_read(s)
        agent.settle()
        with Client(other) as client:
            for i in range(asked):
                client.request(b"/after")
                client.answered(i + 1)
        metrics = expect_total(agent, asked, service="other")
        expect_nothing_lost(metrics)
        gone = metrics.total("redeye_messages_irregular_total", reason="head_gave_way")
        check(0 < gone < n, "%d of %d heads gave way" % (gone, n))
        for s in socks:
            s.close()


@case()
def header_bombs(t):
    """A field of 4 KB is put into the table, and then said thousands of times by one byte each: a block
    of 16 KB that is 64 MB long when it is decoded."""
    n = prime(size(53, 13))
    victim = Victim(t, "h2")
    with Attack(t, victim, cpu=30) as agent:
        for _ in range(n):
            with Client(victim) as client:
                client.request(b"/arm", literal(b"a", b"b" * 4000, index=True))
                client.request(b"/bomb", indexed(62) * 16000)
                client.answered(2)
        metrics = after(agent, victim, 2 * n)
        expect_nothing_lost(metrics)


@case()
def control_floods(t):
    """A hundred thousand frames about the connection between two requests, thousands in one call: the
    place in them is lost and found again. A request among so many in one call would be lost, too."""
    n = size(100000, 20000)
    victim = Victim(t, "h2")
    with Attack(t, victim) as agent:
        with Client(victim) as client:
            client.request(b"/before")
            client.answered(1)
            for kind, flags, payload in ((SETTINGS, 1, b""), (PING, 1, bytes(8)),
                                         (WINDOW_UPDATE, 0, b"\0\0\0\1")):
                client.send(*[frame(kind, flags, 0, payload)] * n)
                wait_read(client.sock)
                client.request(b"/between")
                client.answered(client.ends + 1)
        metrics = after(agent, victim, 4)
        check(metrics.total("redeye_events_position_lost_total") > 0, "not more frames than can be walked")
        expect_nothing_lost(metrics)


@case()
def rapid_resets(t):
    """Each stream is reset as soon as it is opened (CVE-2023-44487): each is a request that ended with
    an error, or was answered before that."""
    n = prime(size(20011, 5003))
    victim = Victim(t, "h2")
    with Attack(t, victim) as agent:
        with Client(victim) as client:
            for _ in range(n):
                client.send(frame(HEADERS, END_HEADERS | END_STREAM, client.stream, block(b"/reset")),
                            frame(RST_STREAM, 0, client.stream, CANCEL))
                client.stream += 2
            client.answered(n)  # this victim answers all the same: too late
        metrics = after(agent, victim, n)
        expect_nothing_lost(metrics)
        check(metrics.total("redeye_requests_in_flight") == 0, "streams are open that were reset")
