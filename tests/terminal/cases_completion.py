# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Completion in a real bash, and the manual page in a real man."""

import os
import shutil
import subprocess

from harness import case, piped
from terminal import Skip, check

ASK = """
source <("$1" completion bash)
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_redeye
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(b, *words):
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", b.redeye, "redeye", *words],
                          cwd=b.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    check(done.stderr == b"", done.stderr.decode())
    return set(done.stdout.decode().split("\n")) - {""}


@piped
def bash_completes(b):
    for name in ("a file", "b"):
        with open(os.path.join(b.folder, name), "w"):
            pass
    os.mkdir(os.path.join(b.folder, "folder"))
    for words, want in (
            (["re"], {"record", "replay"}),
            (["top", "--so"], {"--sort", "--socket"}),
            (["top", "--sort", "p"], {"p50", "p95", "p99"}),
            (["top", "--sort", "=", "er"], {"errors"}),
            (["top", "--sort", "="], {"name", "rate", "count", "errors", "p50", "p95", "p99"}),
            (["tail", "--kind", ""], {"any", "server", "client"}),
            (["run", "--no-l"], {"--no-learn-routes"}),
            (["run", "--lines"], set()),
            (["run", "--port", ""], set()),
            (["run", "--config", "a"], {"a file"}),
            (["run", "--spool-dir", ""], {"folder"}),
            (["record", "-o", "b"], {"b"}),
            (["replay", "b"], {"b"}),
            (["run", ""], set()),
            (["completion", ""], {"bash", "zsh", "fish"}),
            (["help", "to"], {"top"}),
            (["version", "--"], set()),
            (["nonsense", "--"], set())):
        check(completed(b, *words) == want, "%s: %s" % (words, completed(b, *words)))
    check(len(completed(b, "")) >= 12, "commands: %s" % completed(b, ""))


@case
def bash_completes_at_the_keyboard(b):
    t = b.open(["bash", "--norc", "--noprofile"], env={"PS1": "$ ", "REDEYE": b.redeye})
    t.see("$")
    t.type('source <("$REDEYE" completion bash); echo rea""dy')
    t.keys("Enter")
    t.see("\nready")
    t.type("redeye tail --min")
    t.keys("Tab")
    t.see("redeye tail --min-duration")
    t.type("1s --kind=cl")
    t.keys("Tab")
    t.see("--kind=client")


@piped
def the_manual_is_readable(b):
    if not shutil.which("man"):
        raise Skip("man is not installed")
    page = subprocess.run([b.redeye, "man"], stdout=subprocess.PIPE, check=True).stdout
    done = subprocess.run(["man", "-l", "-"], input=page, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=b.environment({"MANWIDTH": "80"}))
    text = done.stdout.decode()
    check(done.returncode == 0 and done.stderr == b"", done.stderr.decode())
    for part in ("NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS",
                 "EXAMPLES", "SEE ALSO", "--min-duration", "/run/redeye/redeye.sock"):
        check(part in text, "no %s" % part)


@piped
def other_shells(b):
    for words, text in ((["completion", "tcsh"], "unknown shell 'tcsh'"),
                        (["completion"], "want one shell"), (["man", "x"], "takes none")):
        p = b.start(*words)
        _, err = p.communicate()
        check(p.returncode == 2 and text in err.decode(), err.decode())
    for words in (["completion", "--help"], ["man", "--help"], ["help", "man"], ["help", "top"]):
        p = b.start(*words)
        out, err = p.communicate()
        check(p.returncode == 0 and out.startswith(b"Usage: redeye ") and not err, str(words))
