# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A machine that was just installed, and ada, who has an account and sudo on it."""

import collections
import os
import re
import socket

from debian import OWN, Root
from lib import Failure, check, settings

OUT = os.path.join(settings.root, "build", "roots")
SERVER = ("ca-certificates", "sudo", "git", "make")
CASES = []
HOME = "/home/ada"
TREE = HOME + "/redeye"

Case = collections.namedtuple("Case", "name fn needs")


def case(*needs):
    def register(fn):
        CASES.append(Case(fn.__name__, fn, [n.__name__ for n in needs]))
        return fn
    return register


class Machine(Root):
    def __init__(self, folder, suite):
        self.log = open(os.path.join(OUT, suite + ".log"), "w")
        self.procs = []
        if os.path.exists(folder):
            self.root, self.suite = folder, suite
            return
        super().__init__(folder, suite, SERVER)
        with open(self.path("etc/hosts"), "w") as f:
            f.write("127.0.0.1 localhost\n127.0.1.1 %s\n" % socket.gethostname())
        self.run("useradd -m -s /bin/bash ada")
        with open(self.path("etc/sudoers.d/ada"), "w") as f:
            f.write("ada ALL=(ALL) NOPASSWD: ALL\n")
        self.update()

    def say(self, text):
        self.log.write(text + "\n")
        self.log.flush()

    def done(self, command, **how):
        done = super().done(command, **how)
        self.say("$ %s\n%s[%d]" % (command if isinstance(command, str) else command[-2],
                                   done.stdout, done.returncode))
        return done

    def as_ada(self, command, folder=TREE):
        """argv; her environment is that of a login, whose PATH has no sbin, and no more."""
        return ["setpriv", "--reuid=ada", "--regid=ada", "--init-groups", "env", "-i", "HOME=" + HOME,
                "USER=ada", "LOGNAME=ada", "LANG=C", "PATH=/usr/local/bin:/usr/bin:/bin",
                "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-c", "cd \"$0\" && " + command, folder]

    def tries(self, command, folder=TREE, **how):
        """(exit status, output) of a command of ada's."""
        done = self.done(self.as_ada(command, folder), **how)
        return done.returncode, done.stdout

    def does(self, command, folder=TREE, **how):
        code, out = self.tries(command, folder, **how)
        check(code == 0, "%s: %d: %s" % (command, code, out.strip()[-700:]))
        return out

    def refuses(self, command, sentence, folder=TREE, **how):
        """One exact sentence, and a status that says that it failed."""
        code, out = self.tries(command, folder, **how)
        said = [line for line in out.splitlines() if not re.match(r"make(\[\d+\])?: ", line)]
        check(code not in (0, 125) and code < 126, "%s: status %d: %s" % (command, code, out[-300:]))
        check(len(said) == 1 and re.fullmatch(sentence, said[0]), "%s said: %s" % (command, out[-600:]))

    def snapshot(self):
        """Without what belongs to people, and what the suite itself put there."""
        return super().snapshot(OWN + ("home/ada/", "srv/"))

    def close(self):
        for proc in reversed(self.procs):
            proc.stop()
        self.log.close()


def difference(before, after):
    """What was left behind, what is gone, what was changed; "" if nothing."""
    kinds = (("left behind", sorted(set(after) - set(before))),
             ("gone", sorted(set(before) - set(after))),
             ("changed", sorted(p for p in set(before) & set(after) if before[p] != after[p])))
    return "; ".join("%s: %s" % (what, " ".join(paths[:8]) + " ..." * (len(paths) > 8))
                     for what, paths in kinds if paths)


def same(before, after):
    text = difference(before, after)
    if text:
        raise Failure(text)
