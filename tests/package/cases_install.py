# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make install and uninstall, the unit, the executable."""

import os
import re
import subprocess

import harness
from harness import case
from lib import check, need_programs, run, settings

FILES = {"bin/redeye", "share/man/man1/redeye.1", "share/bash-completion/completions/redeye",
         "share/zsh/site-functions/_redeye", "share/fish/vendor_completions.d/redeye.fish",
         "lib/systemd/system/redeye.service"}


def make(*arguments):
    run(["make", "-s", "-C", settings.root, *arguments], seconds=600,
        env={"MAKEFLAGS": "", "MAKELEVEL": ""})


def files(folder):
    return {os.path.relpath(os.path.join(d, f), folder)
            for d, _, names in os.walk(folder) for f in names}


def install(t):
    """Installed as if the folder were the machine's own, so that the unit names what is there."""
    where = ["PREFIX=" + t.path("usr"), "SYSCONFDIR=" + t.path("etc")]
    make("install", *where)
    return where


@case
def install_and_uninstall(t):
    where = ["DESTDIR=" + t.path("dest"), "PREFIX=/usr"]
    make("install", *where)
    want = {"usr/" + f for f in FILES} | {"etc/redeye/redeye.yaml"}
    got = files(t.path("dest"))
    check(got == want, "installed: %s" % sorted(got ^ want))
    out = run([t.path("dest/usr/bin/redeye"), "version"])
    check(out.startswith("redeye "), out)
    with open(t.path("dest/usr/lib/systemd/system/redeye.service")) as f:
        check("ExecStart=/usr/bin/redeye run" in f.read(), "the unit starts something else")
    make("uninstall", *where)
    check(files(t.path("dest")) == set(), "left behind: %s" % files(t.path("dest")))
    check(not os.path.exists(t.path("dest/etc/redeye")), "/etc/redeye was left behind")


@case
def install_keeps_a_configuration(t):
    where = ["DESTDIR=" + t.path("dest"), "PREFIX=/opt/redeye"]
    mine = t.path("dest/etc/redeye/redeye.yaml")
    os.makedirs(os.path.dirname(mine))
    with open(mine, "w") as f:
        f.write("port: [1234]\n")
    make("install", *where)
    with open(t.path("dest/opt/redeye/lib/systemd/system/redeye.service")) as f:
        check("ExecStart=/opt/redeye/bin/redeye run" in f.read(), "the unit's path is another")
    make("uninstall", *where)
    with open(mine) as f:
        check(f.read() == "port: [1234]\n", "the configuration was overwritten")
    check(files(t.path("dest")) == {"etc/redeye/redeye.yaml"}, "left: %s" % files(t.path("dest")))


@case
def install_manual_page(t):
    need_programs("groff")
    install(t)
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", t.path("usr/share/man/man1/redeye.1")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0 and not done.stdout, "groff: " + done.stdout[:300])
    text = run(["groff", "-man", "-Tascii", "-P-cbou", t.path("usr/share/man/man1/redeye.1")])
    check("hardening" in text, "the page does not have the options")


@case
def unit_verifies(t):
    need_programs("systemd-analyze")
    install(t)
    unit = t.path("usr/lib/systemd/system/redeye.service")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = [line for line in done.stdout.splitlines() if "redeye" in line]
    check(not said and done.returncode == 0, "systemd-analyze verify: " + done.stdout[:400])


@case
def unit_exposure(t):
    """At most what docs/security.md says it is."""
    need_programs("systemd-analyze")
    unit = os.path.join(settings.root, "deploy/systemd/redeye.service")
    said = float(harness.documented(r"exposure level is \*\*([0-9.]+)\*\*"))
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", unit],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(r"exposure level for redeye.service: ([0-9.]+)", done.stdout)
    check(found, "systemd-analyze security: " + done.stdout[-300:])
    check(float(found.group(1)) <= said, "it is %s, not %s" % (found.group(1), said))
    return found.group(1)


@case
def unit_without_a_selection(t):
    """Says so and ends, with the status after which the unit does not try again."""
    install(t)
    done = subprocess.run([t.path("usr/bin/redeye"), "run", "--config", t.path("etc/redeye/redeye.yaml")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30)
    check("nothing selected" in done.stdout, done.stdout)
    with open(t.path("usr/lib/systemd/system/redeye.service")) as f:
        unit = f.read()
    check("RestartPreventExitStatus=%d\n" % done.returncode in unit,
          "the unit restarts after status %d" % done.returncode)


@case
def example_configuration(t):
    """Each line that is commented out is an option that there is."""
    path = t.path("redeye.yaml")
    with open(os.path.join(settings.root, "deploy/systemd/redeye.yaml")) as f, \
            open(path, "w") as out:
        for line in f:
            out.write(re.sub(r"^# ([a-z-]+: [\[\"0-9t].*)", r"\1", line))
    text = run([settings.redeye, "config", "--config", path])
    check("port: [8080, 8443]  # " + path in text, "not read: " + text[:300])
    check("TOKEN" not in text, "a credential is shown")


@case
def executable_is_hardened(t):
    need_programs("readelf")
    binary = os.path.realpath(settings.redeye)
    text = run(["readelf", "-hldW", "--dyn-syms", binary])
    check("Type:                              DYN" in text, "no position-independent executable")
    check("GNU_RELRO" in text, "no RELRO")
    check("BIND_NOW" in text or "Flags: NOW" in text, "bound lazily")
    stack = re.search(r"GNU_STACK.*", text).group(0)
    check("RWE" not in stack, "an executable stack")
    check("__stack_chk_fail" in text, "no stack protector")
    check("_chk@GLIBC" in text.replace("__stack_chk_fail", ""), "not fortified")
    check(not re.search(r"LOAD.* RWE ", text), "memory that is writable and executable")
