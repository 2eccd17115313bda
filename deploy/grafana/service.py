# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One service: what it serves, what it asks of others, and its access log."""

import json

from model import dashboard, heatmap, lines, query, series, source, table, variable
from overview import KNOWN, NAMESPACE

OURS = 'job=~"$service",instance=~"$instance"'
KEPT = KNOWN % ',job=~"$service"'
CALLER = 'error_type!~"|client_closed|connection_reset|timeout|cancel"'
QUANTILES = (0.5, 0.95, 0.99)


def rate(metric, by, more=""):
    return "sum by (%s) (rate(%s{%s%s}[$__rate_interval]))" % (by, metric, OURS, more)


def quantile(q, metric, by=""):
    return "histogram_quantile(%s, %s)" % (q, rate(metric + "_bucket", by + "le"))


def quantiles(metric):
    return [query(quantile(q, metric), "P%g" % (100 * q), exemplar=q == 0.99) for q in QUANTILES]



HTTP, CLIENT = "http_server_request_duration_seconds", "http_client_request_duration_seconds"
RPC, RPC_CLIENT = "rpc_server_call_duration_seconds", "rpc_client_call_duration_seconds"

REQUESTS = [
    series("Rate by status", "Requests that it serves, by the status of the answer.", "reqps",
           query(rate(HTTP + "_count", "http_response_status_code"),
                 "{{http_response_status_code}}"), stack=True),
    series("Errors by kind", "Requests that failed, also those that their caller gave up "
           "(client_closed, connection_reset, timeout, cancel).", "reqps",
           query(rate(HTTP + "_count", "error_type", ',error_type!=""'), "{{error_type}}"),
           stack=True),
    series("Error ratio", "The part that failed; what the caller gave up is no error here.",
           "percentunit",
           query("(sum(rate(%s_count{%s,%s}[$__rate_interval])) or vector(0)) / "
                 "sum(rate(%s_count{%s}[$__rate_interval]))" % (HTTP, OURS, CALLER, HTTP, OURS),
                 "errors")),
    series("P50, P95, P99", "From the first byte of the request to the last of the answer. A point "
           "is an example: it leads to its trace.", "s", *quantiles(HTTP)),
    heatmap("Response times", "How many requests a second took how long.",
            rate(HTTP + "_bucket", "le")),
    series("In flight", "Requests and calls that are being served, by method.", "none",
           query("sum by (http_request_method) (http_server_active_requests{%s})" % OURS,
                 "{{http_request_method}}")),
]

ROUTES = [
    table("Routes", "One row for each route and method, of the last 5 minutes and all instances.", [
        ("Requests", "reqps", 'job_route:http_server_requests:rate5m{job=~"$service"}'),
        ("Errors", "percentunit", 'job_route:http_server_errors:ratio5m{job=~"$service"}')] +
        [("P%g" % (100 * q), "s", 'sum without (quantile) (job_route:%s:quantile5m{job=~"$service",'
          'quantile="%s"})' % (HTTP, q)) for q in QUANTILES], hide=["__name__"]),
    series("Rate by route", "Requests that it serves, by method and route.", "reqps",
           query(rate(HTTP + "_count", "http_request_method, http_route"),
                 "{{http_request_method}} {{http_route}}"), width=12),
    series("P95 by route", "95 % of the requests of a route took no longer.", "s",
           query(quantile(0.95, HTTP, "http_request_method, http_route, "),
                 "{{http_request_method}} {{http_route}}"), width=12),
    series("Errors by route", "Requests that failed, by method and route.", "reqps",
           query(rate(HTTP + "_count", "http_request_method, http_route", "," + CALLER),
                 "{{http_request_method}} {{http_route}}"), width=12),
    series("Body sizes, P95", "95 % of the bodies were no larger, as they were on the wire.",
           "bytes", query(quantile(0.95, "http_server_request_body_size_bytes"), "requests"),
           query(quantile(0.95, "http_server_response_body_size_bytes"), "answers"), width=12),
]

CALLS = [
    series("Calls by method", "gRPC, gRPC-Web and Connect calls that it serves.", "reqps",
           query(rate(RPC + "_count", "rpc_method"), "{{rpc_method}}")),
    series("Calls by status", "The same, by how they ended.", "reqps",
           query(rate(RPC + "_count", "rpc_response_status_code"), "{{rpc_response_status_code}}"),
           stack=True),
    series("P95 by method", "95 % of the calls took no longer. A streaming call lasts as long as "
           "its stream.", "s", query(quantile(0.95, RPC, "rpc_method, "), "{{rpc_method}}")),
]

OTHERS = [
    series("Requests to others", "HTTP requests that it makes, by whom it asks.", "reqps",
           query(rate(CLIENT + "_count", "server_address, server_port"),
                 "{{server_address}}:{{server_port}}")),
    series("Errors of others", "Those that ended with 4xx, 5xx or without an answer.", "reqps",
           query(rate(CLIENT + "_count", "server_address, server_port, error_type",
                      ',error_type!=""'), "{{server_address}}:{{server_port}} {{error_type}}"),
           stack=True),
    series("P95 of others", "95 % of the answers came no later.", "s",
           query(quantile(0.95, CLIENT, "server_address, server_port, "),
                 "{{server_address}}:{{server_port}}")),
    series("Calls to others", "gRPC, gRPC-Web and Connect calls that it makes, by method.", "reqps",
           query(rate(RPC_CLIENT + "_count", "rpc_method"), "{{rpc_method}}"), width=12),
    series("P95 of calls to others", "95 % of the calls took no longer.", "s",
           query(quantile(0.95, RPC_CLIENT, "rpc_method, "), "{{rpc_method}}"), width=12),
]

LOG = [lines("Access log", "Its last requests. A line's trace_id leads to its trace.",
             '{job="redeye-access-log",service_name=~"$name"}')]

TRACES = {"type": "link", "title": "Traces", "tooltip": "Traces of this service in Jaeger",
          "icon": "external link", "targetBlank": True, "asDropdown": False, "tags": [],
          "includeVars": False, "keepTime": False,
          "url": "/explore?schemaVersion=1&panes=" + json.dumps({"a": {
              "datasource": "jaeger", "range": {"from": "now-1h", "to": "now"},
              "queries": [{"refId": "A", "queryType": "search", "service": "$name"}]}},
              separators=(",", ":"))}

DASHBOARD = dashboard(
    "redeye-service", "redeye: one service", "What one service serves, and what it asks of others.",
    [source("datasource", "prometheus", "Metrics"), source("logs", "loki", "Logs"), NAMESPACE,
     variable("service", "Service", KNOWN % ',service_namespace=~"$namespace"', "job",
              multi=False),
     variable("instance", "Instance", KEPT, "instance", every=".*"),
     variable("name", "Name", KEPT, "service_name", multi=False, hide=2)],
    [("Requests", REQUESTS), ("Routes", ROUTES), ("Calls (RPC)", CALLS),
     ("What it asks of others", OTHERS), ("Log", LOG)], [TRACES])
