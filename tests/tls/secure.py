# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tests/live's HTTP/1.1 client over TLS, which says what the connection came to be."""

import contextlib
import functools
import os
import ssl
import threading

import client
from client import expect_status
from lib import VM, check

VERSIONS = ("1.2", "1.3")
# Probes are closed after the kernel's grace periods; before 6.6 one after the other.
OLD_KERNEL = tuple(map(int, os.uname().release.split(".")[:2])) < (6, 6)
END = 30.0 if OLD_KERNEL else 5.0


def in_vm():
    """Whether probes may be in the memory of everybody who maps a file."""
    return bool(VM)


_BY_NAME = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@functools.lru_cache(None)
def context(version=None, certificate=False, tickets=True):
    ctx = ssl.create_default_context(cafile=os.path.join(os.environ["TLS_CERTS"], "ca.pem"))
    if version:
        ctx.minimum_version = ctx.maximum_version = _BY_NAME[version]
    if certificate:
        ctx.load_cert_chain(os.path.join(os.environ["TLS_CERTS"], "client.pem"))
    if not tickets:
        ctx.options |= ssl.OP_NO_TICKET
    return ctx


class Conn(client.Conn):
    """One TLS connection; `resume` is another that has ended, and must be resumed."""

    def __init__(self, address, version=None, certificate=False, tickets=True, resume=None, **kw):
        super().__init__(address, **kw)
        ctx = context(version, certificate, tickets)
        session = resume.session if resume else None
        self.session = None
        self.sock = ctx.wrap_socket(self.sock, server_hostname=address[0], session=session)
        check(not resume or self.sock.session_reused, "the session was not resumed")

    def close(self):
        """Says goodbye, without which some servers forget the session; waits for no answer."""
        self.session = self.sock.session  # TLS 1.3: came after the handshake
        self.sock.settimeout(0)
        with contextlib.suppress(OSError, ValueError):
            self.sock.unwrap()
        super().close()


class Bio:
    """A connection whose first bytes are in `hello` before there is a socket."""

    def __init__(self, address):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context().wrap_bio(self.incoming, self.outgoing, server_hostname=address[0])
        self.sock = None
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.hello = self.outgoing.read()

    def use(self, sock):
        """The hello was sent by this one. Waits for tickets: the handshake is over there, too."""
        self.sock = sock
        self.until(self.tls.do_handshake)
        self.incoming.write(sock.recv(65536))

    def until(self, function, *args):
        """What it returns when the server has said enough."""
        while True:
            try:
                return function(*args)
            except ssl.SSLWantReadError:
                data = self.sock.recv(65536)
                check(data, "the server has closed")
                self.incoming.write(data)
            finally:
                self.sock.sendall(self.outgoing.read())

    def request(self, data):
        """The first bytes of the answer, which are all of a small one."""
        self.until(self.tls.write, data)
        return self.until(self.tls.read, 65536)


def one(address, data, method="GET", **kw):
    """One request on a connection of its own."""
    with Conn(address, **kw) as conn:
        return conn.request(data, method)


def spread(address, data, n, conns=7, **kw):
    """n requests over `conns` connections that are open at once, a thread each."""
    errors = []

    def work(share):
        try:
            with Conn(address, **kw) as conn:
                for _ in range(share):
                    expect_status(conn.request(data), 200)
        except Exception as e:  # handed to the main thread below
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n // conns + (i < n % conns),), daemon=True)
               for i in range(conns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
