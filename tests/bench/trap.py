# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a uprobe costs on this machine by itself (trap.c), and what uprobes cost a server.

The second is measured as the difference of two rounds, with and without TLS
capture; what of it are BPF programs, the kernel's clock says. The rest, by the
number of hits, is what a hit cost, and can be held against the first.
"""

import json
import os
import subprocess

from lib import Skip, check, settings
from summary import Spread

# ns on bare metal, as published, for those who know only a virtual machine.
PUBLISHED = "published for bare metal: 1.3 us an entry, 1.9 us with its return"

RETURNS = ("uretprobe_tls", "uprobe_go_return")


def traps(program):
    """What trap.c says: a list of {way, kind, instruction, ns, min, max}."""
    if not os.access(program, os.X_OK):
        raise Skip("%s is not built" % os.path.relpath(program, settings.root))
    done = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          timeout=60)
    check(done.returncode == 0, "no uprobe can be attached")
    return json.loads(done.stdout)


class Uprobes:
    """Uprobes of one server: from triples of rounds, and the round that timed the programs."""

    def __init__(self, server, backend, found, timed):
        self.server, self.backend = server, backend
        on, blind = [t[1] for t in found], [t[2] for t in found]
        self.added_ns = Spread([a["server_ns"] - b["server_ns"] for a, b in zip(on, blind)])
        self.lost = Spread([100 * (1 - a["per_second"] / b["per_second"])
                            for a, b in zip(on, blind)])
        probes = {k: p for k, p in timed["programs"].items() if k.startswith("u")}
        n = timed["requests"]
        self.returns = sum(p["runs"] for k, p in probes.items() if k in RETURNS) / n
        self.entries = sum(p["runs"] for k, p in probes.items()) / n - self.returns
        self.bpf_ns = sum(p["ns"] for p in probes.values()) / n
        self.hit_ns = (self.added_ns.median - self.bpf_ns) / (self.entries + self.returns)

    def dict(self):
        return dict(self.__dict__, added_ns=self.added_ns.dict(), lost=self.lost.dict())
