# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server, redeye on it, and a real Prometheus that scrapes redeye.

Prometheus reaches redeye through a relay, which passes everything on unchanged
and keeps what was asked for and what came: a test that wants the protobuf
format must know that it was used.
"""

import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import agent
import calls
import servers
from lib import Failure, Proc, Skip, check, free_port, settings, wait_for

CONFIG = """\
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s%s}
scrape_configs:
  - job_name: redeye
    honor_labels: true
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""
HOP = ("connection", "host")  # headers that are not passed on


class Relay:
    """Forwards GETs to redeye; `seen` is the last (Accept, Content-Type), `scrapes` how many."""

    def __init__(self, port):
        self.seen = None
        self.scrapes = 0
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                conn.request("GET", self.path, headers={
                    k: v for k, v in self.headers.items() if k.lower() not in HOP})
                answer = conn.getresponse()
                body = answer.read()
                conn.close()
                relay.seen = (self.headers.get("Accept"), answer.headers.get("Content-Type"))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP + ("content-length", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                relay.scrapes += 1

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def version():
    """(major, minor) of the installed Prometheus."""
    done = subprocess.run(["prometheus", "--version"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    found = re.search(r"version v?(\d+)\.(\d+)", done.stdout)
    check(found, "prometheus --version said %r" % done.stdout[:200])
    return tuple(map(int, found.groups()))


class Prometheus:
    """A server with its data in `folder`. `native`: with native histograms."""

    def __init__(self, folder, target, native=False):
        self.port = free_port()
        # A feature flag first, from 3.8 on a setting.
        setting = native and version() >= (3, 8)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w") as f:
            f.write(CONFIG % (", scrape_native_histograms: true" if setting else "", target))
        argv = ["prometheus", "--config.file=" + config,
                "--storage.tsdb.path=" + os.path.join(folder, "tsdb"),
                "--web.listen-address=127.0.0.1:%d" % self.port]
        if native and not setting:
            argv.append("--enable-feature=native-histograms")
        self.proc = Proc(argv, os.path.join(folder, "prometheus.log"))

    def ask(self, path, **params):
        url = "http://127.0.0.1:%d%s?%s" % (self.port, path, urllib.parse.urlencode(params))
        try:
            with urllib.request.urlopen(url, timeout=10 * settings.slow) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as e:
            raise Failure("%s: %s" % (params.get("query", path), e.read().decode()[:300]))

    def ready(self):
        check(self.proc.alive(), "prometheus ended: " + self.proc.output()[-500:].strip())
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/-/ready" % self.port, timeout=5):
                return True
        except OSError:
            return False

    def vector(self, query):
        """[(labels, value)]; the value of a native histogram is its description, a dict."""
        return [(s["metric"], s["histogram"][1] if "histogram" in s else float(s["value"][1]))
                for s in self.ask("/api/v1/query", query=query)["result"]]

    def value(self, query):
        """The one number that the query gives; None when it gives nothing."""
        got = self.vector(query)
        check(len(got) < 2, "%s gives %d series" % (query, len(got)))
        return got[0][1] if got else None

    def last_error(self):
        """Why the last scrape failed; "" when it did not."""
        return self.ask("/api/v1/targets")["activeTargets"][0]["lastError"]

    def complaints(self):
        """The log's warnings and errors."""
        return [line for line in self.proc.output().splitlines()
                if re.search(r"level=(warn|error)", line, re.IGNORECASE)]


class Stack:
    """All of it, on ports of its own; ends with the `with` block."""

    def __init__(self, folder, native=False):
        self.parts = []
        self.folder = folder
        self.temp = tempfile.mkdtemp(prefix="redeye-prometheus-")
        try:
            self._start(native)
        except BaseException:
            self.close()
            raise

    def _start(self, native):
        self.server = servers.Server("python", self._folder("server"), None)
        self.parts.append(self.server.proc.stop)
        self.calls = self._calls()
        pids = [self.server.proc.pid] + ([self.calls.server.proc.pid] if self.calls else [])
        self.agent = agent.Agent("auto", self._folder("redeye"),
                                 [word for pid in pids for word in ("--pid", str(pid))])
        self.parts.append(self.agent.proc.stop)
        self.relay = Relay(self.agent.port)
        self.parts.append(self.relay.close)
        self.prometheus = Prometheus(self.temp, self.relay.port, native)
        self.parts.append(self.prometheus.proc.stop)
        wait_for("prometheus to be ready", self.prometheus.ready, 30, 0.05)
        wait_for("the first scrape", lambda: self.relay.seen, 10, 0.05)

    def _calls(self):
        """None where its programs cannot be built; why not is in self.no_calls."""
        try:
            found = calls.Calls(self._folder("calls"))
        except Skip as e:
            self.no_calls = str(e)
            return None
        self.parts.append(found.stop)
        return found

    def _folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    def close(self):
        for stop in reversed(self.parts):
            stop()
        log = os.path.join(self.temp, "prometheus.log")
        if os.path.exists(log):
            shutil.copy(log, self.folder)
        shutil.rmtree(self.temp, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
