# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Grafana's dashboard model, as far as these dashboards need it."""

import json

METRICS = {"type": "prometheus", "uid": "${datasource}"}
LOGS = {"type": "loki", "uid": "${logs}"}


# ---- queries --------------------------------------------------------------------

def query(expr, legend="", **more):
    """Over the time that is shown."""
    return dict({"datasource": METRICS, "expr": expr, "legendFormat": legend or "__auto",
                 "range": True}, **more)


def now(expr, legend="", **more):
    """Its last value only."""
    return query(expr, legend, **dict({"range": False, "instant": True}, **more))


def column(expr):
    return now(expr, format="table")


# ---- panels ----------------------------------------------------------------------

def panel(kind, title, text, unit, queries, width=8, height=8, options=None, custom=None,
          **defaults):
    """`custom` and `defaults` are of its fields."""
    targets = [dict(q, refId=chr(ord("A") + i)) for i, q in enumerate(queries)]
    defaults = {k: v for k, v in defaults.items() if v is not None}
    return {
        "type": kind, "title": title, "description": text,
        "datasource": targets[0]["datasource"],
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": dict({"unit": unit, "custom": custom or {}}, **defaults),
                        "overrides": []},
        "options": options or {},
        "targets": targets,
    }


def series(title, text, unit, *queries, stack=False, **more):
    custom = {"fillOpacity": 30 if stack else 5, "showPoints": "never"}
    if stack:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                          "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, text, unit, queries, custom=custom,
                 **dict({"min": 0, "options": options}, **more))


def stat(title, text, unit, one, steps=(), **more):
    """steps: (from this value on, this colour)."""
    thresholds = [{"value": None, "color": "green" if steps else "text"}]
    thresholds += [{"value": value, "color": color} for value, color in steps]
    options = {"graphMode": "none", "colorMode": "value", "textMode": "value_and_name",
               "justifyMode": "auto", "orientation": "auto", "wideLayout": True,
               "showPercentChange": False, "percentChangeColorMode": "standard",
               "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return panel("stat", title, text, unit, [one], options=options,
                 thresholds={"mode": "absolute", "steps": thresholds},
                 **dict({"width": 4, "height": 4}, **more))


def heatmap(title, text, expr, **more):
    """Of a classic histogram in seconds."""
    one = query(expr, "{{le}}", format="heatmap")
    options = {"calculate": False, "cellGap": 1, "yAxis": {"unit": "s"},
               "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "steps": 64,
                         "exponent": 0.5, "reverse": False},
               "showValue": "never", "exemplars": {"color": "rgba(255,0,255,0.7)"},
               "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
               "legend": {"show": True}}
    return panel("heatmap", title, text, "reqps", [one], options=options, **more)


def table(title, text, columns, hide=(), link=None, unit="short", **more):
    """columns: (name, unit, expression); their rows are joined by their labels."""
    made = panel("table", title, text, unit, [column(expr) for _, _, expr in columns],
                 options={"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
                 custom={"align": "auto", "inspect": False},
                 **dict({"width": 24, "height": 8}, **more))
    names = {"Value #%s" % t["refId"] if len(columns) > 1 else "Value": name
             for t, (name, _, _) in zip(made["targets"], columns)}
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {n: True for n in ("Time",) + tuple(hide)},
                                       "renameByName": names, "indexByName": {}}}]
    overrides = made["fieldConfig"]["overrides"]
    for name, column_unit, _ in columns:
        overrides.append({"matcher": {"id": "byName", "options": name},
                          "properties": [{"id": "unit", "value": column_unit}]})
    if link:
        field, title, url = link
        overrides.append({"matcher": {"id": "byName", "options": field}, "properties": [
            {"id": "links", "value": [{"title": title, "url": url}]}]})
    return made


def lines(title, text, expr):
    """Of a log."""
    one = {"datasource": LOGS, "expr": expr, "queryType": "range", "maxLines": 200}
    options = {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True,
               "prettifyLogMessage": False, "showLabels": False, "showCommonLabels": False,
               "showLogContextToggle": False, "sortOrder": "Descending", "dedupStrategy": "none"}
    return panel("logs", title, text, "none", [one], width=24, height=9, options=options)


# ---- dashboards ----------------------------------------------------------------------

def source(name, kind, label):
    return {"type": "datasource", "name": name, "label": label, "query": kind, "hide": 0,
            "multi": False, "includeAll": False, "refresh": 1, "regex": ""}


def variable(name, label, metric, value_of, multi=True, every=None, hide=0):
    """The values of a label. every: what "All" stands for, instead of all of them."""
    text = "label_values(%s, %s)" % (metric, value_of)
    made = {"type": "query", "name": name, "label": label, "datasource": METRICS,
            "definition": text, "query": {"query": text, "refId": name}, "refresh": 2, "sort": 1,
            "multi": multi, "includeAll": multi, "hide": hide, "regex": ""}
    if multi:
        made["current"] = {"text": ["All"], "value": ["$__all"]}
    if every:
        made["allValue"] = every
    return made


def _place(rows):
    """The panels of (title, panels) with their places, from left to right, and numbers."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, tallest = 0, y + 1, 0
        for one in panels:
            place = one["gridPos"]
            if x + place["w"] > 24:
                x, y, tallest = 0, y + tallest, 0
            placed.append(dict(one, gridPos=dict(place, x=x, y=y)))
            x, tallest = x + place["w"], max(tallest, place["h"])
        y += tallest
    return [dict({"id": i}, **one) for i, one in enumerate(placed, 1)]


def dashboard(uid, title, text, variables, rows, links=()):
    others = {"type": "dashboards", "title": "redeye", "tags": ["redeye"], "asDropdown": True,
              "includeVars": False, "keepTime": True, "targetBlank": False, "icon": "",
              "tooltip": "", "url": ""}
    return {
        "uid": uid, "title": title, "description": text, "tags": ["redeye"],
        "schemaVersion": 41, "editable": True, "graphTooltip": 1, "timezone": "browser",
        "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
        "links": [others] + list(links), "annotations": {"list": []},
        "templating": {"list": list(variables)},
        "panels": _place(rows),
    }


def text_of(value, indent=""):
    """JSON; what fits stays on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 100 or not isinstance(value, (dict, list)) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, list):
        parts, ends = [text_of(v, inner) for v in value], "[]"
    else:
        parts = ["%s: %s" % (json.dumps(k), text_of(v, inner)) for k, v in value.items()]
        ends = "{}"
    return "%s\n%s%s\n%s%s" % (ends[0], inner, (",\n" + inner).join(parts), indent, ends[1])
