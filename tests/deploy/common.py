# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where things are, and how a case is run and told."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
for folder in ("live", "prometheus"):
    sys.path.append(os.path.join(TESTS, folder))

from lib import Failure, Skip, need_programs, settings

DEPLOY = os.path.join(settings.root, "deploy")
RULES = os.path.join(DEPLOY, "prometheus", "rules")
COMPOSE = os.path.join(DEPLOY, "compose")
verdicts = []


def rule_files():
    return sorted(os.path.join(RULES, name) for name in os.listdir(RULES))


def read(*parts):
    with open(os.path.join(DEPLOY, *parts)) as f:
        return f.read()


def rules_text():
    return "".join(read(path) for path in rule_files())


def replaced(text, *pairs):
    """Each of the old texts must be there: a configuration that changed is not tested as if it
    had not."""
    for old, new in pairs:
        if old not in text:
            raise Failure("the configuration has no %r any more" % old)
        text = text.replace(old, new)
    return text


def built(name):
    """A program that tests/deploy/deps builds."""
    path = os.path.join(settings.root, "build", "deploy", name)
    if os.access(path, os.X_OK):
        return path
    try:
        with open(path + ".why") as f:
            raise Skip(f.read().strip())
    except FileNotFoundError:
        raise Skip("%s is not built; tests/deploy/deps does that" % name)


def ask(*argv, env=None, ok=(0,)):
    """Runs a program to its end; what it printed, on both outputs."""
    need_programs(argv[0])
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})),
                          timeout=120 * settings.slow)
    if done.returncode not in ok:
        said = " ".join(done.stdout.split())
        raise Failure("%s (exit code %d): %s" % (os.path.basename(argv[0]), done.returncode,
                                                 said[-600:]))
    return done.stdout


def run(name, case, *arguments):
    """Runs it and prints its line."""
    verdict, reason = "ok", ""
    try:
        case(*arguments)
    except (Skip, Failure) as e:
        verdict, reason = "SKIP" if isinstance(e, Skip) else "FAIL", str(e)
    except Exception as e:
        verdict, reason = "FAIL", "%s: %s" % (type(e).__name__, e)
    print("%-4s %s%s" % (verdict, name, ": " + re.sub(r"\s+", " ", reason) if reason else ""),
          flush=True)
    verdicts.append(verdict)
