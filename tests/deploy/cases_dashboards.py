# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The dashboards as files."""

import collections
import os
import re
import sys

import dashboards
from common import DEPLOY, ask, built
from lib import check

BUILT_IN = {"__rate_interval", "__url_time_range", "__value"}


def dashboards_generated():
    ask(sys.executable, os.path.join(DEPLOY, "grafana", "generate.py"), "--check")


def dashboards_schema():
    """By Grafana's own schema."""
    ask(built("dashboards"), *(os.path.join(dashboards.FOLDER, name) for name in dashboards.FILES))


def unique(what, values):
    double = [v for v, n in collections.Counter(values).items() if n > 1]
    check(not double, "%s twice: %s" % (what, double))


def dashboards_unique():
    all_of_them = dashboards.load()
    unique("uid", [d["uid"] for d in all_of_them.values()])
    unique("title", [d["title"] for d in all_of_them.values()])
    for name, one in all_of_them.items():
        unique("panel id in " + name, [p["id"] for p in one["panels"]])
        # Rows may be called as others' panels are.
        for p in dashboards.panels(one):
            check(p["title"], "%s has a panel without a title" % name)


def panels_described():
    for name, one in dashboards.load().items():
        for p in dashboards.panels(one):
            where = "%s: %s" % (name, p["title"])
            check(p["description"].endswith("."), where + " has no description")
            check(p["fieldConfig"]["defaults"].get("unit"), where + " has no unit")
            check(p["targets"], where + " asks nothing")


def panels_placed():
    """None over another, none beyond the edge."""
    for name, one in dashboards.load().items():
        taken = {}
        for p in one["panels"]:
            g = p["gridPos"]
            check(g["x"] + g["w"] <= 24, "%s: %s is too wide" % (name, p["title"]))
            for cell in ((x, y) for x in range(g["x"], g["x"] + g["w"])
                         for y in range(g["y"], g["y"] + g["h"])):
                check(cell not in taken, "%s: %s lies over %s" % (name, p["title"],
                                                                  taken.get(cell)))
                taken[cell] = p["title"]


def _every(value, key):
    """The values of this key, however deep."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k == key:
                yield v
            yield from _every(v, key)
    elif isinstance(value, list):
        for v in value:
            yield from _every(v, key)


def sources_resolve():
    """Each reference is a data source that is provisioned, or a variable over their kind."""
    have = dashboards.sources()
    check(len(have) == 4, "provisioned: %s" % have)
    for name, one in dashboards.load().items():
        known = dashboards.variables(one)
        for ref in _every(one, "datasource"):
            found = re.fullmatch(r"\$\{(\w+)\}", ref["uid"])
            kind = known[found.group(1)]["query"] if found else have.get(ref["uid"])
            check(kind == ref["type"] and kind in have.values(), "%s refers to %s" % (name, ref))
    text = dashboards.read(dashboards.SOURCES)
    refs = re.findall(r"datasourceUid: (\w+)", text)
    check(refs and set(refs) <= set(have), "a data source refers to %s" % (set(refs) - set(have)))


def variables_known():
    for name, one in dashboards.load().items():
        known = set(dashboards.variables(one)) | BUILT_IN
        texts = list(_every(one, "expr")) + list(_every(one, "definition")) + \
            list(_every(one, "url"))
        used = {v.strip("${") for text in texts for v in dashboards.unknown(text)}
        check(used <= known, "%s uses %s" % (name, used - known))


def links_lead():
    uids = {d["uid"] for d in dashboards.load().values()}
    for name, one in dashboards.load().items():
        for url in _every(one, "url"):
            found = re.match(r"/d/([\w-]+)", url)
            check(not found or found.group(1) in uids, "%s links to %s" % (name, url))


CASES = (dashboards_generated, dashboards_schema, dashboards_unique, panels_described,
         panels_placed, sources_resolve, variables_known, links_lead)
