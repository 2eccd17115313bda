# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program in a terminal of tmux: keys go in, a screen and the raw bytes come out."""

import os
import shlex
import subprocess
import time

CONFIG = """\
set -g status off
set -sg escape-time 0
set -g history-limit 0
set -g default-terminal tmux-256color
"""


# The program begins when somebody presses Enter; its screen stays after its end.
PANE = """\
read -r _
sh -c 'echo $$ >pid; exec "$@"' sh %s
echo $? >status.new
mv status.new status
read -r _
"""


class Failure(Exception):
    """The behaviour under test is wrong."""


class Skip(Exception):
    """This machine cannot run the case; the text says why."""


SECONDS = 10.0


def check(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(what, probe, seconds=None):
    """Polls until probe() is true, and returns what it returned."""
    end = time.monotonic() + (seconds or SECONDS)
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("waited for %s" % (what() if callable(what) else what))
        time.sleep(0.02)


class Terminal:
    """A tmux server of its own with one pane; `command` begins when its output is recorded."""

    def __init__(self, folder, command, columns=100, lines=16, env=None):
        self.folder = folder
        self.raw_path = os.path.join(folder, "raw")
        config = os.path.join(folder, "tmux.conf")
        with open(config, "w") as f:
            f.write(CONFIG)
        open(self.raw_path, "w").close()
        clean = {k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ}
        clean.update({"LC_ALL": "C.UTF-8", "TERM": "xterm"})
        self.env = clean
        words = ["env"] + ["%s=%s" % pair for pair in (env or {}).items()] + list(command)
        pane = PANE % " ".join(shlex.quote(w) for w in words)
        self.tmux("-f", config, "new-session", "-d", "-x", str(columns), "-y", str(lines),
                  "-c", folder, pane)
        self.tmux("pipe-pane", "-O", "cat >>" + shlex.quote(self.raw_path))
        self.keys("Enter")

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-u", "-S", os.path.join(self.folder, "tmux.sock"),
                               *arguments], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=SECONDS)
        if done.returncode:
            raise Failure("tmux %s: %s" % (arguments, done.stderr.decode()))
        return done.stdout.decode("utf-8", "replace")

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def lines(self):
        return self.screen().split("\n")

    def see(self, *texts, without=()):
        """Waits for a screen with all of these and none of those, and returns it."""
        seen = {}

        def look():
            seen["screen"] = screen = self.screen()
            return all(t in screen for t in texts) and not any(t in screen for t in without)

        wait_for(lambda: "%r without %r on\n%s" % (texts, without, seen["screen"]), look)
        return seen["screen"]

    def order(self, *texts):
        """Waits until these stand below one another, in this order."""
        seen = {}

        def look():
            seen["screen"] = screen = self.screen()
            at = [screen.find(t) for t in texts]
            return -1 not in at and at == sorted(at)

        wait_for(lambda: "%r in this order on\n%s" % (texts, seen["screen"]), look)

    def status(self):
        """Waits for the program's end; its exit status."""
        return int(wait_for(lambda: "the end of the program on\n" + self.screen(),
                            lambda: self.note("status")))

    def pid(self):
        return int(wait_for("the program's pid", lambda: self.note("pid")))

    def note(self, name):
        """What the pane has written down, or nothing yet."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return ""
        with open(path) as f:
            return f.read().strip()

    def title(self):
        return self.tmux("display", "-p", "#{pane_title}").strip()

    def raw(self):
        with open(self.raw_path, "rb") as f:
            return f.read()

    def close(self):
        try:
            self.tmux("kill-server")
        except Failure:
            pass
