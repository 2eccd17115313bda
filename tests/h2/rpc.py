# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The stacks of gRPC: for each the same service and the same client, see README.md."""

import collections
import json
import os
import subprocess

from kinds import BUILDS, GO, JAVA, NODE_MODULES, PYTHON, RUST, source
from lib import Failure, Skip, check, need_programs, settings, tree, wait_for


class Stack:
    def __init__(self, what, serve, call, build, needs=(), tls=True):
        self.what = what
        self.serve, self.call = serve, call  # argv before the port, before the target
        self.build, self.needs = build, needs
        self.tls = tls                       # what is sent over TLS can be seen


GRPC_JS = ["node", source("node", "grpc.js")]
GRPC_PYTHON = [PYTHON, source("grpc_python.py")]
STACKS = {
    "go": Stack("grpc-go", [GO, "grpc"], [GO, "call"], "go"),
    "python": Stack("C core (Python)", GRPC_PYTHON + ["serve"], GRPC_PYTHON + ["call"], "python",
                    tls=False),
    "tonic": Stack("tonic", [RUST, "grpc"], [RUST, "call"], "rust"),
    "node": Stack("grpc-js", GRPC_JS + ["serve"], GRPC_JS + ["call"], "node", ("node",)),
    "java": Stack("grpc-java (Netty)", JAVA + ["serve"], JAVA + ["call"], "java", ("java",),
                  tls=False),
}
METHODS = ("Unary", "ServerStream", "ClientStream", "Bidi")


def _prepare(name, tls):
    stack = STACKS[name]
    need_programs(*stack.needs)
    BUILDS[stack.build].make()
    if tls and not stack.tls:
        raise Skip("what its TLS sends cannot be seen")
    return stack, {"OTEL_SERVICE_NAME": "grpc-" + name, "NODE_PATH": NODE_MODULES}


class Server:
    """Notes each call that has ended: METHOD STATUS RECEIVED SENT."""

    def __init__(self, t, name, tls=False):
        stack, env = _prepare(name, tls)
        self.name, self.service, self.tls = name, env["OTEL_SERVICE_NAME"], tls
        self.log = os.path.join(t.subfolder("grpc-" + name), "calls.log")
        self.proc = t.spawn(stack.serve + [0, self.log] + ["tls"] * tls, env)
        self.port = int(self.proc.wait_line("LISTEN")[7:])
        self.target = "%s:%d" % ("localhost" if tls else "127.0.0.1", self.port)

    def pids(self):
        return tree(self.proc.pid)

    def truth(self):
        """{(method, status, messages received, sent): how often}"""
        with open(self.log) as f:
            return collections.Counter(tuple(line.split()) for line in f)


class Client:
    """Makes calls over one channel, as it is told; says what became of each."""

    def __init__(self, t, name, server):
        stack, env = _prepare(name, server.tls)
        self.name, self.service, self.asked = name, env["OTEL_SERVICE_NAME"], 0
        self.proc = t.spawn(stack.call + [server.target] + ["tls"] * server.tls, env,
                            stdin=subprocess.PIPE)
        self.pid = self.proc.pid
        self.proc.wait_line("READY")

    def start(self, method="Unary", times=1, together=1, status=0, count=1, size=10, hold=0,
              send=1, send_size=20, pause=0, deadline=0, cancel=0):
        """count, size, hold: of the answers, and milliseconds before their end; pause:
        milliseconds before the client's own."""
        numbers = (status, count, size, hold, send, send_size, pause, deadline, cancel, times,
                   together)
        line = "%s %s\n" % (method, " ".join(map(str, numbers)))
        self.first = self.asked
        self.asked += times
        self.proc.popen.stdin.write(line.encode())
        self.proc.popen.stdin.flush()

    def said(self):
        lines = [line for line in self.proc.output().splitlines(True) if line[:1] == "{"]
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait(self, seconds=30):
        """What became of the calls that were asked for last."""
        def all_said():
            check(self.proc.alive(), "%s ended: %s" % (self.name, self.proc.output()[-300:]))
            said = self.said()
            return said if len(said) >= self.asked else None
        try:
            return wait_for("calls", all_said, seconds)[self.first:]
        except Failure as e:
            raise Failure("%s: %d calls of %d ended: %s: %s" % (
                self.name, len(self.said()), self.asked, e, self.proc.output()[-200:]))

    def ask(self, method="Unary", want=None, seconds=30, **kw):
        """All end with the status that was asked for (or one of `want`), and with all messages."""
        self.start(method, **kw)
        said = self.wait(seconds)
        for one in said:
            check(one["status"] in (want or (kw.get("status", 0),)), "%s: %s ended with %d" %
                  (self.name, method, one["status"]))
            if one["status"] == 0:
                _check_messages(one, method, **kw)
        return said

    def close(self):
        self.proc.popen.stdin.close()
        code = self.proc.wait(20 * settings.slow)
        check(code == 0, "%s ended with %d" % (self.name, code))


def _check_messages(one, method, count=1, size=10, send=1, **unused):
    want = {"ServerStream": count, "Bidi": count * send}.get(method, 1)
    check(one["got"] == want, "%s: %d messages came, want %d" % (method, one["got"], want))
    size = 2 if method == "Health" else size
    check(one["bytes"] == want * size, "%s: %d bytes came, want %d" %
          (method, one["bytes"], want * size))
