# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""SIGHUP: who is watched from then on, who is not, and what it does to their connections."""

import os

from cases_count import HELLO
from cases_errors import HOLD, RELEASE
from client import Conn, expect_status, one, repeat
from harness import case
from lib import Skip, check, wait_read
from prom import server


def write_ports(path, *watched):
    with open(path, "w") as f:
        f.write("port: [%s]\n" % ", ".join(str(srv.port) for srv in watched))


@case()
def sighup(t):
    """A reload loses no connection, not even one in mid request."""
    srv = t.serve("python")
    agent = t.watch(srv)
    conn = Conn(srv.address)
    repeat(conn, HELLO, 11)
    conn.send(HOLD)
    wait_read(conn.sock)
    for _ in range(3):
        agent.reload()
    expect_status(one(srv.address, RELEASE), 200)
    expect_status(conn.read(), 200)
    repeat(conn, HELLO, 13)
    conn.close()
    agent.expect(server(24), server(1, "/hold"), server(1, "/release"))


@case()
def sighup_selects(t):
    """A reload with one port more in the file: the second server is seen from then on."""
    first, second = t.serve("python"), t.serve("go")
    config = os.path.join(t.temp, "redeye.yaml")
    write_ports(config, first)
    agent = t.agent("--config", config)
    kept = Conn(second.address)
    repeat(kept, HELLO, 7)
    write_ports(config, first, second)
    agent.reload()
    for address, n in ((first.address, 13), (second.address, 17)):
        with Conn(address) as conn:
            repeat(conn, HELLO, n)
    repeat(kept, HELLO, 2)
    kept.close()
    agent.expect(server(13, service="live-python"), server(19, service="live-go"))


@case()
def sighup_out_and_in(t):
    """A server is taken out while a request is in flight, and back in: that request is no error
    and takes nobody's answer, what is asked meanwhile is not seen, what is asked later is."""
    srv, other = t.serve("python"), t.serve("go")
    config = os.path.join(t.temp, "redeye.yaml")
    write_ports(config, srv, other)
    agent = t.agent("--config", config)
    kept, idle = Conn(srv.address), Conn(srv.address)
    repeat(kept, HELLO, 7)
    repeat(idle, HELLO, 3)
    kept.send(HOLD)
    wait_read(kept.sock)
    agent.expect_active(1)
    write_ports(config, other)
    agent.reload()
    agent.expect_active(0)
    repeat(idle, HELLO, 5)
    write_ports(config, srv, other)
    agent.reload()
    expect_status(one(srv.address, RELEASE), 200)
    expect_status(kept.read(), 200)
    for conn in (kept, idle):
        for status in (500, 404):
            expect_status(conn.get("/status/%d" % status), status)
        repeat(conn, HELLO, 11)
        conn.close()
    metrics = agent.expect(server(7 + 3 + 22), server(1, "/release"),
                           server(2, "/status/{code}", status=500, error="500"),
                           server(2, "/status/{code}", status=404))
    dropped = metrics.total("redeye_requests_dropped_total", reason="not_selected")
    check(t.dry or dropped == 1, "%d requests were dropped with their process" % dropped)


def hierarchy():
    """A folder of cgroups."""
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"):
        if os.path.exists(os.path.join(folder, "cgroup.procs")) and os.access(folder, os.W_OK):
            return folder
    raise Skip("no cgroup hierarchy may be written to here")


def join(group, pid):
    with open(os.path.join(group, "cgroup.procs"), "w") as f:
        f.write("%d" % pid)


def expect_selected(agent, n):
    def problems(metrics):
        got = metrics.total("redeye_processes_selected")
        return [] if got == n else ["%d processes are selected, want %d" % (got, n)]
    agent.poll(problems)


@case()
def sighup_cgroup(t):
    """The first rule on cgroups comes with a reload: who moves in is seen from then on, who moves
    out is not."""
    top = hierarchy()
    group = os.path.join(top, "redeye-live-%d" % os.getpid())
    srv, other = t.serve("python"), t.serve("go")
    config = os.path.join(t.temp, "redeye.yaml")
    write_ports(config, other)
    agent = t.agent("--config", config)
    with open(config, "a") as f:
        f.write("cgroup: [%s]\n" % os.path.basename(group))
    try:
        os.mkdir(group)
    except OSError as e:
        raise Skip("no cgroup can be made: %s" % e)
    try:
        agent.reload()
        for member, n, selected in ((top, 7, 1), (group, 11, 2), (top, 5, 1), (group, 2, 2)):
            join(member, srv.proc.pid)
            expect_selected(agent, selected)
            with Conn(srv.address) as conn:
                repeat(conn, HELLO, n)
        agent.expect(server(13, service="live-python"))
    finally:
        join(top, srv.proc.pid)
        os.rmdir(group)


@case()
def sighup_bad_file(t):
    """A reload of a file with a mistake changes nothing, and says where the mistake is."""
    srv = t.serve("python")
    config = os.path.join(t.temp, "redeye.yaml")
    write_ports(config, srv)
    agent = t.agent("--config", config)
    with open(config, "a") as f:
        f.write("no-such-option: 1\n")
    said = agent.reload("redeye: error: ")
    check(t.dry or ("no-such-option" in said and config in said), "said %r" % said)
    with Conn(srv.address) as conn:
        repeat(conn, HELLO, 13)
    agent.expect(server(13))
