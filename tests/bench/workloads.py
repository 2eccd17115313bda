# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The servers that are loaded, how many requests each says it served, and what loads them.

They are the servers of tests/live; only nginx has a configuration of its own, and
Go's TLS a program: http.Serve over it. With TLS they speak 1.3 only. HTTP/2 is
loaded by h2load with many streams on each connection; the server of gRPC is that of
tests/h2.
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
from lib import Failure, Proc, Skip, need_programs, run, settings, tree

HERE = os.path.dirname(os.path.abspath(__file__))
NS = {"us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9}
STREAMS = 64


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
    listen = " ssl"

    def __init__(self, name, folder, www):
        cert, key = certificate(folder)
        super().__init__(name, folder, www, LISTEN=self.listen, CERTIFICATE=(
            "ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.3;" % (cert, key)))


# ---- HTTP/2 ------------------------------------------------------------------

class Http2Nginx(Nginx):
    def __init__(self, name, folder, www):
        super().__init__(name, folder, www, LISTEN=" http2")


class TlsHttp2Nginx(TlsNginx):
    listen = " ssl http2"


def fetch_http2(url):
    need_programs("curl")
    return run(["curl", "-sSk", "--http2" if url.startswith("https") else "--http2-prior-knowledge",
                "--max-time", 5 * settings.slow, url])


GRPC = os.path.join(settings.root, "build", "h2", "go", "h2")
LINE = b"0 1 10 0\n"  # see tests/h2/README.md: status 0, one message of 10 bytes


class GrpcServer:
    """grpc-go with the service of tests/h2, which notes each call that has ended."""

    def __init__(self, kind, folder, www):
        if not os.access(GRPC, os.X_OK):
            raise Skip("%s is not built: tests/h2/deps" % os.path.relpath(GRPC, settings.root))
        self.log = os.path.join(folder, "calls.log")
        self.proc = Proc([GRPC, "grpc", 0, self.log], os.path.join(folder, "output.log"),
                         {"OTEL_SERVICE_NAME": "live-" + kind})
        self.port = int(self.proc.wait_line("LISTEN")[7:])

    def pids(self):
        return tree(self.proc.pid)

    def url(self, path=""):
        return "http://127.0.0.1:%d/redeye.test.Echo/Unary" % self.port

    def calls(self):
        with open(self.log, "rb") as f:
            return sum(1 for _ in f)


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
                 tls=False, streams=0, message=None):
        self.kind = kind    # in servers.KINDS
        self.title = title
        self.make = make
        self.count = count  # reads the page /count; None: there is none
        self.looks = looks  # how often one look at /count is counted itself
        self.loss = loss    # the aim: at most so many percent of throughput
        self.tls = tls
        self.streams = streams  # of HTTP/2 on each connection; 0: HTTP/1
        self.message = message  # of a call of gRPC


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
    "nginx-h2": Workload("nginx-1", "the static file by HTTP/2", Http2Nginx, _stub_status, 1,
                         streams=STREAMS),
    "nginx-h2-tls": Workload("nginx-1", "the same over TLS", TlsHttp2Nginx, _stub_status, 1,
                             tls=True, streams=STREAMS),
    "grpc-go": Workload("grpc-go", "unary calls of grpc-go", GrpcServer, streams=STREAMS,
                        message=b"\0" + len(LINE).to_bytes(4, "big") + LINE),
}


class Loaded:
    """A started server, ready to be loaded and asked."""

    def __init__(self, name, folder, www):
        self.name = name
        self.workload = WORKLOADS[name]
        self.per_second = 0  # of h2load's first round: how many make a second
        os.makedirs(folder)
        with pinned("server"):
            self.server = self.workload.make(self.workload.kind, folder, www)
        self.pids = self.server.pids()

    def selection(self):
        return [word for pid in self.pids for word in ("--pid", str(pid))]

    def url(self, path="/hello"):
        url = self.server.url(path)
        return url.replace("http:", "https:", 1) if self.workload.tls else url

    def connect(self):
        return (TlsConn if self.workload.tls else Conn)(self.server.address)

    def load(self, folder, seconds, connections):
        if not self.workload.streams:
            return wrk(self.url(), seconds, connections)
        found = h2load(self, folder, int(self.per_second * seconds) or FIRST)
        self.per_second = self.per_second or found.per_second
        return found

    def look(self):
        """How many it says it has served, None where it does not say."""
        if isinstance(self.server, GrpcServer):
            return self.server.calls()
        if not self.workload.count:
            return None
        if self.workload.streams:
            return self.workload.count(fetch_http2(self.url("/count")))
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


# ---- h2load ------------------------------------------------------------------

CONNECTIONS = 4  # each with many streams
FIRST = 20000    # requests, as long as nobody knows how many make a second


class Streams:
    """What h2load says about one round, in the names of Load."""

    def __init__(self, text, log):
        self.requests = int(_find(r"requests: \d+ total, .* (\d+) succeeded, 0 failed",
                                  text).group(1))
        self.per_second = float(_find(r"finished in .*, ([\d.]+) req/s", text).group(1))
        with open(log) as f:
            took = sorted(int(line.rsplit("\t", 1)[1]) for line in f)
        self.p50_ns = 1e3 * took[len(took) // 2]
        self.p99_ns = 1e3 * took[len(took) * 99 // 100]


def h2load(loaded, folder, n, connections=CONNECTIONS, streams=0):
    """n requests, all answered: one that is cut off at an end would be counted by who knows whom."""
    need_programs("h2load")
    log = os.path.join(folder, "h2load.log")
    argv = ["h2load", "-t1", "-n", n, "-c", connections,
            "-m", streams or loaded.workload.streams, "--log-file", log]
    if not loaded.workload.streams:
        argv.append("--h1")
    if loaded.workload.message:
        body = os.path.join(folder, "message")
        with open(body, "wb") as f:
            f.write(loaded.workload.message)
        argv += ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    with pinned("rest"):
        try:
            return Streams(run(argv + [loaded.url()], 120), log)
        finally:
            os.unlink(log)
