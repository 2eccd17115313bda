# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Against a real Prometheus that scrapes a real redeye: rules, alerts and panels give data."""

import json
import math
import os
import re
import shutil
import tempfile
import time

import dashboards
from common import Failure, Skip, run, settings, verdicts
from lib import check, wait_for
from world import World

# What the load must bring about; `for` may still hold them back. What is not here takes an hour
# of history or an end of everything: promtool's cases (deploy/prometheus/tests) have them.
ACTIVE = ("HighErrorRate", "HighLatencyP95", "HighLatencyP99", "RateLimited", "AuthFailures",
          "DependencyErrors", "SloBudgetBurnsFast", "SloBudgetBurnsSlowly", "RedeyeEventsLost",
          "RedeyeRequestsLost", "RedeyeConnectionTableFull", "RedeyeSeriesOverflow",
          "RedeyeExportFailing", "RedeyeExportLost")
WINDOW = {"__rate_interval": "5m", "datasource": "prometheus", "logs": "loki"}


def has_data(prometheus, expr):
    """Whether a value of it is a number."""
    return any(not math.isnan(v) for _, v in prometheus.vector(expr))


def has_range(prometheus, expr):
    end = time.time()
    got = prometheus.ask("/api/v1/query_range", query=expr, start=end - 30, end=end, step=1)
    return any(not math.isnan(float(v)) for one in got["result"] for _, v in one["values"])


def need_data(world, expr, ranged=False, seconds=10):
    ask = has_range if ranged else has_data
    try:
        wait_for("data", lambda: ask(world.prometheus, expr), seconds, 0.25)
    except Failure:
        if world.no_calls and "rpc" in expr:
            raise Skip(world.no_calls)
        raise Failure("no data from " + expr)


# ---- rules and alerts --------------------------------------------------------------

def rules(world):
    return [r for g in world.prometheus.ask("/api/v1/rules")["groups"] for r in g["rules"]]


def rule_healthy(rule):
    check(rule["health"] == "ok", "%s: %s" % (rule["health"], rule.get("lastError")))


def recording(world, rule):
    rule_healthy(rule)
    labels = ",".join('%s="%s"' % pair for pair in rule.get("labels", {}).items())
    need_data(world, "%s{%s}" % (rule["name"], labels))


def alert_active(world, name):
    need_data(world, 'ALERTS{alertname="%s"}' % name)


def alert_evaluates(world, name):
    rule_healthy(next(r for r in rules(world) if r["name"] == name))


def names_exist(world):
    """No rule asks for a series that redeye does not have; promtool would not notice."""
    have = set(world.prometheus.ask("/api/v1/label/__name__/values"))
    names = set(re.findall(r"(?<![\w:])(?:redeye|http_server|http_client|rpc_server)_\w+(?![\w:])",
                           " ".join(r["query"] for r in rules(world))))
    check(len(names) > 15, "found only %s" % names)
    missing = {n for n in names - have if not (world.no_calls and n.startswith("rpc_"))}
    check(not missing, "there is no %s" % missing)


def service_down(world):
    """A process ended, and redeye forgets it, in half a minute at most: nobody else is gone."""
    need_data(world, 'ALERTS{alertname="ServiceDown",job="shop/mortal"}', seconds=60)
    others = [have["job"] for have, _ in world.prometheus.vector('ALERTS{alertname="ServiceDown"}')]
    check(others == ["shop/mortal"], "these are said to be down: %s" % others)


def redeye_down(world):
    """The agent ends; its services are not said to be down, as nobody knows."""
    world.small.proc.stop()
    need_data(world, 'ALERTS{alertname="RedeyeDown",instance="127.0.0.1:%d"}' % world.small.port)
    got = world.prometheus.vector('ALERTS{alertname="ServiceDown",job="crowded"}')
    check(not got, "a service is said to be down that nobody watches: %s" % got)


# ---- dashboards ----------------------------------------------------------------------

def panel(world, one, kinds):
    asked = 0
    for target in one["targets"]:
        if target["datasource"]["type"] == "loki":
            raise Skip("it asks Loki, which cannot be had here")
        if "node_exporter" in one["title"] and not world.node:
            raise Skip("prometheus-node-exporter is not installed")
        values = dict(WINDOW, **{name: ".*" for name, v in kinds.items() if v["type"] == "query"})
        if "service" in kinds and not kinds["service"]["multi"]:
            values["service"] = "grpc-go" if "rpc_" in target["expr"] else "shop/orders"
        expr = dashboards.substituted(target["expr"], values)
        check(not dashboards.unknown(expr), "not substituted: " + expr)
        need_data(world, expr, target.get("range"))
        asked += 1
    check(asked, "it asks nothing")


def variable(world, one):
    """Its values, as label_values() finds them."""
    metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", one["definition"]).groups()
    if metric.startswith("node_") and not world.node:
        raise Skip("prometheus-node-exporter is not installed")
    text = dashboards.substituted(metric, {"namespace": "shop", "service": "shop/orders"})
    need_data(world, 'count by (%s) (%s) > 0' % (label, text))
    got = {have.get(label) for have, _ in world.prometheus.vector(
        "count by (%s) (%s)" % (label, text))}
    check(got - {None, ""}, "%s has no values: %s" % (one["name"], got))


def exemplars(world):
    """They lead to a trace by the label that the data source names, and the log has it, too."""
    label = re.search(r"exemplarTraceIdDestinations: \[\{name: (\w+),",
                      dashboards.read(dashboards.SOURCES)).group(1)
    now = time.time()
    series = 'http_server_request_duration_seconds_bucket{job="shop/orders"}'
    got = world.prometheus.ask("/api/v1/query_exemplars", query=series, start=now - 600, end=now)
    ids = {e["labels"].get(label) for one in got for e in one["exemplars"]}
    check(ids and None not in ids, "exemplars have %s" % ids)
    with open(world.log) as f:
        logged = {json.loads(line).get("trace_id") for line in f}
    check(ids <= logged, "%d traces of exemplars are not in the access log" % len(ids - logged))


def log_keys(world):
    """What Alloy takes out of a line is in it, and a line matches what Grafana looks for."""
    with open(world.log) as f:
        line = f.readline()
    wanted = re.search(r"expressions = \{(.*?)\}", dashboards.read("compose", "access-log.alloy"),
                       re.S).group(1)
    for key in re.findall(r'"(\w+)"\s*=', wanted):
        check(json.loads(line).get(key), "a line has no %s: %s" % (key, line))
    pattern = re.search(r"matcherRegex: '(.+)'", dashboards.read(dashboards.SOURCES)).group(1)
    check(re.search(pattern, line), "%s is not in %s" % (pattern, line))


# ---- running them ----------------------------------------------------------------------

def run_world(world):
    world.load()
    for rule in (r for r in rules(world) if r["type"] == "recording"):
        of = "".join(" %s=%s" % pair for pair in rule.get("labels", {}).items())
        run("rule %s%s" % (rule["name"], of), recording, world, rule)
    for rule in (r for r in rules(world) if r["type"] == "alerting"):
        wanted = rule["name"] in ACTIVE
        run("alert %s %s" % (rule["name"], "active" if wanted else "evaluates"),
            alert_active if wanted else alert_evaluates, world, rule["name"])
    for name, one in dashboards.load().items():
        kinds = dashboards.variables(one)
        for v in (v for v in kinds.values() if v["type"] == "query"):
            run("variable %s %s" % (name[:-5], v["name"]), variable, world, v)
        for p in dashboards.panels(one):
            run("panel %s: %s" % (name[:-5], p["title"]), panel, world, p, kinds)
    for case in (names_exist, exemplars, log_keys, service_down, redeye_down):
        run(case.__name__.replace("_", "-"), case, world)



def run_all():
    top = os.path.join(settings.root, "build", "deploy")
    os.makedirs(top, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="live-", dir=top)
    worlds = []
    run("live-start", lambda: worlds.append(World(folder)))
    for world in worlds:
        try:
            run_world(world)
        finally:
            world.large.keep()
            world.small.keep()
            world.close()
    if "FAIL" not in verdicts:
        shutil.rmtree(folder)
