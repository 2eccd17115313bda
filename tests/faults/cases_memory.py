# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Memory that runs out: at each allocation in turn, and at random while redeye works.

Whatever fails, redeye ends with a message and a status, or goes on and has counted what was
lost. It never crashes; and the build with the sanitizers finds no leak either.
"""

import glob
import http.client
import os
import subprocess

import faults
import prom
import stress
from agent import fetch
from faults import PLAIN, SANITIZED, case, shimmed, size
from lib import Skip, check, free_port, run, settings
from otlp import Receiver
from stress import differs

GOLDEN = os.path.join(settings.root, "tests", "golden")
# What lies beneath redeye, and takes thousands of allocations to start.
BENEATH = "libbpf,libelf,libz,libseccomp,libgnutls,libcrypto,libssl"
BAD = ("crashed", "hung", "silent")


def beneath(build):
    """The sanitizer's start of a thread takes memory by way of the C library, and ends the program
    when there is none."""
    return BENEATH + (",libc.so" if build == SANITIZED else "")

CONFIG = """\
port: [8080, 8081]
exe: ['*/nginx']
service: ['*/nginx=web']
route: ['/users/{id}', '/orders/{id}/items']
cgroup: [/system.slice]
exclude-exe: ['*/postgres']
otlp-endpoint: http://localhost:4318
otlp-headers: a=b,c=d
k8s-label: [app=web]
resource-attributes: deployment.environment.name=test,a=b
span-header: [X-One, X-Two]
"""


class Run:
    def __init__(self, word, number, more):
        self.word, self.number, self.more = word, number, more
        self.lines = []

    def __str__(self):
        return "allocation %d: %s%s: %s" % (self.number, self.word, self.more,
                                            " | ".join(self.lines[:12]))


def parse(text):
    """The runs that sweep.c tells of."""
    runs = []
    for line in text.splitlines():
        if line.startswith("\t"):
            runs[-1].lines.append(line[1:])
        else:
            word, number, *more = line.split(" ", 2)
            runs.append(Run(word, int(number), " " + more[0] if more else ""))
    return runs


def sweep(build, arguments, step=1, seconds=600, **more):
    """Runs `redeye ARGUMENTS` with each allocation failing in turn; the runs but the first."""
    binary = stress.redeye[build]
    if not binary:
        raise Skip("there is no %s build of redeye" % build)
    argv = shimmed(build, sweep="%d:%d" % (1 + faults.seed % step, step), **more)
    done = subprocess.run(argv + [binary] + [str(a) for a in arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", timeout=seconds * settings.slow)
    runs = parse(done.stdout)
    check(done.returncode == 0 and runs and runs[0].word == "whole",
          "%s: status %d: %s" % (arguments, done.returncode, (done.stderr + done.stdout)[:500]))
    check(len(runs) - 1 >= runs[0].number // step,
          "%s: %d runs of %d" % (arguments, len(runs) - 1, runs[0].number))
    for one in runs:
        check(one.word not in BAD, "%s: %s" % (" ".join(map(str, arguments)), one))
        check(one.word != "refused" or says_why(one.lines), "it does not say why: %s" % one)
    return runs[1:]


def says_why(lines):
    return any(line.startswith("redeye: error: ") and not line.rstrip().endswith(":")
               for line in lines)


# ---- the test of the test ------------------------------------------------------------------------

@case(timeout=60)
def memory_careless(t):
    """A program that crashes, and leaks, when an allocation fails: both are found."""
    for build, flags, want in (
            (PLAIN, (), "whole refused refused crashed"),
            (SANITIZED, ("-fsanitize=address",), "whole refused crashed crashed")):
        binary = os.path.join(t.temp, build)
        run([os.environ.get("CC", "cc"), "-O0", "-g", *flags, "-o", binary,
             os.path.join(faults.HERE, "programs", "careless.c")])
        runs = parse(run(shimmed(build, sweep="1:1") + [binary]))
        words = " ".join(one.word for one in runs)
        check(words == want, "%s, want %s" % (words, want))


# ---- commands -----------------------------------------------------------------------------------

LOSSES = ("redeye_requests_dropped_total", "redeye_series_lost_total",
          "redeye_messages_irregular_total", "redeye_records_orphaned_total")


def counts(metrics):
    """{family: requests in it}"""
    sums = {}
    for name, samples in metrics.samples.items():
        if name.startswith(("http_", "rpc_")) and name.endswith("_count"):
            sums[name] = sum(value for _, value in samples)
    return sums


def check_counted(one, whole):
    """What is missing was counted as lost, in whatever way."""
    metrics = prom.Metrics("\n".join(l for l in one.lines if not l.startswith("redeye: ")))
    problems = [p for p in prom.accounting(metrics) if "missing" not in p]
    check(not problems, "%s: %s" % (one.number, problems))
    have, want = counts(metrics), counts(whole)
    lost = sum(want.values()) - sum(have.values())
    told = [name for name in LOSSES if metrics.total(name) > whole.total(name)]
    check(not lost or told, "allocation %d: %d requests are missing and nothing says so: %s" %
          (one.number, lost, have))


def replay(build, recordings):
    failed = 0
    for path in recordings:
        done = subprocess.run([settings.redeye, "replay", "--metrics", path], text=True,
                              stdout=subprocess.PIPE)
        whole = prom.Metrics(done.stdout)
        spans = len(run([settings.redeye, "replay", "--json", path]).splitlines())
        for one in sweep(build, ("replay", "--metrics", path)):
            failed += 1
            if one.lines and one.lines[0].startswith("# "):
                check_counted(one, whole)
        for one in sweep(build, ("replay", "--json", "--span-tls", "--span-query", path)):
            failed += 1
            check(one.word != "less" or len(one.lines) == spans,
                  "spans are missing, and the status is 0: %s" % one)
    check(failed > 100, "only %d allocations failed" % failed)


def recordings(few):
    return [os.path.join(GOLDEN, n + ".red") for n in few] if few else \
        sorted(glob.glob(os.path.join(GOLDEN, "*.red")))


@case(timeout=600)
def memory_replay(t):
    """Each recording there is, each allocation: what is missing afterwards was counted."""
    replay(PLAIN, recordings(size(None, ("h2-rpc", "tls-proxy", "pipelined", "client"))))


@case(timeout=3600, build=SANITIZED)
def memory_replay_sanitized(t):
    replay(SANITIZED, recordings(size(None, ("tls-lost",))))


COMMANDS = (
    ("config", "--config", "CONFIG"),
    ("config", "--port", "80", "--service", "a=b", "--otlp-headers", "a=b"),
    ("help", "run"), ("man",), ("completion", "bash"), ("version",),
) + tuple(("signatures", path) for path in glob.glob("/usr/lib/*/libssl.so.3"))


@case(timeout=600, build=SANITIZED)
def memory_commands(t):
    """What needs no kernel, configuration above all."""
    path = os.path.join(t.temp, "redeye.yaml")
    with open(path, "w") as f:
        f.write(CONFIG)
    for words in COMMANDS:
        for one in sweep(SANITIZED, [path if w == "CONFIG" else w for w in words]):
            check(one.word != "less", "less is printed, and the status is 0: %s" % one)


# ---- redeye run ---------------------------------------------------------------------------------

def run_options(t, srv, *more):
    return ["run", "--pid", srv.proc.pid, "--backend", t.backend, "--duration", "20ms",
            "--log-level", "warn"] + list(more)


def served(t):
    return ("--listen", "127.0.0.1:%d" % free_port(), "--socket", os.path.join(t.temp, "api"),
            "--otlp-endpoint", "http://127.0.0.1:1", "--spool-dir", os.path.join(t.temp, "spool"),
            "--access-log", os.path.join(t.temp, "access.log"))


@case(timeout=1200, long=True)
def memory_record(t):
    """`redeye record`, for a moment."""
    srv = t.serve()
    capture = ["--pid", srv.proc.pid, "--backend", t.backend, "--duration", "20ms", "--no-tls"]
    sweep(PLAIN, ["record", *capture, "-o", os.path.join(t.temp, "f.red")], size(1, 41), 1200,
          spare=beneath(PLAIN))


@case(timeout=3600)
def memory_start(t):
    """From the start to ready and to the end: it does not start, or it starts and says what it
    lacks. Thousands of allocations are libbpf's and of others beneath; of these some."""
    srv = t.serve()
    for build, more, step, spare in (
            (PLAIN, ("--listen", "none", "--no-tls"), size(1, 29), beneath(PLAIN)),
            (PLAIN, ("--listen", "none"), size(1, 61), beneath(PLAIN)),
            (PLAIN, served(t), size(7, 401), beneath(PLAIN)),
            (SANITIZED, served(t), size(13, 701), beneath(SANITIZED)),
            (PLAIN, ("--listen", "none"), size(31, 4001), "libseccomp")):
        sweep(build, run_options(t, srv, *more), step, 1800, spare=spare)


# ---- redeye at work -----------------------------------------------------------------------------

def check_alive(agent):
    check(agent.proc.alive(), "redeye ended: " + agent.proc.output()[-600:])


def ask(port, path):
    """Whatever the answer, if any."""
    try:
        return fetch(port, path)[0]
    except (OSError, http.client.HTTPException):
        return 0


def under_load(t, build, one_in, rounds):
    """One allocation in `one_in` fails while requests, scrapes, queries and exports go on."""
    control, path = t.control()
    t.build, srv = build, t.serve()
    receiver = Receiver(free_port())
    log = os.path.join(t.temp, "access.log")
    before = shimmed(build, control=path, spare=beneath(build))
    agent = t.watch(srv, before=before, routes=("/fixed/after",), options=[
        "--access-log", log, "--otlp-endpoint", receiver.endpoint(), "--otlp-protocol", "http/json",
        "--metrics-exporter", "none", "--spool-dir", os.path.join(t.temp, "spool"),
        "--span-delay", "100ms"])
    load = t.load(srv, 23, depth=4)
    control.seed = faults.seed
    try:
        for _ in range(rounds):
            control.one_in = one_in
            load.go(2003, "ids")
            more = t.load(srv, 7)  # connections, and processes, come and go
            more.go(101, "hostile")
            more.close()
            for path in ("/metrics", "/api/v1/services", "/api/v1/routes", "/api/v1/traces",
                         "/api/v1/status", "/healthz"):
                ask(agent.port, path)
            check_alive(agent)
        check(control.failed > 0, "nothing failed")
        control.one_in = 0
        check_whole_again(t, agent, srv)
        agent.finish()
    finally:
        receiver.close()
    return control.failed


def check_whole_again(t, agent, srv):
    """There is memory again: new requests are exact, the books balance, exports are complete."""
    agent.settle()
    agent.expect_active(0)
    before = agent.count(http_route="/fixed/after")
    t.load(srv, 23).go(1009, "after")
    agent.expect_count(before + 1009, http_route="/fixed/after")

    def problems(m):
        for signal in ("traces",):
            total = sum(m.total("redeye_export_" + name, signal=signal)
                        for name in ("items_total", "recovered_total"))
            parts = sum(m.total("redeye_export_" + name, signal=signal)
                        for name in ("delivered_total", "dropped_total", "waiting"))
            yield from differs("exported", parts, total)
            yield from differs("waiting", m.total("redeye_export_waiting", signal=signal), 0)
    agent.poll(problems, 30)


@case(timeout=600, long=True)
def memory_at_work(t):
    for one_in in size((3, 101, 1009), (101,)):
        under_load(t, PLAIN, one_in, size(11, 3))


@case(timeout=600, build=SANITIZED)
def memory_at_work_sanitized(t):
    under_load(t, SANITIZED, size(53, 101), size(11, 3))
