# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One service floods while nobody reads the ring: of the others nothing is lost, and all adds up."""

import signal
import subprocess

from lib import check
from stress import case, server_count, size
from stress_loss import ROUTES, check_recovered

QUIET = 1009
EXECS = 31


def events(metrics, family, hook, **labels):
    return metrics.total("redeye_events_%s_total" % family, hook=hook, **labels)


def by_service(metrics, name):
    return {labels["service"]: n for labels, n in metrics.get(name)}


def check_books(metrics, flood):
    """Each request was one receive and one send; what is missing is the flood's, for one reason."""
    missing = 0
    for hook in ("recv", "send"):
        seen = events(metrics, "observed", hook)
        check(seen == flood + QUIET, "%s: %d events, want %d" % (hook, seen, flood + QUIET))
        lost = events(metrics, "dropped", hook)
        check(lost == events(metrics, "dropped", hook, reason="share"),
              "%s: %d events dropped for other reasons than the share" % (hook, lost))
        check(events(metrics, "emitted", hook) + lost == seen, "%s does not add up" % hook)
        missing += lost
    check(missing > flood, "%d events refused: that was no flood" % missing)
    refused = by_service(metrics, "redeye_share_refused_total")
    check(refused == {"flood": missing}, "refused %s, want %d of flood" % (refused, missing))


def check_one_share(metrics):
    """The flood got half of the ring and, as one service, half of what data may have besides. As
    three it would have got three quarters of that."""
    emitted = sum(events(metrics, "emitted", hook) for hook in ("recv", "send"))
    size_bytes = sum(metrics.total("redeye_events_size_bytes_total", hook=hook)
                     for hook in ("recv", "send"))
    each = size_bytes / emitted + 8  # all requests and answers are alike, but for their numbers
    part = (emitted - 2 * QUIET) * each / metrics.total("redeye_ring_size_bytes")
    check(0.67 < part < 0.70, "the flood had %.3f of the ring, want 1/2 + 3/16" % part)


@case(timeout=60)
def fair_share(t):
    """Three processes of one service fill what is theirs of the ring. Then another service opens
    connections and makes its requests, the flood's connections end, and processes start: all of
    that is seen."""
    floods = [t.serve(service="flood") for _ in range(3)]
    quiet = t.serve(service="quiet")
    agent = t.watch(quiet, *floods, routes=ROUTES)
    loads = [t.load(f, 16) for f in floods]
    each = size(50003, 20011)
    agent.settle()
    processes = events(agent.scrape(), "observed", "process")
    agent.proc.signal(signal.SIGSTOP)
    for load in loads:
        load.begin(count=each)
    for load in loads:
        check(load.finished() == each, "the flood did not make its requests")
    for load in loads:
        load.close()
    small = t.load(quiet, 7)
    small.go(QUIET, rate=4000)
    small.close()
    for _ in range(EXECS):
        subprocess.run(["true"], check=True)
    agent.proc.signal(signal.SIGCONT)
    agent.expect_count(QUIET, service_name="quiet")
    metrics = agent.settle()
    check_books(metrics, 3 * each)
    check_one_share(metrics)
    seen = server_count(metrics, service_name="flood")
    check(0 < seen < 3 * each, "%d of %d requests of the flood" % (seen, 3 * each))
    check(events(metrics, "dropped", "connection") == 0, "ends of connections were lost")
    check(events(metrics, "dropped", "process") == 0, "process events were lost")
    check(events(metrics, "observed", "process") >= processes + EXECS, "execs are missing")
    agent.expect_no_connections()
    check_recovered(t, agent, floods[0], t.load(floods[0], 64))
