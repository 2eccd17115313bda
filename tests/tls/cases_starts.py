# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Processes that start under watch, and how many probes they leave.

Where only the memory of selected processes is probed (`--uprobe-scope process`, the choice on
a machine that others use, too), a process has its probes some 10 to 30 ms after it has mapped
its library, and what it sends before is not seen. So here, natively, no more than the truth is
seen of that, all of what comes when it has them, and no probe is left over; in a virtual machine,
where whole files are probed, the counts are exact from the first process on that uses a library
known before.
"""

import subprocess

from cases_processes import HELLO, USER, Tree, libssl, listening, spawn_c
from client import expect_status, repeat
from harness import case
from lib import check, prime, settings, wait_for
from programs import BUILDS, out, serve
from secure import Conn, in_vm, one, spread
from watch import client, https, watch

FILE = ("--uprobe-scope", "file")
FETCH = 'url = "%s"\noutput = "/dev/null"\n'
# Its programs, by a mount of its own.
CONTAINER = ("unshare", "-m", "sh", "-c", 'mount -t overlay overlay -o "ro,lowerdir=$0:/mnt" "$0" && '
             'exec "$@"', out())
CURL = "curl -s --tls-max %s --cacert $TLS_CERTS/ca.pem -w '%%{http_code}\\n' -o /dev/null %s"


class Shell:
    """A shell that waits for a line before each of these parts."""

    def __init__(self, t, service, *parts):
        self.proc = t.spawn(["bash", "-c", "; ".join("read go; " + part for part in parts)],
                            {"OTEL_SERVICE_NAME": service}, stdin=subprocess.PIPE)
        self.pid = self.proc.pid

    def go(self):
        self.proc.popen.stdin.write(b"go\n")
        self.proc.popen.stdin.flush()

    def wait_answers(self, n, seconds=60):
        wait_for("%d answers" % n, lambda: len(self.proc.output().split()) >= n, seconds)

    def feed(self, text):
        """All that there is to be read by the last part."""
        self.proc.popen.stdin.write(text.encode())
        self.proc.popen.stdin.close()

    def end(self, seconds, n):
        """Every answer must have been 200."""
        check(self.proc.wait(seconds * settings.slow) == 0, self.proc.output()[-300:])
        check(self.proc.output().split() == ["200"] * n, "not every answer was 200")


def first_requests(t, kind, agent, srv):
    srv.release()
    for _ in range(3):
        with Conn(srv.address) as conn:
            repeat(conn, HELLO, 7)


@case(on=("python", "nginx", "go", "node-24", "rustls"))
def server_starts(t, kind):
    """As many requests as there were, or fewer, and all that come when it has its probes, which go
    with it."""
    srv, n = serve(t, kind, gate=True), prime(101)
    agent = watch(t, srv)
    first_requests(t, kind, agent, srv)
    agent.probed()
    spread(srv.address, USER, n)
    agent.expect(https(21, at_most=not in_vm()), https(n, "/users/{id}"))
    srv.proc.stop()
    if not in_vm():
        agent.expect_links(0)


@case(on=("1.2", "1.3"))
def clients_start(t, version):
    """Fourteen curl, each with one request: so many are seen, or fewer; in a virtual machine all
    but perhaps the first, by which redeye learns of the library. Then one that has its probes before
    it reads what to ask for: all of that is seen."""
    target, other, n = serve(t, "go"), serve(t, "go"), prime(53)
    curl = CURL % (version, target.url())
    shell = Shell(t, "tls-curl", curl, "; ".join([curl] * 13), CURL % (version, "--config -"))
    agent = watch(t, shell)
    shell.go()
    if in_vm():
        agent.probed()
    shell.go()
    shell.wait_answers(14)
    if in_vm():
        agent.expect_requests(13)
    else:
        agent.expect_links(0)
    shell.go()
    agent.probed()
    shell.feed(FETCH % other.url("/users/7") * n)
    shell.end(60, 14 + n)
    agent.expect(client(14, target.port, service="tls-curl", at_most=True),
                 client(n, other.port, service="tls-curl"))
    if not in_vm():
        agent.expect_links(0)


@case(on=("python", "nginx"), vm=True)
def first_request(t, kind):
    """Its very first request is seen; another of its kind ran before."""
    before = serve(t, kind)
    srv = serve(t, kind, gate=True)
    agent = watch(t, before, srv, options=FILE).probed()
    first_requests(t, kind, agent, srv)
    agent.expect(https(21))


@case(on=("1.2", "1.3"), vm=True)
def curl_children(t, version):
    """Thirteen processes, each with one request, its first and last."""
    target = spawn_c(t, libssl(), "server", 0)
    address = listening(target)
    shell = Shell(t, "tls-curl", "; ".join(
        [CURL % (version, "https://%s:%d/hello" % address)] * 13))
    agent = watch(t, target, shell, options=FILE).probed()
    shell.go()
    shell.end(60, 13)
    agent.expect(https(13), client(13, address[1], service="tls-curl"))


@case(on=("rustls", "node-24"), vm=True)
def overlays(t, kind):
    """Three containers of one image: each has an overlay of its own, and all execute from a file
    that is one to the kernel. One set of probes, and nothing is counted three times."""
    servers = [serve(t, kind, before=CONTAINER) for _ in range(3)]
    alone = watch(t, servers[0], options=FILE).probed()
    links = alone.links()
    alone.agent.finish()
    agent = watch(t, *servers, options=FILE).probed()
    agent.expect_links(links)
    for i, srv in enumerate(servers):
        spread(srv.address, USER, prime(101) + i)
    agent.expect(https(3 * prime(101) + 3, "/users/{id}"))


# ---- how many probes -------------------------------------------------------------------

def probes_of_one(t, files):
    """How many probes one process of this library has."""
    proc = spawn_c(t, files, "server", 0)
    listening(proc)
    agent = watch(t, proc).probed()
    proc.stop()
    if not in_vm():
        agent.expect_links(0)
    return int(agent.most)


@case(timeout=300)
def many_workers(t):
    """499 processes that share one libssl: one set of probes, or one each where there is no
    other way, as far as the limit allows; none when they are gone."""
    files = libssl()
    one_set = probes_of_one(t, files)
    workers, n = prime(499), prime(997)
    proc = spawn_c(t, files, "server", 0, workers)
    address = listening(proc)
    agent = watch(t, Tree(proc))
    want, limit = (workers + 1) * one_set, agent.limit()
    if in_vm():
        agent.expect_links(one_set, 60)
    elif not t.dry:
        agent.expect_links(min(want, limit // one_set * one_set), 60)
    for _ in range(n):
        expect_status(one(address, HELLO), 200)
    agent.expect(https(n, at_most=not in_vm() and want > limit))
    proc.stop()
    if not in_vm():
        agent.expect_links(0, 150)  # some 8,000, one after the other


@case(timeout=500)
def many_starts(t):
    """997 processes, one after the other, each with one request; then one that has its probes before
    it asks, all of which is seen; then as many probes as before them, and no more at any time in one
    set for all."""
    target, other = serve(t, "go"), serve(t, "go")
    n, m = prime(997), prime(101)
    BUILDS["c"].make()
    program = "%s %s client " % (out("c", "tls"), ",".join(libssl()))
    command = "for ((i = 0; i < %%d; i++)); do %s %d 1; done" % (program, target.port)
    shell = Shell(t, "tls-starts", command % 11, command % (n - 11),
                  "%s %d %d wait | grep -v READY" % (program, other.port, m))
    agent = watch(t, shell, options=FILE if in_vm() else ())
    shell.go()
    agent.expect(client(11, target.port, at_most=not in_vm()))
    before = agent.links() if in_vm() else 0
    shell.go()
    shell.wait_answers(n, 280)
    agent.expect_links(before, 150)  # as above
    shell.go()
    agent.probed()
    shell.feed("go\n")
    shell.end(60, n + m)
    agent.expect(client(n, target.port, at_most=not in_vm()), client(m, other.port))
    agent.expect_links(before, 30)
