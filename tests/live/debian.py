# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A Debian in a folder: made once by debootstrap, copied for whoever changes it.

A command in it has mounts of its own, which go with it, and the network and the kernel of this
machine. It has processes of its own, too, unless it is `host`: redeye wants the kernel's process
numbers.
"""

import os
import shlex
import shutil
import subprocess

from lib import Failure, Skip, check, need_programs, run, settings

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")),
                     "redeye-package")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Apt's and dpkg's own, and logs of what happened.
OWN = ("var/cache/", "var/lib/apt/", "var/lib/dpkg/", "var/log/", "etc/ld.so.cache", "tmp/",
       "dev/", "run/", "root/", "var/lib/systemd/deb-systemd-helper")

# What a machine has mounted that has booted, and the packages that were fetched before; $0 is the
# folder. What the kernel lacks is missing there, too.
MOUNTS = """
mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && mount -t devpts \
	-o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$0/dev/pts" || exit 125
mount -t tmpfs tmpfs "$0/dev/shm" || exit 125
mkdir -p "$DEBS/partial" && mount --bind "$DEBS" "$0/var/cache/apt/archives" || exit 125
for fs in tracefs:kernel/tracing debugfs:kernel/debug bpf:fs/bpf cgroup2:fs/cgroup; do
	mount -t ${fs%:*} ${fs%:*} "$0/sys/${fs#*:}" 2> /dev/null
done
"""


def tree(suite, packages=()):
    """A minimal Debian with these packages, made once."""
    need_programs("debootstrap")
    made = os.path.join(CACHE, "-".join((suite, *packages)))
    if not os.path.exists(os.path.join(made, "etc/debian_version")):
        os.makedirs(CACHE, exist_ok=True)
        shutil.rmtree(made, ignore_errors=True)
        done = subprocess.run(["debootstrap", "--variant=minbase"] +
                              ["--include=" + ",".join(packages)] * bool(packages) +
                              [suite, made + ".new"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            shutil.rmtree(made + ".new", ignore_errors=True)
            raise Skip("debootstrap: " + done.stdout.strip().splitlines()[-1])
        os.rename(made + ".new", made)
    return made


def key(path):
    """What a file is, without reading it."""
    st = os.lstat(path)
    at = (oct(st.st_mode), st.st_uid, st.st_gid)
    return at if os.path.isdir(path) and not os.path.islink(path) else \
        at + (st.st_size, st.st_mtime_ns)


class Root:
    def __init__(self, folder, suite, packages=()):
        self.root, self.suite = folder, suite
        os.makedirs(folder)
        run(["cp", "-a", tree(suite, packages) + "/.", folder], seconds=300)
        policy = self.path("usr/sbin/policy-rc.d")
        with open(policy, "w") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
        shutil.copy("/etc/resolv.conf", self.path("etc/resolv.conf"))

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def argv(self, command, host=False, network=True):
        """How this machine starts argv `command` in there; with host, without a fork. Without a
        network there is nothing that was fetched before, either."""
        spaces = ["-m"] + ["-p", "-f", "--kill-child"] * (not host) + ["-n"] * (not network)
        script = "DEBS=%s\n%sexec chroot \"$0\" \"$@\"" % (
            shlex.quote(os.path.join(CACHE, "archives", self.suite if network else "none")), MOUNTS)
        return ["unshare", *spaces, "/bin/sh", "-c", script, self.root, *command]

    def done(self, command, seconds=600, env=None, stdin=subprocess.DEVNULL, **how):
        """A finished process: `command` is for the shell, or argv."""
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        full_env = {"PATH": PATH, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(self.argv(argv, **how), stdin=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds * settings.slow, env=dict(full_env, **(env or {})))

    def run(self, command, **how):
        done = self.done(command, **how)
        check(done.returncode == 0, "%s: %s" % (command, done.stdout[-600:]))
        return done.stdout

    def snapshot(self, but=OWN):
        """{path: what it is} of all files and folders; a folder's name ends in a slash."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            for name in folders + names:
                path = os.path.join(folder, name)
                short = os.path.relpath(path, self.root) + \
                    ("/" if name in folders and not os.path.islink(path) else "")
                if not short.startswith(but):
                    found[short] = key(path)
        return found

    def files(self):
        return {p for p in self.snapshot() if not p.endswith("/")}

    def packages(self):
        return set(self.run("dpkg-query -W -f '${binary:Package} '").split())

    def files_of(self, packages):
        listed = self.run("dpkg -L " + " ".join(packages)).split("\n") if packages else ()
        # By the names that are behind links such as /lib.
        return {os.path.relpath(os.path.realpath(self.path(p[1:])), self.root)
                for p in listed if p} | {p[1:] for p in listed} | {"usr" + p for p in listed}

    def update(self):
        """Apt's lists, or a Skip: there is no mirror."""
        try:
            self.run("apt-get -q update")
        except Failure as e:
            raise Skip("no mirror: " + str(e)[-200:])
