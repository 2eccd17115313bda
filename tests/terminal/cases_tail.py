# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tail: a line for each request."""

import json
import os
import signal

from agent import span
from cases_once import HOSTILE, assert_harmless
from cases_top import COLOURS, sgr
from harness import case, piped
from terminal import SECONDS, check

LINE = b"21:06:30.123 shop <- GET /products/17 200 4.01ms 4bf92f35\n"


def listening(b, *words, **how):
    """A tail whose request has been heard, and the agent."""
    fake = b.agent()
    p = b.start("tail", "--socket", b.socket, *words, **how)
    check(fake.listening.wait(SECONDS), "tail did not ask")
    return fake, p


@piped
def lines_as_they_happen(b):
    fake, p = listening(b)
    fake.emit("span", span())
    check(p.stdout.readline() == LINE, "the first line, before there is a second")
    fake.emit("lost", {"count": 12})
    fake.emit("tick", {"t": 1})
    fake.emit("span", span(kind="client", status="503", error="503", server="stock:8080"))
    check(p.stdout.readline() == "\u2026 12 not shown\n".encode(), "what was lost")
    check(p.stdout.readline() == b"21:06:30.123 shop -> GET stock:8080/products/17 503 4.01ms "
          b"error=503 4bf92f35\n", "the third line")
    check(fake.asked == [("/api/v1/events", {"spans": "1", "ticks": "0"})], str(fake.asked))


@piped
def filters_are_the_agents(b):
    fake, _ = listening(b, "--service", "a&b", "--route", "/x/{id}", "--status", "5xx",
                        "--min-duration", "250us", "--method", "GET", "--kind", "client",
                        "--text", "4bf9 \u6f22")
    check(fake.asked == [("/api/v1/events", {
        "spans": "1", "ticks": "0", "service": "a&b", "route": "/x/{id}", "status": "5xx",
        "min_duration": "0.00025", "method": "GET", "kind": "client", "q": "4bf9 \u6f22"})],
        str(fake.asked))


@piped
def so_many_lines(b):
    fake, p = listening(b, "--lines", "3")
    for _ in range(7):
        fake.emit("span", span())
    out, err = p.communicate(timeout=SECONDS)
    check((p.returncode, out, err) == (0, 3 * LINE, b""), "%d %r %r" % (p.returncode, out, err))


@piped
def json_lines(b):
    fake, p = listening(b, "--json", "-n", "2")
    first, second = span(request_id="x"), span(path=HOSTILE, service="\udcff")
    fake.emit("span", first)
    fake.emit("lost", {"count": 3})
    fake.emit("span", second)
    out, err = p.communicate(timeout=SECONDS)
    lines = out.splitlines()
    check(len(lines) == 2 and json.loads(lines[0]) == first, out)
    check(json.loads(lines[1]) == dict(second, service="\ufffd"), lines[1])
    assert_harmless(out.replace(b"\n", b""))
    check(err == b"redeye: warn: 3 not shown\n", err)


@piped
def whatever_comes(b):
    fake, p = listening(b, "-n", "4")
    for data in (b"[]", b"{", b"\xff", b"5"):
        fake.emit("span", data)
        fake.emit("lost", data)
    fake.emit("unknown", b"{}")
    for data in (b"{}", b'{"rpc": 5, "start": "x"}', b'{"path": null, "service": {}}'):
        fake.emit("span", data)
    fake.emit("span", span())
    out, _ = p.communicate(timeout=SECONDS)
    check(p.returncode == 0 and out == 3 * b"--:--:--.--- - <- - - - - -\n" + LINE, out)


@piped
def the_agent_ends(b):
    fake, p = listening(b)
    fake.emit("span", span())
    check(p.stdout.readline() == LINE, "the line")
    fake.stop()
    out, err = p.communicate(timeout=SECONDS)
    check((p.returncode, out) == (1, b""), "exit status %d" % p.returncode)
    check(err.decode() == "redeye: error: redeye at %s has ended\n" % b.socket, err)


@piped
def the_reader_leaves(b):
    """As with `redeye tail | head -n 1`: it ends at once, without a word."""
    read, write = os.pipe()
    fake, p = listening(b, stdout=write)
    os.close(write)
    fake.emit("span", span())
    check(os.read(read, 4096) == LINE, "the line")
    os.close(read)
    check((p.wait(SECONDS), p.stderr.read()) == (0, b""), "not quiet")


@piped
def the_reader_had_left(b):
    read, write = os.pipe()
    os.close(read)
    b.agent()
    p = b.start("tail", "--socket", b.socket, stdout=write)
    os.close(write)
    check((p.wait(SECONDS), p.stderr.read()) == (0, b""), "not quiet")


@piped
def a_disk_that_is_full(b):
    with open("/dev/full", "w") as full:
        fake, p = listening(b, stdout=full)
        fake.emit("span", span())
        check(p.wait(SECONDS) == 1 and b"No space left" in p.stderr.read(), "no error")


@piped
def signals_end_it(b):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        fake, p = listening(b)
        p.send_signal(number)
        check((p.wait(SECONDS), p.stderr.read()) == (0, b""), "signal %d" % number)
        fake.stop()


@case
def colours_on_a_terminal_only(b):
    fake = b.agent()
    for env, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        fake.listening.clear()
        t = b.terminal("tail", "-n", "1", env=env)
        check(fake.listening.wait(SECONDS), "tail did not ask")
        fake.emit("span", span(status="503", error="503"))
        t.see("503", "error=503")
        check(t.status() == 0, "exit status")
        check(bool(sgr(t.raw()) & COLOURS) == wanted, "%s: %s" % (env, sgr(t.raw())))
        if not wanted:
            check(b"\x1b" not in t.raw(), "an escape: %r" % t.raw())


@case
def hostile_spans_reach_no_terminal(b):
    fake = b.agent()
    t = b.terminal("tail", "-n", "3", env={"NO_COLOR": "1"})
    title = t.title()
    check(fake.listening.wait(SECONDS), "tail did not ask")
    fake.emit("span", span(service=HOSTILE, method=HOSTILE, path=HOSTILE, status=HOSTILE,
                           error=HOSTILE, trace_id=HOSTILE, kind=HOSTILE))
    fake.emit("span", span(kind="client", server=HOSTILE, path="/" + "x" * 100000,
                           rpc={"system": HOSTILE, "method": HOSTILE}))
    fake.emit("span", span(service="\udcff\udc80"))
    check(t.status() == 0, "exit status")
    assert_harmless(t.raw().replace(b"\r\n", b"\n"))
    check(len(t.raw()) < 4000, "%d bytes" % len(t.raw()))
    check(t.title() == title, "the title is " + t.title())
