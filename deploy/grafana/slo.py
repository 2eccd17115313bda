# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How well the objectives are met, and what is left of the error budgets."""

from model import dashboard, now, query, series, source, stat, table, variable
from overview import NAMESPACE, SERVICE

WINDOWS = ("5m", "1h", "6h", "1d", "3d")


def ours(slo):
    return '{job=~"$service",slo="%s"}' % slo


def met(slo, window="30d"):
    """The part of the requests that were good."""
    return "1 - job_slo:budget_burn:rate%s%s * (1 - job_slo:objective:ratio%s)" % (
        window, ours(slo), ours(slo))


def left(slo):
    return "1 - job_slo:budget_burn:rate30d" + ours(slo)


LOW = [(0, "orange"), (0.25, "green")]  # of a budget


def budget(slo):
    made = stat("Budget left, " + slo, "What is left of the error budget of 30 days, or since "
                "Prometheus began. Below 0 it is overspent.", "percentunit",
                now(left(slo), "{{job}}"), LOW, width=12, height=5)
    made["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] = "red"
    return made


OBJECTIVES = [
    budget("availability"), budget("latency"),
    table("Objectives", "Each objective, how well it was met in 30 days, and how fast its budget "
          "goes: 1 is just as fast as it may.", [
              ("Objective", "percentunit", 'job_slo:objective:ratio{job=~"$service"}'),
              ("Met", "percentunit", '1 - job_slo:budget_burn:rate30d{job=~"$service"} * '
               '(1 - job_slo:objective:ratio{job=~"$service"})'),
              ("Budget left", "percentunit", '1 - job_slo:budget_burn:rate30d{job=~"$service"}'),
              ("Burn, 1 h", "short", "sum by (job, slo) (job_slo:budget_burn:rate1h{job=~"
               '"$service"})'),
              ("Burn, 1 d", "short", "sum by (job, slo) (job_slo:budget_burn:rate1d{job=~"
               '"$service"})')], hide=["__name__"]),
]


def burn(slo):
    return series("Burn rate, " + slo, "How fast the budget is spent, over each window. Over 14.4 "
                  "in 1 h, or 6 in 6 h, somebody is called; over 1 in 3 d, somebody looks.", "short", *[query("job_slo:budget_burn:rate%s%s" % (w, ours(slo)),
                                             "{{job}} " + w) for w in WINDOWS], width=12)


BURN = [
    burn("availability"), burn("latency"),
    series("Availability", "The part of the requests that did not fail, over 5 minutes.",
           "percentunit", query(met("availability", "5m"), "{{job}}"), width=12, max=1, min=None),
    series("Within the latency objective", "The part of the requests that were fast enough, over "
           "5 minutes.", "percentunit", query(met("latency", "5m"), "{{job}}"), width=12, max=1,
           min=None),
    series("Bad requests", "Those that failed, and those that were too slow.", "reqps",
           query('job_slo:bad_requests:rate5m{job=~"$service"}', "{{job}} {{slo}}"), width=12),
    table("Alerts", "Alerts of these services that fire or are about to.", [
        ("Active", "short", 'ALERTS{job=~"$service"}')], hide=["__name__"], width=12),
]

DASHBOARD = dashboard(
    "redeye-slo", "redeye: objectives", "Availability, latency and error budgets of the services.",
    [source("datasource", "prometheus", "Metrics"), NAMESPACE, SERVICE],
    [("Objectives over 30 days", OBJECTIVES), ("Burn rate", BURN)])
