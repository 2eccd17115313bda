# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye is told to reload while the servers work."""

import os
import re
import signal

from lib import check, wait_for
from stress import case

# ---- SIGHUP ---------------------------------------------------------------------------

CONFIGS = (  # what the file says, what redeye answers
    ("exclude-port: [%d]\nlog-level: info\n", "redeye: info: configuration reloaded"),
    ("exclude-exe: ['*/nobody%d']\nlog-level: warn\n", None),
    ("exclude-port: [\n# %d", "redeye: error: configuration not reloaded"),
    ("pid: [%d]\nlog-level: info\n", "redeye: info: configuration reloaded"),
)


def pending(agent):
    """Whether SIGHUP waits for redeye: the next one would be the same."""
    with open("/proc/%d/status" % agent.proc.pid) as f:
        signals = re.search(r"^ShdPnd:\s+(\w+)$", f.read(), re.M).group(1)
    return int(signals, 16) & 1 << signal.SIGHUP - 1


def reload(agent, path, config, i):
    text, answer = config
    with open(path + ".new", "w") as f:
        f.write(text % (i + 1))
    os.rename(path + ".new", path)
    if answer:
        agent.reload(answer)
    else:
        agent.proc.signal(signal.SIGHUP)
        wait_for("redeye to take the signal", lambda: not pending(agent))


@case(timeout=90)
def sighup_storm(t):
    """50 reloads under load, good and bad ones: not a request is lost."""
    srv = t.serve()
    path = os.path.join(t.temp, "redeye.yaml")
    with open(path, "w") as f:
        f.write("log-level: info\n")
    agent = t.watch(srv, options=["--config", path])
    load = t.load(srv, 16)
    load.begin(rate=3000)
    for i in range(50):
        reload(agent, path, CONFIGS[i % len(CONFIGS)], i)
    agent.expect_count(load.stop())
    check(agent.lost() == 0, "events were lost")
    reload(agent, path, CONFIGS[0], 50)  # and it still does
