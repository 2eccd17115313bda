# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every server of tests/live, tests/tls and tests/h2: how it is started, and what it is asked for;
and every client of tests/tls."""

import os

import kinds
import programs
import rpc
import servers

SIZES = (1, 100, 1000, 16384, 100003)
STATUSES = (200, 204, 301, 304, 404, 500)
LETTERS = (("hello", "hhhhh"), ("users", "uuu"), ("status", "ss"), ("big", "b"), ("head", "H"),
           ("404", "n"), ("echo", "ee"), ("sink", "k"))
LETTERS_1 = (("echo", "cc"), ("chunked", "d"), ("pipeline", "p"))
CALLS = "ggggfSCB"


# These cannot read a chunked request.
NO_CHUNKS = ("asyncio", "dotnet-3.1", "dotnet-pump-3.1", "dotnet-8", "dotnet-pump-8")
# Assemblies that .NET maps when it compiles what has run for a while once more.
LATE = {"dotnet": (".dll",)}
# Runtimes that start a thread when one is blocked for a while, at any time.
ELASTIC = ("-go", "-java", "-jetty", "-dotnet", "h2-apache", "grpc-python")

# Without a garbage collector, and of threads that map no memory of their own: where these have
# mapped all that they need, nothing changes any more.
NATIVE = ("nginx", "haproxy", "nghttpd", "curl", "wget", "openssl-1.1", "boringssl", "static")


def late_files(name):
    return tuple(end for part, ends in LATE.items() if part in name for end in ends)


class Subject:
    """A server. `menu` are exchange.c's letters; `start(t)` gives it running, with pids(), port."""

    def __init__(self, name, what, start, menu, http2=False, tls=False, versions=("1.3",),
                 statuses=STATUSES):
        self.elastic, self.late = any(part in name for part in ELASTIC), late_files(name)
        self.native = any(part in name for part in NATIVE)
        self.name, self.what, self.start, self.menu = name, what, start, menu
        self.http2, self.tls, self.versions, self.statuses = http2, tls, versions, statuses


def make_www(folder):
    """What those that serve files are asked for; readable for every user."""
    os.chmod(folder, 0o755)
    files = {"hello": b"hello\n", "sink": b"hello\n"}
    files.update(("users/%s" % n, b"hello\n") for n in ("7", "12345"))
    files.update(("big/%d" % n, b"x" * n) for n in SIZES)
    files["status/200"] = b"hello\n"
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
            os.fchmod(f.fileno(), 0o644)


def _menu(can, http2):
    letters = LETTERS if http2 else LETTERS + LETTERS_1
    return "".join(text for word, text in letters if word in can)


def _live(name, kind):
    def start(t):
        server = servers.Server(name, t.subfolder(name), t.www)
        t.procs.append(server.proc)
        return server
    can = kind.can | {"pipeline"}
    return Subject("live-" + name, name + ", no TLS", start, _menu(can, False) + "nm",
                   statuses=kind.statuses or STATUSES)


def _tls(name, kind):
    # haproxy answers three statuses, files are of one.
    statuses = (200,) if name == "apache" else (200, 404, 500)
    menu = _menu(kind.can, False).replace("c", "e" if name in NO_CHUNKS else "c")
    return Subject("tls-" + name, kind.what.replace("`", ""),
                   lambda t: programs.serve(t, name), menu, tls=True,
                   versions=kind.versions, statuses=statuses)


def _h2(name, kind, tls):
    return Subject("h2-%s%s" % (name, "-tls" if tls else ""),
                   kind.what.replace("`", "") + ", HTTP/2" + (" and TLS" if tls else ""),
                   lambda t: kinds.serve(t, name, tls), _menu(kind.can, True), http2=True, tls=tls,
                   versions=("1.2",) if name == "nginx" else ("1.3",),  # it was not told of 1.3
                   statuses=(200,) if name in ("nghttpd", "apache", "nginx") else (200, 404, 500))


def _rpc(name, stack, tls):
    def start(t):
        return rpc.Server(t, name, tls)
    return Subject("grpc-%s%s" % (name, "-tls" if tls else ""),
                   stack.what + (", TLS" if tls else ""), start, CALLS, http2=True, tls=tls)


class Caller:
    """A client of tests/tls, which makes n requests of one URL."""

    def __init__(self, name, kind):
        self.name, self.what, self.key, self.kind = "client-" + name, kind.what, name, kind
        self.what = kind.what.replace("`", "") + ", client"
        self.tls, self.elastic = True, any(part in self.name for part in ELASTIC)
        self.late, self.native = late_files(self.name), any(part in name for part in NATIVE)


def every():
    """All of them, by name."""
    found = [_live(name, kind) for name, kind in servers.KINDS.items() if "hello" in kind.can]
    found += [_tls(name, kind) for name, kind in programs.KINDS.items()]
    found += [_h2(name, kind, tls) for name, kind in kinds.KINDS.items()
              for tls in (False, True) if kind.tls or not tls]
    found += [_rpc(name, stack, tls) for name, stack in rpc.STACKS.items()
              for tls in (False, True) if stack.tls or not tls]
    found += [Caller(name, kind) for name, kind in programs.CLIENTS.items()]
    return {one.name: one for one in found}
