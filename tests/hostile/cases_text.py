# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What no terminal, label or document should have to read, in every field that is exported; and more
of one trace than anybody wants."""

import gzip
import http.server
import json
import os
import random
import threading
import unicodedata

from hostile import *  # noqa: F403
from lib import prime
from stress import promtool

NASTY = (b"\x1b[2J", b"\x1b]0;title\x07", b"\xff\xfe", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x80\xa8",
         b'"', b"\\", b'"}', b"{", b"<script>", b"%0a", b"\x01", b"\x7f", b"\xed\xa0\x80", b"\xc0\xaf",
         b"a" * 3000, b"'", b"$(x)", b"\xf4\x90\x80\x80", b"\t")
PATHS = [s for s in NASTY if not any(c < 32 or c == 127 for c in s)]
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Receiver:
    """OTLP as JSON. What is no JSON in UTF-8 is noted, spans are kept."""

    def __init__(self):
        self.spans, self.wrong = [], []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(gzip.decompress(body) if self.headers["Content-Encoding"] else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body):
        try:
            document = json.loads(body.decode("utf-8", "strict"))
        except ValueError as e:
            self.wrong.append(str(e))
            return
        for resource in document.get("resourceSpans", ()):
            name = next(a["value"]["stringValue"] for a in resource["resource"]["attributes"]
                        if a["key"] == "service.name")
            self.spans += [(name, span) for scope in resource["scopeSpans"] for span in scope["spans"]]

    def of(self, service):
        return [span for name, span in list(self.spans) if name == service]


def tracing(receiver, *more):
    return ["--otlp-traces-endpoint", receiver.url + "/v1/traces", "--otlp-protocol", "http/json",
            "--spool-dir", "none", "--span-delay", "100ms", *more]


def nasty_request(r):
    """Each field has something in it that one should not pass on as it is. In a request line control
    characters are none: what has them is no request."""
    some = [r.choice(PATHS) for _ in range(3)] + [r.choice(NASTY) for _ in range(5)]
    return b"\r\n".join((
        b"GET /%s/%s?%s HTTP/1.1" % tuple(some[:3]),
        b"Host: h" + some[3], b"User-Agent: " + some[4], b"X-Request-ID: id-0123" + some[5],
        b"X-Kept: " + some[6], b"traceparent: " + TRACE, b"tracestate: a=" + some[7], b"", b""))


def printable(text):
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in text)


@case()
def nasty_text(t):
    """Escape sequences, broken UTF-8, quotes and line ends: metrics, spans and log stay text, and none
    is missing."""
    n = prime(size(5003, 1009))
    victim, receiver = Victim(t, "http", name="vic\x1b[31m\u202etim\"\\\n"), Receiver()
    log = os.path.join(t.temp, "access.json")
    options = tracing(receiver, "--access-log", log, "--span-header", "x-kept", "--span-header", "user-agent",
                      "--span-query", "--trace-limit", "0", "--sampler", "always_on")
    with Attack(t, victim, options=options, cpu=20) as agent:
        r = random.Random(2)
        victim.exchange(nasty_request(r) for _ in range(n))
        name = "vic[31mtim\"\\"
        metrics = expect_total(agent, n, service=name)
        expect_nothing_lost(metrics)
        check(printable(agent.text), "/metrics has what a terminal obeys")
        text = agent.text
        wait_for("the spans", lambda: len(receiver.of(name)) >= n, 20, 0.1)
    check(not receiver.wrong, "OTLP: %s" % receiver.wrong[:1])
    check(len(receiver.of(name)) == n, "%d spans, want %d" % (len(receiver.of(name)), n))
    agent.end()
    check(printable(agent.proc.output()), "redeye's log has what a terminal obeys")
    with open(log, "rb") as f:
        lines = f.read().decode("utf-8", "strict").splitlines()
    mine = [x for x in map(json.loads, lines) if x["service"] == name]
    check(len(mine) == n, "%d lines in the access log, want %d" % (len(mine), n))
    check(printable("\n".join(lines)), "the access log has what a terminal obeys")
    promtool(text)


@case(timeout=300)
def one_trace(t):
    """Requests without end in one sampled trace, each with as much tracestate as a head can hold: a span
    for each, or it is counted as lost."""
    n = prime(size(200003, 5003))
    victim, receiver = Victim(t, "http"), Receiver()
    state = b",".join(b"k%d=%s" % (i, b"v" * 200) for i in range(32))
    head = b"GET /t HTTP/1.1\r\nHost: a\r\ntraceparent: %s\r\ntracestate: %s\r\n\r\n" % (TRACE, state)
    with Attack(t, victim, options=tracing(receiver), cpu=n / 5000 + 10) as agent:
        victim.exchange([head] * n)
        expect_nothing_lost(expect_total(agent, n))

        def problems(metrics):
            lost = metrics.total("redeye_export_dropped_total", signal="traces")
            got = len(receiver.of("victim"))
            if got + lost != n:
                yield "%d spans received and %d lost of %d" % (got, lost, n)
        agent.poll(problems, 30)
    check(not receiver.wrong, "OTLP: %s" % receiver.wrong[:1])
