# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real Jaeger and a real OpenTelemetry Collector, as tests/traces/deps builds them."""

import json
import os
import urllib.parse
import urllib.request

from lib import Proc, Skip, accepts, check, free_port, settings, wait_for
from otlp import Span
from services import build

COLLECTOR = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:%(grpc)d"}
      http: {endpoint: "127.0.0.1:%(http)d"}
exporters:
  otlp: {endpoint: "127.0.0.1:%(jaeger)d", tls: {insecure: true}}
  otlphttp: {endpoint: "http://127.0.0.1:%(receiver)d", encoding: json, compression: none}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp, otlphttp]}
"""
PORTS = ("collector.grpc-server.host-port", "collector.http-server.host-port",
         "collector.otlp.grpc.host-port", "collector.otlp.http.host-port",
         "query.http-server.host-port", "query.grpc-server.host-port", "admin.http.host-port",
         "http-server.host-port", "processor.jaeger-binary.server-host-port",
         "processor.jaeger-compact.server-host-port", "processor.zipkin-compact.server-host-port")


def program(name):
    path = build(name)
    if not os.access(path, os.X_OK):
        why = path + ".why"
        raise Skip(open(why).read().strip() if os.path.exists(why) else
                   "%s is not built; tests/traces/deps does that" % name)
    return path


def wait_listen(proc, *ports):
    def listens():
        check(proc.alive(), "%s ended: %s" % (proc.name, proc.output()[-500:].strip()))
        return all(accepts(("127.0.0.1", port)) for port in ports)
    wait_for("%s to listen" % proc.name, listens, 30)


class Jaeger:
    """With its storage in memory; `http` and `grpc` are where it takes OTLP."""

    def __init__(self, folder):
        ports = {name: free_port() for name in PORTS}
        argv = [program("jaeger"), "--collector.otlp.enabled=true", "--memory.max-traces=100000",
                "--log-level=warn"]
        self.proc = Proc(argv + ["--%s=127.0.0.1:%d" % p for p in ports.items()],
                         os.path.join(folder, "jaeger.log"), {"SPAN_STORAGE_TYPE": "memory",
                                                              "OTEL_TRACES_SAMPLER": "always_off"})
        self.grpc = ports["collector.otlp.grpc.host-port"]
        self.http = ports["collector.otlp.http.host-port"]
        self.query = ports["query.http-server.host-port"]

    def wait(self):
        wait_listen(self.proc, self.grpc, self.http, self.query)

    def ask(self, path, **params):
        url = "http://127.0.0.1:%d%s?%s" % (self.query, path, urllib.parse.urlencode(params))
        with urllib.request.urlopen(url, timeout=20 * settings.slow) as answer:
            return json.load(answer)["data"]

    def services(self):
        return set(self.ask("/api/services") or ())

    def spans(self, service):
        """Of all traces that this service has a part in."""
        found = self.ask("/api/traces", service=service, limit=100000, lookback="1h") or ()
        return [span_of(s, trace["processes"]) for trace in found for s in trace["spans"]]


def span_of(message, processes):
    """The span that Jaeger's JSON describes."""
    span = Span.__new__(Span)
    tags = {t["key"]: t["value"] for t in message["tags"]}
    parents = [r for r in message["references"] if r["refType"] == "CHILD_OF"]
    span.service = processes[message["processID"]]["serviceName"]
    span.trace_id, span.span_id = message["traceID"].rjust(32, "0"), message["spanID"]
    span.parent_id = parents[0]["spanID"] if parents else ""
    span.kind, span.name = tags["span.kind"], message["operationName"]
    span.start_ns = 1000 * message["startTime"]
    span.end_ns = span.start_ns + 1000 * message["duration"]
    span.attributes = tags
    # Jaeger 1 knows no arrays: they are JSON in a string.
    span.id, span.parent = [json.loads(tags.get("http.request.header.x-truth-" + name, '[""]'))[0]
                            for name in ("id", "parent")]
    return span


class Collector:
    """Passes spans on to Jaeger by gRPC, and as JSON to a receiver of ours."""

    def __init__(self, folder, jaeger, receiver):
        self.grpc, self.http = free_port(), free_port()
        config = os.path.join(folder, "collector.yaml")
        with open(config, "w") as f:
            f.write(COLLECTOR % {"grpc": self.grpc, "http": self.http, "jaeger": jaeger.grpc,
                                 "receiver": receiver.port})
        self.proc = Proc([program("collector"), "--config", "file:" + config],
                         os.path.join(folder, "collector.log"))

    def wait(self):
        wait_listen(self.proc, self.grpc, self.http)
