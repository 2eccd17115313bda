# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two commands of README, and what is said before anything was installed."""

import os
import re
import subprocess

import machine
from lib import Skip, check, run, settings
from machine import HOME, TREE, case


@case()
def clone(m):
    """What is committed, whatever lies around here."""
    bundle = os.path.join(machine.OUT, "redeye.bundle")
    if not os.path.exists(os.path.join(settings.root, ".git")):
        raise Skip("this tree is no checkout of git")
    run(["git", "-C", settings.root, "bundle", "create", "-q", bundle, "HEAD"])
    run(["cp", bundle, m.path("srv/redeye.git")])
    m.does("git clone -q /srv/redeye.git redeye", folder=HOME)
    head = m.does("git rev-parse HEAD").strip()
    check(head == run(["git", "-C", settings.root, "rev-parse", "HEAD"]).strip(), "cloned " + head)
    check(m.does("git status --porcelain") == "", "the clone is not clean")
    dirty = run(["git", "-C", settings.root, "status", "--porcelain", "-uno"]).splitlines()
    return "without what is not committed here: %d files" % len(dirty) if dirty else ""


@case(clone)
def make_before_deps(m):
    """One sentence, not a page of compilers' errors; however many jobs."""
    sentence = r"missing: .*\bgcc\b.*\bclang\b.*\bbpftool\b.*: sudo make deps installs it \(on .*\)"
    for command in ("make", "make -j8", "make WERROR=1 test-unit", "make deb"):
        m.refuses(command, sentence)
    check(m.does("git status --porcelain --ignored") == "", "something was left")


@case(clone)
def make_deps_without_root(m):
    code, out = m.tries("make deps")
    check(code == 2 and re.search(r"^installing packages needs root; run this with sudo, or: apt-get "
                                  r"install( [\w.+-]+)+$", out, re.M), "said: " + out[-500:])
    check("clang" in out and "|" not in out.split("run this")[1], "no list to paste: " + out[-500:])


@case(clone)
def make_deps_without_network(m):
    """With apt's lists, which then name packages, and without."""
    for prepare in ("true", "mv /var/lib/apt/lists /var/lib/apt/lists.away"):
        m.run(prepare)
        code, out = m.tries("sudo make deps", network=False)
        said = [line for line in out.splitlines() if line.startswith("cannot ")]
        check(code == 2 and len(said) == 1 and
              re.fullmatch(r"cannot install packages: no mirror answers: .*", said[0]), out[-900:])
    m.run("rm -rf /var/lib/apt/lists && mv /var/lib/apt/lists.away /var/lib/apt/lists")


@case(clone)
def make_demo_without_root(m):
    m.refuses("make demo", r"demo: redeye loads programs into the kernel, which takes root: sudo make demo")


@case(clone)
def make_demo(m):
    """`sudo make demo`: installs, builds, and its books balance."""
    out = m.does("sudo make demo DURATION=10", host=True, seconds=1800)
    check("All equal: redeye counted each request once." in out, out[-800:])
    for service in ("shop", "orders", "stock"):
        check(re.search(r"^%s +server " % service, out, re.M), "the table has no " + service)
    check(not others_files(m), "not ada's: %s" % others_files(m)[:5])
    m.demo = re.findall(r"^(?:shop|orders|stock) .* (\d+)$", out, re.M)
    return "requests of shop, orders, stock: %s" % ", ".join(m.demo)


def others_files(m):
    """What ada could not change in her own tree."""
    return m.run("find %s ! -user ada" % TREE).split()


@case(make_demo)
def make_test_fast(m):
    """The parts of `sudo make test` that take seconds once they are built."""
    out = m.does("sudo make test-unit test-golden", seconds=1800)
    counts = dict(re.findall(r"^(unit|golden): (\d+) passed, 0 failed", out, re.M))
    check(set(counts) == {"unit", "golden"}, out[-800:])
    return "%(unit)s unit, %(golden)s golden" % counts


@case(make_demo)
def make_test(m):
    """All of it, with --full."""
    done = subprocess.run(m.argv(m.as_ada("sudo make test"), host=True), stdin=subprocess.DEVNULL,
                          stdout=m.log, stderr=subprocess.STDOUT, timeout=7200 * settings.slow)
    with open(m.log.name, errors="replace") as f:
        text = f.read()
    check(done.returncode == 0, "\n".join(re.findall(r"^\w+: FAIL.*", text, re.M))[:800])
    return re.findall(r"^redeye: (\d+ passed.*)", text, re.M)[-1]


@case(make_demo)
def make_after_sudo(m):
    """What was built with sudo is in nobody's way afterwards."""
    check(not others_files(m), "not ada's: %s" % others_files(m)[:5])
    out = m.does("touch agent/hist.c tests/unit/hist.c && make && make test-golden", seconds=900)
    check("agent/hist.c" in out and "golden: " in out, out[-300:])
    m.does("make build/tests/unit/hist", seconds=900)
