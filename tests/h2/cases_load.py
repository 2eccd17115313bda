# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Load by h2load: as many spans as requests, each with its method, path and status."""

import collections

import load
from harness import case
from kinds import serve, that_can
from lib import Failure, prime, settings
from load import h2load, settled
from seen import watch

STREAMS = (1, 2, 8, 64, 128)


def each_way(on):
    """One case in the clear and one with TLS for each server: NAME-plain-KIND, NAME-tls-KIND."""
    def register(function):
        def of(way):
            def run(t, kind):
                function(t, kind, way == "tls")
            run.__name__ = "%s-%s" % (function.__name__, way)
            run.__doc__ = function.__doc__
            return run
        for way in ("plain", "tls"):
            case(on=on, timeout=120)(of(way))
        return function
    return register


@each_way(that_can("404"))
def loads(t, kind, tls):
    """1 to 128 streams at once on each of seven connections."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    n = prime(997 if settings.core else 4999)
    want = collections.Counter()
    for streams in STREAMS:
        want += h2load(t, srv, n, streams)
        settled(srv, want)
        try:
            seen.expect_requests_of(srv, want)
        except Failure as e:
            raise Failure("%d streams: %s" % (streams, e))
    seen.expect_regular()


@each_way(that_can("post"))
def posts(t, kind, tls):
    """Bodies of one DATA frame and of several."""
    srv = serve(t, kind, tls)
    seen = watch(t, srv)
    want = collections.Counter()
    for n, size in ((prime(499), 11), (prime(97), 40009)):
        want += h2load(t, srv, n, 8, paths=(("/sink", 200),), body=b"p" * size)
        settled(srv, want)
        seen.expect_requests_of(srv, want)
    seen.expect_regular()


@case(on=that_can("404"))
def new_connections(t, kind):
    """As many connections as requests."""
    srv = serve(t, kind)
    seen = watch(t, srv)
    n = prime(211)
    want = h2load(t, srv, n, 1, conns=n)
    settled(srv, want)
    seen.expect_requests_of(srv, want)


# ---- headers that do not fit into HPACK's table ---------------------------------------

def filler(i):
    """What the client of Go sends with request i: see programs/go/client.go."""
    unit = "%08x" % (i * 2654435761 % 2 ** 32)
    return {"cookie": "s=" + unit * 256, "authorization": "Bearer " + unit * 255,
            "x-number": str(i)}


def wrong_headers(lines):
    """The first of these lines of the access log whose headers are not its own."""
    for line in lines:
        want = filler(int(line["path"].rpartition("/")[2]))
        got = line.get("headers", {})
        if set(got) != set(want) or any(
                not want[k].startswith(v) or len(v) < min(len(want[k]), 256)
                for k, v in got.items()):
            return line
    return None


@case(on=("go", "node", "nginx", "hyper", "jetty"), timeout=240)
def large_headers(t, kind):
    """A cookie and a token of 4 KiB in every request, no two alike: each request has its own.
    Of each the first 256 bytes are kept."""
    srv = serve(t, kind)
    # Tens of megabytes a second that are all wanted: redeye may have to wait for a processor.
    options = ["--ring-size", "64MiB", "--memory-limit", "256MiB"]
    options += [word for name in filler(0) for word in ("--span-header", name)]
    options += ["--no-redact"]  # the truth has them
    seen = watch(t, srv, options=options)
    client = load.Go(t, srv.url("/users/#"))
    most = 100003 if kind == "go" else 10007
    n = prime(1009 if settings.core else most)
    client.ask(n, 16, "large", seconds=200)
    want = collections.Counter({("GET", "/users/%d" % i, "200"): 1 for i in range(n)})
    settled(srv, want)
    seen.expect_requests_of(srv, want)
    bad = None if t.dry else wrong_headers(seen.log())
    if bad:
        raise Failure("%s has headers of another request: %s" %
                      (bad["path"], str(bad.get("headers"))[:200]))
    seen.expect_regular()


