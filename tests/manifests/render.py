# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Renders the manifests, by helm and by kustomize, and takes from the objects what may differ."""

import json
import os
import re
import subprocess
import tempfile

import yaml

from lib import Failure, Skip, check, settings

DEPLOY = os.path.join(settings.root, "deploy")
CHART = os.path.join(DEPLOY, "helm", "redeye")
KUSTOMIZE = os.path.join(DEPLOY, "kubernetes")
BUILD = os.path.join(settings.root, "build", "manifests")

# What is to be the same: (name, values of helm, overlay and components of kustomize).
PAIRS = (
    ("defaults", {}, ("overlays/least-privilege",)),
    ("privileged", {"privileged": True}, ("overlays/privileged",)),
    ("podmonitor", {"podMonitor": {"enabled": True}},
     ("overlays/least-privilege", "components/podmonitor")),
    ("servicemonitor", {"serviceMonitor": {"enabled": True}},
     ("overlays/least-privilege", "components/servicemonitor")),
    ("token", {"token": {"existingSecret": "redeye-token"}},
     ("overlays/least-privilege", "components/token")),
    ("token, tls, privileged",
     {"privileged": True, "token": {"existingSecret": "redeye-token"},
      "tls": {"existingSecret": "redeye-tls"}},
     ("overlays/privileged", "components/token", "components/tls")),
    ("tls", {"tls": {"existingSecret": "redeye-tls"}},
     ("overlays/least-privilege", "components/tls")),
    ("before-linux-6.6",
     {"capabilities": ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE",
                       "SYS_RESOURCE", "SYS_NICE", "SYS_ADMIN"]},
     ("overlays/least-privilege", "components/before-linux-6.6")),
)

# Every other branch of the templates.
MORE = (
    ("little", {"serviceAccount": {"create": False}, "rbac": {"create": False},
                "priorityClass": {"create": False}, "service": {"enabled": False},
                "networkPolicy": {"enabled": False}, "resourceAttributes": {"host.name": None},
                "nodeSelector": {"kubernetes.io/os": None}, "tolerations": []}),
    ("much", {"image": {"repository": "registry.example:5000/x/redeye",
                        "digest": "sha256:" + "0123456789abcdef" * 4,
                        "pullSecrets": [{"name": "registry"}]},
              "nameOverride": "watcher", "port": 9000, "listenAddress": "[::]",
              "config": {"port": [80, 8080], "exe": ["*/nginx"], "all": False,
                         "max-connections": 1048576, "series-expiry": "10m", "tls": False,
                         "otlp-endpoint": "http://collector.monitoring:4318"},
              "token": {"existingSecret": "t", "key": "bearer"},
              "tls": {"existingSecret": "c"},
              "podMonitor": {"enabled": True, "labels": {"release": "prometheus"},
                             "interval": "15s", "scrapeTimeout": "10s"},
              "resourceAttributes": {"k8s.cluster.name": "east", "host.name": "$(NODE_NAME)"},
              "networkPolicy": {"ingressFrom": [], "egressPorts": []},
              "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                  "nodeSelectorTerms": [{"matchExpressions": [
                      {"key": "redeye", "operator": "NotIn", "values": ["off"]}]}]}}},
              "podAnnotations": {"example.com/owner": "sre"}, "podLabels": {"team": "sre"},
              "extraArgs": ["--log-level=debug"],
              "extraEnv": [{"name": "OTEL_EXPORTER_OTLP_HEADERS", "valueFrom": {
                  "secretKeyRef": {"name": "otlp", "key": "headers"}}}],
              "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
              "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}]}),
)


def program(name):
    """One that deps has built."""
    path = os.path.join(BUILD, name)
    if os.path.exists(path):
        return path
    why = path + ".why"
    if os.path.exists(why):
        with open(why, encoding="utf-8") as f:
            raise Skip(f.read().strip())
    raise Skip("%s is not built: tests/manifests/deps" % name)


def output(*command, given=None):
    """(exit status, standard output, standard error)"""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def must(*command, given=None):
    status, out, err = output(*command, given=given)
    check(status == 0, "%s: exit status %d: %s" % (os.path.basename(command[0]), status,
                                                   (err or out).strip()[-2000:]))
    return out


def helm_try(values, chart=CHART, more=()):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        json.dump(values, f)
        f.flush()
        return output(program("helm"), "template", "redeye", chart, "-n", "redeye", "-f", f.name,
                      *more)


def helm(values, chart=CHART, more=()):
    status, out, err = helm_try(values, chart, more)
    check(status == 0, "helm template: " + err.strip())
    return out


def kustomize(parts):
    """An overlay with components, as somebody would put them together in a folder of his own."""
    with tempfile.TemporaryDirectory(dir=BUILD) as d:
        paths = [os.path.relpath(os.path.join(KUSTOMIZE, p), d) for p in parts]
        with open(os.path.join(d, "kustomization.yaml"), "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                       "resources": paths[:1], "components": paths[1:]}, f)
        return must(program("kustomize"), "build", d)


def objects(text):
    return [o for o in yaml.safe_load_all(text) if o]


def one(text, kind):
    found = [o for o in objects(text) if o["kind"] == kind]
    if len(found) != 1:
        raise Failure("%d objects are a %s" % (len(found), kind))
    return found[0]


def container(text):
    return one(text, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]


def renderings():
    """(name, text) of everything that can be rendered."""
    for name, values, parts in PAIRS:
        yield "helm, " + name, helm(values)
        yield "kustomize, " + name, kustomize(parts)
    for name, values in MORE:
        yield "helm, " + name, helm(values)


def is_test(obj):
    return "helm.sh/hook" in (obj["metadata"].get("annotations") or {})


# ---- what may differ ----

def _bare(value):
    """Without labels and selectors of labels; lists of what has a name in the names' order, which
    matters for variables that refer to others only (cases_files.probes_and_identity)."""
    if isinstance(value, list):
        bare = [_bare(v) for v in value]
        named = bare and all(isinstance(v, dict) and "name" in v for v in bare)
        return sorted(bare, key=lambda v: v["name"]) if named else bare
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items()
                if k not in ("labels", "annotations", "matchLabels")}
    return value


def comparable(text):
    """{(kind, name): object}; the hosts' namespace and helm's tests are no part of the other."""
    found = {}
    for obj in objects(text):
        if obj["kind"] == "Namespace" or is_test(obj):
            continue
        if obj["kind"] == "ConfigMap":
            obj["data"] = {k: yaml.safe_load(v) for k, v in obj["data"].items()}
        selector = obj.get("spec", {}).get("selector") if obj["kind"] == "Service" else None
        if selector:
            selector.pop("app.kubernetes.io/instance", None)
        bare = json.loads(re.sub(r'"redeye-[a-z0-9]{10}"', '"redeye"', json.dumps(_bare(obj))))
        if obj["kind"] == "NetworkPolicy":  # whom it lets in is no label of redeye's
            bare["from"] = [r.get("from") for r in obj["spec"].get("ingress", [])]
        found[obj["kind"], bare["metadata"]["name"]] = bare
    return found


def difference(a, b, path=""):
    """The first place at which two objects differ, and what is there; None."""
    if isinstance(a, dict) and isinstance(b, dict):
        steps = [(k, a.get(k), b.get(k)) for k in sorted(set(a) | set(b))]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        steps = [(i, *pair) for i, pair in enumerate(zip(a, b))]
    else:
        return None if a == b else "%s: %s and %s" % (path, json.dumps(a), json.dumps(b))
    found = (difference(x, y, "%s/%s" % (path, step)) for step, x, y in steps)
    return next((f for f in found if f), None)
