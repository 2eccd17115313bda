# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye as the manifests run it: the rendered container's arguments, variables, mounts, rights,
seccomp profile and root, in a network of its own, with the host's process numbers.

What it watches is not what the manifest says (`all`), but two servers of this test.
"""

import ctypes
import http.client
import http.server
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time

import yaml

import render
from lib import Skip, check, free_port, need_programs, settings, wait_for
from render import container, helm, must, one, program

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESS = "192.0.2.10"  # TEST-NET-1, on the pod's own loopback device
NODE = "node-1.example"
POD = "redeye-x7k2p"
CAPS = {"DAC_READ_SEARCH": 2, "NET_ADMIN": 12, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_NICE": 23,
        "SYS_RESOURCE": 24, "PERFMON": 38, "BPF": 39, "CHECKPOINT_RESTORE": 40}
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
PLAIN, SECURE = 31, 17  # requests
TOKEN = "made-for-this-test"


# ---- what is watched ----

class Server:
    """HTTP or, with a certificate, HTTPS, in a process of its own."""

    def __init__(self, certificate=None):
        self.port = free_port()
        self.certificate = certificate
        self.pid = os.fork()
        if not self.pid:
            try:
                libc = ctypes.CDLL(None)
                libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
                self.serve()
            finally:
                os._exit(1)
        wait_for("a server", self.accepts)

    def serve(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()

    def accepts(self):
        try:
            self.ask(1)
            return True
        except OSError:
            return False

    def ask(self, times):
        if self.certificate:
            c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10,
                                            context=ssl._create_unverified_context())
        else:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        for _ in range(times):
            c.request("GET", "/hello")
            check(c.getresponse().read() == b"ok", "the server's answer")
        c.close()

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def make_certificate(folder):
    need_programs("openssl")
    cert, key = os.path.join(folder, "tls.crt"), os.path.join(folder, "tls.key")
    must("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=redeye.redeye.svc", "-keyout", key, "-out", cert)
    return cert, key


# ---- the pod ----

def libraries(binary):
    for line in must("ldd", binary).splitlines():
        found = re.search(r"(?:=> )?(/\S+) \(0x", line)
        if found:
            yield found.group(1)


def image(binary):
    """redeye, the libraries it is linked with, libcurl, which it loads, and nothing else."""
    files = {"/usr/bin/redeye": binary}
    for path in libraries(binary):
        files[path] = path
    for name in ("libcurl-gnutls.so.4", "libcurl.so.4"):
        found = re.search(r"\b%s .*=> (/\S+)" % re.escape(name), must("ldconfig", "-p"))
        if found:
            files.update({p: p for p in (found.group(1), *libraries(found.group(1)))})
            break
    return {path: os.path.realpath(source) for path, source in files.items()}


def volumes(text, folder, secrets):
    """What the kubelet would mount, in folders here."""
    spec = one(text, "DaemonSet")["spec"]["template"]["spec"]
    sources = {v["name"]: v for v in spec["volumes"]}
    for m in container(text)["volumeMounts"]:
        v = sources[m["name"]]
        here = os.path.join(folder, m["name"])
        os.makedirs(here, exist_ok=True)
        if "configMap" in v:
            for name, data in one(text, "ConfigMap")["data"].items():
                with open(os.path.join(here, name), "w", encoding="utf-8") as f:
                    f.write(data)
        elif "secret" in v:
            for name, data in secrets[v["secret"]["secretName"]].items():
                with open(os.path.join(here, name), "w", encoding="utf-8") as f:
                    f.write(data)
        elif "hostPath" in v:
            here = v["hostPath"]["path"]
            check(os.path.isdir(here), "this host has no folder %s" % here)
        yield {"path": m["mountPath"], "kind": "tmpfs" if "emptyDir" in v else "bind",
               "source": here, "readonly": m.get("readOnly", False)}


def environment(text):
    """The container's, with references expanded as the kubelet does."""
    fields = {"spec.nodeName": NODE, "metadata.name": POD, "metadata.namespace": "redeye"}
    env = {"PATH": "/usr/bin:/bin", "HOSTNAME": POD}
    for var in container(text)["env"]:
        value = var.get("value")
        if value is None:
            value = fields[var["valueFrom"]["fieldRef"]["fieldPath"]]
        env[var["name"]] = re.sub(r"\$\((\w+)\)", lambda m: env[m.group(1)], value)
    return env


class Pod:
    def __init__(self, text, watched, without=(), secrets=None):
        if os.geteuid():
            raise Skip("needs root")
        need_programs("unshare", "nsenter", "ip", "mount", "curl", "ldd", "ldconfig")
        with open("/proc/filesystems", encoding="utf-8") as f:
            if "tracefs" not in f.read():
                raise Skip("this kernel has no tracefs")
        self.text, self.folder = text, tempfile.TemporaryDirectory()
        context = container(text)["securityContext"]
        self.scheme = container(text)["livenessProbe"]["httpGet"]["scheme"].lower()
        self.port = container(text)["ports"][0]["containerPort"]
        names = None if context["privileged"] else \
            [c for c in context["capabilities"]["add"] if c not in without]
        profile = None
        if names is not None:
            check(context["seccompProfile"]["type"] == "RuntimeDefault", "another profile")
            if subprocess.call(["/usr/bin/python3", "-c", "import seccomp"],
                               stderr=subprocess.DEVNULL):
                raise Skip("python3-seccomp is not installed")
            profile = json.loads(must(program("objects"), "seccomp",
                                      *("CAP_" + n for n in names)))
        env = environment(text)
        # Only what this test has started, and no breakpoint in the memory of others.
        env.update(REDEYE_ALL="false", REDEYE_UPROBE_SCOPE="process",
                   REDEYE_PID=",".join(str(s.pid) for s in watched))
        root = os.path.join(self.folder.name, "root")
        os.mkdir(root)
        spec = {"root": root, "image": image(settings.redeye),
                "mounts": list(volumes(text, self.folder.name, secrets or {})),
                "capabilities": None if names is None else [CAPS[n] for n in names],
                "no_new_privs": context.get("allowPrivilegeEscalation") is False,
                "seccomp": profile, "hostname": POD, "address": ADDRESS,
                "argv": ["/usr/bin/redeye", *container(text)["args"]], "env": env}
        self.env = env
        said = yaml.safe_load(self.config(spec))
        check(not said["all"] and said["pid"] == [s.pid for s in watched],
              "redeye would watch others: %s" % said)
        file = os.path.join(self.folder.name, "spec.json")
        with open(file, "w", encoding="utf-8") as f:
            json.dump(spec, f)
        self.log = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--propagation",
             "private", "/usr/bin/python3", os.path.join(HERE, "pod.py"), file],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def config(self, spec):
        mounts = {m["path"]: m["source"] for m in spec["mounts"]}
        args = [a.replace("/etc/redeye/", mounts["/etc/redeye"] + "/") for a in spec["argv"][2:]]
        return subprocess.run([settings.redeye, "config", *args], env=spec["env"], text=True,
                                     capture_output=True, check=True).stdout

    def said(self):
        self.log.seek(0)
        return self.log.read().strip()

    def inside(self, *command):
        """In the pod's network, with this host's programs."""
        return render.output("nsenter", "-t", str(self.process.pid), "-n", "--", *command)

    def get(self, path, address=ADDRESS, token=None):
        """(status, body), as the kubelet, a scraper or kubectl port-forward would see it."""
        auth = ["-H", "Authorization: Bearer " + token] if token else []
        _, out, _ = self.inside("curl", "-sk", "--noproxy", "*", "-m", "10", *auth, "-w",
                                "\n%{http_code}", "%s://%s:%d%s" % (
                                    self.scheme, address, self.port, path))
        body, _, status = out.rpartition("\n")
        return int(status or 0), body

    def probe(self, name):
        p = container(self.text)[name]["httpGet"]
        check(p["scheme"].lower() == self.scheme, name)
        return self.get(p["path"])[0]

    def exec(self, *command):
        """kubectl exec."""
        return subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-m", "-n", "-u", "-r", "-w", "--",
             "/usr/bin/redeye", *command],
            env=self.env, text=True, capture_output=True, timeout=30)

    def wait_ready(self):
        p = container(self.text)["startupProbe"]
        def ready():
            check(self.process.poll() is None, "redeye ended: " + self.said())
            return self.probe("startupProbe") == 200
        try:
            wait_for("the startup probe", ready, p["periodSeconds"] * p["failureThreshold"], 0.1)
        except Exception as e:
            raise type(e)("%s; %s" % (e, self.said()))

    def stop(self):
        """Ends it as the kubelet does; the seconds that took."""
        start = time.monotonic()
        self.process.terminate()
        grace = one(self.text, "DaemonSet")["spec"]["template"]["spec"][
            "terminationGracePeriodSeconds"]
        status = self.process.wait(grace)
        check(status == 0, "exit status %d: %s" % (status, self.said()))
        return time.monotonic() - start

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.folder.cleanup()


def counted(metrics, **labels):
    total = 0
    for line in metrics.splitlines():
        if line.startswith("http_server_request_duration_seconds_count{") and \
                all('%s="%s"' % l in line for l in labels.items()):
            total += float(line.rpartition("} ")[2].split()[0])
    return total


def held(pid):
    """Bytes of the process and of its BPF maps."""
    with open("/proc/%d/status" % pid) as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) << 10
    maps = 0
    for fd in os.listdir("/proc/%d/fdinfo" % pid):
        try:
            with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
                said = f.read()
        except OSError:
            continue
        if "map_id:" in said:
            maps += int(re.search(r"memlock:\s+(\d+)", said).group(1))
    check(maps, "no map is found")
    return rss, maps


def bytes_of(quantity):
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def watch(values, token=None, secrets=None):
    """A pod from its start to its end; what was seen."""
    text = helm(values)
    with tempfile.TemporaryDirectory() as d:
        certificate = make_certificate(d)
        if secrets is not None:
            secrets["c"] = {os.path.basename(p): open(p, encoding="utf-8").read()
                            for p in certificate}
        watched = [Server(), Server(certificate)]
        pod = None
        try:
            pod = Pod(text, watched, secrets=secrets)
            pod.wait_ready()
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                check(pod.probe(probe) == 200, "%s: %d" % (probe, pod.probe(probe)))
            wait_for("TLS to be probed", lambda: re.search(
                r"redeye_uprobe_links\{[^}]*\} [1-9]", pod.get("/metrics", token=token)[1]))
            watched[0].ask(PLAIN)
            watched[1].ask(SECURE)
            def seen():
                metrics = pod.get("/metrics", token=token)[1]
                return counted(metrics, url_scheme="http") >= PLAIN and \
                    counted(metrics, url_scheme="https") >= SECURE and metrics
            metrics = wait_for("the requests in /metrics", seen)
            for scheme, want in (("http", PLAIN), ("https", SECURE)):
                got = counted(metrics, url_scheme=scheme)
                check(got == want, "%d of %d requests by %s" % (got, want, scheme))
            check('host_name="%s"' % NODE in metrics, "target_info does not name the node")
            status, body = pod.get("/api/v1/status", token=token)
            check(status == (200 if token else 403), "the API, from another machine: %d" % status)
            if token:
                check(pod.get("/metrics")[0] == 401, "/metrics without the token")
                check(pod.get("/api/v1/status")[0] == 401, "/api without the token")
            else:
                status, body = pod.get("/api/v1/status", "127.0.0.1")
                check(status == 200, "the API through port-forward: %d" % status)
            check(TOKEN not in pod.said(), "the token is in the log")
            top = pod.exec("top", "--once")
            check(top.returncode == 0, "kubectl exec, redeye top: " + top.stderr)
            check(re.search(r"^\S+ +server ", top.stdout, re.M),
                  "redeye top shows no service: " + top.stdout)
            rss, maps = held(pod.process.pid)
            limits = container(text)["resources"]
            check(rss + maps < bytes_of(limits["requests"]["memory"]),
                  "it holds %d and %d bytes" % (rss, maps))
            check("denied" not in pod.said() and "cannot" not in pod.said(), pod.said())
            took = pod.stop()
            return "%d + %d requests; %.1f MB and %.1f MB of maps; ended in %.1f s" % (
                PLAIN, SECURE, rss / 1e6, maps / 1e6, took)
        finally:
            if pod:
                pod.close()
            for server in watched:
                server.stop()


def pod_with_least_privilege():
    return watch({})


def pod_with_token_and_tls():
    return watch({"token": {"existingSecret": "t"}, "tls": {"existingSecret": "c"}}, token=TOKEN,
                 secrets={"t": {"token": TOKEN}})


def pod_privileged():
    return watch({"privileged": True})


def pod_without_a_right_that_it_needs():
    """What the other cases pass by is really refused here."""
    server = Server()
    try:
        for name in ("BPF", "PERFMON"):
            pod = Pod(helm({}), [server], without=(name,))
            try:
                check(pod.process.wait(30 * settings.slow) != 0, "it runs without " + name)
                check("takes root, or CAP_BPF" in pod.said(),
                      "without %s: %s" % (name, pod.said()))
            finally:
                pod.close()
    finally:
        server.stop()


def pod_without_ptrace():
    """What docs/kubernetes.md says is lost, and no more."""
    with tempfile.TemporaryDirectory() as d:
        watched = [Server(), Server(make_certificate(d))]
        pod = Pod(helm({}), watched, without=("SYS_PTRACE",))
        try:
            pod.wait_ready()
            watched[1].ask(SECURE)
            watched[0].ask(PLAIN)
            metrics = wait_for("the plain requests", lambda: (lambda text: counted(
                text, url_scheme="http") >= PLAIN and text)(pod.get("/metrics")[1]))
            check(counted(metrics, url_scheme="http") == PLAIN, "plain requests")
            check(counted(metrics, url_scheme="https") == 0, "TLS is seen without it")
            check("TLS of" in pod.said() and "is not seen" in pod.said(), pod.said())
        finally:
            pod.close()
            for server in watched:
                server.stop()


CASES = (pod_with_least_privilege, pod_with_token_and_tls, pod_privileged,
         pod_without_a_right_that_it_needs, pod_without_ptrace)
