#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes dashboards/*.json, which Grafana reads. generate.py --check: whether they are what
this would write. The series job..., job_route... and so on are of ../prometheus/rules."""

import os
import sys

sys.dont_write_bytecode = True

import agent
import overview
import service
import slo
from model import text_of

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dashboards")
ALL = {"overview": overview.DASHBOARD, "service": service.DASHBOARD, "slo": slo.DASHBOARD,
       "agent": agent.DASHBOARD}


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def main():
    check, wrong = sys.argv[1:] == ["--check"], 0
    for name, made in ALL.items():
        path, text = os.path.join(FOLDER, name + ".json"), text_of(made) + "\n"
        if read(path) == text:
            continue
        wrong += 1
        if check:
            print("%s.json is not what generate.py writes" % name)
        else:
            with open(path, "w") as f:
                f.write(text)
            print("wrote %s.json" % name)
    return check and wrong


if __name__ == "__main__":
    sys.exit(main())
