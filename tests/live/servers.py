# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The servers that the cases watch: one table, and how each is built and started.

Our own programs choose their port and print it; nginx, Apache and HAProxy get
a configuration rendered from a template in servers/.
"""

import os
import shutil
import subprocess
import sys

from lib import (HERE, Failure, Proc, Skip, accepts, free_port, need_programs, settings, tree,
                 wait_for)

BIG_BYTES = 1000003
DOWNLOAD_BYTES = 200 * 1024 * 1024


def source(*parts):
    return os.path.join(HERE, "servers", *parts)


# ---- programs that are built ------------------------------------------------

class Build:
    """`out` is made from `sources` by `commands`, which need the program `tool`."""

    def __init__(self, out, sources, tool, commands, env=None):
        self.out = settings.build(*out)
        self.sources = [source(s) for s in sources]
        self.tool = tool
        self.commands = commands
        self.env = dict(os.environ, **(env or {}))

    def stale(self):
        return not os.path.exists(self.out) or \
            any(os.path.getmtime(s) > os.path.getmtime(self.out) for s in self.sources)

    def make(self):
        """Builds what is out of date; a stale program serves where the tool is missing."""
        if not self.stale():
            return self.out
        if shutil.which(self.tool):
            self._run()
        elif not os.path.exists(self.out):
            raise Skip("%s is not installed" % self.tool)
        return self.out

    def _run(self):
        os.makedirs(os.path.dirname(self.out), exist_ok=True)
        for command in self.commands:
            done = subprocess.run(command, env=self.env, cwd=os.path.dirname(self.sources[0]),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                last = (done.stdout.strip().splitlines() or ["no output"])[-1]
                raise Skip("%s failed: %s" % (" ".join(command[:2]), last))
        os.utime(self.out)


VENV = settings.build("venv")
BUILDS = {
    "go": Build(("go", "server"), ("go/main.go", "go/go.mod"), "go",
                [["go", "build", "-o", settings.build("go", "server"), "."]],
                {"CGO_ENABLED": "0"}),
    "java": Build(("java", "LiveServer.class"), ("java/LiveServer.java",), "javac",
                  [["javac", "-d", settings.build("java"), source("java", "LiveServer.java")]]),
    "rust": Build(("rust", "release", "live-server"),
                  ("rust/Cargo.toml", "rust/Cargo.lock", "rust/src/main.rs"), "cargo",
                  [["cargo", "build", "--release", "--locked"]],
                  {"CARGO_TARGET_DIR": settings.build("rust")}),
    "fastapi": Build(("venv", "bin", "uvicorn"), ("requirements.txt",), "python3",
                     [["python3", "-m", "venv", VENV],
                      [os.path.join(VENV, "bin", "pip"), "install", "--quiet", "-r",
                       source("requirements.txt")]]),
}


# ---- the table ---------------------------------------------------------------

class Kind:
    def __init__(self, command=None, template=None, needs=(), build=None, can="", statuses=(),
                 processes=1):
        self.command = command      # argv before the port, or before the configuration file
        self.template = template
        self.needs = needs
        self.build = build
        self.can = frozenset(can.split())
        self.statuses = statuses
        self.processes = processes  # that a started server has at least


COMMON = "hello head users big status sleep echo chunked call"
STATUSES = (200, 204, 301, 304, 404, 500)

KINDS = {
    "python": Kind([sys.executable, source("python_server.py")], can=COMMON + " count",
                   statuses=STATUSES),
    "fastapi": Kind([os.path.join(VENV, "bin", "python"), source("fastapi_server.py")],
                    build="fastapi", can=COMMON, statuses=STATUSES),
    "node": Kind(["node", source("node_server.js")], needs=("node",), can=COMMON + " count",
                 statuses=STATUSES),
    "go": Kind([BUILDS["go"].out], build="go", can=COMMON + " count", statuses=STATUSES),
    "java": Kind(["java", "-Dsun.net.httpserver.nodelay=true", "-cp", settings.build("java"),
                  "LiveServer"], needs=("java",), build="java", can=COMMON, statuses=STATUSES),
    "rust": Kind([BUILDS["rust"].out], build="rust", can=COMMON, statuses=STATUSES),
    "nginx": Kind(["nginx", "-e", "stderr", "-c"], template="nginx.conf", needs=("nginx",),
                  can="hello head users big status", statuses=STATUSES, processes=3),
    "apache": Kind(["apache2", "-DFOREGROUND", "-f"], template="apache.conf", needs=("apache2",),
                   can="hello head users big status", statuses=(301, 404, 500), processes=3),
    "haproxy": Kind(["haproxy", "-db", "-f"], template="haproxy.cfg", needs=("haproxy",)),
    "proxy": Kind([sys.executable, source("proxy.py")]),
    "syscalls": Kind([sys.executable, source("syscalls.py")]),
}


def that_can(*endpoints):
    return [name for name, kind in KINDS.items() if kind.can.issuperset(endpoints)]


def make_www(folder):
    """What nginx and Apache serve; readable for every user."""
    files = {"hello": b"hello\n", os.path.join("big", str(BIG_BYTES)): b"x" * BIG_BYTES}
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "big"), 0o755)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
            os.fchmod(f.fileno(), 0o644)
    with open(os.path.join(folder, "download"), "wb") as f:
        f.truncate(DOWNLOAD_BYTES)
        os.fchmod(f.fileno(), 0o644)


# ---- a running server --------------------------------------------------------

def _path_of_sbin():
    """Daemons live where a user's PATH may not look."""
    for folder in ("/usr/local/sbin", "/usr/sbin", "/sbin"):
        if folder not in os.environ["PATH"].split(":"):
            os.environ["PATH"] += ":" + folder


_path_of_sbin()


class Server:
    """A started server. `address` is what client.Conn takes.

    Options: port, host, service, args (more arguments), stdin, unix (a path to
    listen on), and for templates upstream ("host:port"), local (a UNIX path),
    workers, listen (more words for nginx's listen).
    """

    def __init__(self, name, folder, www, service=None, port=0, host="127.0.0.1", unix=None,
                 args=(), stdin=subprocess.DEVNULL, **options):
        self.name = name
        self.kind = KINDS[name]
        self.service = service or "live-" + name
        self.folder = folder
        need_programs(*self.kind.needs)
        if self.kind.build:
            BUILDS[self.kind.build].make()
        if self.kind.template:
            port = port or free_port()
            tail = [self._render(www, port, host, options)]
        else:
            tail = [port] + (["--unix", unix] if unix else []) + \
                (["--host", host] if host != "127.0.0.1" else []) + list(args)
        self.proc = Proc(list(self.kind.command) + tail, os.path.join(folder, "output.log"),
                         {"OTEL_SERVICE_NAME": self.service}, stdin)
        try:
            self.port = port if self.kind.template else int(self.proc.wait_line("LISTEN")[6:])
            self.address = unix or ("::1" if host == "::1" else "127.0.0.1", self.port)
            self._wait_ready()
        except Failure:
            self.proc.stop()
            raise

    def _render(self, www, port, host, options):
        with open(source(self.kind.template)) as f:
            text = f.read()
        values = {"DIR": self.folder, "WWW": www, "PORT": port, "HOST": host, "WORKERS": 2,
                  "UPSTREAM": "127.0.0.1:1", "LOCAL": "/nonexistent", "LISTEN": "",
                  "MODULES": "/usr/lib/apache2/modules"}
        values.update((k.upper(), v) for k, v in options.items())
        for name, value in values.items():
            text = text.replace("@%s@" % name, str(value))
        path = os.path.join(self.folder, os.path.basename(self.kind.template))
        with open(path, "w") as f:
            f.write(text)
        return path

    def _wait_ready(self):
        def probe():
            if not self.proc.alive():
                raise Failure("%s ended: %s" % (self.name, self.proc.output()[-300:].strip()))
            if len(self.pids()) < self.kind.processes:
                return False
            return not self.kind.template or accepts(self.address)
        wait_for("%s to accept connections" % self.name, probe, 20)

    def pids(self):
        return tree(self.proc.pid)

    def authority(self):
        return "127.0.0.1:%d" % self.port

    def url(self, path="/hello"):
        return "http://%s%s" % (self.authority(), path)

    def truth(self):
        """The lines of the access log: METHOD PATH STATUS."""
        with open(os.path.join(self.folder, "access.log")) as f:
            return f.read().splitlines()
