# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Much of everything: URLs, connections, processes."""

import subprocess
import time

from lib import check, settings, wait_for
from prom import FAMILY, client, server
from stress import PLAIN, Serve, case, program, server_count, size

storm_seconds = 60
STORM_RATE = 200
BIG_RING = ["--ring-size", "16MiB"]
SLICE = 20000  # requests; less than what the big ring can hold


# ---- URLs ------------------------------------------------------------------------

CARDINALITY = 100


def check_cardinality(metrics):
    """At most 100 routes, at most the limit of series, and the overflow counts what it says."""
    series = metrics.get(FAMILY["server"] + "_count")
    routes = {labels.get("http_route") for labels, _ in series} - {None}
    overflow = [v for labels, v in series if labels.get("otel_metric_overflow") == "true"]
    learned = metrics.total("redeye_routes_learned")
    check(0 < learned <= 100, "%d routes learned" % learned)
    check(len(routes) <= 100, "%d values of http.route" % len(routes))
    check(len(series) <= CARDINALITY, "%d series, limit %d" % (len(series), CARDINALITY))
    check(len(overflow) == 1, "%d overflow series, want 1" % len(overflow))
    counted = metrics.total("redeye_series_overflowed_total")
    check(overflow[0] == counted, "the overflow series has %d, redeye counted %d" %
          (overflow[0], counted))


@case(timeout=240)
def million_urls(t):
    """A million URLs that all differ: bounded series, and not one request is missing."""
    srv = t.serve()
    agent = t.watch(srv, routes=(),
                    options=BIG_RING + ["--cardinality-limit", str(CARDINALITY)])
    load = t.load(srv, 64, depth=8)
    n = size(1000000, 200000)
    for _ in range(n // SLICE):
        load.go(SLICE, "hostile")
        agent.scrape()  # reads the ring empty
    agent.expect_count(n)
    check_cardinality(agent.scrape())
    for name, reason in (("redeye_events_dropped_total", "ring_full"),
                         ("redeye_events_dropped_total", "share"),
                         ("redeye_messages_irregular_total", "malformed")):
        lost = agent.scrape().total(name, reason=reason)
        check(lost == 0, "%s{reason=%s} is %d" % (name, reason, lost))


@case(timeout=120, build=PLAIN)
def million_urls_memory(t):
    """As fast as it goes: what the ring cannot take is lost, --memory-limit is kept."""
    srv = t.serve()
    agent = t.watch(srv, routes=("/fixed/after",))
    load = t.load(srv, 64, depth=8)
    n = size(1000000, 300000)
    load.go(n, "hostile")
    agent.settle()
    seen = agent.count()
    check(0 < seen <= n, "%d requests were reported, %d made" % (seen, n))
    agent.check_memory()
    load.go(1009, "after", rate=5000)
    agent.expect_count(1009, http_route="/fixed/after")


@case(timeout=120, build=PLAIN)
def million_hosts_memory(t):
    """A client that calls ever new hosts: 2,000 series of it, and a page that is 30 MB long."""
    srv = t.serve()
    load = t.load(srv, 64, depth=8)
    agent = t.watch(load)
    load.go(100000, "ids")
    agent.settle()
    series = agent.scrape().get(FAMILY["client"] + "_count")
    check(len(series) == 2000, "%d series, want 2,000" % len(series))
    agent.check_memory()


# ---- connections --------------------------------------------------------------------

ROUTES = ("/fixed", "/hold")
PAUSE = 0.5


def three_requests(t, srv, connections, options, while_held):
    """Each connection makes three requests; the last hangs until all do."""
    agent = t.watch(srv, routes=ROUTES, options=options)
    load = t.load(srv, connections)
    for _ in range(2):
        load.each("fixed")
        load.wait()
        time.sleep(PAUSE)
    load.each("hold")
    while_held(agent)
    srv.release()
    check(load.wait() == connections, "not every held request was answered")
    return agent, load


@case(timeout=120)
def ten_thousand_connections(t):
    """10,000 live connections, each request counted, each that hangs shown as such."""
    n = size(10000, 5000)
    srv = t.serve()
    agent, load = three_requests(t, srv, n, BIG_RING, lambda a: a.expect_active(n))
    agent.expect(server(2 * n, "/fixed"), server(n, "/hold"))
    agent.expect_value("redeye_connections_open", n)
    load.close()
    agent.expect_no_connections()


@case(timeout=120)
def too_many_connections(t):
    """The same with room for 1,024: the books balance, and later connections are right."""
    n = size(10000, 5000)
    srv = t.serve()
    agent, load = three_requests(t, srv, n, BIG_RING + ["--max-connections", "1024"],
                                 lambda a: a.settle())
    metrics = agent.settle()
    lost = metrics.total("redeye_events_dropped_total", reason="conn_table_full") + \
        metrics.total("redeye_connections_evicted_total")
    check(lost > 0, "nothing was dropped")
    check(0 < server_count(metrics) < 3 * n, "%d requests reported" % server_count(metrics))
    check(metrics.total("redeye_connections_open") <= 1024, "more than 1,024 connections open")
    load.close()
    agent.expect_no_connections()
    before = agent.count()
    t.load(srv, 101).go(1009)
    agent.expect_count(before + 1009)


@case(timeout=120, build=PLAIN)
def ten_thousand_connections_memory(t):
    n = size(10000, 5000)
    srv = t.serve()
    agent, load = three_requests(t, srv, n, [],
                                 lambda a: wait_for("the server to hold", lambda: a.settle()))
    agent.check_memory()
    load.close()
    agent.expect_no_connections()
    agent.check_memory()


# ---- processes ----------------------------------------------------------------------

def storm(t, seconds, on_tick):
    """Short processes, 200 a second, each with one request; three of four are clients."""
    srv = Serve(t)
    shell = t.spawn([program("storm"), srv.port, STORM_RATE, seconds], stdin=subprocess.PIPE)
    agent = t.agent("--pid", shell.pid, routes=("/fixed/storm",))
    fds = agent.settled_fds()
    shell.popen.stdin.write(b"go\n")
    shell.popen.stdin.flush()
    end = time.monotonic() + seconds * settings.slow + 30
    while "DONE" not in shell.output():
        check(time.monotonic() < end, "the storm does not end")
        on_tick(agent)
        time.sleep(0.5)
    n = STORM_RATE * seconds
    check(shell.output().split() == ["DONE", str(n), "0"], "the storm: " + shell.output())
    agent.expect(client(n, 8080, address="storm"),
                 server(n // 4, "/fixed/storm"))
    agent.expect_value("redeye_processes_selected", 1)
    agent.expect_value("redeye_processes_refused_total", 0)
    agent.expect_no_connections()
    wait_for("redeye to have no more than %d descriptors" % fds, lambda: agent.fds() <= fds)
    return agent


@case(timeout=120)
def exec_storm(t):
    """Programs that live for one request: all counted, none kept."""
    storm(t, min(storm_seconds, 15), lambda agent: agent.scrape())


@case(timeout=240, build=PLAIN)
def exec_storm_memory(t):
    """A minute of it: memory does not grow with the number of processes."""
    samples = []
    storm(t, storm_seconds, lambda agent: samples.append(agent.status_bytes("VmRSS")))
    third = len(samples) // 3
    growth = max(samples[-third:]) - max(samples[third:2 * third])
    check(growth <= 1 << 20, "memory grew by %d kB in the last third of the storm" %
          (growth // 1024))
