# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The servers that speak HTTP/2: a table, and how each is built and started.

Built by ./deps into build/h2. Every one writes a line for each request that it has answered,
METHOD PATH STATUS, into access.log of its folder: the truth. nghttpd does not; what its clients
say is the truth then.
"""

import collections
import glob
import os
import shutil
import subprocess

import servers
from lib import Failure, Proc, Skip, accepts, free_port, need_programs, settings, tree, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(settings.root, "build", "h2")


def out(*parts):
    return os.path.join(OUT, *parts)


def source(*parts):
    return os.path.join(HERE, "programs", *parts)


# ---- programs that are built -------------------------------------------------

PYTHON = out("venv", "bin", "python")
GO, RUST = out("go", "h2"), out("rust", "release", "h2")
JARS = out("java", "lib")
NODE_MODULES = out("node", "node_modules")


def _sources(folder, *patterns):
    return [f for p in patterns for f in sorted(glob.glob(source(folder, p)))]


BUILDS = {
    "go": servers.Build((GO,), _sources("go", "*"), "go", [["go", "build", "-o", GO, "."]],
                        {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOENV": "off",
                         "GOFLAGS": "-mod=readonly"}),
    "rust": servers.Build((RUST,), _sources("rust", "Cargo.*", "src/*.rs"), "cargo",
                          [["cargo", "build", "--release", "--locked", "--manifest-path",
                            source("rust", "Cargo.toml")]], {"CARGO_TARGET_DIR": out("rust")}),
    "java": servers.Build((out("java", "H2.class"),), _sources("java", "*"), "mvn",
                          [["mvn", "-q", "-B", "dependency:copy-dependencies",
                            "-DoutputDirectory=" + JARS],
                           ["javac", "-proc:none", "-cp", os.path.join(JARS, "*"), "-d",
                            out("java")] + _sources("java", "*.java")]),
    "node": servers.Build((out("node", "node_modules", ".package-lock.json"),),
                          _sources("node", "package*.json"), "npm",
                          [["cp", source("node", "package.json"),
                            source("node", "package-lock.json"), out("node")],
                           ["npm", "ci", "--silent", "--ignore-scripts", "--prefix",
                            out("node")]]),
    "python": servers.Build((PYTHON,), (source("requirements.txt"),), "python3",
                            [["python3", "-m", "venv", out("venv")],
                             [PYTHON, "-m", "pip", "install", "--quiet", "-r",
                              source("requirements.txt")]]),
}


# ---- the servers ---------------------------------------------------------------

COMMON = "hello users status big sink post"
ALL = COMMON + " echo sleep trailers early empty"


class Kind(servers.Kind):
    """can: words, most of them endpoints. post: POST /sink answers 200; empty: 204 and 304."""

    def __init__(self, what, command, tls=True, builds=(), truth=True, version=None, streams=20000,
                 proof=0, **kw):
        kw.setdefault("can", ALL)
        super().__init__(command, **kw)
        self.what = what          # as the table of the documentation calls it
        self.tls = tls
        self.builds = builds
        self.truth = truth        # it writes access.log
        self.version = version    # a command that prints it
        self.streams = streams    # that a client may have open
        self.proof = proof        # requests of an open connection that prove what it speaks


JAVA = ["java", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", out("java") + ":" + JARS + "/*", "H2"]
KINDS = {
    "nghttpd": Kind("nghttpd", ["nghttpd"], needs=("nghttpd",), truth=False,
                    can="hello users big sink post push 404", streams=100,
                    version=["nghttpd", "--version"]),
    "nginx": Kind("nginx", ["nginx", "-e", "stderr", "-c"], template=source("nginx.conf"),
                  needs=("nginx",), can=COMMON + " empty 404", processes=3, streams=128,
                  version=["nginx", "-v"]),
    "apache": Kind("Apache httpd, event", ["apache2", "-DFOREGROUND", "-f"],
                   template=source("apache.conf"), needs=("apache2",), processes=3,
                   can="hello users big sink post upgrade 404", streams=100,
                   version=["apache2", "-v"]),
    "node": Kind("Node `http2`", ["node", source("node", "http.js")], needs=("node",),
                 can=ALL + " reset refuse goaway connect 404", version=["node", "--version"]),
    "go": Kind("Go `net/http`", [GO, "http"], builds=("go",), can=ALL + " reset goaway 404",
               version=["go", "version"], proof=2),
    "hyper": Kind("Rust hyper", [RUST, "http"], builds=("rust",),
                  can=COMMON + " echo sleep trailers empty reset 404"),
    "jetty": Kind("Jetty", JAVA + ["http"], builds=("java",), needs=("java",), tls=False,
                  can=ALL + " upgrade 404", version=["java", "-version"]),
}


def that_can(*words):
    return [name for name, kind in KINDS.items() if kind.can.issuperset(words)]


BIG = 100003


def make_www(folder):
    """What nginx, Apache and nghttpd serve; readable for every user."""
    os.chmod(folder, 0o755)
    for name in ("users", "big", "status"):
        os.mkdir(os.path.join(folder, name), 0o755)
    for name in ("hello", "sink", "users/7", "users/12345", "status/200"):
        with open(os.path.join(folder, name), "w") as f:
            f.write("hello\n")
    for size in (1, 16384, BIG, 10 * 1000 * 1000 + 19):
        with open(os.path.join(folder, "big", str(size)), "wb") as f:
            f.truncate(size)


class Server(servers.Server):
    """A started server; `address` and `url` are of its port in the clear or with TLS."""

    def __init__(self, name, folder, www, tls=False, service=None, words=(), **options):
        self.name, self.kind, self.folder, self.tls = name, KINDS[name], folder, tls
        self.service = service or "live-" + name
        self.scheme = "https" if tls else "http"
        if tls and not self.kind.tls:
            raise Skip("what its TLS sends cannot be seen")
        need_programs(*self.kind.needs)
        for build in self.kind.builds:
            BUILDS[build].make()
        self.ports = [free_port(), free_port()]
        self.proc = Proc(self._argv(www, list(words), options), os.path.join(folder, "output.log"),
                         {"OTEL_SERVICE_NAME": self.service, "NODE_PATH": NODE_MODULES})
        try:
            self._wait()
        except Failure:
            self.proc.stop()
            raise

    def _argv(self, www, words, options):
        plain, secure = self.ports
        command, certs = list(self.kind.command), os.environ["TLS_CERTS"]
        if self.name == "nghttpd":
            pem = os.path.join(certs, "server.pem")
            where = [secure, pem, pem] if self.tls else [plain, "--no-tls"]
            return command + ["-a", "127.0.0.1", "-d", www] + words + where
        if self.kind.template:
            return command + [self._render(www, secure, "127.0.0.1",
                                           dict(options, plain=plain, certs=certs))]
        return command + [0, os.path.join(self.folder, "access.log")] + words

    def _wait(self):
        if not self.kind.template and self.name != "nghttpd":
            secure = int(self.proc.wait_line("LISTEN")[7:])
            self.ports = [int(self.proc.wait_line("PLAIN")[6:]), secure]
        self.port = self.ports[self.tls]
        self.address = ("127.0.0.1", self.port)
        wait_for("%s to accept connections" % self.name, self._ready, 20)

    def _ready(self):
        if not self.proc.alive():
            raise Failure("%s ended: %s" % (self.name, self.proc.output()[-300:].strip()))
        return len(tree(self.proc.pid)) >= self.kind.processes and accepts(self.address)

    def url(self, path="/hello"):
        return "%s://127.0.0.1:%d%s" % (self.scheme, self.port, path)

    def truth(self):
        """{(method, path, status): how often} it has answered so far."""
        try:
            lines = super().truth()
        except FileNotFoundError:
            lines = []
        return collections.Counter(tuple(line.split()) for line in lines)


def serve(t, name, tls=False, **options):
    server = Server(name, t.subfolder(name), t.www, tls, **options)
    t.procs.append(server.proc)
    return server


PACKAGES = ("libnghttp2-14", "nghttp2-proxy")


def versions():
    """What is here, in a few words each, for the head of the table."""
    for kind in KINDS.values():
        if kind.version and shutil.which(kind.version[0]):
            done = subprocess.run(kind.version, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            yield " ".join(done.stdout.strip().splitlines()[0].split("(")[0].split()[:5])
