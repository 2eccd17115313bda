# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Instructions of user space, counted by callgrind, for each transaction of a made recording.

The count is of what runs inside of the functions that a row names, so start and end of the
program are not in it. It is the same each time, but another compiler, library or optimisation
makes another: key() says which these were.
"""

import os
import re
import subprocess
import tempfile

from lib import Skip, check, need_programs, settings

N = 2003       # transactions, a prime
CONNS = 16
SERIES = 100   # that the recording `series` makes

RECORD = ("pipeline__record",)
SPANS = RECORD + ("pipeline__flush",)  # what is kept is encoded in both


def bench(name):
    path = os.path.join(settings.root, "build", "tests", "bench", name)
    if not os.access(path, os.X_OK):
        raise Skip("%s is not built" % os.path.relpath(path, settings.root))
    return path


def replay(path):
    return [settings.redeye, "replay", "--metrics", path]


def spans(stage):
    return lambda path: [bench("spans"), path, 1, stage]


def access_log(_path):
    return [bench("access_log"), N - 1, ""]  # and one for people


# row: (kind of recording, how many things it has, what replays it, what is counted)
ROWS = {
    "HTTP/1 server, a transaction": ("http1", N, replay, RECORD),
    "HTTP/1 client, a transaction": ("client", N, replay, RECORD),
    "HTTP/1 server, a connection each": ("brief", N, replay, RECORD),
    "TLS, hellos and a request each": ("tls", N, replay, RECORD),
    "HTTP/2 server, a transaction": ("http2", N, replay, RECORD),
    "gRPC server, a call": ("grpc", N, replay, RECORD),
    "HTTP/1 with traces": ("http1", N, spans(1), SPANS),
    "HTTP/1 with traces, contexts sent": ("traced", N, spans(1), SPANS),
    "HTTP/1 with traces, OTLP protobuf": ("http1", N, spans(3), SPANS),
    "HTTP/2 with traces, OTLP protobuf": ("http2", N, spans(3), SPANS),
    "a snapshot of 100 series": ("series", 1, replay, ("agg__snapshot",)),
    "/metrics as text with 100 series": ("series", 1, replay, ("prom__write_with",)),
    "access log, a line": ("", N, access_log, ("access_log_line__write",)),
}


# ---- what the counts depend on -------------------------------------------------

def _first(argv, pattern):
    """What the pattern finds in a program's output."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    m = re.search(pattern, done.stdout, re.M)
    check(m, "%s printed no %s" % (argv[0], pattern))
    return m.group(1)


def key():
    """Compiler with its level of optimisation, and the libraries whose code is counted."""
    need_programs("valgrind", "readelf", "pkg-config")
    made = _first(["readelf", "--debug-dump=info", "--dwarf-depth=1",
                   os.path.join(settings.root, "build", "agent", "pipeline.o")],
                  r"DW_AT_producer\s*:(?: \(indirect[^)]*\):)?\s*(.*)")
    level = (re.findall(r" (-O\w*)", made) or ["-O0"])[-1]
    with open("/proc/cpuinfo") as f:  # libc's string functions are chosen by it
        avx2 = "avx2" if re.search(r"\bavx2\b", f.read()) else "no avx2"
    return ", ".join((
        os.uname().machine, made.split(" -")[0], level, os.confstr("CS_GNU_LIBC_VERSION"),
        "nghttp2 " + _first(["pkg-config", "--modversion", "libnghttp2"], r"(\S+)"),
        _first(["valgrind", "--version"], r"(\S+)"), avx2))


# ---- counting ------------------------------------------------------------------

def recording(folder, kind, n=N, conns=CONNS):
    path = os.path.join(folder, "%s-%d-%d.red" % (kind, n, conns))
    if not os.path.exists(path):
        subprocess.run([bench("mkrecording"), path, str(n), str(conns), kind], check=True,
                       cwd=settings.root)
    return path


def _count(argv, functions):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               "--collect-atstart=no", *("--toggle-collect=" + f for f in functions),
               *map(str, argv)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    check(done.returncode == 0, "%s: %s" % (" ".join(command), done.stderr.strip()[-300:]))
    n = int(re.search(r"Collected : (\d+)", done.stderr).group(1))
    check(n, "%s: nothing was counted: is the binary stripped?" % " ".join(functions))
    return n


def count(folder, row):
    kind, n, argv, functions = ROWS[row]
    path = recording(folder, kind) if kind else ""
    return _count(argv(path), functions) / n


# ---- bytes of the heap ---------------------------------------------------------

# row: two recordings (kind, transactions, connections) and by how many things they differ
HEAP = {
    "a connection, HTTP/1": (("http1", N, 3), ("http1", N, 1003), 1000),
    "a connection, HTTP/2": (("http2", N, 3), ("http2", N, 1003), 1000),
    "an open stream, HTTP/2": (("streams", 1, 1), ("streams", 1001, 1), 1000),
    "a series and its route": (("http1", N, 3), ("series", N, 3), SERIES - 5),
}


def heap_key():
    return "%s, %s" % (os.uname().machine, os.confstr("CS_GNU_LIBC_VERSION"))


def heap(folder, row):
    few, many, n = HEAP[row]
    taken = [int(subprocess.run([bench("heap"), recording(folder, *which)], check=True,
                                stdout=subprocess.PIPE, text=True).stdout)
             for which in (few, many)]
    return (taken[1] - taken[0]) / n
