# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The client side: outgoing requests of HTTP libraries, of curl, and of proxies."""

import os
import signal
import subprocess
import sys
import urllib.parse

from client import Conn, head, repeat
from harness import case
from lib import HERE, check, need_programs, prime, settings
from prom import WHATEVER, client, server
from servers import that_can
from cases_wire import DEPTHS, pipeline


def call(target, path="/hello"):
    return head("GET", "/call?url=" + urllib.parse.quote(target.url(path), safe=""))


@case(on=that_can("call"))
def calls(t, kind):
    """A handler that makes a request itself: one on each side."""
    target = t.serve("python")
    srv = t.serve(kind)
    agent = t.watch(srv)
    n = prime(97)
    with Conn(srv.address) as conn:
        repeat(conn, call(target), n)
    agent.expect(server(n, "/call", service=srv.service),
                 client(n, target.port, service=srv.service))


@case(on=that_can("call"))
def call_errors(t, kind):
    """On the client side 4xx is an error as 5xx is."""
    target = t.serve("python")
    srv = t.serve(kind)
    agent = t.watch(srv)
    counts = {204: 3, 404: 5, 500: 7}
    with Conn(srv.address) as conn:
        for status, n in counts.items():
            repeat(conn, call(target, "/status/%d" % status), n)
    agent.expect(server(sum(counts.values()), "/call"),
                 *(client(n, target.port, status=s, error=s if s >= 400 else "")
                   for s, n in counts.items()))


@case()
def both_ends(t):
    """Caller and callee under one agent: the request shows once on each side."""
    target = t.serve("go")
    srv = t.serve("node")
    agent = t.watch(srv, target)
    n = prime(97)
    with Conn(srv.address) as conn:
        repeat(conn, call(target), n)
    agent.expect(server(n, "/call", service="live-node"),
                 client(n, target.port, service="live-node"),
                 server(n, service="live-go"))


# ---- curl: processes that come and go -------------------------------------------

def launcher(t, script):
    """A shell that waits for a line; what it starts then is its child."""
    need_programs("curl")
    return t.spawn(["sh", "-c", "read go; " + script], {"OTEL_SERVICE_NAME": "live-curl"},
                   stdin=subprocess.PIPE)


def release(shell):
    shell.popen.stdin.write(b"go\n")
    shell.popen.stdin.close()
    code = shell.wait(30 * settings.slow)
    check(code == 0, "the shell ended with %d: %s" % (code, shell.output()))


@case()
def curl(t):
    """Many short processes, each with one request."""
    target = t.serve("python")
    n = prime(31)
    shell = launcher(t, "set -e; i=0; while [ $i -lt %d ]; do curl -sf -o /dev/null %s; "
                        "i=$((i+1)); done" % (n, target.url()))
    agent = t.watch(shell)
    release(shell)
    agent.expect(client(n, target.port, service="live-curl"))


@case()
def curl_gone(t):
    """They have all ended when redeye comes to look at the first: their names are known."""
    target = t.serve("python")
    shell = launcher(t, ("curl -sf -o /dev/null %s; " % target.url()) * 13)
    agent = t.watch(shell)
    if not t.dry:
        agent.proc.signal(signal.SIGSTOP)
    release(shell)
    if not t.dry:
        agent.proc.signal(signal.SIGCONT)
    agent.expect(client(13, target.port, service="live-curl"))


@case()
def curl_keepalive(t):
    """One curl, thirteen requests over one connection."""
    target = t.serve("python")
    shell = launcher(t, "curl -sf" + (" -o /dev/null " + target.url()) * 13)
    agent = t.watch(shell)
    release(shell)
    agent.expect(client(13, target.port, service="live-curl"))


@case()
def curl_parallel(t):
    """One curl, seven connections at once."""
    target = t.serve("python")
    shell = launcher(t, "curl -sfZ --parallel-immediate" +
                     (" -o /dev/null " + target.url("/sleep/50")) * 7)
    agent = t.watch(shell)
    release(shell)
    agent.expect(client(7, target.port, service="live-curl"))


# ---- clients that do not just wait for the answer ----------------------------------

@case(on=("half-closed", "error-queue", "empty-read"))
def asker(t, flavour):
    """No end and no error where there is none: the answer counts."""
    target = t.serve("python")
    program = os.path.join(HERE, "servers", "asker.py")
    process = t.spawn([sys.executable, program, str(target.port), "13", flavour],
                      {"OTEL_SERVICE_NAME": "live-asker"}, stdin=subprocess.PIPE)
    agent = t.watch(process)
    release(process)
    agent.expect(client(13, target.port, service="live-asker"))
    agent.expect_forgotten()


# ---- proxies: both sides in one process -------------------------------------------

@case()
def proxy_nginx(t):
    """nginx with keep-alive to its upstream."""
    upstream = t.serve("python")
    srv = t.serve("nginx", upstream=upstream.authority())
    agent = t.watch(srv)
    n = prime(211)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/up/hello"), n)
        repeat(conn, head("GET", "/hello"), n)
    agent.expect(server(n, "/up/hello", service=srv.service), server(n, service=srv.service),
                 client(n, upstream.port, service=srv.service))


@case()
def proxy_haproxy(t):
    """HAProxy: kept connections, new ones, and pipelining."""
    upstream = t.serve("go")
    srv = t.serve("haproxy", upstream=upstream.authority())
    agent = t.watch(srv)
    n = prime(211)
    users = 0
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/hello"), n)
    for depth in DEPTHS:
        with Conn(srv.address) as conn:
            users += pipeline(conn, depth)
    total = n + sum(DEPTHS)
    agent.expect(server(total - users), server(users, "/users/{id}"),
                 client(total, upstream.port, service=srv.service))


@case()
def proxy_unix(t):
    """nginx to an upstream on a UNIX socket; both are watched."""
    path = t.unix_path()
    upstream = t.serve("python", unix=path)
    srv = t.serve("nginx", local=path)
    agent = t.watch(srv, upstream)
    n = prime(97)
    with Conn(srv.address) as conn:
        repeat(conn, head("GET", "/local/hello"), n)
    agent.expect(server(n, "/local/hello", service=srv.service),
                 client(n, WHATEVER, address=WHATEVER, service=srv.service),
                 server(n, service=upstream.service))
