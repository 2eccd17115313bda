# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Calls of gRPC beside the requests: the server and the client of tests/h2, in Go."""

import os
import sys

from lib import Proc

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "h2"))
import rpc

UNARY = "redeye.test.Echo/Unary"
HELD_MS = 60
HELD = 31                          # calls that last HELD_MS and end with OK
QUICK = {"NOT_FOUND": (5, 17), "INTERNAL": (13, 7)}
ENDED = dict({"OK": HELD}, **{name: n for name, (_, n) in QUICK.items()})


class Calls:
    """A started server and a client of it; stop() ends both."""

    def __init__(self, folder):
        self.folder, self.procs = folder, []
        self.server = rpc.Server(self, "go")
        self.client = rpc.Client(self, "go", self.server)

    # What rpc.py wants of a case.

    def subfolder(self, name):
        path = os.path.join(self.folder, "%d-%s" % (len(self.procs), name))
        os.makedirs(path)
        return path

    def spawn(self, argv, env=None, **kw):
        folder = self.subfolder(os.path.basename(str(argv[0])))
        self.procs.append(Proc(argv, os.path.join(folder, "output.log"), env, **kw))
        return self.procs[-1]

    def make(self):
        self.client.ask("Unary", times=HELD, together=5, hold=HELD_MS)
        for status, n in QUICK.values():
            self.client.ask("Unary", times=n, together=3, status=status)

    def stop(self):
        for proc in self.procs:
            proc.stop()
