# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real redeye, and real servers in cgroups that are called what a kubelet would call them.
Needs root, and a cgroup hierarchy that may be written to."""

import http.client
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import prom
from agent import fetch
from fakeapi import container_id, uid
from lib import Failure, Proc, Skip, check, free_port, settings, wait_for

SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print("port %d" % server.server_address[1], flush=True)
server.serve_forever()
"""


def hierarchy():
    """A folder of cgroups, or Skip."""
    if os.geteuid():
        raise Skip("not root")
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"):
        if os.path.exists(os.path.join(folder, "cgroup.procs")) and os.access(folder, os.W_OK):
            return folder
    raise Skip("no cgroup hierarchy may be written to here")


class Cgroups:
    """Of this test; they go with it."""

    def __init__(self):
        self.root = os.path.join(hierarchy(), "redeye-test-%d" % os.getpid())
        self.made = []

    def of(self, n):
        """The file that a process of pod n joins by."""
        path = os.path.join(self.root, "kubepods", "pod" + uid(n), container_id(n * 10))
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as e:
            raise Skip("no cgroup can be made: %s" % e)
        self.made.append(path)
        return os.path.join(path, "cgroup.procs")

    def close(self):
        for path in self.made:
            while path.startswith(self.root):
                try:
                    os.rmdir(path)
                except OSError:
                    break
                path = os.path.dirname(path)


class Server:
    """A server that answers any GET, in the container of pod n."""

    def __init__(self, cgroups, n, folder):
        joins = cgroups.of(n)
        self.n, self.log = n, os.path.join(folder, "server-%d.log" % n)
        program = os.path.join(folder, "program.py")
        with open(program, "w") as f:
            f.write(SERVER)
        self.proc = Proc(["/bin/sh", "-c", 'echo $$ > "$0" && exec /usr/bin/python3 "$1"',
                          joins, program], self.log)
        self.port = int(self.proc.wait_line("port ").split()[1])

    def get(self, times=1):
        for _ in range(times):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/hello")
            check(connection.getresponse().read() == b"ok", "the server's answer")
            connection.close()


class Collector(HTTPServer):
    """What an OTLP collector gets: the attributes of each span, with their resource."""

    def __init__(self):
        self.spans = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.spans += list(spans_of(body))
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", "2")
                handler.end_headers()
                handler.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


def attributes(of):
    return {a["key"]: next(iter(a["value"].values())) for a in of.get("attributes", ())}


def spans_of(body):
    for r in body.get("resourceSpans", ()):
        for scope in r["scopeSpans"]:
            for span in scope["spans"]:
                yield {**attributes(r["resource"]), **attributes(span)}


class Agent:
    """redeye, with options; its /metrics."""

    def __init__(self, folder, *options):
        self.port = free_port()
        self.proc = Proc([settings.redeye, "run", "--no-tls", "--socket", "none", "--spool-dir",
                          "none", "--listen", "127.0.0.1:%d" % self.port, *options],
                         os.path.join(folder, "redeye.log"))
        try:
            self.proc.wait_line("redeye: info: ready:")
        except Failure as e:
            self.proc.stop()
            if "backend" in str(e) or "privilege" in str(e):
                raise Skip(str(e))
            raise

    def metrics(self):
        return prom.Metrics(fetch(self.port, "/metrics")[1])

    def requests(self):
        """{service: requests}"""
        out = {}
        name = "http_server_request_duration_seconds_count"
        for labels, value in self.metrics().samples.get(name, ()):
            key = labels["service_name"]
            out[key] = out.get(key, 0) + int(value)
        return out

    def until(self, want, seconds=15):
        last = {}

        def look():
            last.clear()
            last.update(self.requests())
            return last == want
        try:
            wait_for("requests", look, seconds, every=0.05)
        except Failure:
            raise Failure("%s, not %s: %s" % (last, want, self.proc.output()[-500:]))

    def target_info(self, service):
        for labels, _ in self.metrics().samples.get("target_info", ()):
            if labels.get("service_name") == service or \
                    labels.get("job", "").split("/")[-1] == service:
                return labels
        raise Failure("no target_info of " + service)
