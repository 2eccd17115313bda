# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The Debian package: built, looked at, installed in a Debian of its own and purged."""

import glob
import os
import shutil
import subprocess

from debian import Root
from harness import case
from lib import check, need_programs, run, settings

DEB = os.path.join(settings.root, "build", "deb")
MIB = 1 << 20


def package():
    """Built by the first case that wants it."""
    if not package.made:
        need_programs("dh", "fakeroot", "dpkg-buildpackage")
        run(["make", "-s", "-C", settings.root, "deb"], seconds=900,
            env={"MAKEFLAGS": "", "MAKELEVEL": ""})
        found = [p for p in glob.glob(DEB + "/redeye_*.deb")]
        check(len(found) == 1, "built: %s" % found)
        package.made = found[0]
    return package.made


package.made = None


@case
def deb_builds(t):
    deb = package()
    size = os.path.getsize(deb)
    check(size < 2 * MIB, "%d bytes" % size)
    conffiles = run(["dpkg-deb", "-I", deb, "conffiles"]).split()
    check(conffiles == ["/etc/redeye/redeye.yaml"], "conffiles: %s" % conffiles)
    installed = int(run(["dpkg-deb", "-f", deb, "Installed-Size"]))
    return "%d KiB, installed %d KiB" % (size >> 10, installed)


@case
def deb_is_clean(t):
    need_programs("lintian")
    package()
    changes = glob.glob(DEB + "/redeye_*.changes")
    check(len(changes) == 1, "%s" % changes)
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", changes[0]],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 0, "lintian: " + done.stdout[:600] + done.stderr[-200:])


def installs_and_purges(t, suite):
    deb = package()
    c = Root(t.path("root"), suite)
    t.undo.append(c.remove)
    c.update()
    before, packages = c.files(), c.packages()
    shutil.copy(deb, os.path.join(c.root, "tmp/redeye.deb"))
    said = c.run("apt-get -q -y install --no-install-recommends /tmp/redeye.deb")
    check("/etc/redeye/redeye.yaml" in said, "it does not say what to do: " + said[-300:])
    check(c.run("redeye version").startswith("redeye "), "it does not run")
    check("nothing selected" in c.run("redeye run --config /etc/redeye/redeye.yaml || true"),
          "it does not say that nothing is selected")
    wants = [f for f in c.files() if f.startswith("etc/systemd/") and "redeye" in f]
    check(not wants, "it was enabled: %s" % wants)
    for folder in ("var/lib/private/redeye/spool", "var/log/private/redeye"):
        os.makedirs(os.path.join(c.root, folder))
    for link in ("var/lib", "var/log"):
        os.symlink("private/redeye", os.path.join(c.root, link, "redeye"))
    c.run("apt-get -q -y purge redeye && apt-get -q -y autoremove --purge")
    kept = c.packages() - packages
    check("redeye" not in kept, "it is still there")
    left = sorted(c.files() - before - c.files_of(kept))
    check(not left, "left behind: %s" % left[:10])
    for path in ("var/lib/redeye", "var/log/redeye", "var/lib/private/redeye", "etc/redeye"):
        check(not os.path.lexists(os.path.join(c.root, path)), "/%s was left behind" % path)
    return "%s stay, which others recommend" % ", ".join(sorted(kept)) if kept else ""


@case
def deb_in_bookworm(t):
    return installs_and_purges(t, "bookworm")


@case
def deb_in_trixie(t):
    """The same package: the libraries' names have changed there, and what they provide has not."""
    return installs_and_purges(t, "trixie")
