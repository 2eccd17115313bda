# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads the dashboards, and makes of their queries what Grafana would ask."""

import json
import os
import re

from common import DEPLOY, read

FOLDER = os.path.join(DEPLOY, "grafana", "dashboards")
FILES = sorted(os.listdir(FOLDER))
SOURCES = os.path.join("grafana", "provisioning", "datasources", "redeye.yml")


def load():
    """{file name: dashboard}"""
    return {name: json.loads(read(FOLDER, name)) for name in FILES}


def panels(dashboard):
    return [p for p in dashboard["panels"] if p["type"] != "row"]


def variables(dashboard):
    return {v["name"]: v for v in dashboard["templating"]["list"]}


def sources():
    """{uid: type} of those that are provisioned."""
    return dict(re.findall(r"^    uid: (\w+)\n    type: (\w+)$", read(SOURCES), re.M))


def substituted(text, values):
    """As Grafana does; a name without a value stays, and is found later."""
    for name, value in sorted(values.items(), key=lambda v: -len(v[0])):
        text = text.replace("${%s}" % name, value).replace("$" + name, value)
    return text


def unknown(text):
    return re.findall(r"\$\{?\w+", text)
