# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The servers that are loaded, how many requests each says it served, and wrk.

They are the servers of tests/live; only nginx has a configuration of its own, and
Go's TLS a program: http.Serve over it. With TLS they speak 1.3 only.
"""

import http.client
import os
import re
import ssl
import subprocess

import servers
from agent import fetch
from client import Conn
from cost import pinned
from lib import Failure, need_programs, settings

HERE = os.path.dirname(os.path.abspath(__file__))
NS = {"us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9}


class Nginx(servers.Server):
    """nginx with tests/bench/nginx.conf."""

    def _render(self, www, port, host, options):
        with open(os.path.join(HERE, "nginx.conf")) as f:
            text = f.read()
        values = {"DIR": self.folder, "WWW": www, "HOST": host, "PORT": port, "LISTEN": "",
                  "CERTIFICATE": ""}
        values.update(options)
        for name, value in values.items():
            text = text.replace("@%s@" % name, str(value))
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as f:
            f.write(text)
        return path


# ---- TLS ---------------------------------------------------------------------

_certificate = []


def certificate(folder):
    """Paths of a certificate and its key, made once."""
    if not _certificate:
        need_programs("openssl")
        paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1",
                        "-days", "2", "-out", paths[0], "-keyout", paths[1]],
                       check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _certificate.extend(paths)
    return _certificate


def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsConn(Conn):
    """client.Conn over TLS."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sock = trusting().wrap_socket(self.sock)


def fetch_tls(port, path):
    conn = http.client.HTTPSConnection("127.0.0.1", port, timeout=5 * settings.slow,
                                       context=trusting())
    try:
        conn.request("GET", path)
        answer = conn.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        conn.close()


class TlsServer(servers.Server):
    def __init__(self, name, folder, www):
        super().__init__(name, folder, www, args=certificate(folder))


class TlsNginx(Nginx):
    def __init__(self, name, folder, www):
        cert, key = certificate(folder)
        super().__init__(name, folder, www, LISTEN=" ssl", CERTIFICATE=(
            "ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.3;" % (cert, key)))


# ---- servers -----------------------------------------------------------------

GO_TLS = settings.build("go-tls", "server")
servers.BUILDS["go-tls"] = servers.Build(
    ("go-tls", "server"), [os.path.join(HERE, "go_tls", f) for f in ("main.go", "go.mod")], "go",
    [["go", "build", "-o", GO_TLS, "."]], {"CGO_ENABLED": "0"})

# A master and one worker.
NGINX = servers.Kind(["nginx", "-e", "stderr", "-c"], template="nginx.conf", needs=("nginx",),
                     processes=2)
servers.KINDS.update({
    "nginx-1": NGINX,
    "node-tls": servers.Kind(["node", "-r", os.path.join(HERE, "node_tls.js"),
                              servers.source("node_server.js")], needs=("node",)),
    "go-tls": servers.Kind([GO_TLS], build="go-tls"),
})


def _stub_status(page):
    return int(re.search(r"requests\s+\d+ \d+ (\d+)", page).group(1))


class Workload:
    def __init__(self, kind, title, make=servers.Server, count=None, looks=0, loss=None,
                 tls=False):
        self.kind = kind    # in servers.KINDS
        self.title = title
        self.make = make
        self.count = count  # reads the page /count; None: there is none
        self.looks = looks  # how often one look at /count is counted itself
        self.loss = loss    # the aim: at most so many percent of throughput
        self.tls = tls


WORKLOADS = {
    "nginx": Workload("nginx-1", "static file, one worker", Nginx, _stub_status, 1, loss=3.0),
    "fastapi": Workload("fastapi", "FastAPI on uvicorn (uvloop, httptools)", loss=1.0),
    "node": Workload("node", "node:http", count=int, loss=1.0),
    "go": Workload("go", "net/http", count=int),
    "nginx-tls": Workload("nginx-1", "the same over TLS: OpenSSL, a shared library", TlsNginx,
                          _stub_status, 1, tls=True),
    "node-tls": Workload("node-tls", "node:https: OpenSSL inside the executable, fed by memory",
                         TlsServer, int, tls=True),
    "go-tls": Workload("go-tls", "net/http over crypto/tls", TlsServer, int, tls=True),
}


class Loaded:
    """A started server, ready to be loaded and asked."""

    def __init__(self, name, folder, www):
        self.name = name
        self.workload = WORKLOADS[name]
        os.makedirs(folder)
        with pinned("server"):
            self.server = self.workload.make(self.workload.kind, folder, www)
        self.pids = self.server.pids()

    def selection(self):
        return [word for pid in self.pids for word in ("--pid", str(pid))]

    def url(self):
        url = self.server.url()
        return url.replace("http:", "https:", 1) if self.workload.tls else url

    def connect(self):
        return (TlsConn if self.workload.tls else Conn)(self.server.address)

    def look(self):
        """What /count says, None where there is no such page."""
        if not self.workload.count:
            return None
        look = fetch_tls if self.workload.tls else fetch
        return self.workload.count(look(self.server.port, "/count")[1])

    def between(self, before, after):
        """Requests served between two looks."""
        return None if before is None else after - before - self.workload.looks

    def stop(self):
        self.server.proc.stop()


# ---- wrk ---------------------------------------------------------------------

def _find(pattern, text):
    m = re.search(pattern, text)
    if not m:
        raise Failure("wrk printed no %r: %s" % (pattern, text.strip()[-300:]))
    return m


class Load:
    """What wrk says about one round."""

    def __init__(self, text):
        bad = re.search(r"Socket errors:.*|Non-2xx.*", text)
        self.requests = int(_find(r"(\d+) requests in", text).group(1))
        if bad or not self.requests:
            raise Failure("wrk: " + (bad.group(0) if bad else "no request was answered"))
        self.per_second = float(_find(r"Requests/sec:\s+([\d.]+)", text).group(1))
        self.p50_ns = self._percentile(50, text)
        self.p99_ns = self._percentile(99, text)

    @staticmethod
    def _percentile(p, text):
        m = _find(r"\s%d%%\s+([\d.]+)(us|ms|s|m)\b" % p, text)
        return float(m.group(1)) * NS[m.group(2)]


def wrk(url, seconds, connections):
    """One round of load: as many requests as the server answers."""
    need_programs("wrk")
    with pinned("rest"):
        done = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%d" % seconds, "--latency",
                               url], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds + 60)
    return Load(done.stdout)
