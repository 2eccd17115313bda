# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make install, what is there then, what it says when something is wrong, make uninstall."""

import json
import os
import re

from cases_source import make_demo
from lib import check
from machine import HOME, case, same

USAGE = (  # command line, the one sentence
    ("redeye nonsense", r"redeye: error: unknown command 'nonsense': see redeye help"),
    ("redeye run --nonsense", r"redeye: error: unknown option --nonsense: see redeye run --help"),
    ("redeye run --port 99999", r"redeye: error: bad value '99999' for --port: want a port from 1 to 65535"),
    ("redeye run --pid", r"redeye: error: missing value: --pid PID"),
    ("redeye run", r"redeye: error: nothing selected: use --port, .* or --all"),
    ("redeye run --config /nowhere", r"redeye: error: cannot read /nowhere: No such file or directory"),
    ("redeye run more --pid 1", r"redeye: error: unexpected argument 'more': redeye run takes options only"),
    ("redeye replay /nowhere", r"redeye: error: /nowhere: No such file or directory"),
    ("redeye completion tcsh", r"redeye: error: unknown shell 'tcsh': redeye completion bash\|zsh\|fish"),
    ("redeye top", r"redeye: error: no redeye is running here: cannot connect to "
                   r"/run/redeye/redeye.sock: No such file or directory; start one, or .*"),
)
RIGHTS = r"redeye: error: watching takes root, or CAP_BPF and CAP_PERFMON: see redeye doctor"
NAMESPACE = (r"redeye: error: redeye is in a PID namespace of its own, where process numbers are others "
             r"than the kernel's: it takes the host's \(hostPID: true, --pid=host\)")


@case(make_demo)
def install(m):
    m.run("apt-get -q -y install --no-install-recommends man-db bash-completion groff-base")
    m.does("make", seconds=1800)
    m.before = m.snapshot()
    m.does("sudo make install")
    check(m.does("redeye --version", HOME).startswith("redeye "), "no version")
    new = sorted(p for p in set(m.snapshot()) - set(m.before) if not p.endswith("/"))
    return "%d files" % len(new)


@case(install)
def manual_page(m):
    page = m.does("man -w redeye", HOME).strip()  # /usr/local/man is a link
    check(page in ("/usr/local/man/man1/redeye.1", "/usr/local/share/man/man1/redeye.1"), page)
    text = m.does("man --warnings redeye 2>&1 | cat", HOME)
    check("--max-connections" in text and "warning" not in text, text[:300])


@case(install)
def completion(m):
    script = (". /usr/share/bash-completion/bash_completion; _completion_loader redeye; "
              "COMP_WORDS=(redeye do); COMP_CWORD=1; COMP_LINE='redeye do'; COMP_POINT=9; "
              "f=$(complete -p redeye | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f; echo \"${COMPREPLY[@]}\"")
    check(m.does("bash -c '%s'" % script.replace("'", "'\\''"), HOME).strip() == "doctor", "no doctor")


@case(install)
def doctor(m):
    report = json.loads(m.does("sudo redeye doctor --json", HOME, host=True))
    check(report["usable"], "not usable: %s" % report["backends"])
    code, out = m.tries("redeye doctor", HOME, host=True)
    check(code == 1 and out.rstrip().endswith("redeye cannot work here."), out[-300:])
    works = [b["name"] for b in report["backends"] if b["available"]]
    return "backends " + ", ".join(works)


@case(install)
def wrong_use(m):
    for command, sentence in USAGE:
        m.refuses(command, sentence, HOME)


@case(install)
def missing_rights(m):
    for command in ("redeye run --pid 1", "redeye tail --pid 1", "redeye record --pid 1 -o x.red"):
        m.refuses(command, RIGHTS, HOME, host=True)
    check(not os.path.exists(m.path(HOME[1:], "x.red")), "an empty recording was left")


@case(install)
def pid_namespace(m):
    """There --pid 1 is this command's shell, and the kernel's is somebody else's."""
    for command in ("run", "tail"):
        m.refuses("sudo redeye %s --pid 1" % command, NAMESPACE, HOME, seconds=20)
    code, out = m.tries("sudo redeye doctor", HOME)
    check(code == 1 and re.search(r"host PID namespace +NO ", out) and
          out.rstrip().endswith("redeye cannot work here."), out[-1500:])


@case(install)
def uninstall(m):
    m.does("sudo make uninstall")
    same(m.before, m.snapshot())


@case(uninstall)
def install_keeps_what_was_changed(m):
    """The configuration, which README says."""
    m.does("sudo make install")
    m.run("echo 'port: [8080]' >> /etc/redeye/redeye.yaml")
    m.does("sudo make install && sudo make uninstall")
    left = {p: v for p, v in m.snapshot().items() if not p.startswith("etc/redeye/")}
    same(m.before, left)
    check(m.run("tail -n 1 /etc/redeye/redeye.yaml") == "port: [8080]\n", "it was overwritten")
    m.run("rm -r /etc/redeye")
