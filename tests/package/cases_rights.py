# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What each capability is for, found by taking it away: the table of docs/security.md.

redeye is another user than those it watches, with the capabilities that the unit gives and one less.
"""

import os
import re
import shutil

import harness
import prom
from harness import NOBODY, Agent, Server, as_nobody, case, status
from lib import Skip, check, prime, settings, wait_for

def unit(t, without, *options, ready=True, name="redeye"):
    """As deploy/systemd/redeye.service starts it: no root, these rights."""
    given = [c for c in harness.given() if c != without]
    folder = t.path("own-" + name)
    os.mkdir(folder)
    os.chown(folder, NOBODY, NOBODY)
    reach(t)
    options = list(options) + ["--socket", folder + "/redeye.sock"]
    binary = os.path.join(folder, "redeye")
    copy(binary)
    return Agent(t, *options, start=as_nobody(given), binary=binary, name=name, ready=ready)


def copy(binary):
    with open(os.path.realpath(settings.redeye), "rb") as f, open(binary, "wb") as out:
        out.write(f.read())
    os.chmod(binary, 0o755)


def reach(t):
    """The way to the case's folder is open to the other user."""
    path = t.folder
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            raise Skip("other users cannot get to %s" % path)
        path = os.path.dirname(path)


@case
def rights_all(t):
    """The capabilities of the unit are enough, for a server of another user and its TLS."""
    n, m = prime(101), prime(53)
    plain = Server(t, "plain", env={"OTEL_SERVICE_NAME": "named"})
    tls = Server(t, "tls", tls=True, env={"OTEL_SERVICE_NAME": "named-tls"})
    agent = unit(t, None, "--port", plain.port, "--pid", tls.pid)
    check(status(agent.pid)["Uid"].split()[0] == str(NOBODY), "it is root")
    plain.ask(n)
    tls.ask(m)
    agent.expect(prom.server(n, "/hello", service="named"),
                 prom.server(m, "/secure", service="named-tls"))
    agent.end()


@case
def rights_without_bpf(t):
    does_not_start(t, "bpf")


@case
def rights_without_perfmon(t):
    does_not_start(t, "perfmon")


def does_not_start(t, without):
    if "sys_admin" in harness.given():
        raise Skip("here it takes CAP_SYS_ADMIN, which stands for it too")
    server = Server(t, "server")
    agent = unit(t, without, "--pid", server.pid, "--no-tls", ready=False)
    code = agent.proc.wait(20 * settings.slow)
    check(code == 1, "it ended with %d" % code)
    check("redeye: error: " in agent.proc.output(), "it does not say why")


@case
def rights_without_sys_ptrace(t):
    """--port does not find a server of another user."""
    server = Server(t, "server")
    agent = unit(t, "sys_ptrace", "--port", server.port, "--no-tls")
    check(" 0 processes," in agent.proc.output(), "it watches: " + agent.proc.output())
    agent.end()


@case
def rights_without_dac_read_search(t):
    """Environments of another user are closed, and so are the ways that lead to his sockets."""
    n = prime(53)
    server = Server(t, "server", env={"OTEL_SERVICE_NAME": "named"})
    agent = unit(t, "dac_read_search", "--pid", server.pid, "--no-tls")
    server.ask(n)
    wait_for("a series", lambda: agent.scrape().get("http_server_request_duration_seconds_count"))
    names = {labels["service_name"] for labels, _ in
             agent.scrape().get("http_server_request_duration_seconds_count")}
    check(names and "named" not in names, "the name is known: %s" % names)
    agent.end()


def own_libraries(t, server):
    """Copies of the OpenSSL that the server has mapped, in a folder."""
    with open("/proc/%d/maps" % server.pid) as f:
        paths = {line.split()[-1] for line in f if re.search(r"/lib(ssl|crypto)\.so", line)}
    check(len(paths) == 2, "it has mapped %s" % paths)
    folder = t.path("libraries")
    os.mkdir(folder)
    return [shutil.copy(path, folder) for path in paths]


def replace(server, files):
    """As an upgrade does it: by other files of the same name."""
    with open("/proc/%d/maps" % server.pid) as f:
        maps = f.read()
    for path in files:
        check(path + "\n" in maps, "it has not mapped %s" % path)
        shutil.copy(path, path + ".new")
        os.rename(path + ".new", path)


@case
def rights_without_checkpoint_restore(t):
    """A library is opened by its path: one that was replaced since it was mapped is not probed."""
    n, m = prime(53), prime(101)
    kept = Server(t, "kept", tls=True, env={"OTEL_SERVICE_NAME": "kept"})
    files = own_libraries(t, kept)
    upgraded = Server(t, "upgraded", tls=True, env={"OTEL_SERVICE_NAME": "upgraded",
                                                    "LD_LIBRARY_PATH": os.path.dirname(files[0])})
    upgraded.ask(1)  # its library is not loaded before
    replace(upgraded, files)
    rows = {"kept": prom.server(n, "/secure", service="kept"),
            "upgraded": prom.server(m, "/secure", service="upgraded")}
    for without, seen in ((None, ("kept", "upgraded")), ("checkpoint_restore", ("kept",))):
        agent = unit(t, without, "--pid", kept.pid, "--pid", upgraded.pid, name="without-%s" % without)
        upgraded.ask(m)
        kept.ask(n)
        agent.expect(*[rows[name] for name in seen])
        refused = agent.scrape().total("redeye_uprobe_failed_total", reason="file_not_readable")
        check((refused > 0) == bool(without), "%d files were not readable" % refused)
        agent.end()
