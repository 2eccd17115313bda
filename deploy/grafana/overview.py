# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""All services at one glance."""

from model import dashboard, heatmap, now, query, series, source, stat, table, variable

KNOWN = 'target_info{telemetry_distro_name="redeye"%s}'
NAMESPACE = variable("namespace", "Namespace", KNOWN % "", "service_namespace", every=".*")
SERVICE = variable("service", "Service", KNOWN % ',service_namespace=~"$namespace"', "job")
OURS = '{job=~"$service"}'
DETAIL = "/d/redeye-service?var-service=${__value.text}&${__url_time_range}"


def quantile(q):
    return 'job:http_server_request_duration_seconds:quantile5m{job=~"$service",quantile="%s"}' % q


def of_all(q):
    return ("histogram_quantile(%s, sum by (le) (rate("
            "http_server_request_duration_seconds_bucket%s[$__rate_interval])))" % (q, OURS))


NOW = [
    stat("Services", "Services that served something in the last 5 minutes.", "none",
         now("count(job:server_requests:rate5m%s > 0)" % OURS)),
    stat("Requests", "Requests and calls that all of them serve.", "reqps",
         now("sum(job:server_requests:rate5m%s)" % OURS)),
    stat("Errors", "The part of these that failed: 5xx, or no answer. What the caller gave up is "
         "no error.", "percentunit",
         now("sum(job:server_errors:rate5m%s) / sum(job:server_requests:rate5m%s)" % (OURS, OURS)),
         [(0.01, "orange"), (0.05, "red")]),
    stat("P95", "95 % of the HTTP requests took no longer.", "s",
         now("histogram_quantile(0.95, sum by (le) (rate("
             "http_server_request_duration_seconds_bucket%s[5m])))" % OURS), [(0.5, "red")]),
    stat("In flight", "Requests and calls that are being served.", "none",
         now("sum(http_server_active_requests%s)" % OURS)),
    stat("Alerts", "Alerts that fire, of services and of redeye.", "none",
         now('count(ALERTS{alertstate="firing"}) or vector(0)'), [(1, "red")]),
    table("Each service", "One row for each service. A name leads to its details.", [
        ("Requests", "reqps", "job:server_requests:rate5m" + OURS),
        ("Errors", "percentunit", "job:server_errors:ratio5m" + OURS),
        ("P50", "s", "max by (job) (%s)" % quantile("0.5")),
        ("P95", "s", "max by (job) (%s)" % quantile("0.95")),
        ("P99", "s", "max by (job) (%s)" % quantile("0.99")),
        ("In flight", "none", "sum by (job) (http_server_active_requests%s)" % OURS),
        ("429", "percentunit", "job:server_rate_limited:ratio5m" + OURS),
        ("401, 403", "percentunit", "job:server_auth_failures:ratio5m" + OURS)],
        hide=["__name__"], link=("job", "Details", DETAIL)),
]

RATE = [
    series("Request rate", "Requests and calls that each service serves.", "reqps",
           query("job:server_requests:rate5m" + OURS, "{{job}}"), width=12),
    series("Error ratio", "The part of them that failed, by service.", "percentunit",
           query("job:server_errors:ratio5m" + OURS, "{{job}}"), width=12),
    series("Rate-limit rejections", "The part that was answered with 429, or RESOURCE_EXHAUSTED.",
           "percentunit", query("job:server_rate_limited:ratio5m" + OURS, "{{job}}"), width=12),
    series("Authentication failures", "The part that was answered with 401 or 403, or "
           "UNAUTHENTICATED or PERMISSION_DENIED.", "percentunit",
           query("job:server_auth_failures:ratio5m" + OURS, "{{job}}"), width=12),
]

DURATION = [
    heatmap("Response times", "How many requests a second took how long, of all services.",
            "sum by (le) (rate(http_server_request_duration_seconds_bucket%s[$__rate_interval]))"
            % OURS, width=12),
    series("P95 by service", "95 % of the HTTP requests of a service took no longer.", "s",
           query(quantile("0.95"), "{{job}}"), width=12),
    series("Quantiles of all", "Of the HTTP requests of all services. A point is an example: it "
           "leads to its trace.", "s", *[query(of_all(q), "P%g" % (100 * q), exemplar=q == 0.99)
                                         for q in (0.5, 0.95, 0.99)], width=12),
    series("Requests to others", "Requests that the services make, by whom they ask.", "reqps",
           query("sum by (server_address, server_port) (job_server:http_client_requests:rate5m%s)"
                 % OURS, "{{server_address}}:{{server_port}}"), width=12),
]

DASHBOARD = dashboard(
    "redeye-overview", "redeye: services", "Rate, errors and duration of all services.",
    [source("datasource", "prometheus", "Metrics"), NAMESPACE, SERVICE],
    [("Now", NOW), ("Rate and errors", RATE), ("Duration", DURATION)])
