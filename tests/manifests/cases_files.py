# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the manifests say, by the programs that read them. No cluster, no privileges."""

import json
import os
import re
import shutil
import tempfile

import yaml

import render
from lib import check, settings
from render import container, helm, helm_try, kustomize, must, objects, one, output, program

MONITORS = ("PodMonitor", "ServiceMonitor")


def helm_lint():
    for name, values in [(n, v) for n, v, _ in render.PAIRS] + list(render.MORE):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            json.dump(values, f)
            f.flush()
            must(program("helm"), "lint", "--strict", render.CHART, "-f", f.name)


def kubeconform(text):
    where = os.path.join(program("schemas"), "{{.ResourceKind}}{{.KindSuffix}}.json")
    return output(program("kubeconform"), "-strict", "-output", "json", "-summary",
                  "-skip", ",".join(MONITORS), "-schema-location", where, given=text)


def kubeconform_accepts_all():
    for name, text in render.renderings():
        status, out, err = kubeconform(text)
        check(status == 0, "%s: %s" % (name, out + err))
        seen = json.loads(out)["summary"]
        want = len([o for o in objects(text) if o["kind"] not in MONITORS])
        check(seen["valid"] == want and not seen["invalid"] + seen["errors"],
              "%s: %s, want %d valid" % (name, seen, want))


def api_server_accepts_all():
    """Strict decoding, defaults and validation by Kubernetes' code, and the operator's types."""
    for name, text in render.renderings():
        status, out, err = output(program("objects"), "validate", given=text)
        check(status == 0, "%s: %s" % (name, err))
        check(len(out.split()) == len(objects(text)), "%s: not all looked at: %s" % (name, out))


# (kind, from, to, who finds it)
BROKEN = (
    ("DaemonSet", "readOnlyRootFilesystem:", "readOnlyRootFs:", ("kubeconform", "objects")),
    ("DaemonSet", "hostPID: true", "hostPID: yes please", ("kubeconform", "objects")),
    ("DaemonSet", "path: /readyz", "path: /readyz\n              pth: x",
     ("kubeconform", "objects")),
    ("DaemonSet", "allowPrivilegeEscalation: false",
     "allowPrivilegeEscalation: false\n            procMount: Unmasked", ("objects",)),
    ("DaemonSet", "mountPath: /sys/kernel/tracing", "mountPath: /run/redeye", ("objects",)),
    ("DaemonSet", "cpu: 50m", "cpu: fifty", ("objects",)),
    ("DaemonSet", "port: metrics", "port: metricx-port-is-too-long", ("objects",)),
    ("ClusterRole", "verbs:", "verb:", ("kubeconform", "objects")),
    ("NetworkPolicy", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingres]", ("objects",)),
    ("PodMonitor", "honorLabels:", "honourLabels:", ("objects",)),
)


def what_is_wrong_is_found():
    text = helm({"podMonitor": {"enabled": True}})
    for kind, old, new, finders in BROKEN:
        doc = [d for d in text.split("\n---\n") if "\nkind: %s\n" % kind in d][0]
        check(old in doc, "%s has no %r" % (kind, old))
        wrong = doc.replace(old, new, 1)
        if "kubeconform" in finders:
            check(kubeconform(wrong)[0] != 0, "kubeconform accepts %r" % new)
        status = output(program("objects"), "validate", given=wrong)[0]
        check(status != 0, "objects accepts %r" % new)


def helm_and_kustomize_agree():
    for name, values, parts in render.PAIRS:
        ours, theirs = render.comparable(helm(values)), render.comparable(kustomize(parts))
        for key in sorted(set(ours) | set(theirs)):
            differs = render.difference(ours.get(key), theirs.get(key))
            check(not differs, "%s: %s/%s, helm and kustomize: %s" % (name, *key, differs))
        check(len(ours) >= 8, "%s: only %d objects" % (name, len(ours)))


def selectors_select():
    for name, text in render.renderings():
        found = objects(text)
        pod = one(text, "DaemonSet")["spec"]["template"]["metadata"]["labels"]
        service = [o["metadata"]["labels"] for o in found if o["kind"] == "Service"]
        for obj in found:
            spec = obj.get("spec", {})
            selector = spec.get("podSelector") or spec.get("selector") or {}
            selector = selector.get("matchLabels", selector)
            for labels in service if obj["kind"] == "ServiceMonitor" else [pod]:
                check(selector.items() <= labels.items(),
                      "%s: %s selects %s, not %s" % (name, obj["kind"], selector, labels))
        tests = [o for o in found if render.is_test(o)]
        check(name.startswith("kustomize") or tests, "%s: no helm test" % name)


# ---- values ----

WRONG = (
    ({"imag": {}}, "imag"),
    ({"image": {"repo": "x"}}, "repo"),
    ({"image": {"tag": "latest"}}, "/image/tag"),
    ({"image": {"tag": "a b"}}, "/image/tag"),
    ({"image": {"digest": "sha256:12"}}, "/image/digest"),
    ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    ({"image": {"pullSecrets": ["x"]}}, "/image/pullSecrets"),
    ({"nameOverride": "Upper"}, "/nameOverride"),
    ({"config": {"listen": "0.0.0.0:1"}}, "/config/listen"),
    ({"config": {"socket": "/x"}}, "/config/socket"),
    ({"config": {"route": [["/a"]]}}, "/config/route"),
    ({"config": {"otlp": {"endpoint": "x"}}}, "/config/otlp"),
    ({"listenAddress": "localhost"}, "/listenAddress"),
    ({"port": 0}, "/port"),
    ({"port": "9464"}, "/port"),
    ({"resourceAttributes": {"a,b": "c"}}, "'a,b'"),
    ({"resourceAttributes": {"a": "b,c"}}, "/resourceAttributes"),
    ({"token": {"value": "secret"}}, "/token"),
    ({"tls": {"existingSecret": "A"}}, "/tls"),
    ({"privileged": "yes"}, "/privileged"),
    ({"capabilities": ["CAP_BPF"]}, "/capabilities"),
    ({"capabilities": ["ALL"]}, "/capabilities"),
    ({"capabilities": ["BPF", "BPF"]}, "/capabilities"),
    ({"seccompProfile": {"type": "None"}}, "/seccompProfile"),
    ({"appArmorProfile": {"type": "none"}}, "/appArmorProfile"),
    ({"seLinuxOptions": {"kind": "spc_t"}}, "/seLinuxOptions"),
    ({"resources": {"limits": {"memory": "64 MB"}}}, "/resources"),
    ({"resources": {"limit": {}}}, "/resources"),
    ({"stateSizeLimit": "big"}, "/stateSizeLimit"),
    ({"tolerations": "all"}, "/tolerations"),
    ({"priorityClass": {"value": 2000000000}}, "/priorityClass"),
    ({"updateStrategy": {"type": "Recreate"}}, "/updateStrategy"),
    ({"terminationGracePeriodSeconds": 0}, "/terminationGracePeriodSeconds"),
    ({"serviceAccount": {"annotations": {"a": 1}}}, "/serviceAccount"),
    ({"rbac": {"enabled": True}}, "/rbac"),
    ({"podMonitor": {"interval": "often"}}, "/podMonitor"),
    ({"networkPolicy": {"ingressFrom": {}}}, "/networkPolicy"),
    ({"extraArgs": "--all"}, "/extraArgs"),
    ({"extraVolumeMounts": [{"name": "x"}]}, "/extraVolumeMounts"),
    ({"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}, "one of them"),
    ({"serviceMonitor": {"enabled": True}, "service": {"enabled": False}}, "service.enabled"),
)


def wrong_values_are_refused():
    for values, place in WRONG:
        status, _, err = helm_try(values)
        check(status != 0, "accepted: %s" % values)
        check(place in err, "%s: the error does not name %s: %s" % (values, place, err))


def a_selection_takes_the_place_of_all():
    """Helm merges maps: what the chart says of them, nobody's values take back by saying more."""
    with open(os.path.join(settings.root, "docs", "configuration.md"), encoding="utf-8") as f:
        names = re.findall(r"^\| `([a-z0-9-]+)`", f.read().split("## What to watch")[1], re.M)[:9]
    check(names[0] == "port" and names[-1] == "all", names)
    for name in names[:-1]:
        value = [80] if name in ("port", "pid") else ["a=b"]
        said = yaml.safe_load(redeye_config(helm({"config": {name: value, "log-level": "warn"}})))
        check(not said["all"] and said[name] == value, "%s: %s" % (name, said))
    said = redeye_config(helm({"config": {"kubernetes": False}}))
    check("\nall: true" in said and "\nkubernetes: off" in said, said)


def every_value_is_in_the_schema():
    """A value that is missing there would be refused from those who set it."""
    with open(os.path.join(render.CHART, "values.yaml"), encoding="utf-8") as f:
        values = yaml.safe_load(f)
    with open(os.path.join(render.CHART, "values.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    for name in values:
        check(name in schema["properties"], "%s is not in values.schema.json" % name)
    for name in schema["properties"]:
        check(name in values or name == "global", "%s is not in values.yaml" % name)
    used = ""
    for folder, _, files in os.walk(os.path.join(render.CHART, "templates")):
        for file in files:
            with open(os.path.join(folder, file), encoding="utf-8") as f:
                used += f.read()
    for name in values:
        check(".Values.%s" % name in used, "no template uses %s" % name)


def old_clusters_are_refused():
    more = ("--kube-version", "1.29.9")
    check("incompatible" in helm_try({}, more=more)[2], "accepted by a 1.29")
    helm({}, more=("--kube-version", "1.30.0"))


def notes():
    """helm shows them to a cluster only; so they go into a ConfigMap here."""
    with tempfile.TemporaryDirectory() as d:
        chart = os.path.join(d, "redeye")
        shutil.copytree(render.CHART, chart)
        os.rename(os.path.join(chart, "templates", "NOTES.txt"), os.path.join(chart, "notes"))
        with open(os.path.join(chart, "templates", "notes.yaml"), "w", encoding="utf-8") as f:
            f.write('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n'
                    'data:\n  notes: |\n{{ tpl (.Files.Get "notes") . | indent 4 }}\n')
        def said(values):
            return [o["data"]["notes"] for o in objects(helm(values, chart=chart))
                    if o["metadata"]["name"] == "notes"][0]
        plain = said({})
        check("every process" in plain and "BPF, PERFMON" in plain, plain)
        check("exec -it daemonset/redeye -- redeye top" in plain, plain)
        check("There is no token" in plain and "network policy lets in" in plain, plain)
        check("Prometheus scrapes nothing yet" in plain, plain)
        open_to_all = said({"networkPolicy": {"enabled": False}})
        check("everybody in the cluster" in open_to_all, open_to_all)
        full = said({"privileged": True, "token": {"existingSecret": "t"},
                     "tls": {"existingSecret": "c"}, "podMonitor": {"enabled": True},
                     "config": {"port": 80}})
        check("privileged container" in full and "https://localhost" in full, full)
        check("no token" not in full and "scrapes nothing" not in full, full)
        check("what `config` selects" in full, full)


# ---- what is in them ----

def redeye_config(text, arguments=(), env=None):
    """What redeye says of the rendered file, arguments and variables."""
    spec = container(text)
    with tempfile.TemporaryDirectory() as d:
        for name, data in one(text, "ConfigMap")["data"].items():
            with open(os.path.join(d, name), "w", encoding="utf-8") as f:
                f.write(data)
        mounted = [m["mountPath"] for m in spec["volumeMounts"] if m["name"] == "config"][0]
        args = [a.replace(mounted, d) for a in spec["args"]]
        check(args[0] == "run", "the command is %s" % args[0])
        variables = {e["name"]: e.get("value", "x=y") for e in spec["env"]}
        saved = dict(os.environ)
        try:
            for name in [n for n in os.environ if n.startswith(("REDEYE_", "OTEL_"))]:
                del os.environ[name]
            os.environ.update(variables)
            return must(settings.redeye, "config", *args[1:], *arguments)
        finally:
            os.environ.clear()
            os.environ.update(saved)


def redeye_takes_the_configuration():
    for name, text in render.renderings():
        said = yaml.safe_load(redeye_config(text))
        for key, value in yaml.safe_load(one(text, "ConfigMap")["data"]["redeye.yaml"]).items():
            check(said.get(key) == value, "%s: %s is %r to redeye, not %r" % (
                name, key, said.get(key), value))
        port = container(text)["ports"][0]["containerPort"]
        check(said["listen"].endswith(":%d" % port), "%s: %s, port %d" % (
            name, said["listen"], port))
    much = yaml.safe_load(redeye_config(helm(dict(render.MORE)["much"])))
    check(much["listen-token-file"] == "/etc/redeye-token/bearer", much["listen-token-file"])
    check(much["resource-attributes"] == ["host.name=$(NODE_NAME)", "k8s.cluster.name=east"],
          much["resource-attributes"])
    unknown = helm({"config": {"no-such-option": 1}})
    try:
        redeye_config(unknown)
    except Exception as e:
        check("no-such-option" in str(e), str(e))
    else:
        check(False, "redeye takes an option that it does not have")


def rights_of_the_service_account():
    want = {("", "pods")}
    for name, text in render.renderings():
        found = set()
        for role in [o for o in objects(text) if o["kind"] in ("Role", "ClusterRole")]:
            for rule in role["rules"]:
                check(set(rule) == {"apiGroups", "resources", "verbs"}, "%s: %s" % (name, rule))
                check(sorted(rule["verbs"]) == ["get", "list", "watch"], "%s: %s" % (name, rule))
                found |= {(g, r) for g in rule["apiGroups"] for r in rule["resources"]}
        check(found == (set() if name == "helm, little" else want), "%s: %s" % (name, found))
        bindings = [o for o in objects(text) if o["kind"].endswith("Binding")]
        check(len(bindings) == (name != "helm, little"), "%s: bindings" % name)


def documented():
    with open(os.path.join(settings.root, "docs", "kubernetes.md"), encoding="utf-8") as f:
        return f.read()


def kustomization_of_the_docs():
    example = re.search(r"```yaml\n(# kustomization.yaml.*?)```", documented(), re.S).group(1)
    with tempfile.TemporaryDirectory(dir=render.BUILD) as d:
        where = os.path.relpath(render.KUSTOMIZE, d)
        with open(os.path.join(d, "kustomization.yaml"), "w", encoding="utf-8") as f:
            f.write(example.replace("redeye/deploy/kubernetes", where))
        with open(os.path.join(d, "redeye.yaml"), "w", encoding="utf-8") as f:
            f.write("port: [80]\nlisten: 0.0.0.0:9464\n")
        text = must(program("kustomize"), "build", d)
    must(program("objects"), "validate", given=text)
    check(container(text)["image"] == "REGISTRY/redeye:0.1.0", container(text)["image"])
    said = yaml.safe_load(redeye_config(text))
    check(said["port"] == [80] and not said["all"], "its redeye.yaml is not used")
    check(said["listen-token-file"] == "/etc/redeye-token/token", "its token is not used")
    one(text, "PodMonitor")


def host_paths_are_documented():
    rows = set(re.findall(r"^\| `(/[^`]*)`", documented(), re.M))
    for name, text in render.renderings():
        spec = one(text, "DaemonSet")["spec"]["template"]["spec"]
        paths = {v["hostPath"]["path"] for v in spec["volumes"] if "hostPath" in v}
        check(paths == {"/sys/kernel/tracing"}, "%s: %s" % (name, paths))
        mounts = {m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
        check(mounts - {"/etc/ca"} <= rows, "%s: not in docs: %s" % (name, mounts - rows))
        volumes = {v["name"] for v in spec["volumes"]}
        used = {m["name"] for m in spec["containers"][0]["volumeMounts"]}
        check(volumes == used, "%s: %s" % (name, volumes ^ used))


def capabilities_are_documented():
    rows = set(re.findall(r"^\| `CAP_([A-Z_]+)`", documented(), re.M))
    with open(os.path.join(render.CHART, "values.schema.json"), encoding="utf-8") as f:
        allowed = json.load(f)["properties"]["capabilities"]["items"]["enum"]
    check(rows == set(allowed), "docs and values.schema.json differ: %s" % (rows ^ set(allowed)))
    context = container(helm({}))["securityContext"]
    check(set(context["capabilities"]["add"]) == set(allowed) - {"SYS_ADMIN", "NET_ADMIN"},
          "the default is %s" % context["capabilities"]["add"])
    check(context["capabilities"]["drop"] == ["ALL"], "not all are dropped")
    check(context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] and
          context["privileged"] is False and
          context["seccompProfile"] == {"type": "RuntimeDefault"}, "%s" % context)


def security_standards_are_documented():
    text = documented()
    for name, rendered in (("least-privilege", kustomize(("overlays/least-privilege",))),
                           ("privileged", kustomize(("overlays/privileged",)))):
        said = json.loads(must(program("objects"), "security", given=rendered))
        check(said["privileged"] == {}, "%s: %s" % (name, said["privileged"]))
        check(said["baseline"], "%s: baseline would do" % name)
        for reason in said["baseline"]:
            check("| %s |" % reason in text, "%s: docs do not say: %s" % (name, reason))
        labels = one(rendered, "Namespace")["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            check(labels["pod-security.kubernetes.io/" + mode] == "privileged", "%s" % labels)


def images_are_pinned():
    with open(os.path.join(settings.root, "Makefile"), encoding="utf-8") as f:
        version = re.search(r"^VERSION\s*:= (\S+)", f.read(), re.M).group(1)
    for name, text in render.renderings():
        for obj in objects(text):
            spec = obj.get("spec", {})
            spec = spec.get("template", {}).get("spec") or spec
            for c in spec.get("containers", []):
                image = c["image"]
                want = "@sha256:" if name == "helm, much" else ":" + version
                check(want in image, "%s: %s" % (name, image))


def secrets_stay_outside():
    for name, text in render.renderings():
        for obj in objects(text):
            check(obj["kind"] != "Secret", "%s has a Secret" % name)
        for var in container(text)["env"]:
            secret = re.search("TOKEN|HEADERS|PASSWORD|KEY", var["name"])
            check(not secret or var.get("value", "/").startswith("/"), "%s: %s" % (name, var))
    tree = must("git", "-C", settings.root, "ls-files", "deploy")
    check(not re.search(r"token$|\.(key|pem|crt)$|secret", tree, re.I), tree)


def probes_and_identity():
    for name, text in render.renderings():
        pod = one(text, "DaemonSet")["spec"]["template"]["spec"]
        check(pod["hostPID"] is True and not pod.get("hostNetwork") and not pod.get("hostIPC"),
              "%s: namespaces of the host" % name)
        check(pod["enableServiceLinks"] is False, "%s: a Service sets options" % name)
        c = pod["containers"][0]
        port = c["ports"][0]["name"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            check(c[probe]["httpGet"]["port"] == port, "%s: %s" % (name, probe))
        node = [e for e in c["env"] if e["name"] == "NODE_NAME"]
        check(node[0]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName", name)
        names = [e["name"] for e in c["env"]]
        for i, var in enumerate(c["env"]):
            for used in re.findall(r"\$\((\w+)\)", var.get("value", "")):
                check(used in names[:i], "%s: %s comes after %s" % (name, used, var["name"]))


CASES = (helm_lint, kubeconform_accepts_all, api_server_accepts_all, what_is_wrong_is_found,
         helm_and_kustomize_agree, selectors_select, wrong_values_are_refused,
         a_selection_takes_the_place_of_all, every_value_is_in_the_schema,
         old_clusters_are_refused, notes,
         redeye_takes_the_configuration, kustomization_of_the_docs, rights_of_the_service_account,
         host_paths_are_documented, capabilities_are_documented,
         security_standards_are_documented, images_are_pinned, secrets_stay_outside,
         probes_and_identity)
