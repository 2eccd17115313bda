# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye with traces, and waiting for what it exports."""

import json
import re
import time

from lib import Failure, Skip, run, settings

# What is told apart here by name; the rest is told by numbers.
OPTIONS = ("--span-header", "X-Truth-Id", "--span-header", "X-Truth-Parent", "--span-delay",
           "100ms", "--span-queue", "65536", "--metrics-exporter", "none")
# Metrics of the way that spans take, shown when some are missing, and of what parents are
# known by, shown when they are.
WAY = re.compile(r"redeye_(export|trace_spans|trace_decisions|events_dropped)\w*"
                 r"(\{[^}]*\})? (?!0$)\S+")
PARENTS = re.compile(r"redeye_(trace_parents|propagation|events_(dropped|late|lost))\w*"
                     r"(\{[^}]*\})? (?!0$)\S+")
SCOPE = re.compile(r'otel_scope_\w+="[^"]*",?')


def options(endpoint, protocol="http/json", spool="none", more=()):
    return OPTIONS + ("--otlp-endpoint", endpoint, "--otlp-protocol", protocol,
                      "--spool-dir", spool) + tuple(more)


def need(feature):
    """Skips where redeye says that this machine or build lacks it."""
    if settings.self_check:
        return
    report = json.loads(run([settings.redeye, "doctor", "--json"], ok=(0, 1)))
    for one in report["features"]:
        if one["name"] == feature and not one["available"]:
            raise Skip("%s: %s" % (feature, one["reason"]))


def says(agent, what):
    """The lines of redeye's own metrics that match."""
    agent.scrape()
    lines = [m.group(0) for m in map(what.match, agent.text.splitlines()) if m]
    return "redeye says: " + SCOPE.sub("", ", ".join(lines))


def wait_complete(agent, comparison, seconds=20):
    """Asks comparison() until no span is missing, and returns what it said last."""
    if settings.self_check:
        comparison()  # which waits for the services' logs
        agent.flush()
    end = time.monotonic() + seconds * settings.slow
    while True:
        got = comparison()
        if not got.missing():
            return got
        if time.monotonic() > end:
            raise Failure("%s; %s" % ("; ".join(got.problems()), says(agent, WAY)))
        time.sleep(0.1)
