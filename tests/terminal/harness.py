# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a case has at hand: a folder, fake agents, terminals, redeye with pipes."""

import os
import subprocess

import agent
import terminal

CASES = []


def case(function):
    function.needs_tmux = True
    CASES.append(function)
    return function


def piped(function):
    """A case without a terminal."""
    CASES.append(function)
    function.needs_tmux = False
    return function


class Bench:
    def __init__(self, folder, redeye, live):
        self.folder, self.redeye, self.live = folder, redeye, live
        self.socket = os.path.join(folder, "redeye.sock")
        self.ends = []

    def agent(self, world=None):
        fake = agent.FakeAgent(self.socket, world)
        self.ends.append(lambda: fake.server and fake.stop() if os.path.exists(self.socket) else 0)
        return fake

    def terminal(self, *words, **how):
        return self.open([self.redeye, *words, "--socket", self.socket], **how)

    def open(self, command, **how):
        folder = os.path.join(self.folder, "t%d" % len(self.ends))
        os.mkdir(folder)
        t = terminal.Terminal(folder, command, **how)
        self.ends.append(t.close)
        return t

    def environment(self, more=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("REDEYE_", "OTEL_"))}
        env.update({"LC_ALL": "C.UTF-8", "TZ": "UTC"})
        env.update(more or {})
        return env

    def start(self, *words, env=None, **how):
        how.setdefault("stdout", subprocess.PIPE)
        p = subprocess.Popen([self.redeye, *words], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=self.environment(env), **how)
        self.ends.append(lambda: (p.poll() is None and p.kill(), p.wait()))
        return p

    def run(self, *words, env=None):
        """(exit status, standard output, standard error)"""
        p = self.start(*words, "--socket", self.socket, env=env)
        out, err = p.communicate(timeout=terminal.SECONDS)
        return p.returncode, out.decode(), err.decode()

    def close(self):
        for end in reversed(self.ends):
            end()
