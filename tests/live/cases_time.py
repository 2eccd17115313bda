# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Durations are true: from the first byte of the request to the last of the response."""

import time

from client import Conn, expect_status, head, repeat
from harness import case
from lib import check, need_programs, prime, run, settings
from prom import client as client_row, server, within
from servers import DOWNLOAD_BYTES, that_can


def near(seconds, n):
    """2 %, or 200 us a request; in a slow guest 10 % or 10 ms."""
    if settings.slow > 1:
        return within(seconds, 0.10, n * 0.010)
    return within(seconds, 0.02, n * 0.0002)


def warm_up(srv, path):
    """A runtime that still loads and compiles its code lets requests wait in the socket, where
    only the client counts the time."""
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", path), prime(97))


@case(on=that_can("sleep"), timed=True)
def latency(t, kind):
    """A handler that sleeps 50 ms lasts as long as its client says."""
    srv = t.serve(kind)
    warm_up(srv, "/sleep/1")
    agent = t.watch(srv)
    n = prime(31)
    with Conn(srv.address) as conn:
        seconds = repeat(conn, head("GET", "/sleep/50"), n)
    check(seconds >= n * 0.05, "the server did not sleep")
    agent.expect(server(n, "/sleep/{ms}", seconds=near(seconds, n)))


@case(timed=True)
def latency_nginx(t):
    """Through a proxy both of its sides last as long."""
    upstream = t.serve("python")
    srv = t.serve("nginx", upstream=upstream.authority())
    warm_up(srv, "/up/sleep/1")
    agent = t.watch(srv)
    n = prime(31)
    with Conn(srv.address) as conn:
        seconds = repeat(conn, head("GET", "/up/sleep/50"), n)
    agent.expect(server(n, "/up/sleep/{ms}", seconds=near(seconds, n)),
                 client_row(n, upstream.port, seconds=near(seconds, n)))


@case(timed=True)
def latency_haproxy(t):
    upstream = t.serve("python")
    srv = t.serve("haproxy", upstream=upstream.authority())
    warm_up(srv, "/sleep/1")
    agent = t.watch(srv)
    n = prime(31)
    with Conn(srv.address) as conn:
        seconds = repeat(conn, head("GET", "/sleep/50"), n)
    agent.expect(server(n, "/sleep/{ms}", seconds=near(seconds, n)),
                 client_row(n, upstream.port, seconds=near(seconds, n)))


def slow_download(address, bytes_per_second=80e6):
    """(bytes, seconds) of /download, read at this rate into a small receive buffer."""
    with Conn(address, rcvbuf=262144) as conn:
        start = time.monotonic()
        conn.send(head("GET", "/download"))
        _, headers = conn.read_head()
        size = len(conn.buf)
        while True:
            size += len(conn.sock.recv(262144))
            seconds = time.monotonic() - start
            if size >= int(headers["content-length"]):
                return size, seconds
            # the pace of the traffic, nothing waits for it
            time.sleep(max(0.0, size / bytes_per_second - seconds))


@case(on=("nginx", "apache"), timeout=90, timed=True)
def download(t, kind):
    """200 MB by sendfile to a client that takes its time: the request lasts until the end."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    size, seconds = slow_download(srv.address)
    check(size == DOWNLOAD_BYTES, "got %d bytes" % size)
    check(seconds >= 2, "the download took only %.3f s" % seconds)
    agent.expect(server(1, "/download", seconds=within(seconds, 0.05)))


@case(on=("nginx", "apache"), timeout=90, timed=True)
def download_curl(t, kind):
    """The same by curl. Its receive buffer grows to tcp_rmem[2], and what lies there the server
    has already sent: so much earlier may the request end."""
    need_programs("curl")
    srv = t.serve(kind)
    agent = t.watch(srv)
    said = run(["curl", "-s", "-o", "/dev/null", "--limit-rate", "70M", "-w",
                "%{size_download} %{time_total}", srv.url("/download")], seconds=60)
    size, seconds = int(said.split()[0]), float(said.split()[1])
    check(size == DOWNLOAD_BYTES, "curl got %d bytes" % size)
    with open("/proc/sys/net/ipv4/tcp_rmem") as f:
        buffered = seconds * int(f.read().split()[2]) / size
    agent.expect(server(1, "/download", seconds=(0.95 * (seconds - buffered), 1.01 * seconds)))


@case(timed=True)
def streaming_response(t):
    """A chunked answer in pieces, 50 ms apart, ends with the last one."""
    srv = t.serve("python")
    agent = t.watch(srv)
    with Conn(srv.address) as conn:
        seconds = repeat(conn, head("GET", "/drip/50"), 7)
    check(seconds >= 7 * 0.15, "the server did not pause")
    agent.expect(server(7, "/drip/{ms}", seconds=near(seconds, 7)))


@case(on=("python", "node", "go", "fastapi"), timed=True)
def slow_upload(t, kind):
    """A body in pieces, 20 ms apart: the request began with its first byte."""
    srv = t.serve(kind)
    agent = t.watch(srv)
    piece = b"p" * 1000
    seconds = 0.0
    with Conn(srv.address) as conn:
        for _ in range(7):
            start_ns = time.monotonic_ns()
            conn.send(head("POST", "/echo", Content_Length=5 * len(piece)))
            for _ in range(5):
                time.sleep(0.02)  # the traffic itself, nothing waits for it
                conn.send(piece)
            seconds += (expect_status(conn.read(), 200).end_ns - start_ns) / 1e9
    agent.expect(server(7, "/echo", method="POST", seconds=near(seconds, 7)))


@case(timed=True)
def idle_between(t):
    """Time between two requests of a connection belongs to neither."""
    srv = t.serve("go")
    agent = t.watch(srv)
    seconds = 0.0
    with Conn(srv.address) as conn:
        for _ in range(7):
            seconds += repeat(conn, head("GET", "/hello"), 1)
            time.sleep(0.1)
    agent.expect(server(7, seconds=(0, seconds + 7 * 0.001 * settings.slow)))
