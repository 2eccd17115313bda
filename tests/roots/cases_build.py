# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Built otherwise: all warnings, from a tarball, in a path with a space, again after make clean."""

import re
import subprocess

from lib import check, settings
from cases_source import clone, make_demo
from machine import HOME, TREE, case

FOLDER = HOME + "/my own/redeye 0.1"


@case(clone)
def tarball(m):
    """As git archive makes it: no .git, and a space in the path."""
    m.does("mkdir -p '%s'" % FOLDER, folder=HOME)
    archive = subprocess.run(["git", "-C", settings.root, "archive", "HEAD"],
                             stdout=subprocess.PIPE, check=True).stdout
    with open(m.path(FOLDER[1:], "redeye.tar"), "wb") as f:
        f.write(archive)
    m.does("tar xf redeye.tar && rm redeye.tar", folder=FOLDER)


@case(tarball, make_demo)
def tarball_builds_without_warnings(m):
    out = m.does("make -j8 WERROR=1", folder=FOLDER, seconds=1800)
    said = [line for line in out.splitlines() if not re.match(r"  [A-Z]+ +\S+$", line)]
    check(not said, "said: " + "\n".join(said)[:500])
    out = m.does("make WERROR=1 test-golden", folder=FOLDER)
    check(re.search(r"golden: \d+ passed, 0 failed", out), out[-300:])
    version = m.does("./redeye version", folder=FOLDER)
    clang = m.does("clang --version", folder=FOLDER).splitlines()[0]
    return "gcc %s, %s, %s" % (re.search(r"compiler ([\d.]+)", version).group(1),
                               re.search(r"clang version [\d.]+", clang).group(0).replace(" version", ""),
                               re.search(r"libbpf [\d.]+", version).group(0))


@case(tarball_builds_without_warnings)
def tarball_checks(m):
    m.does("make -j2 check-abi check-arm64 check-docs", folder=FOLDER, seconds=600)


@case(tarball_builds_without_warnings)
def tarball_installs(m):
    """Into a folder, without root."""
    m.does("make install DESTDIR=%s/dest PREFIX=/usr" % HOME, folder=FOLDER)
    check(m.does("dest/usr/bin/redeye --version", HOME).startswith("redeye "), "no version")
    m.does("make uninstall DESTDIR=%s/dest PREFIX=/usr" % HOME, folder=FOLDER)
    check(m.does("find dest -type f", HOME) == "", "left: " + m.does("find dest -type f", HOME))
    m.does("rm -r dest", HOME)


@case(make_demo)
def clean_and_build(m):
    m.run("mkdir -p %s/build/tests-of-root/made" % TREE)
    m.refuses("make clean", r"build/ holds files of another user's, of tests perhaps: sudo make clean")
    m.run("rm -r %s/build/tests-of-root" % TREE)
    m.does("make")
    m.does("make clean")
    check(m.does("git status --porcelain --ignored") == "", "make clean has left something")
    m.does("make", seconds=1800)
    check(m.does("git status --porcelain") == "", "the build changes what git tracks")
    again = m.does("make")
    check(" CC " not in again and " LINK " not in again, "built again: " + again[-300:])
