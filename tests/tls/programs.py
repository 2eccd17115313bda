# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The servers and clients with TLS: two tables, and how each is built and started.

What is not Debian's own is fetched and built by ./deps into build/tls.
"""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys

import servers
from lib import Failure, Proc, Skip, check, free_port, need_programs, settings, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(settings.root, "build", "tls")
SIZES = (1, 100, 16383, 16384, 16385, 1000003)
HUGE = 100 * 1000 * 1000 + 7


def out(*parts):
    return os.path.join(OUT, *parts)


PYTHON = out("venv", "bin", "python")


def source(*parts):
    return os.path.join(HERE, "programs", *parts)


# ---- programs that are built -------------------------------------------------

def _go(name, go, *flags):
    """main.go by this go program."""
    return servers.Build((out("go", name),), (source("go", "main.go"), source("go", "go.mod")), go,
                         [[go, "build", *flags, "-o", out("go", name), "."]],
                         {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOENV": "off"})


RUST = [source("rust", "Cargo.toml"), source("rust", "Cargo.lock"), source("rust", "src", "lib.rs")]
RUST += glob.glob(source("rust", "src", "bin", "*.rs"))
GO_OLD = out("go1.16", "bin", "go")
DEBUG = out("c", "tls-static.debug")
GO_DEBIAN = "/usr/lib/go-1.19/bin/go"
BUILDS = {
    "go": _go("new", "go"),
    "go-stripped": _go("stripped", "go", "-ldflags=-s -w"),
    "go-1.19": _go("1.19", GO_DEBIAN),
    "go-1.16": _go("1.16", GO_OLD),
    "rust": servers.Build((out("rust", "release", "server-rustls"),), RUST, "cargo",
                          [["cargo", "build", "--release", "--locked"]],
                          {"CARGO_TARGET_DIR": out("rust")}),
    "c": servers.Build((out("c", "tls"),), (source("tls.c"),), "gcc",
                       [["gcc", "-O2", "-o", out("c", "tls"), source("tls.c"), "-lpthread",
                         "-ldl"]]),
    "c-static": servers.Build((out("c", "tls-static"),), (source("tls.c"),), "gcc",
                              [["gcc", "-O2", "-DLINKED", "-static", "-w", "-Wl,--build-id",
                                "-o", DEBUG, source("tls.c"), "-lssl", "-lcrypto",
                                "-lpthread", "-ldl"],
                               ["objcopy", "-S", DEBUG, out("c", "tls-static")]]),
    "java": servers.Build((out("java", "TlsClient.class"),), (source("TlsClient.java"),), "javac",
                          [["javac", "-d", out("java"), source("TlsClient.java")]]),
    "venv": servers.Build((PYTHON,), (source("requirements.txt"),), "python3",
                          [["python3", "-m", "venv", out("venv")],
                           [PYTHON, "-m", "pip", "install", "--quiet", "-r",
                            source("requirements.txt")]]),
}


DOTNET = {"3.1": out("dotnet-3.1", "dotnet"), "8": out("dotnet-8", "dotnet")}
LIBSSL_1_1 = out("openssl-1.1", "usr", "lib", "x86_64-linux-gnu")
ASSEMBLIES = ("System.Private.CoreLib", "System.Private.Uri", "System.Runtime",
              "System.Runtime.Extensions", "System.IO.FileSystem", "System.Memory",
              "System.Console", "System.Linq", "System.Net.Primitives", "System.Net.Sockets",
              "System.Net.Security", "System.Net.Http", "System.Security.Cryptography.Algorithms",
              "System.Security.Cryptography.Primitives",
              "System.Security.Cryptography.X509Certificates", "System.Threading.Channels",
              "System.Collections.NonGeneric", "Microsoft.Win32.Primitives")


def _dotnet_build():
    """One program for each runtime, by a compiler that knows no later one than 3.1."""
    sources = sorted(glob.glob(source("dotnet", "*.cs")))
    config = source("dotnet", "tls.runtimeconfig.json")
    framework = os.path.join(os.path.dirname(DOTNET["3.1"]), "shared", "Microsoft.NETCore.App")
    return servers.Build((out("dotnet", "tls.dll"),), sources + [config], "mcs",
                         [["cp", config, out("dotnet", "tls.runtimeconfig.json")],
                          ["mcs", "-nostdlib", "-noconfig", "-out:" + out("dotnet", "tls.dll"),
                           "-lib:" + os.path.join(framework, "3.1.23")] +
                          ["-r:%s.dll" % name for name in ASSEMBLIES] + sources])


BUILDS["dotnet"] = _dotnet_build()


def _dotnet(version, *words):
    """Its own OpenSSL for the old one; no pipe in the folder for temporary files."""
    env = ["env", "COMPlus_EnableDiagnostics=0"]
    if version == "3.1":
        env.append("LD_LIBRARY_PATH=" + LIBSSL_1_1)
    return env + [DOTNET[version], out("dotnet", "tls.dll"), *words]


# ---- the servers ---------------------------------------------------------------

COMMON = "pipeline hello users big status sleep echo sink verify plain"
RESUMES = ("1.2", "1.3")


class Kind(servers.Kind):
    def __init__(self, what, command, versions=("1.2", "1.3"), resumes=RESUMES, early=False,
                 lacks=None, options=None, builds=(), version=None, blocks=False, debug="",
                 **kw):
        kw.setdefault("can", COMMON)
        super().__init__(command, **kw)
        self.what = what            # as the table of the documentation calls it
        self.versions = versions
        self.resumes = resumes      # TLS versions with tickets; "id": TLS 1.2's session ids
        self.early = early
        self.lacks = lacks          # says why it cannot run here
        self.blocks = blocks        # it waits for requests inside a read of its library
        self.debug = debug          # the same executable with its symbols, for signatures
        self.options = options or {}
        self.builds = builds
        self.version = version      # a command that prints it


def _node(*path):
    node = out(*path)
    return Kind("Node %s" % (path[0].replace("node-", "")), [node, source("node_tls.js")],
                needs=(node,), version=[node, "-p", "process.version + ', OpenSSL ' + "
                                                    "process.versions.openssl"])


NODE_DEBIAN = out("node-debian", "usr")
BORING = "/usr/lib/x86_64-linux-gnu/android"
STATIC_CAN = "pipeline hello users big status verify plain"
NGINX = ["nginx", "-e", "stderr", "-c"]


def _c(what, *files):
    return Kind(what, [out("c", "tls"), ",".join(files), "server"], needs=files, builds=("c",),
                blocks=True, can="pipeline hello users big status", resumes=("1.2", "1.3", "id"))


def kernel_tls():
    """Why it cannot be, or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, 31, b"tls")  # TCP_ULP
        except OSError as e:
            return "this kernel has no TLS of its own: %s" % e
    return ""


def _nginx(what, lacks=None, **options):
    return Kind(what, NGINX, template=source("nginx.conf"), needs=("nginx",), can=STATIC_CAN,
                processes=3, resumes=("1.2", "1.3", "id"), early=True, lacks=lacks,
                options=dict({"sendfile": "on", "ssl": ""}, **options),
                version=None if options else ["nginx", "-v"])


def _dotnet_kind(version, what, needs=(), words=(), **options):
    kind = Kind(".NET %s `SslStream`%s" % (version, what), _dotnet(version),
                needs=(DOTNET[version],) + needs, builds=("dotnet",), **options)
    kind.words = list(words)
    return kind


KINDS = {
    "nginx": _nginx("nginx"),
    "nginx-copy": _nginx("nginx, `sendfile off`", sendfile="off"),
    "nginx-ktls": _nginx("nginx, kernel TLS", kernel_tls, ssl="ssl_conf_command Options KTLS;"),
    "apache": Kind("Apache httpd, event", ["apache2", "-DFOREGROUND", "-f"],
                   template=source("apache.conf"), needs=("apache2",), can=STATIC_CAN,
                   processes=3, resumes=("1.2", "1.3", "id"), version=["apache2", "-v"]),
    "haproxy": Kind("HAProxy", ["haproxy", "-db", "-f"], template=source("haproxy.cfg"),
                    needs=("haproxy",), can="pipeline hello users status verify plain", early=True,
                    resumes=("1.2", "1.3", "id"), version=["haproxy", "-v"]),
    "python": Kind("Python `ssl`, threads", [sys.executable, source("python_tls.py")],
                   blocks=True, version=[sys.executable, "-V"]),
    "asyncio": Kind("Python asyncio", [sys.executable, source("asyncio_tls.py")],
                    resumes=("1.2", "1.3", "id")),
    "uvicorn": Kind("uvicorn, asyncio", [PYTHON, source("uvicorn_tls.py")], builds=("venv",),
                    resumes=("1.2", "1.3", "id")),
    "uvloop": Kind("uvicorn, uvloop", [PYTHON, source("uvicorn_tls.py")], builds=("venv",),
                   resumes=("1.2", "1.3", "id")),
    "node-debian": Kind("Node of Debian, shared OpenSSL", ["env", "LD_LIBRARY_PATH=" + os.path.join(
                            NODE_DEBIAN, "lib", "x86_64-linux-gnu"), os.path.join(
                                NODE_DEBIAN, "bin", "node"), source("node_tls.js")],
                        needs=(NODE_DEBIAN,)),
    "node-18": _node("node-18", "bin", "node"),
    "node-22": _node("node-22", "bin", "node"),
    "node-24": _node("node-24", "bin", "node"),
    "go": Kind("Go", [BUILDS["go"].out], builds=("go",), blocks=True, version=["go", "version"]),
    "go-stripped": Kind("Go, stripped (`-s -w`)", [BUILDS["go-stripped"].out],
                        builds=("go-stripped",), blocks=True),
    "go-1.19": Kind("Go of Debian 12", [BUILDS["go-1.19"].out], builds=("go-1.19",),
                    blocks=True, version=[GO_DEBIAN, "version"]),
    "go-1.16": Kind("Go 1.16, arguments on the stack", [BUILDS["go-1.16"].out],
                    builds=("go-1.16",), blocks=True, version=[GO_OLD, "version"]),
    "rustls": Kind("Rust axum, rustls 0.23", [out("rust", "release", "server-rustls")],
                   builds=("rust",), resumes=("1.3", "id")),
    "rustls-0.21": Kind("Rust axum, rustls 0.21", [out("rust", "release", "server-rustls-0-21")],
                        builds=("rust",), resumes=("1.3", "id")),
    "rust-openssl": Kind("Rust axum, openssl crate", [out("rust", "release", "server-openssl")],
                         builds=("rust",)),
    "dotnet-3.1": _dotnet_kind("3.1", "", (LIBSSL_1_1,), resumes=()),
    "dotnet-pump-3.1": _dotnet_kind("3.1", ", behind a pipe", (LIBSSL_1_1,), ["pump"],
                                    resumes=()),
    "dotnet-8": _dotnet_kind("8", ""),
    "dotnet-pump-8": _dotnet_kind("8", ", behind a pipe", (), ["pump"]),
    # It waits for its socket though its TLS library still holds a request.
    "ruby": Kind("Ruby WEBrick", ["ruby", source("ruby_tls.rb")], needs=("ruby",),
                 can=COMMON.replace("pipeline ", ""),
                 resumes=("1.2", "1.3", "id"), version=["ruby", "-v"]),
    "openssl-1.1": _c("C, OpenSSL 1.1", os.path.join(LIBSSL_1_1, "libcrypto.so.1.1"),
                      os.path.join(LIBSSL_1_1, "libssl.so.1.1")),
    "boringssl": _c("C, BoringSSL (shared, Debian's)", os.path.join(BORING, "libcrypto.so.0"),
                    os.path.join(BORING, "libssl.so.0")),
    "static": Kind("C, OpenSSL 3 linked in, stripped; by signatures", [out("c", "tls-static"), "linked", "server"],
                   builds=("c-static",), blocks=True, debug=DEBUG,
                   can="pipeline hello users big status",
                   resumes=("1.2", "1.3", "id")),
}
for _name in ("uvicorn", "uvloop"):
    KINDS[_name].words = ["uvloop" if _name == "uvloop" else "asyncio"]


def that_can(*endpoints):
    return [name for name, kind in KINDS.items() if kind.can.issuperset(endpoints)]


def need_files(*names):
    for name in names:
        if os.sep in name and not os.path.exists(name):
            raise Skip("%s is missing: tests/tls/deps" % os.path.relpath(name, settings.root))
        if os.sep not in name:
            need_programs(name)


def make_www(folder):
    """What nginx and Apache serve; readable for every user."""
    os.chmod(folder, 0o755)
    os.mkdir(os.path.join(folder, "big"), 0o755)
    os.mkdir(os.path.join(folder, "status"), 0o755)
    for name in ("hello", "status/200"):
        with open(os.path.join(folder, name), "w") as f:
            f.write("hello\n")
    for size in SIZES + (HUGE,):
        with open(os.path.join(folder, "big", str(size)), "wb") as f:
            f.truncate(size)


class Server(servers.Server):
    """A started server: `address` speaks TLS, `plain_address` does not.

    gate: the program is a child of a shell (`proc`) that waits for release(). before: words of a
    program that executes the rest.
    """

    def __init__(self, name, folder, www, service=None, verify=False, gate=False, words=(),
                 before=()):
        self.name, self.kind, self.folder = name, KINDS[name], folder
        self.service = service or "live-" + name
        need_files(*self.kind.needs)
        reason = self.kind.lacks and self.kind.lacks()
        if reason:
            raise Skip(reason)
        for build in self.kind.builds:
            BUILDS[build].make()
        argv = [*before, *self.kind.command, *self._tail(www, verify, list(words))]
        if gate:
            argv = ["sh", "-c", 'read go; "$0" "$@"; exit $?'] + argv
        self.proc = Proc(argv, os.path.join(folder, "output.log"),
                         {"OTEL_SERVICE_NAME": self.service},
                         subprocess.PIPE if gate else subprocess.DEVNULL)
        if not gate:
            self.wait()

    def release(self):
        self.proc.popen.stdin.write(b"go\n")
        self.proc.popen.stdin.flush()
        self.wait()

    def _tail(self, www, verify, words):
        self.port, self.plain_port = free_port(), free_port()
        if not self.kind.template:
            extra = getattr(self.kind, "words", [])
            return [0] + extra + words + (["verify"] if verify else [])
        yes = {"apache": "require", "haproxy": "required"}.get(self.name, "on")
        no = {"apache": "none", "haproxy": "none"}.get(self.name, "off")
        return [self._render(www, self.port, "127.0.0.1", dict(
            self.kind.options, plain=self.plain_port, certs=os.environ["TLS_CERTS"],
            verify=yes if verify else no))]

    def wait(self):
        try:
            if not self.kind.template:
                self.port = int(self.proc.wait_line("LISTEN")[6:])
                plain = [line for line in self.proc.output().splitlines() if line[:6] == "PLAIN "]
                self.plain_port = int(plain[0][6:]) if plain else 0
            self.address = ("127.0.0.1", self.port)
            self.plain_address = ("127.0.0.1", self.plain_port)
            self._wait_ready()
        except Failure:
            self.proc.stop()
            raise

    def url(self, path="/hello"):
        return "https://%s%s" % (self.authority(), path)


def serve(t, name, **options):
    server = Server(name, t.subfolder(name), t.www, **options)
    t.procs.append(server.proc)
    return server


# ---- the clients ---------------------------------------------------------------

class Client:
    """argv(url, n, mode) of a program that makes n requests; mode: keep or new.

    It waits, with its libraries mapped, until it has read all of feed(url, n): a line, or
    which requests to make. maps: the library by which a program is known to wait that cannot
    say READY. seen: False where TLS cannot be seen in it. says: a status in its output.
    """

    def __init__(self, what, argv, needs=(), builds=(), maps=None, seen=True,
                 modes=("keep", "new"), version=None, feed=lambda url, n: "go\n",
                 says=r"(\S+)"):
        self.what = what
        self.argv = argv
        self.needs = needs
        self.builds = builds
        self.maps = maps
        self.seen = seen
        self.modes = modes
        self.version = version
        self.feed = feed
        self.says = re.compile("^%s$" % says, re.MULTILINE)


def _ca():
    return os.path.join(os.environ["TLS_CERTS"], "ca.pem")


def _curl(url, n, mode):
    return ["curl", "-s", "--cacert", _ca(), "-w", "%{http_code}\\n", "-K", "-"] + \
        ([] if mode == "keep" else ["-H", "Connection: close"])


def _curl_config(url, n):
    return ('url = "%s"\noutput = "/dev/null"\n' % url) * n


def _wget(url, n, mode):
    return ["wget", "-S", "--no-hsts", "--ca-certificate=" + _ca(), "-O", "/dev/null", "-i", "-"]


def _python(library, interpreter=sys.executable):
    return lambda url, n, mode: [interpreter, source("client.py"), library, url, n, mode]


def _js(node, how):
    return lambda url, n, mode: [node, source("client.js"), how, url, n, mode]


def _go_client(name):
    return lambda url, n, mode: [BUILDS[name].out, "client", url, n, mode]


def _rust(tls):
    return lambda url, n, mode: [out("rust", "release", "client-reqwest"), url, n, mode, tls]


def _tls_c(files):
    return lambda url, n, mode: [out("c", "tls"), ",".join(files), "client",
                                 url.split(":")[2].split("/")[0], n, "wait"]


PYCURL = glob.glob("/usr/lib/python3/dist-packages/pycurl.*.so") or ["/usr/lib/python3/pycurl"]
NSS = "libcurl-nss.so.4"
GNUTLS = "libcurl-gnutls.so.4"
CLIENTS = {
    "curl": Client("curl, OpenSSL", _curl, ("curl",), maps="libssl", feed=_curl_config,
                   modes=("keep",), version=["curl", "-V"]),
    "wget": Client("wget, GnuTLS", _wget, ("wget",), maps="libgnutls", modes=("keep",),
                   feed=lambda url, n: (url + "\n") * n, says=r" +HTTP/1\.1 (\d+).*",
                   version=["wget", "-V"]),
    "libcurl": Client("libcurl, OpenSSL", _python("libcurl.so.4")),
    "libcurl-gnutls": Client("libcurl, GnuTLS", _python(GNUTLS)),
    "libcurl-nss": Client("libcurl, NSS", _python(NSS)),
    "pycurl": Client("pycurl, GnuTLS", _python("pycurl", "/usr/bin/python3"), PYCURL),
    "urllib": Client("Python urllib", _python("urllib"), modes=("new",)),
    "requests": Client("Python requests", _python("requests", PYTHON), builds=("venv",)),
    "httpx": Client("Python httpx", _python("httpx", PYTHON), builds=("venv",)),
    "httpx-async": Client("Python httpx, asyncio", _python("httpx-async", PYTHON),
                          builds=("venv",)),
    "node-https": Client("Node 24 `https`", _js(out("node-24", "bin", "node"), "https"),
                         (out("node-24", "bin", "node"),)),
    "node-fetch": Client("Node 24 `fetch`", _js(out("node-24", "bin", "node"), "fetch"),
                         (out("node-24", "bin", "node"),)),
    "node-18-https": Client("Node 18 `https`", _js(out("node-18", "bin", "node"), "https"),
                            (out("node-18", "bin", "node"),)),
    "go": Client("Go `net/http`", _go_client("go"), builds=("go",)),
    "go-1.16": Client("Go 1.16 `net/http`", _go_client("go-1.16"), builds=("go-1.16",)),
    "reqwest-rustls": Client("Rust reqwest, rustls", _rust("rustls"), builds=("rust",)),
    "reqwest-native": Client("Rust reqwest, native-tls", _rust("native"), builds=("rust",)),
    "openssl-1.1": Client("C, OpenSSL 1.1", _tls_c(KINDS["openssl-1.1"].needs),
                          KINDS["openssl-1.1"].needs, ("c",), modes=("keep",)),
    "boringssl": Client("C, BoringSSL", _tls_c(KINDS["boringssl"].needs),
                        KINDS["boringssl"].needs, ("c",), modes=("keep",)),
    "dotnet-3.1": Client(".NET 3.1 `HttpClient`", lambda url, n, mode: _dotnet(
        "3.1", "client", url, n, mode), KINDS["dotnet-3.1"].needs, ("dotnet",)),
    "dotnet-8": Client(".NET 8 `HttpClient`", lambda url, n, mode: _dotnet(
        "8", "client", url, n, mode), KINDS["dotnet-8"].needs, ("dotnet",)),
    "java": Client("Java `HttpClient`", lambda url, n, mode: [
        "java", "-cp", out("java"), "TlsClient", url, n, mode], ("java",), ("java",), seen=False,
        version=["java", "-version"]),
}


class Running:
    """A client that waits to be released."""

    def __init__(self, t, name, url, n, mode="keep", env=None):
        kind = CLIENTS[name]
        need_files(*kind.needs)
        for build in kind.builds:
            BUILDS[build].make()
        self.kind, self.n = kind, n
        self.service = "tls-" + name
        self.feed = kind.feed(url, n).encode()
        self.proc = t.spawn(kind.argv(url, n, mode),
                            dict(env or {}, OTEL_SERVICE_NAME=self.service), stdin=subprocess.PIPE)
        self.pid = self.proc.pid
        if kind.maps:
            wait_for("%s to map %s" % (name, kind.maps), self._mapped)
        else:
            self.proc.wait_line("READY")

    def _mapped(self):
        with open("/proc/%d/maps" % self.pid) as f:
            return self.kind.maps in f.read()

    def go(self):
        """Lets it run to its end; every answer must have been 200."""
        self.proc.popen.stdin.write(self.feed)
        self.proc.popen.stdin.close()
        code = self.proc.wait(60 * settings.slow)
        said = [s for s in self.kind.says.findall(self.proc.output()) if s != "READY"]
        check(code == 0 and said == ["200"] * self.n, "it ended with %d and said: %s" %
              (code, self.proc.output()[-300:].strip()))


PACKAGES = ("libssl3", "libgnutls30", "libnss3", "android-libboringssl")


def versions():
    """What is here, in a few words each, for the head of the table."""
    for kind in list(KINDS.values()) + list(CLIENTS.values()):
        if kind.version and shutil.which(kind.version[0]):
            done = subprocess.run(kind.version, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  env=dict(os.environ, GOENV="off", GOTOOLCHAIN="local"))
            yield " ".join(done.stdout.strip().splitlines()[0].split("(")[0].split()[:5])
    if shutil.which("dpkg-query"):
        done = subprocess.run(["dpkg-query", "-W", *PACKAGES], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        yield from (line.replace("\t", " ") for line in done.stdout.splitlines())
