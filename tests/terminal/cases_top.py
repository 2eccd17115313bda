# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""top on a terminal."""

import os
import re
import signal
import threading
import time

from agent import Series, World, normal
from cases_once import HOSTILE
from harness import case
from terminal import check, wait_for


@case
def services_are_shown_and_q_ends(b):
    b.agent()
    t = b.terminal("top")
    t.order("requests served", "RATE/S", "> stock", "shop", "orders", "? help")
    screen = t.see("60.0/s", "2.2% errors!", "last 1m", "nothing lost", "10.0%!", "\u2582\u2583")
    check("0.0%!" not in screen.replace("10.0%!", ""), "an alarm without errors: " + screen)
    t.keys("q")
    check(t.status() == 0, "exit status")
    check("RATE/S" not in t.screen(), "the terminal is not as it was:\n" + t.screen())


@case
def each_column_sorts(b):
    b.agent()
    t = b.terminal("top")
    t.order("\u2193RATE/S", "stock", "shop", "orders")
    t.keys("s")
    t.order("\u2193COUNT", "stock", "shop", "orders")
    t.keys(">")
    t.order("\u2193ERRORS", "orders", "stock", "shop")
    t.keys("s")
    t.order("\u2193P50", "shop", "stock", "orders")
    t.keys("r")
    t.order("\u2191P50", "orders", "stock", "shop")
    t.keys("<", "<", "<", "<", "r")
    t.order("SERVICE\u2191", "orders", "shop", "stock")


@case
def a_filter_is_typed(b):
    b.agent()
    t = b.terminal("top")
    t.see("stock")
    t.keys("/")
    t.type("SHO")
    t.see("filter: SHO", "shop", without=("stock", "orders"))
    t.keys("BSpace", "BSpace")
    t.see("filter: S", "shop", "stock", "orders")  # orderS
    t.type("tq")
    t.see("nothing matches 'Stq'")
    t.keys("BSpace", "Enter")
    t.see("filter: St ", "stock", without=("shop",))
    t.keys("Escape")
    t.see("shop", "stock", "orders", without=("filter:",))


@case
def down_to_routes_and_back(b):
    fake = b.agent()
    t = b.terminal("top")
    t.see("> stock")
    t.keys("Down")
    t.see("> shop")
    t.keys("Enter")
    t.order("shop: requests served", "METHOD", "/products/{id}", "/cart", "Esc back")
    check(("/api/v1/routes", {"window": "60", "limit": "1000", "sort": "rate", "order": "desc",
                              "service": "shop", "namespace": "", "kind": "server"}) in fake.asked,
          str(fake.asked))
    t.keys("Tab")
    t.see("requests to others", "stock:8080", without=("/cart",))
    t.keys("Tab")
    t.see("/cart", without=("stock:8080",))
    t.keys("/")
    t.type("post")
    t.see("/cart", without=("/products",))
    t.keys("Escape")
    t.see("/products")
    t.keys("Escape")
    t.see("all services", "> shop")
    t.keys("Enter")
    t.see("/cart")
    t.keys("BSpace")
    t.see("all services", "> shop")


@case
def a_service_to_begin_with(b):
    b.agent()
    t = b.terminal("top", "--service", "orders", "--sort", "name")
    t.see("orders: requests served", "/orders/{id}", "ROUTE\u2191")
    t.keys("Escape")
    t.see("all services", "stock")


@case
def the_selection_moves(b):
    b.agent(World({"s%03d" % i: {"server": Series(1000 - i)} for i in range(100)}))
    t = b.terminal("top", lines=13)  # ten rows
    t.see("> s000", "s009", "1 of 100", without=("s010",))
    for key, row in (("Down", 1), ("Up", 0), ("Up", 0), ("PageDown", 10), ("PageDown", 20),
                     ("PageUp", 10), ("End", 99), ("Down", 99), ("PageUp", 89), ("Home", 0)):
        t.keys(key)
        t.see("> s%03d" % row, "%d of 100" % (row + 1))


@case
def pause_stops_the_figures_and_not_the_keys(b):
    fake = b.agent()
    t = b.terminal("top", "--interval", "100ms")
    t.see("stock")
    t.keys("p")
    t.see("PAUSED")
    fake.world.services["newcomer"] = {"server": Series(99.0)}
    asked = len(fake.asked)
    t.keys("s")
    t.see("\u2193COUNT", without=("newcomer",))
    end = time.monotonic() + 1.5  # many intervals, and the longest wait for a key
    while time.monotonic() < end:
        t.keys("r")
        t.see("PAUSED", without=("newcomer",))
    # what was under way may have been heard late: rows, and the state after them
    check(len(fake.asked) <= asked + 2, "asked while paused: %s" % fake.asked[asked:])
    t.keys("Space")
    t.see("newcomer", without=("PAUSED",))


@case
def the_interval_is_kept(b):
    fake = b.agent()
    t = b.terminal("top", "--interval", "1h")
    t.see("nothing lost")
    asked = len(fake.asked)
    t.keys("r", "r", "s", "Down")
    t.see("\u2193COUNT", "> shop")
    check(len(fake.asked) == asked, "asked for what it had: %s" % fake.asked[asked:])


@case
def windows_sides_and_errors(b):
    fake = b.agent()
    t = b.terminal("top")
    t.see("last 1m")
    for text in ("last 5m", "last 15m", "last 1h", "last 1m"):
        t.keys("w")
        t.see(text)
    check({"60", "300", "900", "3600"} <= {q.get("window") for _, q in fake.asked}, "windows")
    t.keys("e")
    t.see("with errors only", "stock", "orders", without=("shop",))
    t.keys("e")
    t.keys("Tab")
    t.see("requests to others", "shop", "20.0%!", without=("stock",))


@case
def help_is_there(b):
    b.agent()
    t = b.terminal("top", columns=60, lines=10)
    t.see("stock")
    t.keys("?")
    t.see("filter by text", "q  ", "the routes of a service", without=("RATE/S",))
    t.keys("x")
    t.see("RATE/S", "stock")


@case
def windows_of_any_size(b):
    b.agent()
    t = b.terminal("top", columns=100)
    t.see("RATE OVER TIME", "P50")
    for columns, lines, texts, without in (
            (60, 10, ("RATE/S", "P99", "stock"), ("RATE OVER",)),
            (40, 6, ("RATE/S", "P95", "stock"), ("P50",)),
            (20, 4, ("stock",), ()),
            (8, 2, ("all ser+",), ()),
            (200, 50, ("RATE OVER TIME", "P50", "orders"), ())):
        t.resize(columns, lines)
        t.see(*texts, without=without)
        check(all(len(line) <= columns for line in t.lines()), t.screen())
    t.keys("q")
    check(t.status() == 0, "exit status")


@case
def loss_is_said(b):
    fake = b.agent()
    t = b.terminal("top", "--interval", "100ms")
    t.see("nothing lost")
    fake.world.lost = 17
    t.see("redeye lost 17!")


@case
def nothing_to_see(b):
    b.agent(World(watching="--port 8080 --exe '*/nginx'\x1b[31m"))
    t = b.terminal("top")
    t.see("no request seen yet on --port 8080 --exe '*/nginx'?[31m")
    t.keys("Enter", "Down", "End", "PageUp")
    t.keys("q")
    check(t.status() == 0, "exit status")


@case
def many_routes(b):
    world = normal()
    world.routes = [Series(5000 - i, service="shop", method="GET", route="/r/%04d" % i)
                    for i in range(5000)]
    b.agent(world)
    t = b.terminal("top", "--service", "shop")
    t.see("/r/0000", "first 1000 of 5000")
    t.keys("End")
    t.see("> GET     /r/0999")
    t.keys("/")
    t.type("/r/4711")
    t.see("/r/4711", without=("/r/0999", "nothing matches"))
    t.keys("Escape")
    t.see("first 1000 of 5000")
    t.keys("s", "r")  # the rarest: only the agent knows
    t.see("/r/4999")


@case
def an_agent_that_goes_and_comes(b):
    fake = b.agent()
    t = b.terminal("top", "--interval", "100ms")
    t.see("stock")
    fake.stop()
    t.see("! no redeye is running here", "stock")
    fake.world.services["after"] = {"server": Series(1.0)}
    fake.start()
    t.see("after", without=("! no redeye",))


def sgr(raw):
    """All parameters of Select Graphic Rendition."""
    return {p for m in re.findall(rb"\x1b\[([0-9;]*)m", raw) for p in m.split(b";")}


COLOURS = {b"%d" % n for n in (*range(30, 39), *range(40, 49), *range(90, 98))}


@case
def colours_where_they_are_wanted(b):
    b.agent()
    for env, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                        ({"TERM": "vt100"}, False)):
        t = b.terminal("top", env=env)
        t.see("10.0%!")
        t.keys("q")
        check(t.status() == 0, "exit status")
        check(bool(sgr(t.raw()) & COLOURS) == wanted, "%s: %s" % (env, sgr(t.raw())))


@case
def hostile_names_reach_no_terminal(b):
    names = [HOSTILE, HOSTILE * 300, "\udcff\udcfe\x00", "\u6f22\u5b57" * 100, "a\u0301" * 500]
    b.agent(World({n: {"server": Series(1.0, 0.5)} for n in names},
                  [Series(1.0, service=HOSTILE, method=HOSTILE, route=n) for n in names],
                  watching=HOSTILE))
    t = b.terminal("top", "--sort", "name")
    title = t.title()
    t.see("?]0;pwned??[6n?gnp?31m??", "\u6f22\u5b57", "??")
    for _ in range(2):
        t.keys("Enter")
        t.see("METHOD")
        t.keys("/")
        t.type("\u202egnp")
        t.see("filter: gnp")
        t.keys("Escape")
        t.resize(60, 10)
        t.see("METHOD")
        t.keys("Escape")
        t.see("SERVICE", "all services")
        t.keys("Down")
    t.keys("q")
    check(t.status() == 0, "exit status")
    for bad in (b"\x1b]0;pwned", b"\x1b[6n", b"\x07", "\u202e".encode(), "\u009b".encode()):
        check(bad not in t.raw(), "%r reached the terminal" % bad)
    check(t.title() == title, "the title is " + t.title())


@case
def only_ascii_where_the_locale_is(b):
    world = normal()
    world.services["caf\u00e9"] = {"server": Series(50.0)}
    b.agent(world)
    t = b.terminal("top", env={"LC_ALL": "C"})
    t.see("caf?", "*RATE/S", ":-=+*#%")
    t.keys("q")
    check(t.status() == 0, "exit status")
    check(all(byte < 0x80 for byte in t.raw()), "more than ASCII")


@case
def signals_give_the_terminal_back(b):
    b.agent()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        t = b.terminal("top", "--interval", "1h")
        t.see("nothing lost")
        os.kill(t.pid(), number)
        check(t.status() == 0, "exit status of %s" % number)
        check("RATE/S" not in t.screen(), "the terminal is not as it was")


@case
def a_terminal_that_is_not_known(b):
    b.agent()
    t = b.terminal("top", env={"TERM": "no-such-terminal"})
    t.see("no terminal of type no-such-terminal is known here")
    check(t.status() == 1, "exit status")


@case
def nobody_at_the_start(b):
    t = b.terminal("top")
    t.see("no redeye is running here")
    check(t.status() == 1, "exit status")


@case
def an_agent_that_says_nothing(b):
    """Keys work while an answer is waited for."""
    fake = b.agent()
    t = b.terminal("top", "--interval", "100ms")
    t.see("stock")
    gate = threading.Event()
    services = fake.services
    fake.services = lambda q: gate.wait(20) and services(q)
    asked = len(fake.asked)
    wait_for("a request that waits", lambda: len(fake.asked) > asked)
    t.keys("s", "r")
    t.see("\u2191COUNT")
    t.keys("q")
    check(t.status() == 0, "exit status")
    gate.set()
