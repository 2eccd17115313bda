# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""top without a terminal: a table, or JSON, once."""

import json
import os

from agent import Series, World
from harness import case, piped
from terminal import check

HOSTILE = "\x1b]0;pwned\x07\x1b[6n\u202egnp\u009b31m\r\n"
OBEYED = (b"\x1b", b"\x07", b"\r", "\u202e".encode(), "\u009b".encode())


def assert_harmless(data, line_ends=True):
    for bad in OBEYED:
        check(bad not in data, "%r is in %r" % (bad, data))
    check(line_ends or b"\n" not in data.rstrip(b"\n"), "a line end is in %r" % data)


@piped
def once_is_a_table(b):
    b.agent()
    status, out, err = b.run("top", "--once")
    check((status, err) == (0, ""), "exit status %d, %r" % (status, err))
    lines = out.splitlines()
    check(lines[0].split() == ["SERVICE", "KIND", "RATE/S", "COUNT", "ERRORS", "P50", "P95", "P99"],
          lines[0])
    check([tuple(line.split()[:4]) for line in lines[1:]] ==
          [("stock", "server", "30.0", "1800"), ("shop", "server", "20.0", "1200"),
           ("orders", "server", "10.0", "600"), ("shop", "client", "5.0", "300")], out)
    check("10.0%! 1.00ms 2.00ms 4.00ms" in lines[3], lines[3])


@piped
def no_terminal_is_once(b):
    b.agent()
    check(b.run("top") == b.run("top", "--once"), "not the same as --once")


@piped
def once_of_a_service(b):
    fake = b.agent()
    status, out, _ = b.run("top", "--service", "shop", "--sort", "p99", "--window", "5m")
    rows = [line.split()[:4] for line in out.splitlines()[1:]]
    check(status == 0 and rows == [["shop", "server", "POST", "/cart"],
                                   ["shop", "server", "GET", "-"],
                                   ["shop", "server", "GET", "/products/{id}"],
                                   ["shop", "client", "GET", "stock:8080"]], out)
    check(fake.asked == [("/api/v1/routes", {"window": "300", "limit": "1000", "sort": "p99",
                                             "order": "desc", "service": "shop"})],
          str(fake.asked))
    check(len(b.run("top", "--service", "shop", "--kind", "client")[1].splitlines()) == 2, "kind")


@piped
def json_is_one_array(b):
    b.agent()
    status, out, err = b.run("top", "--json")
    rows = json.loads(out)
    check((status, err, len(rows)) == (0, "", 4), out)
    check(rows[2] == {"service": "orders", "namespace": "", "kind": "server", "rate": 10,
                      "count": 600, "errors": 60, "error_ratio": 0.1, "mean": 0.001, "p50": 0.001,
                      "p95": 0.002, "p99": 0.004, "total_count": 6000, "total_errors": 600},
          str(rows[2]))
    rows = json.loads(b.run("top", "--json", "--service", "stock")[1])
    check([(r["protocol"], r["method"], r["route"], r["peer"]) for r in rows] ==
          [("grpc", None, "stock.Items/Get", None)], str(rows))


@piped
def hostile_names_are_harmless_once(b):
    names = [HOSTILE, "x" * 3000, "\udcff\udcfe", "\u6f22\u5b57", "a\u0301" * 50]
    b.agent(World({n: {"server": Series(1.0)} for n in names},
                  [Series(1.0, service="s", method=HOSTILE, route=n) for n in names]))
    for words in (["top", "--once"], ["top", "--once", "--service", "s"]):
        status, out, _ = b.run(*words)
        check(status == 0 and len(out.splitlines()) == 6, out)
        assert_harmless(out.encode())
        check(max(map(len, out.splitlines())) < 400, "a line is too long")
        status, out, _ = b.run(*words, "--json")
        check(status == 0 and len(json.loads(out)) == 5, out)
        assert_harmless(out.encode(), line_ends=False)


@piped
def nothing_yet(b):
    b.agent(World())
    status, out, _ = b.run("top", "--once")
    check(status == 0 and out.endswith("\nno request seen yet\n"), out)
    check(b.run("top", "--json")[:2] == (0, "[]\n"), "JSON")


@piped
def more_than_an_answer_holds(b):
    b.agent(World({"s%04d" % i: {"server": Series(i)} for i in range(1500)}))
    lines = b.run("top", "--once")[1].splitlines()
    check(lines[1].startswith("s1499 ") and lines[-1] == "... and 500 more", lines[-1])


@piped
def nobody_at_the_socket(b):
    want = ("redeye: error: no redeye is running here: cannot connect to %s: No such file or "
            "directory; start one, or give a selection such as --port 8080\n" % b.socket)
    for words in (["top"], ["top", "--json"], ["tail"]):
        check(b.run(*words) == (1, "", want), str(b.run(*words)))
    b.agent().stop()
    with open(b.socket, "w"):
        pass
    check("Connection refused" in b.run("top")[2], b.run("top")[2])
    os.unlink(b.socket)


@piped
def the_agents_own_words(b):
    fake = b.agent()
    fake.refuse = "too many at once\x1b[31m"
    for words in (["top"], ["tail"]):
        check(b.run(*words) == (1, "", "redeye: error: redeye at %s: too many at once\\x1B[31m\n" %
                                b.socket), str(b.run(*words)))


@piped
def answers_that_are_none(b):
    fake = b.agent()
    for body in (b"", b"[]", b"{", b"\xff\xff", b'{"services": 5}', b"[" * 100000):
        fake.services = lambda q, body=body: body
        status, out, err = b.run("top")
        check(status == 1 and out == "" and err.count("\n") == 1, "%r: %r %r" % (body, out, err))


@piped
def standard_output_that_is_closed(b):
    b.agent()
    read, write = os.pipe()
    os.close(read)
    p = b.start("top", "--socket", b.socket, stdout=write)
    os.close(write)
    check((p.wait(10), p.stderr.read()) == (0, b""), "not quiet")
    with open("/dev/full", "w") as full:
        p = b.start("top", "--socket", b.socket, stdout=full)
        check(p.wait(10) == 1 and b"No space left" in p.stderr.read(), "a full disk is no error")


@piped
def wrong_options(b):
    for words, text in ((["top", "--sort", "size"], "want one of name, rate"),
                        (["top", "--window", "0"], "from 1s to 6h"),
                        (["tail", "--kind", "both"], "want one of any, server, client"),
                        (["top", "--lines", "3"], "redeye top has no option --lines")):
        status, _, err = b.run(*words)
        check(status == 2 and text in err, "%s: %d %s" % (words, status, err))


@case
def once_on_a_terminal(b):
    b.agent()
    t = b.terminal("top", "--once")
    t.see("orders", "10.0%!")
    check(t.status() == 0, "exit status")
    assert_harmless(t.raw().replace(b"\r", b""))
