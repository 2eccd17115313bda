# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The services of services/README.md: one table, and how each is built and started."""

import os
import subprocess
import sys
import urllib.parse

import servers
from lib import Failure, Proc, Skip, accepts, free_port, need_programs, settings, tree, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def build(*parts):
    return os.path.join(settings.root, "build", "traces", *parts)


def source(*parts):
    return os.path.join(HERE, "services", *parts)


RUST = settings.build("rust")  # with tests/live, whose dependencies these are

BUILDS = {
    "fastapi": servers.BUILDS["fastapi"],
    "go": servers.Build((build("service-go"),), (source("go", "main.go"),), "go",
                        [["go", "build", "-o", build("service-go"), "."]], {"CGO_ENABLED": "0"}),
    "java": servers.Build((build("java", "TraceServer.class"),),
                          (source("java", "TraceServer.java"),), "javac",
                          [["javac", "-d", build("java"), source("java", "TraceServer.java")]]),
    "rust": servers.Build((os.path.join(RUST, "release", "trace-server"),),
                          (source("rust", "Cargo.toml"), source("rust", "src", "main.rs")), "cargo",
                          [["cargo", "build", "--release", "--locked", "--manifest-path",
                            source("rust", "Cargo.toml")]], {"CARGO_TARGET_DIR": RUST}),
}

COMMON = "one two all late stream tick"


class Kind:
    """A runtime with one of its clients."""

    def __init__(self, what, command, client="", needs=(), build=None, can=COMMON):
        self.what = what        # as the table of the documentation calls it
        self.command = command
        self.client = client
        self.needs = needs
        self.build = build
        self.can = can.split()  # paths; tick; pass: hands headers on


PYTHON = [sys.executable, source("python_threads.py")]
FASTAPI = [os.path.join(servers.VENV, "bin", "python"), source("fastapi_server.py")]
NODE = ["node", source("node_server.js")]
JAVA = ["java", "-Xshare:auto", "-Dsun.net.httpserver.nodelay=true", "-cp", build("java"),
        "TraceServer"]

KINDS = {
    "nginx": Kind("nginx, `proxy_pass` to kept connections", None, needs=("nginx",),
                  can="one pass"),
    "python": Kind("Python `http.server`, threads; a connection for each call", PYTHON, "new",
                    can=COMMON + " after"),
    "python-pool": Kind("the same; a pool of kept connections", PYTHON, "pool",
                         can=COMMON + " after"),
    "python-executor": Kind("the same; the call is made by another thread", PYTHON, "executor",
                         can=COMMON + " after"),
    "fastapi": Kind("FastAPI on uvicorn, `async def`, httpx", FASTAPI, "async", build="fastapi"),
    "fastapi-sync": Kind("FastAPI on uvicorn, `def` in a pool of threads, httpx", FASTAPI, "sync",
                         build="fastapi", can="one two late stream"),
    "node": Kind("Node `node:http`, keep-alive agent", NODE, "http", needs=("node",),
                 can=COMMON + " pass"),
    "node-fetch": Kind("Node `node:http`, `fetch`", NODE, "fetch", needs=("node",),
                       can=COMMON + " pass"),
    "go": Kind("Go `net/http`", [build("service-go")], build="go",
               can=COMMON + " pass"),
    "java": Kind("Java `HttpServer`, a pool of threads, `HttpURLConnection`", JAVA, "url",
                 needs=("java",), build="java"),
    "java-client": Kind("the same, `java.net.http.HttpClient`", JAVA, "http", needs=("java",),
                        build="java"),
    "ruby": Kind("Ruby WEBrick, threads, `Net::HTTP`", ["ruby", source("ruby_server.rb")],
                 needs=("ruby",)),
    "rust": Kind("Rust axum, hyper's client", [BUILDS["rust"].out], build="rust"),
}


# nginx writes its title over its environment: this is what agent.Agent calls it by.
NAMES = {"nginx": "live-nginx"}


def build_all():
    """Builds what the table needs; says what could not be built, and returns how many."""
    missing = 0
    for name, one in BUILDS.items():
        try:
            print("built %s: %s" % (name, os.path.relpath(one.make(), settings.root)))
        except Skip as e:
            print("not built %s: %s" % (name, e))
            missing += 1
    return missing


class Service:
    """A started service. `name` is what spans and the truth call it; `keep`: it keeps its
    connections to others."""

    def __init__(self, kind, folder, name=None, to=(), tick=None, keep=True,
                 hand_on=False):
        self.kind = KINDS[kind]
        self.name = name or NAMES.get(kind, kind)
        self.folder = folder
        self.truth = os.path.join(folder, "truth.log")
        need_programs(*self.kind.needs)
        if self.kind.build:
            BUILDS[self.kind.build].make()
        self.port = 0 if self.kind.command else free_port()
        self.proc = Proc(self._command(to, keep), os.path.join(folder, "output.log"),
                         self._environment(to, tick, keep, hand_on))
        try:
            self._wait()
        except Failure:
            self.proc.stop()
            raise

    def _environment(self, to, tick, keep, hand_on):
        env = {"NAME": self.name, "OTEL_SERVICE_NAME": self.name, "TO": ",".join(to),
               "TRUTH": self.truth, "PYTHONDONTWRITEBYTECODE": "1"}
        if self.kind.client:
            env["CLIENT"] = self.kind.client
        if tick:
            env["TICK"] = tick
        if not keep:
            env["KEEP"] = "no"
        if hand_on:
            env["HAND_ON"] = "traceparent,x-request-id"
        return env

    def _command(self, to, keep):
        if self.kind.command:
            return self.kind.command + ["0"]
        url = urllib.parse.urlsplit(to[0] if to else "http://127.0.0.1:1/")
        values = {"NAME": self.name, "DIR": self.folder, "TRUTH": self.truth, "PORT": self.port,
                  "UPSTREAM": url.netloc, "PATH": url.path,
                  "CONNECTION": "" if keep else "close"}
        with open(source("nginx.conf")) as f:
            text = f.read()
        for key, value in values.items():
            text = text.replace("@%s@" % key, str(value))
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as f:
            f.write(text)
        return ["nginx", "-e", "stderr", "-c", path]

    def _wait(self):
        if self.kind.command:
            self.port = int(self.proc.wait_line("LISTEN", 60)[6:])
        else:  # nginx: a master and two workers
            wait_for("nginx to listen", lambda: accepts(self.address) and len(self.pids()) == 3)

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def pids(self):
        return tree(self.proc.pid)

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)
