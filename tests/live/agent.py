# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye under test: started with a selection, scraped, compared, ended.

Agent.finish holds for every case, whatever its traffic: the expectations of
the case still hold after the connections are closed (nothing is reported twice
or late), nothing is in flight, the books balance, and SIGTERM ends redeye
cleanly and at once.
"""

import http.client
import json
import os
import signal
import subprocess
import time

import prom
from lib import Failure, Proc, Skip, check, free_port, settings, wait_for

ROUTES = ("/hello", "/sleep/{ms}", "/status/{code}", "/echo", "/chunked", "/drip/{ms}",
          "/big/{bytes}", "/users/{id}", "/call", "/count", "/hold", "/release", "/hints",
          "/unsized", "/close", "/reset", "/partial", "/ws", "/download",
          "/up/hello", "/up/sleep/{ms}", "/up/echo", "/local/hello")


def fetch(port, path, seconds=5.0):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds * settings.slow)
    try:
        conn.request("GET", path)
        answer = conn.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        conn.close()


def doctor():
    """{backend: reason why not, "" when it is available}."""
    done = subprocess.run([settings.redeye, "doctor", "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60 * settings.slow)
    try:
        report = json.loads(done.stdout)
        return {b["name"]: "" if b["available"] else b["reason"] or "not available"
                for b in report["backends"]}
    except (ValueError, KeyError, TypeError):
        raise Failure("redeye doctor --json (exit code %d) printed no report: %s" %
                      (done.returncode, (done.stderr or done.stdout).strip()[-300:]))


class Agent:
    def __init__(self, backend, folder, selection, routes=ROUTES, options=(), before=(), env=None):
        """`before` is a command that runs the one behind it, such as env(1)."""
        self.port = free_port()
        self.folder = folder
        self.rows = []
        argv = [*before, settings.redeye, "run", "--backend", backend]
        argv += selection
        argv += ["--listen", "127.0.0.1:%d" % self.port, "--log-level", "info"]
        # nginx writes its title over its environment, where the name would be.
        argv += ["--service", "*/nginx=live-nginx"]
        for route in routes:
            argv += ["--route", route]
        self.text = ""
        self.proc = Proc(argv + list(options), os.path.join(folder, "redeye.log"), env)
        try:
            self.proc.wait_line("redeye: info: ready:")
            wait_for("/readyz to answer 200", self._ready)
        except Failure:
            self.proc.stop()
            raise

    def _ready(self):
        try:
            return fetch(self.port, "/readyz")[0] == 200
        except OSError:
            return False

    def scrape(self):
        check(self.proc.alive(), "redeye ended: " + self.proc.output()[-500:].strip())
        try:
            status, self.text = fetch(self.port, "/metrics")
        except OSError as e:
            raise Failure("/metrics: %s" % e)
        check(status == 200, "/metrics answered %d" % status)
        try:
            return prom.Metrics(self.text)
        except ValueError as e:
            raise Failure("/metrics: %s" % e)

    def poll(self, problems_of, seconds=10.0):
        """Scrapes until problems_of(metrics) is empty."""
        end = time.monotonic() + seconds * settings.slow
        while True:
            metrics = self.scrape()
            problems = list(problems_of(metrics))
            if not problems:
                return metrics
            if time.monotonic() > end:
                more = " (and %d more)" % (len(problems) - 4) if len(problems) > 4 else ""
                raise Failure("; ".join(problems[:4]) + more)
            time.sleep(0.02)

    def expect(self, *rows):
        """These rows and nothing else; checked again in finish."""
        self.rows = rows
        return self.poll(lambda m: prom.compare(m, rows))

    def expect_active(self, n):
        def problems(metrics):
            got = prom.active(metrics)
            return [] if got == n else ["http_server_active_requests: %d, want %d" % (got, n)]
        self.poll(problems)

    def expect_forgotten(self):
        """All connections have ended, and redeye knows it."""
        def problems(metrics):
            n = metrics.total("redeye_connections_open")
            return ["%d connections are open" % n] if n else []
        self.poll(problems)

    def settle(self):
        """Waits until two scrapes in a row saw no new event.

        Not those of processes: every exec of the machine, others' too, is one.
        """
        last = [None]

        def quiet(metrics):
            now = {k: v for k, v in metrics.by("redeye_events_observed_total").items()
                   if ("hook", "process") not in k}
            same, last[0] = now == last[0], now
            if not same:
                time.sleep(0.1)
            return [] if same else ["the event counters do not come to rest"]
        return self.poll(quiet)

    def reload(self, answer="redeye: info: configuration reloaded"):
        """SIGHUP; returns the line that starts with `answer`, once there is one more of them."""
        def lines():
            return [line for line in self.proc.output().splitlines() if line.startswith(answer)]
        before = len(lines())
        self.proc.signal(signal.SIGHUP)
        wait_for("%r" % answer, lambda: len(lines()) > before)
        return lines()[-1]

    def finish(self):
        if self.proc.stopped:
            return
        self.settle()

        def problems(metrics):
            found = prom.accounting(metrics) + prom.histograms(metrics)
            if self.rows:
                found += prom.compare(metrics, self.rows)
            for side in prom.FAMILY:
                n = prom.active(metrics, side)
                found += ["http_%s_active_requests is %d at the end" % (side, n)] if n else []
            return found
        self.poll(problems, 3)
        self.end()

    def end(self):
        limit = settings.end * settings.slow
        self.proc.signal(signal.SIGTERM)
        code = self.proc.wait(limit)
        check(code == 0, "redeye exited with %d on SIGTERM" % code)

    def keep(self):
        """What /metrics said last, beside redeye's log."""
        with open(os.path.join(self.folder, "metrics.txt"), "w") as f:
            f.write(self.text)


class DryAgent:
    """Stands in for redeye in --self-check: traffic and servers are real, nothing is measured."""

    def __init__(self, *unused):
        self.rows = []

    def scrape(self):
        return prom.Metrics("")

    def poll(self, problems_of, seconds=10.0):
        return self.scrape()

    def expect(self, *rows):
        for row in rows:
            check(row.count >= 0 and (not row.seconds or row.seconds[0] <= row.seconds[1]),
                  "the row makes no sense: %s" % row)
        return self.scrape()

    def expect_active(self, n):
        pass

    def expect_forgotten(self):
        pass

    def settle(self):
        return self.scrape()

    def reload(self, answer=""):
        return answer

    def finish(self):
        pass

    def keep(self):
        pass


def need_redeye():
    if not os.access(settings.redeye, os.X_OK):
        raise Skip("%s is not built" % settings.redeye)
