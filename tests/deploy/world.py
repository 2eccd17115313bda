# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the rules and the panels are asked about: servers under load, two redeyes on them, one
of which has too little room, node_exporter, and a Prometheus with the configuration and the
rules of the stack that scrapes the three."""

import contextlib
import http.server
import os
import re
import shutil
import signal
import sys
import tempfile
import threading

from common import COMPOSE, Skip, read, replaced, rule_files, settings
import agent
import calls
import client
import servers
import stack
from lib import Proc, free_port, need_programs, wait_for, wait_read

# Of 100 requests: enough of each for its alert. The slow ones take longer than both objectives.
MIX = ([("/status/200", 200)] * 44 + [("/status/500", 500)] * 11 + [("/status/429", 429)] * 11 +
       [("/status/401", 401)] * 11 + [("/status/403", 403)] * 11 + [("/sleep/1100", 200)] * 13)
ROUNDS = 3
CROWD = 211  # connections, of which the small redeye follows 64
SMALL = ("--max-connections", "64", "--cardinality-limit", "10", "--span-queue", "1",
         "--span-batch", "1")
# All of an answer by sendfile, its head, too: redeye sees that bytes moved, and not which.
FILES = "import syscalls; syscalls.FLAVOURS['sendfile'] = (syscalls.read, syscalls.sendfile); " \
    "syscalls.main()"


class Sink:
    """Takes whatever is exported."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Prometheus(stack.Prometheus):
    """With the stack's own scrape configuration and rules, only faster."""

    def __init__(self, folder, agents, node):
        self.port = free_port()
        rules = os.path.join(folder, "rules")
        os.mkdir(rules)
        for path in rule_files():
            with open(os.path.join(rules, os.path.basename(path)), "w") as f:
                f.write(re.sub(r"^    interval: .*\n", "", read(path), flags=re.M))
        targets = ", ".join('"127.0.0.1:%d"' % a.port for a in agents)
        text = replaced(read(COMPOSE, "prometheus.yml").partition("  # The stack itself.")[0],
                        ("_interval: 15s", "_interval: 1s"), ('"redeye:9464"', targets),
                        ('"node-exporter:9100"', '"127.0.0.1:%d"' % node),
                        ("/etc/prometheus/rules", rules), ('"alertmanager:9093"', ""))
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w") as f:
            f.write(text)
        self.proc = Proc(["prometheus", "--config.file=" + config,
                          "--storage.tsdb.path=" + os.path.join(folder, "tsdb"),
                          "--enable-feature=exemplar-storage",
                          "--web.listen-address=127.0.0.1:%d" % self.port],
                         os.path.join(folder, "prometheus.log"))


@contextlib.contextmanager
def resource(text):
    """For what is started meanwhile."""
    os.environ["OTEL_RESOURCE_ATTRIBUTES"] = text
    try:
        yield
    finally:
        del os.environ["OTEL_RESOURCE_ATTRIBUTES"]


def send(address, requests):
    """One after the other; a header of each names no trace, as some clients' do."""
    with client.Conn(address) as conn:
        for path, status in requests:
            client.expect_status(conn.get(path, traceparent="none"), status)


class World:
    def __init__(self, folder):
        self.folder, self.parts, self.no_calls = folder, [], ""
        self.temp = tempfile.mkdtemp(prefix="redeye-deploy-")
        self.conns = []
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    # ---- starting ----

    def _serve(self, kind, service, **options):
        server = servers.Server(kind, self._folder(service), None, service=service, **options)
        self.parts.append(server.proc.stop)
        return server

    def _serve_files(self):
        path = os.path.dirname(servers.source("syscalls.py"))
        proc = Proc([sys.executable, "-c", FILES, "0", "sendfile"],
                    os.path.join(self._folder("files"), "output.log"),
                    {"PYTHONPATH": path, "OTEL_SERVICE_NAME": "files"})
        self.parts.append(proc.stop)
        self.files_address = ("127.0.0.1", int(proc.wait_line("LISTEN")[7:]))
        return proc

    def _start(self):
        need_programs("prometheus", "promtool")
        with resource("service.namespace=shop"):
            self.shop = self._serve("python", "orders")
            self.mortal = self._serve("python", "mortal")
        self.files = self._serve_files()
        self.crowded = self._serve("python", "crowded")
        self.sink = Sink()
        self.parts.append(self.sink.close)
        self._start_calls()
        self.log = os.path.join(self.temp, "access.json")
        self.large = self._watch("large", [self.shop.proc.pid, self.mortal.proc.pid,
                                           self.files.pid] + self.call_pids, self.sink.url,
                                 "--access-log", self.log, "--series-expiry", "1s")
        self.small = self._watch("small", [self.crowded.proc.pid], "http://127.0.0.1:1", *SMALL)
        self._start_node_exporter()
        self.prometheus = Prometheus(self.temp, [self.large, self.small], self.node_port)
        self.parts.append(self.prometheus.proc.stop)
        wait_for("prometheus to be ready", self.prometheus.ready, 30, 0.05)

    def _start_calls(self):
        self.calls, self.call_pids = None, []
        try:
            self.calls = calls.Calls(self._folder("calls"))
        except Skip as e:
            self.no_calls = str(e)
            return
        self.parts.append(self.calls.stop)
        self.call_pids = [self.calls.server.proc.pid, self.calls.client.pid]

    def _watch(self, name, pids, endpoint, *options):
        selection = [word for pid in pids for word in ("--pid", str(pid))]
        one = agent.Agent("auto", self._folder(name), selection, options=options + (
            "--otlp-endpoint", endpoint, "--metrics-exporter", "none", "--spool-dir", "none"))
        self.parts.append(one.proc.stop)
        return one

    def _start_node_exporter(self):
        """node_port is one where nobody listens when it is not installed."""
        self.node_port, self.node = free_port(), None
        if shutil.which("prometheus-node-exporter"):
            self.node = Proc(["prometheus-node-exporter", "--web.listen-address=127.0.0.1:%d" %
                              self.node_port], os.path.join(self._folder("node"), "output.log"))
            self.parts.append(self.node.stop)

    def _folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    # ---- load ----

    def load(self):
        """A round of everything, several times, so that the scrapes see it rise."""
        wait_scrape(self.prometheus)
        for i in range(ROUNDS):
            if i == 1:
                self._crowd()
                self.mortal.proc.stop()
            threads = [threading.Thread(target=send, args=(self.shop.address, MIX[i::5]))
                       for i in range(5)]
            threads += [threading.Thread(target=self._others)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wait_scrape(self.prometheus)

    def _others(self):
        if self.mortal.proc.alive():
            send(self.mortal.address, [("/hello", 200)] * 7)
        send(self.files_address, [("/hello", 200)] * 7)
        send(self.crowded.address, [("/status/%d" % code, code) for code in range(400, 417)])
        send(self.shop.address, [("/call?url=" + self.shop.url("/status/%d" % code), 200)
                                 for code in (200, 200, 500)] * 17)
        if self.calls:
            self.calls.make()

    def _crowd(self):
        """More requests at once than the small redeye has place for; it cannot make any while
        they come, so that the kernel's side runs out of it, too."""
        self.small.proc.signal(signal.SIGSTOP)
        for _ in range(CROWD):
            conn = client.Conn(self.crowded.address)
            conn.send(client.head("GET", "/hold"))
            wait_read(conn.sock)
            self.conns.append(conn)
        self.small.proc.signal(signal.SIGCONT)

    def close(self):
        for conn in self.conns:
            conn.close()
        for stop in reversed(self.parts):
            stop()
        log = os.path.join(self.temp, "prometheus.log")
        if os.path.exists(log):
            shutil.copy(log, self.folder)
        shutil.rmtree(self.temp, ignore_errors=True)


def wait_scrape(prometheus):
    """Waits until each target has been scraped once more; the first time, until there are any."""
    def last():
        return {t["scrapeUrl"]: t["lastScrape"] for t in
                prometheus.ask("/api/v1/targets")["activeTargets"]}
    before = wait_for("targets", last, 30, 0.1)
    wait_for("a scrape", lambda: all(last()[url] != when for url, when in before.items()), 20, 0.1)
