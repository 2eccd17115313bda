# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real Alertmanager with the configuration of the stack: what Slack and PagerDuty get."""

import http.server
import json
import os
import shutil
import tempfile
import threading
import urllib.request

import cases_config
from lib import Proc, check, free_port, need_programs, settings, wait_for

SLACK, KEY = "/services/T0/B0/made-up", "made-up-key-of-pagerduty-0123456"


class Receivers:
    """Stands in for both; `got` is (path, body) of each request."""

    def __init__(self):
        self.got = []
        receivers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receivers.got.append((self.path, json.loads(body)))
                answer = b"ok" if self.path == SLACK else b'{"status":"success"}'
                self.send_response(200 if self.path == SLACK else 202)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, path):
        return [body for where, body in self.got if where == path]


def alert(name, severity):
    return {"labels": {"alertname": name, "severity": severity, "job": "shop/orders"},
            "annotations": {"summary": "shop/orders fails", "description": "Often.",
                            "runbook_url": "docs/troubleshooting.md#higherrorrate"}}


def post(port, alerts):
    request = urllib.request.Request("http://127.0.0.1:%d/api/v2/alerts" % port,
                                     json.dumps(alerts).encode(),
                                     {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def ready(proc, port):
    check(proc.alive(), "it ended: " + proc.output()[-400:])
    try:
        urllib.request.urlopen("http://127.0.0.1:%d/-/ready" % port, timeout=5).close()
        return True
    except OSError:
        return False


def deliver(folder, receivers):
    for name, secret in (("slack_url", receivers.url + SLACK), ("pagerduty_key", KEY)):
        with open(os.path.join(folder, name), "w") as f:
            f.write(secret)
    config = cases_config.alertmanager_yml(folder, ("group_wait: 30s", "group_wait: 0s"), (
        "\nroute:\n", "\nglobal: {pagerduty_url: %s/v2/enqueue}\nroute:\n" % receivers.url))
    port = free_port()
    proc = Proc(["prometheus-alertmanager", "--config.file=" + config, "--cluster.listen-address=",
                 "--storage.path=" + os.path.join(folder, "data"),
                 "--web.listen-address=127.0.0.1:%d" % port], os.path.join(folder, "log"))
    try:
        wait_for("alertmanager to be ready", lambda: ready(proc, port), 20, 0.05)
        post(port, [alert("HighErrorRate", "critical"), alert("RateLimited", "warning"),
                    alert("SloBudgetBurnsFast", "info")])
        wait_for("two messages to Slack, one to PagerDuty", lambda: len(receivers.got) >= 3, 20,
                 0.05)
    finally:
        proc.stop()


def alertmanager_delivers():
    """critical to both, warning to Slack, info to nobody; texts and secrets are filled in."""
    need_programs("prometheus-alertmanager")
    folder, receivers = tempfile.mkdtemp(prefix="redeye-alertmanager-"), Receivers()
    try:
        deliver(folder, receivers)
    finally:
        receivers.server.shutdown()
        shutil.rmtree(folder)
    (call,), said = receivers.of("/v2/enqueue"), receivers.of(SLACK)
    check(call["routing_key"] == KEY and call["event_action"] == "trigger",
          "PagerDuty got %s" % call)
    check(call["payload"]["summary"] == "shop/orders fails", "PagerDuty got %s" % call["payload"])
    check(len(said) == 2, "Slack got %d messages" % len(said))
    for message in said:
        one = message["attachments"][0]
        check(one["title"] == "shop/orders fails" and one["text"].strip() ==
              "shop/orders fails. Often. (docs/troubleshooting.md#higherrorrate)",
              "Slack got %s" % one)


CASES = (alertmanager_delivers,)
