# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What redeye refuses: a non-zero exit code and one sentence that names the culprit."""

import socket
import subprocess

from harness import CLI, case
from lib import check, free_port, settings


def refused(argv, words):
    """redeye must end by itself, say one line, and say these words in it."""
    done = subprocess.run([settings.redeye] + [str(a) for a in argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=20 * settings.slow)
    said = done.stderr.strip()
    check(done.returncode > 0, "%s: exit code %d" % (argv, done.returncode))
    check(said.startswith("redeye: "), "%s: said %r" % (argv, said[-300:]))
    check("\n" not in said, "%s: more than one line: %r" % (argv, said[-300:]))
    for word in words:
        check(word in said, "%s: %r is not in %r" % (argv, word, said))


# (arguments behind `redeye`, words of the sentence). All select a port that nobody uses.
BAD = (
    (("fly",), ("fly",)),
    (("run", "--port", "PORT", "--no-such-option"), ("--no-such-option",)),
    (("run", "--port", "PORT", "--pid"), ("--pid",)),
    (("run", "--pid", "abc"), ("--pid", "abc")),
    (("run", "--pid", "-1"), ("--pid", "-1")),
    (("run", "--port", "99999"), ("--port", "99999")),
    (("run", "--port", "0"), ("--port", "0")),
    (("run", "--port", "80x"), ("--port", "80x")),
    (("run", "--port", "PORT", "--backend", "magic"), ("--backend", "magic")),
    (("run", "--port", "PORT", "--log-level", "loud"), ("--log-level", "loud")),
    (("run", "--port", "PORT", "--ring-size", "lots"), ("--ring-size", "lots")),
    (("run", "--port", "PORT", "--listen", "nowhere"), ("--listen", "nowhere")),
    (("run", "--port", "PORT", "--listen", "127.0.0.1:99999"), ("--listen", "99999")),
    (("run", "--port", "PORT", "--config", "/nonexistent/redeye.yaml"),
     ("/nonexistent/redeye.yaml",)),
    (("run", "--port", "PORT", "operand"), ("operand",)),
)


@case(group=CLI)
def bad_options(t):
    if t.dry:
        return
    for argv, words in BAD:
        refused([free_port() if a == "PORT" else a for a in argv], words)


@case(group=CLI)
def port_in_use(t):
    """--listen on a port that somebody has."""
    if t.dry:
        return
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        refused(["run", "--port", free_port(), "--listen", "127.0.0.1:%d" % port],
                (str(port), "in use"))


@case(group=CLI, vm=True)
def no_selection(t):
    """Without a selection redeye watches nothing, and says so."""
    if not t.dry:
        refused(["run", "--listen", "127.0.0.1:%d" % free_port()], ("--",))
