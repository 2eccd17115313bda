# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With --live: a real agent that watches a server of ours, and captures of top and tail's own."""

import http.client
import json
import os
import subprocess
import sys
import threading

from harness import case, piped
from terminal import SECONDS, Skip, check, wait_for

SERVER = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(503 if self.path.startswith("/fail") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()
"""


class Server:
    def __init__(self, b):
        if not b.live:
            raise Skip("only with --live")
        if os.geteuid():
            raise Skip("needs root")
        self.process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
        b.ends.append(lambda: (self.process.kill(), self.process.wait()))
        self.port = int(self.process.stdout.readline())

    def get(self, path="/x", times=1):
        c = http.client.HTTPConnection("127.0.0.1", self.port)
        for _ in range(times):
            c.request("GET", path)
            c.getresponse().read()
        c.close()


def capture(server):
    """Words that select the server and nobody else."""
    return ["--pid", str(server.process.pid), "--uprobe-scope", "process", "--no-tls"]


def keep_asking(b, server, path):
    """Requests until the case ends."""
    done = threading.Event()

    def ask():
        while not done.wait(0.02):
            server.get(path)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    b.ends.append(lambda: (done.set(), thread.join()))


@piped
def live_agent(b):
    server = Server(b)
    p = b.start("run", *capture(server), "--socket", b.socket, "--listen", "none")
    wait_for("the agent", lambda: b"ready:" in p.stderr.readline())
    tail = b.start("tail", "--socket", b.socket, "--status", "5xx", "-n", "2")
    wait_for("tail's request", lambda: sum(
        b.socket in line for line in open("/proc/net/unix")) > 1)  # the listener and an accepted one
    server.get("/x", 13)
    server.get("/fail", 2)
    out, err = tail.communicate(timeout=SECONDS)
    check(tail.returncode == 0 and out.count(b" <- GET /fail 503 ") == 2, "%r %r" % (out, err))
    rows = wait_for("15 requests", lambda: [
        r for r in json.loads(b.run("top", "--json")[1]) if r["total_count"] == 15])
    check((rows[0]["count"], rows[0]["errors"]) == (15, 2), str(rows))
    name = rows[0]["service"]
    routes = json.loads(b.run("top", "--json", "--service", name)[1])
    check({(r["route"], r["count"], r["errors"]) for r in routes} ==
          {("/x", 13, 0), ("/fail", 2, 2)}, str(routes))


def own_directories():
    return {n for n in os.listdir("/tmp") if n.startswith("redeye-") and
            os.path.exists(os.path.join("/tmp", n, "redeye.sock"))}


@piped
def live_tail_of_its_own(b):
    server = Server(b)
    before = own_directories()
    p = b.start("tail", *capture(server), "-n", "7", "--json")
    keep_asking(b, server, "/own")
    out, err = p.communicate(timeout=3 * SECONDS)
    spans = [json.loads(line) for line in out.splitlines()]
    check(p.returncode == 0 and len(spans) == 7, "%d: %r" % (p.returncode, err))
    check(all(s["path"] == "/own" and s["kind"] == "server" for s in spans), out)
    check(own_directories() <= before, "a socket is left")


@piped
def live_once_of_its_own(b):
    server = Server(b)
    keep_asking(b, server, "/own")
    p = b.start("top", *capture(server), "--once", "--interval", "3s", "--json")
    out, err = p.communicate(timeout=3 * SECONDS)
    rows = json.loads(out)
    check(p.returncode == 0 and len(rows) == 1 and rows[0]["count"] > 0, "%r %r" % (out, err))


@case
def live_top_of_its_own(b):
    server = Server(b)
    t = b.open([b.redeye, "top", *capture(server)])
    t.see("no request seen yet on --pid %d" % server.process.pid)
    keep_asking(b, server, "/own")
    t.see("> python3", "/s", without=("no request",))
    t.keys("Enter")
    t.see("GET", "/own", ": requests served", without=("all services",))
    t.keys("q")
    check(t.status() == 0, "exit status")


@piped
def live_selection_that_is_wrong(b):
    Server(b)
    p = b.start("tail", "--pid", str(os.getpid()), "--backend", "sock", "--tls-signatures", "/nope")
    out, err = p.communicate(timeout=3 * SECONDS)
    check(p.returncode == 1 and err.count(b"\n") == 1 and b"/nope" in err, err)
