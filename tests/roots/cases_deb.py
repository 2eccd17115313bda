# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The Debian package: built here, installed, at work, changed, upgraded, purged, installed again."""

import http.client
import os
import re
import shutil

import agent
import prom
from cases_build import tarball
from cases_source import make_demo
from lib import Failure, Proc, accepts, check, free_port, prime, settings, wait_for
from machine import HOME, TREE, case, same

CONFIG = "/etc/redeye/redeye.yaml"


def built(m):
    found = [f for f in os.listdir(m.path(TREE[1:], "build/deb")) if f.endswith(".deb") and "dbgsym" not in f]
    check(len(found) == 1, "built: %s" % found)
    return "./build/deb/" + found[0]


@case(make_demo)
def deb_without_debhelper(m):
    m.refuses("make deb", r"missing: debhelper: sudo apt-get install debhelper")


@case(deb_without_debhelper)
def deb_builds(m):
    m.run("apt-get -q -y install --no-install-recommends debhelper")
    m.does("make deb", seconds=1800)
    info = m.does("dpkg-deb -I %s" % built(m))
    return re.search(r"Depends: (.*)", info).group(1)


@case(tarball)
def deb_of_a_tarball(m):
    m.refuses("make deb", r"make deb packs the files that git tracks, and this is no checkout",
              folder=HOME + "/my own/redeye 0.1")


@case(deb_builds)
def deb_installs(m):
    m.before, m.packages_before = m.snapshot(), m.packages()
    out = m.does("sudo apt install -y %s" % built(m))
    check("select what to watch in " + CONFIG in out, "it does not say what to do: " + out[-400:])
    check(m.does("redeye --version", HOME).startswith("redeye "), "it does not run")
    check(m.does("command -v redeye", HOME).strip() == "/usr/bin/redeye", "another one is first")
    m.refuses("redeye run --config " + CONFIG, r"redeye: error: nothing selected: .*", HOME)


class Watched:
    """A server of ada's, and the machine's redeye on it alone."""

    def __init__(self, m):
        self.port, self.metrics = free_port(), free_port()
        server = m.as_ada("exec python3 -m http.server --bind 127.0.0.1 %d" % self.port, HOME)
        self.server = self.start(m, server, "server.log")
        wait_for("the server", lambda: accepts(("127.0.0.1", self.port)), 30)
        self.redeye = self.start(m, ["redeye", "run", "--listen", "127.0.0.1:%d" % self.metrics,
                                     "--pid", str(self.server.pid)], "redeye.log")
        self.redeye.wait_line("redeye: info: ready:", 60)

    def start(self, m, argv, log):
        log = m.path("tmp", log)
        if os.path.exists(log):  # of a case before
            os.unlink(log)
        proc = Proc(m.argv(argv, host=True), log, env={"HOME": "/root"})
        m.procs.append(proc)
        return proc

    def ask(self, n):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * settings.slow)
        for _ in range(n):
            conn.request("GET", "/.bash_logout")
            check(conn.getresponse().read(), "no answer")
        conn.close()

    def expect(self, n):
        problems = [["not scraped"]]

        def same():
            text = agent.fetch(self.metrics, "/metrics")[1]
            problems[0] = prom.compare(prom.Metrics(text), [prom.server(n, prom.ANY)])
            return not problems[0]
        try:
            wait_for("the counts", same, 10, 0.05)
        except Failure:
            raise Failure("; ".join(problems[0][:4]))

    def end(self):
        self.redeye.signal(15)
        check(self.redeye.wait(10 * settings.slow) == 0, self.redeye.output()[-300:])
        self.server.stop()


@case(deb_installs)
def deb_watches(m):
    """In the kernel's PID namespace, one process, each of its requests."""
    n = prime(509)
    w = Watched(m)
    w.ask(n)
    w.expect(n)
    w.end()
    return "%d requests" % n


def newer(m, version, line=""):
    """The package as if it were a later one, in which `line` is new in the configuration."""
    shutil.rmtree(m.path("srv/deb"), ignore_errors=True)
    m.run("dpkg-deb -R %s/%s /srv/deb" % (TREE, built(m)))
    m.run("cd /srv/deb && sed -i 's/^Version: .*/Version: %s/' DEBIAN/control && printf '%s' >> .%s && "
          "md5sum $(find * -path DEBIAN -prune -o -type f ! -path 'etc/*' -print) > DEBIAN/md5sums && "
          "dpkg-deb -b . /srv/redeye_%s.deb" % (version, line, CONFIG, version))
    return "/srv/redeye_%s.deb" % version


@case(deb_installs)
def deb_upgrades_over_a_changed_configuration(m):
    """Also where the new package has another one: what dpkg always does."""
    m.run("echo 'port: [29999]' >> " + CONFIG)
    m.does("sudo apt install -y " + newer(m, "0.9.1"))
    check("0.9.1" in m.does("dpkg -s redeye"), "not upgraded")
    check(m.run("tail -n 1 " + CONFIG) == "port: [29999]\n", "it was overwritten")
    m.does("sudo apt install -y -o Dpkg::Options::=--force-confold " + newer(m, "0.9.2", "# new\\n"))
    check("0.9.2" in m.does("dpkg -s redeye"), "not upgraded")
    check(m.run("tail -n 1 " + CONFIG) == "port: [29999]\n", "it was overwritten")
    check(m.run("tail -n 1 %s.dpkg-dist" % CONFIG) == "# new\n", "the new one is nowhere")


@case(deb_upgrades_over_a_changed_configuration)
def deb_removed_and_back(m):
    """Removed, not purged: the configuration stays, and is in force when it is installed again."""
    m.does("sudo apt remove -y redeye")
    check(m.run("tail -n 1 " + CONFIG) == "port: [29999]\n", "it went")
    check(not os.path.exists(m.path("usr/bin/redeye")), "the program stayed")
    m.does("sudo apt install -y -o Dpkg::Options::=--force-confold /srv/redeye_0.9.2.deb")
    check("port: [29999]" in m.does("redeye config --config " + CONFIG, HOME), "not in force")


def purge(m):
    m.does("sudo apt purge -y redeye && sudo apt autoremove --purge -y")
    check("redeye" not in m.packages(), "dpkg still lists it")
    kept = m.packages() - m.packages_before
    files = m.files_of(kept)
    same(m.before, {p: v for p, v in m.snapshot().items()
                    if p.rstrip("/") not in files})
    return "%s stay, which others recommend" % ", ".join(sorted(kept)) if kept else ""


@case(deb_installs)
def deb_purges(m):
    """No file, no configuration, no user, whatever it was before."""
    users = m.run("cat /etc/passwd /etc/group")
    note = purge(m)
    check("redeye" not in users and "redeye" not in m.run("cat /etc/passwd /etc/group"), "a user")
    check(not os.path.exists(m.path("etc/redeye")), "/etc/redeye")
    return note


@case(deb_purges)
def deb_again(m):
    m.does("sudo apt install -y %s" % built(m))
    check("29999" not in m.run("cat " + CONFIG), "the old configuration is back")
    n = prime(101)
    w = Watched(m)
    w.ask(n)
    w.expect(n)
    w.end()
    purge(m)
