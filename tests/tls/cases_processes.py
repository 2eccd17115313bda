# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Processes and libraries come and go, and what speaks to a TLS port is not always TLS."""

import os
import shutil
import signal
import socket
import subprocess

from client import expect_status, head, repeat
from harness import case
from lib import Failure, check, prime, settings, tree
from prom import WHATEVER
from programs import BUILDS, LIBSSL_1_1, out, serve
from secure import Bio, Conn, context, one
from cases_servers import DOTNETS, HELLO, USER
from watch import client, https, plain, watch


def libssl(version="3"):
    """Files of this system's OpenSSL 3, or of the older one, libcrypto first."""
    if version == "1.1":
        return [os.path.join(LIBSSL_1_1, name + ".so.1.1") for name in ("libcrypto", "libssl")]
    done = subprocess.run(["ldconfig", "-p"], stdout=subprocess.PIPE, text=True)
    paths = [line.split(" => ")[1] for line in done.stdout.splitlines() if " => " in line]
    return [next(p for p in paths if os.path.basename(p) == name + ".so.3" and "x32" not in p)
            for name in ("libcrypto", "libssl")]


def spawn_c(t, files, *words, **kw):
    BUILDS["c"].make()
    return t.spawn([out("c", "tls"), ",".join(files), *words], **kw)


def listening(proc):
    return "127.0.0.1", int(proc.wait_line("LISTEN")[6:])


@case(on=("1.1", "3"))
def lazy(t, version):
    """Clients whose first write makes the handshake, of which the first bytes are no request; and who
    asks for no bytes, and gets none, has not come to an end."""
    srv, n = serve(t, "go"), prime(7)
    procs = [spawn_c(t, libssl(version), "lazy", srv.port, n, "wait",
                     stdin=subprocess.PIPE) for _ in range(5)]
    for proc in procs:
        proc.wait_line("READY")
    agent = watch(t, srv, *procs).probed()
    for proc in procs:
        proc.popen.stdin.write(b"go\n")
        proc.popen.stdin.close()
    for proc in procs:
        check(proc.wait(30 * settings.slow) == 0, proc.output()[-300:])
        check(proc.output().split()[1:] == ["200"] * n, proc.output())
    agent.expect(https(5 * n), client(5 * n, srv.port, service="tls"))


@case(on=("python", "go", "node-24", "nginx", "rustls") + DOTNETS)
def killed(t, kind):
    """SIGKILL while it waits for requests inside its TLS library; the next one is seen."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    conns = [Conn(srv.address) for _ in range(5)]
    for conn in conns:
        repeat(conn, HELLO, 7)
    for pid in srv.pids():
        os.kill(pid, signal.SIGKILL)
    for conn in conns:
        conn.close()
    agent.expect(https(35))


@case()
def killed_mid_request(t):
    """The request under way is an error, and none is left in flight."""
    srv = serve(t, "python")
    agent = watch(t, srv)
    with Conn(srv.address) as conn:
        repeat(conn, HELLO, 7)
        conn.send(head("GET", "/hold"))
        agent.agent.expect_active(1)
        os.kill(srv.proc.pid, signal.SIGKILL)
        agent.expect(https(7), https(1, "/hold", status=WHATEVER, error="process_exited"))


class Tree:
    """Every process of a tree, as Test.watch takes it."""

    def __init__(self, proc):
        self.proc = proc

    def pids(self):
        return tree(self.proc.pid)


@case()
def library_replaced(t):
    """An upgrade renames a new libssl over the mapped one: the old process and the new one."""
    files = [shutil.copy(path, t.temp) for path in libssl()]
    old = spawn_c(t, files, "server", 0)
    port = listening(old)
    shell = t.spawn(["sh", "-c", 'read go; "$@"', "sh", out("c", "tls"), ",".join(files), "server",
                     "0"], {"OTEL_SERVICE_NAME": "tls-new"}, stdin=subprocess.PIPE)
    agent = watch(t, old, shell)
    with Conn(port) as kept:
        repeat(kept, HELLO, 7)
        for path in files:
            shutil.copy(path, path + ".new")
            os.rename(path + ".new", path)
        shell.popen.stdin.write(b"go\n")
        shell.popen.stdin.flush()
        new = listening(shell)
        agent.probed()  # its first milliseconds are not what this is about
        with Conn(new) as conn:
            repeat(conn, USER, 11)
        repeat(kept, HELLO, 6)
        for _ in range(13):
            expect_status(one(port, HELLO), 200)
    agent.expect(https(26), https(11, "/users/{id}", service="tls-new"))


# ---- what is no TLS, or none that works --------------------------------------------------

def bytes_to(address, data):
    """Sends this and reads until the server ends it."""
    with socket.create_connection(address) as sock:
        sock.settimeout(5 * settings.slow)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass


def wrong_version(address):
    """A handshake that no server here takes: TLS 1.1."""
    subprocess.run(["openssl", "s_client", "-tls1_1", "-connect", "%s:%d" % address],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=20 * settings.slow)


WRONG = (HELLO, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
         b"\x16\x03\x01\x00\x02\x01\x00", b"\x17\x03\x03\x00\x05hello", b"\x00" * 997,
         bytes(i * 37 % 251 for i in range(4999)), b"\x16", b"\x80\x2e\x01\x03\x01")


def connect(srv, source, data):
    sock = socket.create_connection(srv.address, 20 * settings.slow, (source, 0))
    sock.sendall(data)
    return sock


@case(on=[name for name in DOTNETS if "pump" in name])
def same_hello(t, kind):
    """One ClientHello comes by two connections before either is looked at, which is all by which
    .NET's are told apart there; so they are not, until the client says more."""
    srv = serve(t, kind, words=["pairs"])
    agent = watch(t, srv)
    for i in range(13):
        bio = Bio(srv.address)
        with connect(srv, "127.1.0.%d" % (1 + i % 2), bio.hello) as one_, \
                connect(srv, "127.1.0.%d" % (2 - i % 2), bio.hello) as other:
            bio.use(one_ if i % 2 == 0 else other)
            for _ in range(3):
                answer = bio.request(USER)
                check(answer.startswith(b"HTTP/1.1 200"), "it says %r" % answer[:40])
    agent.expect(https(39, "/users/{id}"))
    if not t.dry:
        wrong = [line for line in agent.log() if line["client"] != "127.1.0.1"]
        check(not wrong, "%d requests on the wrong connection" % len(wrong))


@case(on=("go", "go-stripped", "go-1.16"))
def panics(t, kind):
    """Handshakes that the server leaves by a panic: the runtime uses their goroutines again, and
    what these do is seen."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    for _ in range(31):
        with socket.create_connection(srv.address) as sock:
            try:
                context().wrap_socket(sock, server_hostname="panic.test")
            except OSError:
                continue
            raise Failure("the server did not panic")
    for _ in range(31):
        expect_status(one(srv.address, HELLO), 200)
    agent.expect(https(31))


@case(on=("go", "go-1.16"))
def lingers(t, kind):
    """A connection whose client does not read is closed, and its socket waits; the next one's object
    is at the same address."""
    srv = serve(t, kind, words=["again"])
    agent = watch(t, srv)
    stuck = []
    for _ in range(3):
        stuck.append(Conn(srv.address))
        stuck[-1].send(head("GET", "/big/200003"))
        with Conn(srv.address, source="127.1.0.2") as conn:
            repeat(conn, HELLO, 7)
    check("NOT THERE" not in srv.proc.output(), "the addresses were not used again")
    agent.expect(https(21), https(3, "/big/{bytes}"))
    if not t.dry:
        wrong = [line for line in agent.log()
                 if (line["path"] == "/hello") != (line["client"] == "127.1.0.2")]
        check(not wrong, "%d requests on the wrong connection" % len(wrong))
    for conn in stuck:
        conn.reset()


@case(on=("nginx", "apache", "python", "asyncio", "node-24", "go", "rustls", "haproxy",
          "static") + DOTNETS)
def wrong_traffic(t, kind):
    """Plain HTTP, broken handshakes and noise on the TLS port: no https request but the real
    ones. A server may answer HTTP in the clear by HTTP; that is one."""
    srv = serve(t, kind)
    agent = watch(t, srv)
    for data in WRONG:
        for _ in range(3):
            bytes_to(srv.address, data)
    for _ in range(3):
        wrong_version(srv.address)
    for _ in range(7):
        expect_status(one(srv.address, HELLO), 200)
    may = [plain(len(WRONG) * 3, route, method=WHATEVER, status=WHATEVER, error=WHATEVER,
                 at_most=True) for route in ("/hello", "")]
    if kind in ("nginx", "apache"):  # which answer it as if TLS had been spoken
        may.append(https(3, "", status=400, at_most=True))
    agent.expect(https(7), *may)
