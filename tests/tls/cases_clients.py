# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each client over TLS, and both ends of a connection."""

import http.server
import os
import sys
import threading

from harness import case
from lib import Failure, Skip, check, wait_for
from prom import WHATEVER
from programs import CLIENTS, HERE, Running, serve
from secure import VERSIONS
from watch import client, https, watch

sys.path.append(os.path.join(os.path.dirname(HERE), "traces"))
import otlp  # noqa: E402  of tests/traces

SEEN = [name for name, kind in CLIENTS.items() if kind.seen]


def each_version(function):
    for version in VERSIONS:
        def run(t, kind, version=version):
            function(t, kind, version)
        run.__name__ = "%s-%s" % (function.__name__, version)
        case(on=SEEN)(run)
    return function


@each_version
def calls(t, kind, version):
    """Thirteen requests over one connection, then seven over one each."""
    target = serve(t, "python", words=[version])
    running = [Running(t, kind, target.url(), n, mode)
               for mode, n in (("keep", 13), ("new", 7)) if mode in CLIENTS[kind].modes]
    agent = watch(t, *running).probed()
    for one in running:
        one.go()
    agent.expect(client(sum(r.n for r in running), target.port, service="tls-" + kind))


@case()
def server_closes(t):
    """curl learns that the server has closed, says goodbye, is reset, and opens the next one to
    the same port. At times it sends a request on a connection that is about to end, and
    repeats it: those are errors, and all others are answered."""
    target = serve(t, "python")
    running = Running(t, "curl", target.url(), 13, "new")
    agent = watch(t, running).probed()
    running.go()
    lost = [client(13, target.port, status="", error="connection_" + how, at_most=True)
            for how in ("reset", "closed")]
    agent.expect(client(13, target.port), *lost)


@case(on=[name for name, kind in CLIENTS.items() if not kind.seen])
def unseen_client(t, kind):
    """A client with a TLS of its own: of it nothing is seen, of its server everything."""
    target = serve(t, "nginx")
    running = Running(t, kind, target.url(), 13)
    agent = watch(t, target, running)
    agent.agent.settle()
    running.go()
    agent.expect(https(13))


@case(on=("curl", "requests", "node-https", "go", "dotnet-3.1", "dotnet-8"))
def through_proxy(t, kind):
    """CONNECT in the clear, then TLS in the tunnel."""
    target, proxy = serve(t, "python"), t.serve("proxy")
    env = {"https_proxy": "http://" + proxy.authority()}
    if kind == "node-https":
        raise Skip("Node's https knows no proxy")
    if kind == "go":
        raise Skip("Go takes no proxy for addresses of this host")
    running = Running(t, kind, target.url(), 13, env=env)
    agent = watch(t, running).probed()
    running.go()
    agent.expect(client(13, target.port),
                 client(1, WHATEVER, address=WHATEVER, method="CONNECT"))


# ---- both ends ------------------------------------------------------------------------

class Collector(otlp.Server):
    """Keeps the spans that redeye exports."""

    def __init__(self):
        self.spans = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    if self.headers.get("Content-Encoding") == "gzip":
                        body = otlp.gzip.decompress(body)
                    collector.spans += otlp.spans_of(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *unused):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def options(self):
        return ("--otlp-endpoint", "http://127.0.0.1:%d" % self.server_address[1],
                "--otlp-protocol", "http/json", "--metrics-exporter", "none", "--spool-dir",
                "none", "--span-delay", "100ms")


def one_trace(spans, n):
    """Each client span has one server span below it: same trace, its time inside."""
    servers = {s.parent_id: s for s in spans if s.kind == "server"}
    clients = [s for s in spans if s.kind == "client"]
    check(len(clients) == len(servers) == n, "%d client and %d server spans with a parent, want "
          "%d each" % (len(clients), len(servers), n))
    for span in clients:
        other = servers.get(span.span_id)
        check(other and other.trace_id == span.trace_id, "a client span without its server's")
        full = span.attributes.get("url.full", "")
        check(full.startswith("https://"), "url.full of the client: %s" % full)
        check(other.attributes.get("url.scheme") == "https", "url.scheme of the server: %s" %
              other.attributes.get("url.scheme"))


@case(on=("curl-nginx", "requests-go", "go-rustls", "node-https-asyncio",
          "reqwest-rustls-node-24", "dotnet-8-dotnet-pump-8"))
def both_ends(t, pair, *options):
    """Client and server of this host, both watched: they agree, and share a trace."""
    name = max((c for c in CLIENTS if pair.startswith(c + "-")), key=len)
    target = serve(t, pair[len(name) + 1:])
    running = Running(t, name, target.url(), 13)
    collector = Collector()
    agent = watch(t, target, running, options=collector.options() + options).probed()
    running.go()
    agent.expect(https(13), client(13, target.port))
    if not t.dry:
        try:
            wait_for("the spans", lambda: len(collector.spans) >= 26)
        except Failure:
            pass
        one_trace(collector.spans, 13)
    collector.shutdown()
    collector.server_close()


@case(on=("curl-nginx",))
def both_ends_propagating(t, pair):
    """The same where connections are known before anything moved."""
    both_ends(t, pair, "--propagate")
