# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A kernel without something that redeye would use: it says so once, and all else is exact.

What is refused is refused to the program as it is shipped, at the system call (kernel.c).
"""

import errno
import json
import os
import re
import subprocess

import secure
import stress
from client import head
from faults import case, check_once, log_lines, shimmed, size
from lib import Proc, Skip, check, settings
from stress import differs

N = 211


def refusing(*names, code=errno.EPERM):
    return shimmed(refuse=",".join("%s=%d" % (n, code) for n in names))


def doctor(before):
    done = subprocess.run(before + [settings.redeye, "doctor", "--json"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60 * settings.slow)
    report = json.loads(done.stdout)
    return done.returncode, {f["name"]: f for f in report["backends"] + report["features"]}


class Watched:
    """A plain server under load from connections that stay; redeye after redeye on it."""

    def __init__(self, t):
        self.t = t
        self.srv = t.serve()
        self.load = t.load(self.srv, 7)

    def expect(self, before, *options, n=N):
        """redeye starts and counts exactly; returns it, still running."""
        agent = self.t.watch(self.srv, routes=("/fixed",), before=before, options=options)
        self.load.go(n)
        agent.expect_count(n)
        return agent


def backend_of(agent):
    return re.search(r"ready: backend (\w+),", agent.proc.output()).group(1)


# ---- backends -----------------------------------------------------------------------------------

REQUIRED = {"sock": "tp_sock_send", "fentry": "fexit_tcp_recvmsg", "kprobe": "kprobe_tcp_sendmsg",
            "syscall": "tp_sys_exit"}


@case(timeout=120)
def refused_backends(t):
    """Each backend refused makes way for the next; with none left it says why, and ends."""
    watched, refused = Watched(t), []
    t.backend = "auto"
    works = [name for name, one in doctor([])[1].items() if name in REQUIRED and one["available"]]
    check(len(works) > 1, "only %s works here" % works)
    for name, following in zip(works, works[1:]):
        refused.append(REQUIRED[name])
        before = refusing(*refused)
        agent = watched.expect(before, "--no-tls")
        check(backend_of(agent) == following, "%s came after %s" % (backend_of(agent), name))
        agent.finish()
        said = doctor(before)[1]["uprobes"]
        check(name + ":" not in said["reason"], "doctor says of uprobes, which work: %s" % said)
    before = refusing(*REQUIRED.values())
    proc = Proc(before + t.command("--pid", watched.srv.proc.pid), t.subfolder("none") + "/log")
    check(proc.wait(20) == 1, "it started without a backend")
    said = proc.output()
    check(len(said.splitlines()) == 1 and all(name in said for name in works), "it said " + said)
    code, report = doctor(before)
    check(code == 1, "doctor ended with %d" % code)
    for name in works:
        check(not report[name]["available"] and "not permitted" in report[name]["reason"],
              "doctor says of %s: %s" % (name, report[name]))


# ---- programs ------------------------------------------------------------------------------------

COMMANDS = ("conn_poll", "target_set")


@case(timeout=60)
def refused_commands(t):
    """What every backend needs: it does not start, and says so in a sentence."""
    srv = t.serve()
    for name in COMMANDS:
        proc = Proc(refusing(name) + t.command("--pid", srv.proc.pid), t.subfolder(name) + "/log")
        check(proc.wait(20) == 1, "it started without " + name)
        check(re.fullmatch(r"redeye: error: \w+: Operation not permitted\n", proc.output()),
              "without %s it said %s" % (name, proc.output()))


def optional_programs(t, watched, backend):
    """Those that a redeye without uprobes has attached, but for what it cannot do without."""
    t.backend = backend
    agent = watched.expect([], "--no-tls", "--cgroup", "/nowhere/at/all")
    found = [labels["program"] for labels, _ in
             agent.scrape().get("redeye_bpf_program_missed_total")]
    agent.finish()
    required = {"tp_sock_send", "tp_sock_recv", "tp_sys_exit", "perf_sock_send", "perf_sock_recv",
                "perf_sys_exit"} | {a + b for a in ("fexit_", "kprobe_", "kretprobe_")
                                    for b in ("tcp_sendmsg", "tcp_recvmsg")}
    return [name for name in found if name not in required]


@case(timeout=900)
def refused_programs(t):
    """Each optional program of each backend in turn."""
    watched, tried = Watched(t), 0
    report = doctor([])[1]
    for backend in [name for name in REQUIRED if report[name]["available"]]:
        for name in optional_programs(t, watched, backend)[::size(1, 4)]:
            before = refusing(name, code=errno.EINVAL)
            agent = watched.expect(before, "--no-tls", "--cgroup", "/nowhere/at/all", n=101)
            check_once(agent, re.escape("the kernel refused %s (" % name))
            agent.finish()
            tried += 1
    check(tried >= size(8, 4), "only %d programs were refused" % tried)
    said = doctor(refusing("tp_exit"))[1][t.backend]
    check(said["available"] and "tp_exit" in said["reason"], "doctor says %s" % said)


# ---- TLS -----------------------------------------------------------------------------------------

def https(t, srv, n):
    with secure.Conn(srv.address) as conn:
        for _ in range(n):
            check(conn.request(head("GET", "/hello")).status == 200, "no answer")


def plain(t, srv, n):
    secure.client.spread(srv.plain_address, head("GET", "/hello"), n)


def scheme_counts(metrics):
    sums = {"http": 0, "https": 0}
    for labels, value in metrics.get(stress.FAMILY["server"] + "_count"):
        sums[labels.get("url_scheme")] += value
    return sums


def answered(metrics):
    """Requests in TLS whose answer was seen, too."""
    return sum(value for labels, value in metrics.get(stress.FAMILY["server"] + "_count")
               if (labels.get("url_scheme"), labels.get("http_response_status_code")) == ("https", "200"))


def watch_nginx(t, srv, before, *options):
    """After 97 plain requests and 101 in TLS: the agent."""
    agent = t.watch(srv, before=before, options=options)
    agent.expect_value("redeye_uprobe_waiting", 0, 30)
    plain(t, srv, 97)
    https(t, srv, 101)
    return agent


def expect_schemes(agent, http, https):
    agent.poll(lambda m: differs("plain requests", scheme_counts(m)["http"], http) +
               differs("requests in TLS", scheme_counts(m)["https"], https))


def uprobe_programs():
    """All that there are, not only those that OpenSSL takes."""
    with open(os.path.join(settings.root, "bpf", "tls_probes.h")) as f:
        found = re.findall(r"\b(u(?:ret)?probe_\w+)", f.read())
    return sorted(set(found))


NOT_OF_OPENSSL = ("uprobe_go_", "uprobe_rustls_")
# OpenSSL's reads and writes and their ends: without the rest it is probed all the same.
NEEDED = ("uprobe_tls_read", "uprobe_tls_read_inner", "uprobe_tls_write", "uprobe_tls_write_ex",
          "uprobe_tls_write_ex2", "uretprobe_tls")


@case(timeout=900)
def refused_uprobes(t):
    """Each uprobe's program in turn: plain requests are exact, those in TLS are exact or, where
    OpenSSL cannot do without that program, unseen and told. Go's and rustls's are not even tried
    for it."""
    srv = t.nginx()
    names = uprobe_programs()
    check(len(names) > 20, "only %d programs of uprobes" % len(names))
    check(set(NEEDED) <= set(names), "there is no longer a program of %s" % (NEEDED,))
    for name in names[::size(1, 23)]:
        agent = watch_nginx(t, srv, refusing(name, code=errno.EINVAL))
        expect_schemes(agent, 97, scheme_counts(agent.settle())["https"])
        metrics = agent.scrape()
        seen = scheme_counts(metrics)["https"]
        check(seen in (0, 101), "without %s %d of 101 requests in TLS are seen" % (name, seen))
        check(answered(metrics) == seen, "without %s only %d of %d requests in TLS have an answer" %
              (name, answered(metrics), seen))
        check(seen or name in NEEDED, "without %s nothing is seen" % name)
        if not seen:
            check(metrics.total("redeye_uprobe_failed_total", reason="programs_refused") > 0,
                  "without %s nothing is seen, and no metric says so" % name)
        if name.startswith(NOT_OF_OPENSSL):
            check(not log_lines(agent, name), "%s was tried" % name)
        else:
            check_once(agent, re.escape("the kernel refused %s (" % name))
        agent.finish()
    for name in (names[0], "uprobe_go_read", "uprobe_rustls_take"):
        said = doctor(refusing(name))[1]["uprobes"]
        check(not said["available"] or name in said["reason"], "doctor says %s" % said)
    said = doctor(refusing("uretprobe_tls"))[1]["uprobes"]
    check(not said["available"], "doctor says %s" % said)


@case(timeout=120, long=True)
def refused_links(t):
    """No links of many uprobes, as before Linux 6.6: perf events do, with exact counts."""
    srv = t.nginx()
    before = refusing("multi", code=errno.EINVAL)
    agent = watch_nginx(t, srv, before)
    expect_schemes(agent, 97, 101)
    said = doctor(before)[1]["uprobes"]
    check(said["available"] and "perf events" in said["reason"], "doctor says %s" % said)


@case(timeout=120)
def refused_probes(t):
    """No uprobes at all: TLS is not seen, and that is told; the rest is exact."""
    srv = t.nginx()
    before = refusing("multi", "perf", code=errno.EACCES)
    agent = watch_nginx(t, srv, before)
    expect_schemes(agent, 97, 0)
    check(agent.scrape().total("redeye_uprobe_failed_total", reason="probes_refused") > 0,
          "no metric says that probes were refused")
    check(log_lines(agent, "TLS"), "the log does not say it")
    said = doctor(before)[1]["uprobes"]
    check(not said["available"], "doctor says %s" % said)


# ---- the rest ------------------------------------------------------------------------------------

@case(timeout=120)
def refused_propagation(t):
    """--propagate where the kernel lacks what it takes."""
    watched = Watched(t)
    names = ("prop_msg", "map:prop_hash", "prop_sockops", "prop_rearm", "map:prop_socks")
    for refused in names[:size(5, 2)]:
        before = refusing(refused, code=errno.EINVAL)
        agent = watched.expect(before, "--no-tls", "--propagate")
        check_once(agent, "propagation is (off|on for each connection's first request): ")
        agent.finish()


@case(timeout=60)
def refused_hardening(t):
    """No seccomp, no scheduling priority: exact, and the metric says what is not in force."""
    watched = Watched(t)
    agent = watched.expect(refusing("seccomp", "sched"), "--no-tls")
    metrics = agent.scrape()
    for measure, n in (("seccomp", 0), ("capabilities", 1), ("no_new_privs", 1)):
        got = metrics.total("redeye_hardening", measure=measure)
        check(got == n, "redeye_hardening{measure=%s} is %d" % (measure, got))
    check(len(log_lines(agent, "seccomp|system calls")) == 1, "the log does not say it once")
    said = doctor(refusing("seccomp"))[1]["hardening"]
    check(not said["available"], "doctor says %s" % said)


def hiding(*paths):
    """Before redeye: empty folders lie over these."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c",
            "".join("mount -t tmpfs hidden %s && " % p for p in paths) + 'exec "$0" "$@"']


@case(timeout=60)
def refused_type_information(t):
    """A kernel without BTF."""
    srv = t.serve()
    proc = Proc(hiding("/sys/kernel/btf") + t.command("--pid", srv.proc.pid),
                t.subfolder("btf") + "/log")
    check(proc.wait(20) == 1, "it started without BTF")
    check("CONFIG_DEBUG_INFO_BTF" in proc.output(), "it said " + proc.output())
    code, report = doctor(hiding("/sys/kernel/btf"))
    check(code == 1 and not report["type information (BTF)"]["available"],
          "doctor says %s" % report)


@case(timeout=60)
def refused_tracefs(t):
    """kprobe without tracefs: return probes by perf events, exact with an event loop."""
    report = doctor([])[1]
    if not report["kprobe"]["available"]:
        raise Skip("no kprobe backend here: %s" % report["kprobe"]["reason"])
    t.backend = "kprobe"
    Watched(t).expect(hiding("/sys/kernel/tracing"), "--no-tls")
