# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The Debian package: built, looked at, installed in a Debian of its own and purged."""

import glob
import os
import shutil
import subprocess

import harness
from harness import case
from lib import Failure, Skip, check, need_programs, run, settings

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")),
                     "redeye-package")
DEB = os.path.join(settings.root, "build", "deb")
MIB = 1 << 20

# Apt's and dpkg's own, and logs of what happened.
OWN = ("var/cache/", "var/lib/apt/", "var/lib/dpkg/", "var/log/", "etc/ld.so.cache", "tmp/",
       "dev/", "run/", "root/", "var/lib/systemd/deb-systemd-helper")


def debian(suite):
    """A minimal Debian, made once."""
    need_programs("debootstrap")
    tree = os.path.join(CACHE, suite)
    if not os.path.exists(os.path.join(tree, "etc/debian_version")):
        os.makedirs(CACHE, exist_ok=True)
        shutil.rmtree(tree, ignore_errors=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", suite, tree + ".new"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            shutil.rmtree(tree + ".new", ignore_errors=True)
            raise Skip("debootstrap: " + done.stdout.strip().splitlines()[-1])
        os.rename(tree + ".new", tree)
    return tree


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


class Chroot:
    """A Debian whose changes go with the case."""

    def __init__(self, t, suite):
        self.root = t.path("root")
        os.makedirs(self.root)
        tree = debian(suite)
        run(["cp", "-a", tree + "/.", self.root], seconds=300)
        policy = os.path.join(self.root, "usr/sbin/policy-rc.d")
        with open(policy, "w") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
        shutil.copy("/etc/resolv.conf", os.path.join(self.root, "etc/resolv.conf"))
        t.undo.append(lambda: shutil.rmtree(self.root, ignore_errors=True))

    def run(self, command, seconds=600):
        # A mount namespace of its own: what is mounted goes with the command.
        script = "mount -t proc proc %s/proc && exec chroot %s /bin/sh -c \"$0\"" % (
            self.root, self.root)
        done = subprocess.run(["unshare", "-m", "-p", "-f", "/bin/sh", "-c", script, command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds * settings.slow,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                                   "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode:
            raise Failure("%s: %s" % (command, done.stdout[-600:]))
        return done.stdout

    def files(self):
        found = set()
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if not path.startswith(OWN):
                    found.add(path)
        return found

    def packages(self):
        return set(self.run("dpkg-query -W -f '${binary:Package} '").split())

    def files_of(self, packages):
        listed = self.run("dpkg -L " + " ".join(packages)).split("\n") if packages else ()
        # By the names that are behind links such as /lib.
        return {os.path.relpath(os.path.realpath(os.path.join(self.root, p[1:])), self.root)
                for p in listed if p} | {p[1:] for p in listed} | {"usr" + p for p in listed}


def installs_and_purges(t, suite):
    deb = package()
    c = Chroot(t, suite)
    try:
        c.run("apt-get -q update")
    except Failure as e:
        raise Skip("no mirror: " + str(e)[-200:])
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
