# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The rules and the configurations, each by the program that reads it, where it can be had."""

import os
import re
import tempfile

from common import COMPOSE, DEPLOY, Failure, RULES, Skip, ask, built, read, replaced, rule_files, \
    rules_text, settings
from lib import check

ALERT = re.compile(r"^ +- alert: (\w+)\n((?:(?! +- ).*\n)*)", re.M)


def rules_check():
    ask("promtool", "check", "rules", *rule_files())


def rules_test():
    folder = os.path.join(DEPLOY, "prometheus", "tests")
    ask("promtool", "test", "rules", *(os.path.join(folder, n) for n in sorted(os.listdir(folder))))


def alerts_tested():
    """Each has a case that fires and one that does not."""
    folder = os.path.join("prometheus", "tests")
    text = "".join(read(folder, name) for name in os.listdir(os.path.join(DEPLOY, folder)))
    cases = re.findall(r"- alertname: (\w+)[^\n]*\n +eval_time: \w+\n +exp_alerts:( \[\])?", text)
    for name, _ in ALERT.findall(rules_text()):
        quiet = {bool(empty) for found, empty in cases if found == name}
        check(quiet == {True, False}, "%s has no case that %s" % (
            name, "fires" if False not in quiet else "does not fire"))


def alerts_explained():
    """severity, summary, description, and a place in the documentation that is there."""
    with open(os.path.join(settings.root, "docs", "troubleshooting.md")) as f:
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                   for title in re.findall(r"^#+ (.+)$", f.read(), re.M)}
    alerts = ALERT.findall(rules_text())
    check(len(alerts) > 10, "found only %d alerts" % len(alerts))
    for name, body in alerts:
        for word in ("severity: critical|severity: warning|severity: info", "summary: ",
                     "description: "):
            check(re.search(word, body), "%s has no %s" % (name, word))
        url = re.search(r"runbook_url: docs/troubleshooting.md#(\S+)", body)
        check(url and url.group(1) == name.lower(), "%s has no runbook_url of its name" % name)
        check(url.group(1) in anchors, "docs/troubleshooting.md has no #%s" % url.group(1))


def objectives_agree():
    text = read(RULES, "objectives.yml")
    found = re.search(r"slo:latency_p95:seconds\n +expr: vector\(([\d.]+)\)", text)
    seconds = float(found.group(1))
    bounds = {float(le) for le in re.findall(r'le="([\d.]+)"', text)}
    check(bounds == {seconds}, "P95 is to be under %g s, but le is %s" % (seconds, bounds))


def prometheus_config():
    text = replaced(read(COMPOSE, "prometheus.yml"),
                    ("/etc/prometheus/rules/*.yml", os.path.join(RULES, "*.yml")))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
        f.write(text)
        f.flush()
        said = ask("promtool", "check", "config", f.name)
    check("%d rule files found" % len(rule_files()) in said, "it found no rules: " + said[-200:])


def alertmanager_yml(folder, *pairs):
    """The configuration as this machine can read it; its secrets are in `folder`."""
    text = replaced(read(COMPOSE, "alertmanager.yml"),
                    ("/etc/alertmanager/alertmanager.tmpl",
                     os.path.join(COMPOSE, "alertmanager.tmpl")),
                    ("/run/secrets/redeye", folder), *pairs)
    path = os.path.join(folder, "alertmanager.yml")
    with open(path, "w") as f:
        f.write(text)
    return path


def alertmanager_config():
    with tempfile.TemporaryDirectory() as folder:
        said = ask("amtool", "check-config", alertmanager_yml(folder))
    check("1 templates" in said and "3 receivers" in said, "it read " + said[-300:])


def alertmanager_routes():
    want = {"critical": "pagerduty,slack", "warning": "slack", "info": "nobody", "": "slack"}
    with tempfile.TemporaryDirectory() as folder:
        path = alertmanager_yml(folder)
        for severity, receivers in want.items():
            got = ask("amtool", "config", "routes", "test", "--config.file=" + path,
                      "severity=" + severity).split()[-1]
            check(got == receivers, "severity %r goes to %s, want %s" % (severity, got, receivers))


def severities_routed():
    """No rule has a severity that the routes do not know."""
    used = set(re.findall(r"severity: (\w+)", rules_text()))
    check(used <= {"critical", "warning", "info"} and "critical" in used, "severities: %s" % used)


def collector_config():
    path = os.path.join(settings.root, "build", "traces", "collector")
    if not os.access(path, os.X_OK):
        why = path + ".why"
        raise Skip(open(why).read().strip() if os.path.exists(why) else
                   "the collector is not built; tests/deploy/deps does that")
    ask(path, "validate", "--config=" + os.path.join(COMPOSE, "collector.yml"))


def _docker_compose():
    try:
        ask("docker", "compose", "version")
    except (Failure, Skip):
        return False
    return True


def _compose(env):
    """What the stack comes to, by Docker's client, or by the library that it reads files with."""
    path = os.path.join(COMPOSE, "compose.yaml")
    if _docker_compose():
        return ask("docker", "compose", "-f", path, "config", env=env)
    return ask(built("compose"), path, env=env)


def compose_config():
    text = _compose({"GRAFANA_ADMIN_PASSWORD": "for-the-test"})
    services = set(re.findall(r"^  ([\w-]+):$", text.partition("\nvolumes:")[0], re.M))
    want = set("redeye prometheus alertmanager grafana collector jaeger loki alloy".split())
    check(want <= services, "it has no %s" % ", ".join(want - services))
    for path in re.findall(r"type: bind\n +source: (\S+)", text):
        ours = path.startswith(DEPLOY) and not path.startswith(os.path.join(COMPOSE, "secrets"))
        check(not ours or os.path.exists(path), "it mounts %s, which is not there" % path)
    # A published port would otherwise be open to the whole network.
    ports = re.findall(r"mode: ingress\n( +host_ip: 127.0.0.1)?", text)
    check(ports and all(ports), "a port is published to other hosts")


def compose_pinned():
    """A tag of three numbers each, and none without."""
    images = re.findall(r"^ +image: (\S+)$", read(COMPOSE, "compose.yaml"), re.M)
    loose = [i for i in images if not re.search(r":v?\d+\.\d+\.\d+$", i)]
    check(len(images) > 8 and not loose, "not pinned: %s of %d" % (loose, len(images)))


def compose_password():
    """Without a password nothing starts."""
    try:
        _compose({"GRAFANA_ADMIN_PASSWORD": ""})
    except Failure as e:
        check("GRAFANA_ADMIN_PASSWORD" in str(e), str(e))
        return
    raise Failure("it starts Grafana without a password")


def example_env():
    """Names every variable that the stack reads, and gives no secret."""
    text = read(COMPOSE, "example.env")
    read_ones = set(re.findall(r"\$\{(\w+)", read(COMPOSE, "compose.yaml")))
    given = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    check(set(given) == read_ones, "example.env has %s, compose.yaml reads %s" % (
        sorted(given), sorted(read_ones)))
    check(given["GRAFANA_ADMIN_PASSWORD"] == "", "example.env has a password")
    ignored = read(COMPOSE, ".gitignore").split()
    check("/.env" in ignored and "/secrets/" in ignored, "git would take the secrets")


def redeye_config():
    said = ask(settings.redeye, "config", "--config", os.path.join(COMPOSE, "redeye.yaml"),
               env={"REDEYE_PORT": "80,8080"})
    for want in ('otlp-endpoint: "http://collector:4318"', 'listen: "0.0.0.0:9464"',
                 'access-log: "/var/log/redeye/access.json"', "port: [80, 8080]"):
        check(want in said, "redeye config does not say %r" % want)


def loki_config():
    ask("loki", "-verify-config", "-config.file=" + os.path.join(COMPOSE, "loki.yml"))


def alloy_config():
    ask("alloy", "fmt", "--test", os.path.join(COMPOSE, "access-log.alloy"))


def alloy_references():
    """Whom a component sends to is there, and what the log's lines are asked for is in them."""
    text = read(COMPOSE, "access-log.alloy")
    have = {".".join(found) for found in re.findall(r'^([\w.]+) "(\w+)" \{', text, re.M)}
    used = set(re.findall(r"((?:loki|local)\.[\w.]+)\.(?:receiver|targets)", text))
    check(used and used <= have, "%s is not among %s" % (used - have, have))
    check(text.count("{") == text.count("}"), "braces do not match")


CASES = (rules_check, rules_test, alerts_tested, alerts_explained, objectives_agree,
         prometheus_config, alertmanager_config, alertmanager_routes, severities_routed,
         collector_config, compose_config, compose_pinned, compose_password, example_env,
         redeye_config, loki_config, alloy_config, alloy_references)
