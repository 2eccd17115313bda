# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""After its start redeye has little, and sees all the same what comes later: to the last request."""

import http.client
import http.server
import json
import os
import shutil
import sys
import threading

import harness
import lib
import prom
from harness import KEPT, Agent, Server, case, mask, status
from lib import Skip, check, need_programs, prime, settings, wait_for


def kept(tls=True):
    names = list(KEPT) + (["checkpoint_restore"] if tls else [])
    return mask(names)


def all_threads(pid):
    return [status(pid, int(task)) for task in os.listdir("/proc/%d/task" % pid)]


def check_rights(pid, want):
    """Of every thread, and no more than docs/security.md says."""
    threads = all_threads(pid)
    check(len(threads) > 5, "only %d threads" % len(threads))
    for st in threads:
        for key in ("CapEff", "CapPrm", "CapBnd"):
            check(int(st[key], 16) == want, "%s has %s %s, want %x" %
                  (st["Name"], key, st[key], want))
        check(int(st["CapInh"], 16) == int(st["CapAmb"], 16) == 0, "%s inherits" % st["Name"])
        check(st["NoNewPrivs"] == "1", "%s may get new ones" % st["Name"])
        check(st["Seccomp"] == "2", "%s is not filtered" % st["Name"])


@case
def hardening_rights(t):
    """Without TLS: the same on every kernel."""
    harness.have(*KEPT)
    server = Server(t, "server")
    agent = Agent(t, "--pid", server.pid, "--no-tls")
    check_rights(agent.pid, kept(tls=False))
    for measure in ("capabilities", "no_new_privs", "seccomp"):
        check(agent.measure(measure) == 1, "redeye_hardening of %s is not 1" % measure)
    agent.end()


@case
def hardening_rights_tls(t):
    harness.have(*KEPT)
    server = Server(t, "server")
    multi = harness.multi()
    agent = Agent(t, "--pid", server.pid)
    admin = int(status(agent.pid)["CapEff"], 16) & mask(["sys_admin"])
    check(not multi or not admin, "CAP_SYS_ADMIN is kept, where links to files need none")
    check_rights(agent.pid, kept() | admin)
    agent.end()
    return "with CAP_SYS_ADMIN" if admin else ""


@case
def hardening_documented(t):
    """The log line and docs/security.md name the same capabilities."""
    said = harness.documented(r"redeye: info: hardening: keeps ([A-Z_ ]+),")
    server = Server(t, "server")
    agent = Agent(t, "--pid", server.pid)
    line = agent.proc.wait_line("redeye: info: hardening: keeps ")
    agent.end()
    names = line.split("keeps ")[1].split(",")[0].replace(" CAP_SYS_ADMIN", "")
    check(names == said, "it says %s, the documentation %s" % (names, said))


@case
def hardening_off(t):
    server = Server(t, "server")
    before = status(os.getpid())["CapEff"]
    agent = Agent(t, "--pid", server.pid, "--no-hardening")
    st = status(agent.pid)
    check(st["CapEff"] == before and st["NoNewPrivs"] == "0" and st["Seccomp"] == "0",
          "it has given up: %s" % st["CapEff"])
    check(agent.measure("seccomp") == 0, "redeye_hardening says otherwise")
    check("hardening is off" in agent.proc.output(), "it is not said")
    agent.end()


@case
def hardening_later_traffic(t):
    """Connections, TLS libraries and programs that come after the rights have gone."""
    n, m, k = prime(211), prime(101), prime(53)
    old = Server(t, "old")
    program = t.path("later")
    shutil.copy(os.path.realpath(sys.executable), program)
    agent = Agent(t, "--pid", old.pid, "--exe", program)
    old.ask(n, each=True)
    # Selected at its exec, and its libssl found at its mapping, both after the start.
    started = StartedAs(t, program)
    wait_for("its probes", lambda: agent_waits_for_none(agent), 10)
    started.ask(m)
    started.ask(k, each=True)
    agent.expect(prom.server(n, "/hello"),
                 prom.server(m + k, "/secure"))
    check("not seen" not in agent.proc.output(), agent.proc.output())
    agent.end()


class StartedAs(Server):
    """The same server, whose executable is a copy of the interpreter."""

    def __init__(self, t, program):
        self.tls, self.name = True, "later"
        self.proc = lib.Proc([program, os.path.join(harness.HERE, "server.py"), "--tls", t.pem()],
                             t.path("started.log"), env={"PYTHONHOME": sys.base_prefix})
        t.procs.append(self.proc)
        self.pid = self.proc.pid
        self.port = int(self.proc.wait_line("listening ").split()[1])


def agent_waits_for_none(agent):
    m = agent.scrape()
    links = sum(v for _, v in m.get("redeye_uprobe_links"))
    waiting = sum(v for _, v in m.get("redeye_uprobe_waiting"))
    return links and not waiting


class Collector(http.server.ThreadingHTTPServer):
    """Counts the spans of OTLP in JSON."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Collect)
        self.spans, self.lock = 0, threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Collect(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        n = sum(len(scope["spans"]) for r in body.get("resourceSpans", ())
                for scope in r["scopeSpans"])
        with self.server.lock:
            self.server.spans += n
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *unused):
        pass


@case
def hardening_export(t):
    """libcurl is loaded, connects, and is connected to again, all after the filter; a name is
    looked up; spans wait on disk."""
    n, m = prime(101), prime(53)
    server, collector = Server(t, "server"), Collector()
    t.undo.append(collector.shutdown)
    agent = Agent(t, "--pid", server.pid, "--no-tls", "--otlp-endpoint",
                  "http://localhost:%d" % collector.server_address[1], "--otlp-protocol", "http/json",
                  "--metrics-exporter", "none",
                  "--span-delay", "50ms", "--spool-dir", t.path("spool"))
    server.ask(n)
    wait_for("%d spans (%d)" % (n, collector.spans), lambda: collector.spans == n)
    server.ask(m)
    wait_for("%d spans" % (n + m), lambda: collector.spans == n + m)
    agent.end()
    check(collector.spans == n + m, "%d spans, want %d" % (collector.spans, n + m))
    check(os.path.isdir(t.path("spool")), "no spool")


@case
def hardening_access_log(t):
    """Rotated, and reopened by SIGHUP: files are made and renamed after the rights have gone."""
    n, m = prime(499), prime(53)
    server = Server(t, "server")
    log = t.path("access.log")
    agent = Agent(t, "--pid", server.pid, "--no-tls", "--access-log", log,
                  "--access-log-max-size", "32KiB", "--access-log-backups", "50")

    def lines():
        total = 0
        for name in os.listdir(t.folder):
            if name.startswith("access.log"):
                with open(t.path(name)) as f:
                    total += sum(1 for line in f if json.loads(line)["path"] == "/hello")
        return total
    server.ask(n)
    wait_for("%d lines" % n, lambda: lines() == n)
    files = [f for f in os.listdir(t.folder) if f.startswith("access.log.")]
    check(len(files) >= 2, "not rotated: %s" % files)
    os.rename(log, t.path("access.log.moved"))
    agent.proc.signal(1)
    agent.proc.wait_line("redeye: info: configuration reloaded")
    server.ask(m)
    wait_for("%d lines" % (n + m), lambda: lines() == n + m)
    check(os.path.exists(log), "not opened again")
    agent.end()
    return "%d files" % (len(files) + 2)


@case
def hardening_log_of_another_user(t):
    """A folder that is not redeye's own takes CAP_DAC_OVERRIDE, which is kept for it, and said."""
    harness.have("dac_override", *KEPT)
    server = Server(t, "server")
    folder = t.path("theirs")
    os.mkdir(folder)
    os.chown(folder, harness.NOBODY, harness.NOBODY)
    agent = Agent(t, "--pid", server.pid, "--no-tls", "--access-log", folder + "/log")
    check_rights(agent.pid, kept(tls=False) | mask(["dac_override"]))
    check("CAP_DAC_OVERRIDE is kept" in agent.proc.output(), "it is not said")
    server.ask(13)
    wait_for("13 lines", lambda: os.path.exists(folder + "/log") and
             len(open(folder + "/log").readlines()) == 13)
    agent.end()


@case
def hardening_top(t):
    """A capture inside of top, whose thread for the terminal was there before."""
    n = prime(101)
    server = Server(t, "server")
    done, halt = [0], threading.Event()

    def load():
        conn = server.connect()
        while not halt.is_set():
            conn.request("GET", "/hello")
            conn.getresponse().read()
            done[0] += 1
            halt.wait(0.02)
    thread = threading.Thread(target=load)
    thread.start()
    try:
        out = lib.run([settings.redeye, "top", "--once", "--json", "--interval", "2s", "--pid",
                       server.pid], env={"REDEYE_SOCKET": "none"})
    finally:
        halt.set()
        thread.join()
    rows = json.loads(out)
    text = json.dumps(rows)
    check('"server"' in text or "python" in text, "top shows nothing: " + text[:300])
    tail = lib.Proc([settings.redeye, "tail", "--json", "--pid", server.pid, "-n", n],
                    t.path("tail.err"), stdout=open(t.path("tail.out"), "w"))
    t.procs.append(tail)
    wait_for("tail to follow", lambda: tail_follows(t, server), 20, 0.05)
    check_tail(tail.pid)
    server.ask(n)
    check(tail.wait(20 * settings.slow) == 0, "tail: " + tail.output())
    with open(t.path("tail.out")) as f:
        lines = [json.loads(line) for line in f]
    check(len(lines) == n, "%d lines, want %d" % (len(lines), n))
    check({line["path"] for line in lines} == {"/probe", "/hello"}, "other paths")


def check_tail(pid):
    """The thread of the terminal has no capability at all."""
    main = status(pid, pid)
    check(int(main["CapEff"], 16) == int(main["CapPrm"], 16) == 0, "it has %s" % main["CapEff"])
    for st in all_threads(pid):
        check(st["Seccomp"] == "2" and st["NoNewPrivs"] == "1", "%s is free" % st["Name"])
        check(int(st["CapEff"], 16) & ~(kept() | mask(["sys_admin"])) == 0,
              "%s has %s" % (st["Name"], st["CapEff"]))


def tail_follows(t, server):
    """Until it has shown a request it may not follow yet."""
    server.ask(1, "/probe")
    return os.path.getsize(t.path("tail.out")) > 0


def preload(t):
    need_programs("gcc")
    path = t.path("forbidden.so")
    lib.run(["gcc", "-shared", "-fPIC", "-O2", "-o", path, os.path.join(harness.HERE, "forbidden.c"),
             "-lpthread"])
    os.mkfifo(t.path("fifo"))
    return {"LD_PRELOAD": path, "FORBIDDEN_FIFO": t.path("fifo"), "FORBIDDEN_OUT": t.path("tried")}


def tried(t, server, *options, **env):
    agent = Agent(t, "--pid", server.pid, "--no-tls", *options, env=dict(preload(t), **env))
    with open(t.path("fifo"), "w") as f:
        f.write("x")
    wait_for("the attempts", lambda: "done 0" in open(t.path("tried")).read())
    with open(t.path("tried")) as f:
        return agent, dict((line.split()[0], int(line.split()[1])) for line in f)


@case
def hardening_refuses(t):
    """System calls that redeye never makes, by a thread that was there before the filter; and it
    goes on after that."""
    server = Server(t, "server")
    agent, errors = tried(t, server)
    check(errors.pop("open") == 0, "open was refused")
    check(errors.pop("done") == 0 and len(errors) == 11, "%s" % errors)
    let = [name for name, errno in errors.items() if errno != 38]
    check(not let, "not refused: %s" % {n: errors[n] for n in let})
    n = prime(53)
    server.ask(n)
    agent.expect(prom.server(n, "/hello"))
    agent.end()
    return ", ".join(sorted(errors))


@case
def hardening_refuses_only_then(t):
    """The case before can fail: without hardening they are not refused so."""
    server = Server(t, "server")
    agent, errors = tried(t, server, "--no-hardening", FORBIDDEN_HARMLESS="1")
    errors.pop("init_module")  # a kernel may have no modules
    refused = [name for name, errno in errors.items() if errno == 38]
    check(not refused, "refused all the same: %s" % refused)
    check(errors["wx"] == 0, "memory that is writable and executable: %d" % errors["wx"])
    agent.end()


@case
def hardening_propagate(t):
    """With the guard, a process of its own, which keeps two capabilities."""
    harness.have("net_admin", *KEPT)
    n = prime(53)
    server = Server(t, "server")
    agent = Agent(t, "--pid", server.pid, "--no-tls", "--propagate")
    said = agent.proc.output()
    if "propagation is off" in said:
        raise Skip(said.split("propagation is off")[1].splitlines()[0].strip(": "))
    check_rights(agent.pid, kept(tls=False) | mask(["net_admin"]))
    guards = [pid for pid in lib.tree(agent.pid) if pid != agent.pid]
    check(len(guards) == 1, "guards: %s" % guards)
    st = status(guards[0])
    check(int(st["CapEff"], 16) == mask(["bpf", "net_admin"]), "the guard has %s" % st["CapEff"])
    server.ask(n)
    agent.expect(prom.server(n, "/hello"))
    agent.proc.signal(1)  # its guard goes, and another comes, under the filter
    agent.proc.wait_line("redeye: info: configuration reloaded")
    wait_for("the new guard", lambda: [p for p in lib.tree(agent.pid) if p not in (agent.pid, guards[0])])
    server.ask(n)
    agent.expect(prom.server(2 * n, "/hello"))
    agent.end()


@case
def secrets_are_not_shown(t):
    """Of command line, environment and token file: not in the log, at debug level, nor in what is served."""
    secret = "s3cr3t-value"
    token = t.path("token")
    with open(token, "w") as f:
        f.write(secret + "-token\n")
    os.chmod(token, 0o600)
    server, collector = Server(t, "server"), Collector()
    t.undo.append(collector.shutdown)
    agent = Agent(t, "--pid", server.pid, "--no-tls", "--log-level", "debug",
                  "--listen-token-file", token, "--span-query", "--span-header", "cookie",
                  "--span-header", "authorization", "--access-log", t.path("access.log"),
                  "--otlp-endpoint", "http://127.0.0.1:%d" % collector.server_address[1],
                  "--spool-dir", "none", env={
                      "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20" + secret})
    conn = server.connect()
    conn.request("GET", "/hello?q=1&api_key=" + secret, headers={
        "Cookie": "id=" + secret, "Authorization": "Bearer " + secret})
    conn.getresponse().read()
    conn.close()

    def get(path):
        c = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5 * settings.slow)
        c.request("GET", path, headers={"Authorization": "Bearer %s-token" % secret})
        return c.getresponse().read().decode()

    def trace_ids():
        return [s["trace_id"] for s in json.loads(get("/api/v1/traces")).get("traces", ())]
    wait_for("the trace", trace_ids)
    texts = {"metrics": get("/metrics"), "status": get("/api/v1/status"),
             "trace": get("/api/v1/traces/" + trace_ids()[0])}
    wait_for("the line", lambda: os.path.getsize(t.path("access.log")))
    with open(t.path("access.log")) as f:
        texts["access log"] = f.read()
    texts["log"] = agent.proc.output()
    check("REDACTED" in texts["trace"] and "REDACTED" in texts["access log"], "they have no headers")
    agent.end()
    texts["log"] += agent.proc.output()
    shown = [name for name, text in texts.items() if secret in text]
    check(not shown, "shown in %s" % shown)
